package poll

import (
	"errors"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"time"
)

// A Handle names an open socket of one Poller: a slot of its table and the
// slot's generation, so that a stale event can never reach a reused
// descriptor. Zero is no handle.
type Handle uint64

// Slot is h's place in a table; slots of closed handles are used again, lowest
// first is not promised.
func (h Handle) Slot() int { return int(uint32(h)) }

// Generation tells handles of one slot apart. It is never zero.
func (h Handle) Generation() uint32 { return uint32(h >> 32) }

// MakeHandle is for Pollers.
func MakeHandle(slot int, generation uint32) Handle {
	return Handle(generation)<<32 | Handle(uint32(slot))
}

// Ready says what a socket is ready for, or what the reactor wants to hear of.
type Ready uint8

const (
	In  Ready = 1 << iota // bytes, a connection, a packet or the end to read
	Out                   // room to write; of a dial: done, ask Connected
	Hup                   // both directions are over, or an error is pending; always wanted
)

// An Event is one socket's readiness.
type Event struct {
	Handle Handle
	Ready  Ready
}

// Never is the until of a Wait without end.
const Never = math.MaxInt64

// ErrAgain says that a call would block. It is a constant value: nothing is
// allocated to return it, and == finds it.
var ErrAgain = errors.New("poll: would block")

// ErrClosed says that a Handle is not open (any more).
var ErrClosed = errors.New("poll: handle is closed")

// ErrTooManyRights says that a peer sent more descriptors at once than the 64
// that are taken, or more than the process may have. Those that came are closed,
// the bytes they came with are gone, and the connection should go too.
var ErrTooManyRights = errors.New("poll: descriptors were lost: want at most 64 a message, and room for them")

var start = time.Now()

// Now is the wall time and the monotonic nanoseconds since the process began,
// of one reading of the clock. Wait's until counts on the same clock.
func Now() (wall time.Time, mono int64) {
	wall = time.Now()
	return wall, int64(wall.Sub(start))
}

// An Addr is one end of a socket: an address and port, or a path.
type Addr struct {
	AddrPort netip.AddrPort
	Path     string // of a UNIX socket; "@name" is abstract, "" unnamed
}

// A Spec says how a socket is to be made. Network is one of tcp, tcp4, tcp6,
// unix, udp, udp4, udp6, unixgram, as in package net. Adopt also takes "", any
// of them, and with descriptors "file": a pipe, terminal or other stream that
// is no socket (EPERM: one that is always ready, as a disk's files are); "sink":
// a pipe or terminal that is only written to, and at whose end a Read is, so that
// Hup says that nobody reads it; "process": what a Process's Exit gave.
//
// Where to listen, an address that is zero or unspecified (0.0.0.0, ::) means all
// of the host's: those of both IPs for tcp and udp, as in package net.
type Spec struct {
	Network   string
	Addr      Addr        // where to listen, or whom to dial
	Local     Addr        // of Dial: where from; zero: any
	Backlog   int         // 0: the system's maximum
	Mode      fs.FileMode // of a UNIX socket's file; 0: 0o600
	ReusePort bool        // several sockets may listen at the address, and share what comes
	Broadcast bool        // packets may go to broadcast addresses
	Multicast bool        // several sockets may bind the port
}

// A Socket is a connection or port on its way between two Pollers, or from
// outside: what Accept gave, an FD from outside, or what Detach gave, which is
// an FD as well on systems with descriptors.
type Socket any

// An FD is a Socket that is a file descriptor. Adopt owns it from then on.
type FD int

// A Poller watches the sockets of one loop.
//
// Errors of calls are *os.SyscallError around a syscall.Errno, or ErrAgain,
// ErrClosed, and io.EOF of Read.
type Poller interface {
	// Wait fills ev with what is ready (level-triggered) and returns how much.
	// It looks once without blocking; if nothing is ready it blocks until
	// something is, until the monotonic time until (of this package's Now, or
	// the simulator's), or until Wake. until <= 0 only looks.
	Wait(ev []Event, until int64) (int, error)
	// Wake ends a Wait, or the next one. Safe for concurrent use.
	Wake()

	// Listen opens a port: a stream's is ready In when there is something to
	// accept. Packet networks are bound and ready In when there is a packet.
	Listen(s Spec) (Handle, error)
	// Dial begins to connect and does not wait: Out or Hup follows, and then
	// Connected tells how it went. In is wanted after that, not before.
	Dial(s Spec) (Handle, error)
	// Connected says how a dial ended: nil, ErrAgain if it has not yet, else
	// what the system said. It makes the handle want In.
	Connected(h Handle) error
	// Adopt takes over an open socket: a listening one, a connection or a
	// packet one, as s.Network and its own state say. It wants In at once.
	// Of a UNIX port with s.Addr.Path, Close removes that file. On error sock is
	// still the caller's.
	Adopt(sock Socket, s Spec) (Handle, error)
	// Detach takes h out of this Poller, open, for another one to Adopt.
	Detach(h Handle) (Socket, error)
	// Accept takes one connection of a port, not yet watched by anybody: it is
	// to be Adopted by this Poller or another. ErrAgain: none is there.
	Accept(h Handle) (Socket, Addr, error)
	// Drop closes a Socket that nobody adopts; reset drops it rudely.
	Drop(sock Socket, reset bool)

	// Want says what Wait is to report of h; Hup always is, but of a socket of
	// which nothing is wanted only once until the next Want. No system call is
	// made if nothing changes.
	Want(h Handle, r Ready) error
	// Read reads once. 0, io.EOF: the peer has ended its direction.
	Read(h Handle, p []byte) (int, error)
	// Write and Writev write once, perhaps less than all.
	Write(h Handle, p []byte) (int, error)
	Writev(h Handle, p [][]byte) (int, error)
	// CloseWrite ends our direction only.
	CloseWrite(h Handle) error
	// Close closes h; with reset the peer gets an RST where there is such a
	// thing. No event of h is reported any more, not even one of this Wait's.
	Close(h Handle, reset bool) error

	// LocalAddr and RemoteAddr are zero if the system does not know, or not any
	// more: of a connection that was reset, say.
	LocalAddr(h Handle) Addr
	RemoteAddr(h Handle) Addr
	// SetNoDelay and SetKeepAlive are for TCP. Dialed and accepted connections
	// have NoDelay set, keep-alive on (idle 60 s, every 10 s, 3 times) and,
	// where there is such a thing, a user timeout of 30 s: see the package's
	// comment. Of a KeepAliveConfig zero means these, negative leaves it alone.
	SetNoDelay(h Handle, on bool) error
	SetKeepAlive(h Handle, c net.KeepAliveConfig) error

	// Shut closes the Poller itself, and all that is open in it.
	Shut() error
}

// A Filer is a Poller whose sockets have descriptors that another process can
// go on with.
type Filer interface {
	// File is a duplicate of h's socket, which stays open when h is closed.
	File(h Handle) (*os.File, error)
	// KeepPath makes Close of h leave the file of its UNIX socket.
	KeepPath(h Handle)
}

// A Packeter is a Poller with packet sockets (all of ours are).
type Packeter interface {
	// ReadBatch fills p, whose B are buffers to read into, and returns how
	// many packets came: a Packet's N says its bytes. ErrAgain: none. An ICMP
	// error of a connected socket is syscall.ECONNREFUSED; reading goes on.
	ReadBatch(h Handle, p []Packet) (int, error)
	// WriteBatch sends p[i].B[:N] and returns how many went; an error speaks
	// of the packet after those, but for ECONNREFUSED, which speaks of one sent
	// before: that packet did not go, and can be sent again.
	WriteBatch(h Handle, p []Packet) (int, error)
	// Join and Leave a multicast group, on the named interface ("": any).
	Join(h Handle, group netip.Addr, ifname string) error
	Leave(h Handle, group netip.Addr, ifname string) error
	// SetMulticast sets how what h sends to groups travels.
	SetMulticast(h Handle, m Multicast) error
}

// A Sharer is a Poller that can be told that others watch the same socket, by
// descriptors of their own: of those that wait, the system need not wake all
// for one packet.
type Sharer interface {
	Share(h Handle) error
}

// A Multicast says how packets to a group leave: TTL 0 means 1, Interface ""
// the system's choice, Loopback whether this host hears them too.
type Multicast struct {
	TTL       int
	Interface string
	Loopback  bool
}

// A Packet is one datagram.
type Packet struct {
	B         []byte
	N         int
	Peer      netip.AddrPort // from whom, or to whom; zero for a connected socket
	Via       netip.Addr     // our address it came to, or is to leave from; zero: any
	Path      string         // unixgram: the peer's path
	Truncated bool           // it was longer than B
}

// A Sender sends files without copying them (sendfile).
type Sender interface {
	// SendFile sends up to n bytes of f from off and returns how many went.
	// 0, nil: f has ended.
	SendFile(h Handle, f *os.File, off int64, n int) (int, error)
}

// A Rights passes descriptors over UNIX stream sockets (SCM_RIGHTS).
type Rights interface {
	// WriteRights writes p once, with fds attached to its first byte.
	WriteRights(h Handle, p []byte, fds []int) (int, error)
	// ReadRights is Read that also receives descriptors; they are
	// close-on-exec and the caller's. ErrTooManyRights: see there.
	ReadRights(h Handle, p []byte) (n int, fds []int, err error)
}

// A Watcher watches descriptors that somebody else reads and writes.
type Watcher interface {
	// Watch reports readiness of fd, which stays the caller's. The error is
	// syscall.EPERM for what cannot be watched, such as regular files.
	Watch(fd int) (Handle, error)
}

// A Sleeper can say whether its last Wait gave way to other goroutines, so that
// the loop need not yield once more.
type Sleeper interface{ Slept() bool }

// A Resizer is a Poller that can set the size of a terminal, of which h is the
// master's side.
type Resizer interface {
	Resize(h Handle, rows, columns uint16) error
}

// A Reserver keeps one descriptor to spare, so that a port can still turn
// callers away when the process has no descriptors left: else they would wait
// in its queue for ever, and the port stay ready.
type Reserver interface {
	// TurnAway accepts one connection of a port with the spare descriptor and
	// resets it. It is for an Accept that failed with EMFILE or ENFILE. ErrAgain
	// says that nobody waits; other errors, that even this did not go.
	TurnAway(h Handle) error
}

package twistor

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A Protocol is one end of one conversation: a state machine fed by events, one
// at a time. It needs no locks, must not block; a panic aborts its connection.
type Protocol interface {
	// Connected begins the conversation: once, first.
	Connected()
	// Received delivers the next bytes, in order; p is valid only during the call.
	Received(p []byte)
	// Disconnected ends it: once, last. err is never nil: io.EOF the peer closed,
	// net.ErrClosed we did (ErrAborted, ErrStopped, ErrOverflow wrap it), else what
	// broke it: io.ErrUnexpectedEOF (cut TLS), *deferred.PanicError, *net.OpError.
	Disconnected(err error)
}

// A Factory builds the Protocol of each connection.
type Factory interface {
	// Build returns the Protocol that will own t, or nil to refuse: what was
	// written is flushed and t closed. Under TLS it comes after the handshake.
	Build(t Transport) Protocol
}

// A FactoryFunc is a Factory of one function.
type FactoryFunc func(t Transport) Protocol

func (f FactoryFunc) Build(t Transport) Protocol { return f(t) }

// A Transport is our side of a connection. After Disconnected its addresses
// stay readable, Write returns net.ErrClosed and the rest does nothing.
type Transport interface {
	// Write queues a copy of p, in order, and never blocks. Beyond Limits.Max it
	// returns ErrOverflow, and the connection is aborted after this callback.
	io.Writer
	// SendFile queues s among the Writes; s stays open until the Deferred fires.
	SendFile(s *io.SectionReader) *deferred.Deferred[int64]
	// Close flushes and closes within Limits.Linger; Received is over. It returns nil.
	io.Closer
	CloseWrite() // flushes, then ends our direction only
	Abort()      // drops the queue and resets

	// Pause holds Received and ReadClosed back, bytes already here too, until
	// Resume. Idempotent; each wrapping layer has its own bit.
	Pause()
	Resume()
	Full() bool    // above Limits.High: stop producing until Drained
	Buffered() int // bytes queued
	SetLimits(Limits)

	// StartTLS flushes, then shakes hands; Secured follows. unread is the part of
	// this Received that is TLS: nil after a STARTTLS command.
	StartTLS(config *tls.Config, as Role, unread []byte) error
	TLS() *tls.ConnectionState // nil before the handshake is done

	// Switch makes p the Protocol when this callback returns: Connected, then
	// Received(unread). The former one hears nothing more.
	Switch(p Protocol, unread []byte)

	LocalAddr() net.Addr
	RemoteAddr() net.Addr
	Loop() Loop
	slog.LogValuer // proto, peer, local: log.Warn("refused", "conn", t)
}

// Limits in bytes. Zero: 64 KiB, High/4, 1 MiB, 30 s; negative: none.
type Limits struct {
	High, Low, Max int
	Linger         time.Duration
}

// Resolved is l with its zeros replaced: what a Transport keeps of SetLimits.
func (l Limits) Resolved() Limits {
	if l.High == 0 {
		l.High = 64 << 10
	}
	if l.Low == 0 {
		l.Low = max(l.High, 0) / 4
	}
	if l.Max == 0 {
		l.Max = 1 << 20
	}
	if l.Linger == 0 {
		l.Linger = 30 * time.Second
	}
	return l
}

// A Role is a side of TLS: ByDirection is server if accepted, client if dialed.
type Role int

const (
	ByDirection Role = iota
	AsServer
	AsClient
)

// Optional events, looked up once, at Build, Switch or Listen. A wrapper can make
// each default itself, so it implements all and hides none.
type (
	HalfCloser interface{ ReadClosed() } // the peer sends no more; else Close
	Drainer    interface{ Drained() }    // once Full, now at Limits.Low; else nothing
	Securer    interface{ Secured() }    // StartTLS is done; else nothing
	Dismisser  interface{ Dismissed() }  // the service stops: finish and Close; else Close when quiet
	Refuser    interface{ Refused() }    // PacketProtocol: nobody at Remote; else nothing
	Opener     interface {               // Factory:
		Opened(l Loop) error // before its first port accepts; an error fails Listen
		Closed()             // after its last
	}
	Negotiator interface{ NextProtos() []string } // Factory: what ALPN offers where TLS says nothing of it; else nothing
)

// NextProtos is what f wants to be offered by ALPN; nil: nothing. A factory
// around another one has a method that returns this of the inner one.
func NextProtos(f Factory) []string {
	if n, ok := f.(Negotiator); ok {
		return n.NextProtos()
	}
	return nil
}

// A Loop is the one goroutine on which everything happens: until its reactor
// runs, the one that made the reactor.
type Loop interface {
	deferred.Loop // Now, CallLater, Post

	Listen(c ListenConfig, f Factory) (Port, error)
	ListenPacket(c ListenConfig, p PacketProtocol) (Port, error)
	// Dial fires after Connected; ErrRefused if Build returned nil.
	Dial(c DialConfig, f Factory) *deferred.Deferred[Protocol]
	Resolve(host string) *deferred.Deferred[[]netip.Addr]

	Siblings() []Loop  // all loops of the reactor, in order
	FS() FS            // blocks: use it in deferred.Go
	Rand() io.Reader   // secure; seeded in the simulator
	Log() *slog.Logger // never nil
}

// A Resolver looks up the addresses of a host; a Loop is one, and asks another
// one if its reactor was told to. Loop-only.
type Resolver interface {
	Resolve(host string) *deferred.Deferred[[]netip.Addr]
}

// A ListenConfig needs Network and Address, or File.
type ListenConfig struct {
	Network, Address     string         // tcp, tcp4, tcp6, unix; udp, udp4, udp6, unixgram
	File                 *os.File       // an inherited socket; duplicated. Beside it, Address is the UNIX socket's file, which is ours
	TLS                  *tls.Config    // nil: plain
	Backlog              int            // 0: the system's maximum
	MaxConnections       int            // 0: 10,000, then accepting pauses
	Mode                 fs.FileMode    // of a UNIX socket; 0: 0o600
	Remote               netip.AddrPort // zero: packets of all
	MaxPacketBytes       int            // 0: 8,192; longer ones are dropped
	ReusePort, Broadcast bool
}

// A DialConfig needs Network and Address, or File.
type DialConfig struct {
	Network, Address string
	Local            string        // "": any
	File             *os.File      // a connected socket; duplicated
	TLS              *tls.Config   // ServerName "": Address's host
	Timeout          time.Duration // until Build; 0: 30 s; negative: none
}

// Listen and Dial are l's in short; Dial keeps P.
func Listen(l Loop, network, address string, f Factory) (Port, error) {
	return l.Listen(ListenConfig{Network: network, Address: address}, f)
}

func Dial[P Protocol](l Loop, network, address string, build func(Transport) P) *deferred.Deferred[P] {
	d := l.Dial(DialConfig{Network: network, Address: address},
		FactoryFunc(func(t Transport) Protocol { return build(t) }))
	return deferred.Then(d, func(p Protocol) (P, error) { return p.(P), nil })
}

// A Port is what Listen opened. Its connections outlive it.
type Port interface {
	Addr() net.Addr
	Close() *deferred.Signal // fires when the address is free
	Pause()                  // accepting, or receiving
	Resume()
}

// A Handshaker is a Port that says how many of its connections are in their TLS
// handshake: no Factory knows of those yet. Safe for concurrent use.
type Handshaker interface{ Handshakes() int }

// A Timer is a call to come: Stop, Reset (also after it fired), When. Zero: stopped.
type Timer = deferred.Timer

// A PacketProtocol is fed datagrams. One type can be a Protocol too.
type PacketProtocol interface {
	Bound(t PacketTransport)            // once, first
	PacketReceived(p []byte, from Peer) // p is valid only during the call
	Unbound(err error)                  // once, last; never nil
}

// A PacketTransport sends datagrams in batches, at the end of the turn at the
// latest.
type PacketTransport interface {
	Port
	Send(p []byte, to Peer) error // queues a copy; ErrOverflow: dropped
	Join(group netip.Addr, ifname string) error
	Leave(group netip.Addr, ifname string) error
	Loop() Loop
}

// A Peer is a datagram's other end. Answers leave from Via.
type Peer struct {
	Addr netip.AddrPort
	Via  netip.Addr
	Path string // unixgram
}

// A MulticastTuner is a PacketTransport that can say how packets to groups
// travel. ttl 0 means 1, the local network; ifname "" is the system's choice;
// loopback: this host's own members hear them too.
type MulticastTuner interface {
	SetMulticast(ttl int, ifname string, loopback bool) error
}

var (
	// ErrAborted is what Disconnected says after our Abort.
	ErrAborted = fmt.Errorf("twistor: aborted: %w", net.ErrClosed)
	// ErrStopped is what everything open says when its loop stops.
	ErrStopped = fmt.Errorf("twistor: loop stopped: %w", net.ErrClosed)
	// ErrOverflow says that more was queued than a limit allows.
	ErrOverflow = fmt.Errorf("twistor: peer reads too slowly: %w", net.ErrClosed)
	// ErrRefused is what Dial fails with when Build returned nil.
	ErrRefused = errors.New("twistor: factory refused")
)

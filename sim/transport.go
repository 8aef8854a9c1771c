package sim

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"net/netip"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Transport is a twistor.Transport in memory, for tests of one protocol: it
// keeps what the protocol writes, and the test plays the network with Receive,
// End, Break, Hold and Drain.
//
// Everything the protocol asks takes effect when its callback returns, as on a
// real loop; asked outside of any callback, at the Clock's next Advance. A
// panic of the protocol is not contained: it ends the test. Loop-only.
type Transport struct {
	clock    *Clock
	protocol twistor.Protocol
	proto    string // of LogValue
	local    net.Addr
	remote   net.Addr
	limits   twistor.Limits
	awake    bool // in clock.awake
	next     *change
	over     bool // Disconnected was called, or would have been
	err      error

	// What we send.
	written     []byte // since Clear
	accepted    int64  // bytes ever
	buffered    int    // the last of these, not yet taken by the peer
	held        bool
	armed       bool // was Full: Drained is owed
	files       []sending
	closed      bool
	aborted     error // why, if not nil
	writeClosed bool
	linger      twistor.Timer
	out         *side // of a Pipe; nil: none

	// What we receive.
	paused bool
	inbox  [][]byte
	end    error // io.EOF or what broke it, after the inbox
	ended  bool  // ReadClosed was called

	// TLS.
	start   *TLSRequest
	secured *tls.ConnectionState
	tell    bool // Secured is owed
	noDelay bool
}

var (
	_ twistor.Transport = (*Transport)(nil)
	_ twistor.Tuner     = (*Transport)(nil)
	_ twistor.Sharer    = (*Transport)(nil)
)

// A change is a Switch to come.
type change struct {
	protocol twistor.Protocol
	unread   []byte
}

// A sending is a SendFile whose bytes are not all taken.
type sending struct {
	end  int64 // accepted, when it is done
	size int64
	err  error
	done *deferred.Deferred[int64]
}

// NewTransport returns a Transport from 10.0.0.2:49152 to 10.0.0.1:8000, as an
// accepted one would be, with no protocol yet: see Start and Build.
func NewTransport(c *Clock) *Transport {
	t := &Transport{clock: c, proto: "tcp", noDelay: true}
	t.local = net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.1:8000"))
	t.remote = net.TCPAddrFromAddrPort(netip.MustParseAddrPort("10.0.0.2:49152"))
	t.SetLimits(twistor.Limits{})
	return t
}

// Connect is a new Transport with the protocol that f builds for it, which has
// heard Connected, unless f refused.
func Connect(c *Clock, f twistor.Factory) *Transport {
	t := NewTransport(c)
	t.Build(f)
	return t
}

// Build starts the protocol that f builds, and returns it. If f refuses, that
// is nil, and t is closed.
func (t *Transport) Build(f twistor.Factory) twistor.Protocol {
	var p twistor.Protocol
	t.clock.call(func() { p = f.Build(t) })
	if p == nil {
		t.Close()
	} else {
		t.next = &change{p, nil}
		t.wake()
	}
	t.clock.rest(false)
	return p
}

// Start makes p the protocol: it hears Connected.
func (t *Transport) Start(p twistor.Protocol) {
	t.next = &change{p, nil}
	t.wake()
	t.clock.rest(false)
}

// SetAddrs changes the addresses.
func (t *Transport) SetAddrs(local, remote net.Addr) { t.local, t.remote = local, remote }

// Protocol is who hears the events now; nil if nobody yet.
func (t *Transport) Protocol() twistor.Protocol { return t.protocol }

// What the protocol asks.

func (t *Transport) Write(p []byte) (int, error) {
	if t.over || t.closed || t.writeClosed || t.aborted != nil {
		return 0, net.ErrClosed
	}
	if t.limits.Max >= 0 && t.buffered+len(p) > t.limits.Max {
		t.abort(twistor.ErrOverflow)
		return 0, twistor.ErrOverflow
	}
	t.accept(p)
	return len(p), nil
}

// WriteShared is Write.
func (t *Transport) WriteShared(p []byte) error {
	_, err := t.Write(p)
	return err
}

// accept queues p, or passes it on at once when nobody holds it.
func (t *Transport) accept(p []byte) {
	t.written = append(t.written, p...)
	t.accepted += int64(len(p))
	t.buffered += len(p)
	if t.out != nil {
		t.out.bytes = append(t.out.bytes, p...)
	}
	if !t.held {
		t.take(len(p))
	}
	if t.Full() {
		t.armed = true
	}
}

func (t *Transport) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	d := deferred.New[int64](t.clock)
	if t.over || t.closed || t.writeClosed || t.aborted != nil {
		d.Fail(net.ErrClosed)
		return d
	}
	p, err := io.ReadAll(io.NewSectionReader(s, 0, s.Size()))
	t.files = append(t.files, sending{t.accepted + int64(len(p)), int64(len(p)), err, d})
	t.accept(p)
	t.wake()
	return d
}

func (t *Transport) Close() error {
	if t.over || t.closed || t.aborted != nil {
		return nil
	}
	t.closed = true
	t.inbox = nil
	if t.buffered > 0 && t.limits.Linger >= 0 {
		t.linger = t.clock.CallLater(t.limits.Linger, func() { t.abort(t.closeReason()) })
	}
	t.wake()
	return nil
}

func (t *Transport) CloseWrite() {
	if !t.over && !t.closed && !t.writeClosed && t.aborted == nil {
		t.writeClosed = true
		t.wake()
	}
}

func (t *Transport) Abort() { t.abort(twistor.ErrAborted) }

func (t *Transport) abort(err error) {
	if t.over || t.aborted != nil {
		return
	}
	t.aborted = err
	t.inbox, t.buffered = nil, 0
	t.wake()
}

func (t *Transport) Pause() {
	if !t.over {
		t.paused = true
	}
}

func (t *Transport) Resume() {
	if t.paused {
		t.paused = false
		t.wake()
	}
}

func (t *Transport) Full() bool {
	return t.limits.High >= 0 && t.buffered > t.limits.High
}

func (t *Transport) Buffered() int { return t.buffered }

func (t *Transport) SetLimits(l twistor.Limits) { t.limits = l.Resolved() }

func (t *Transport) Switch(p twistor.Protocol, unread []byte) {
	if t.over {
		return
	}
	t.next = &change{p, append([]byte(nil), unread...)} // unread ends with the callback
	t.wake()
}

func (t *Transport) LocalAddr() net.Addr  { return t.local }
func (t *Transport) RemoteAddr() net.Addr { return t.remote }
func (t *Transport) Loop() twistor.Loop   { return t.clock }

func (t *Transport) LogValue() slog.Value {
	return slog.GroupValue(slog.String("proto", t.proto),
		slog.String("peer", t.remote.String()), slog.String("local", t.local.String()))
}

// SetNoDelay records on; see NoDelay.
func (t *Transport) SetNoDelay(on bool) error { t.noDelay = on; return nil }

// SetKeepAlive does nothing.
func (t *Transport) SetKeepAlive(net.KeepAliveConfig) error { return nil }

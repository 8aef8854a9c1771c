package websocket

import (
	"crypto/tls"
	"io"
	"log/slog"
	"net"

	"github.com/twistor-go/twistor"
)

// A Conn is one end of a WebSocket: what writes messages, and the connection
// below. Its messages come to a Protocol or, in a Conversation or after a Dial
// without Build, to who calls Read. Loop-only.
//
// Writes queue and never wait: see Full. Before Connected, and after Close, they fail
// with net.ErrClosed.
type Conn struct {
	below    twistor.Transport // nil until the handshake is done
	sharer   twistor.Sharer    // below, if it is one
	pool     *pool
	protocol Protocol
	talk     *conversation // whom Read serves; nil: the protocol is somebody's own
	groups   []*Group

	subprotocol string
	deflate     deflation
	in          inbound

	client    bool
	open      bool // messages can be written
	over      bool // nothing is read any more
	gone      bool // Disconnected, or never to be Connected
	paused    bool
	busy      bool // events are being delivered
	closeSent bool
	closeGot  bool
	pinged    bool // and nothing has come since
	alive     bool // something has come since the last tick

	kept  []byte        // came, and is not read: we are paused
	pong  *[]byte       // of a ping that came while the transport was full
	timer twistor.Timer // the next tick, or the end of waiting for a close frame
	later twistor.Timer // reads kept
	end   error         // what Disconnected will say; nil: what the transport does
}

// Subprotocol is the one that both sides chose; "": none.
func (c *Conn) Subprotocol() string { return c.subprotocol }

// Loop is the loop on which everything happens.
func (c *Conn) Loop() twistor.Loop { return c.below.Loop() }

// LocalAddr is our end of the connection.
func (c *Conn) LocalAddr() net.Addr { return c.below.LocalAddr() }

// RemoteAddr is the peer's end, or that of the proxy before us.
func (c *Conn) RemoteAddr() net.Addr { return c.below.RemoteAddr() }

// TLS is the state of TLS below; nil: there is none.
func (c *Conn) TLS() *tls.ConnectionState { return c.below.TLS() }

// LogValue is the connection's.
func (c *Conn) LogValue() slog.Value { return c.below.LogValue() }

// maxUnsentBytes is what may wait for a slow peer, beside one message of
// MaxMessageBytes.
const maxUnsentBytes = 1 << 20

// Full says that the peer reads too slowly: write no more until Drained. Beyond
// 1 MiB and one message of MaxMessageBytes that are not sent, a write fails
// with twistor.ErrOverflow and the connection is cut.
func (c *Conn) Full() bool { return c.below.Full() }

// Buffered is how many bytes are queued.
func (c *Conn) Buffered() int { return c.below.Buffered() }

// SetLimits sets those of what is queued, from Connected on.
func (c *Conn) SetLimits(l twistor.Limits) { c.below.SetLimits(l) }

// Unwrap is the transport below, which carries frames: do not write to it.
func (c *Conn) Unwrap() twistor.Transport { return c.below }

// Pause holds messages back until Resume, those that are here already too. The peer
// is held back with them, and its pings are not answered meanwhile.
func (c *Conn) Pause() {
	c.paused = true
	c.below.Pause()
}

// Resume ends Pause. What is here already comes in the next turn, so that
// nobody is called back before he is done.
func (c *Conn) Resume() {
	if !c.paused {
		return
	}
	c.paused = false
	if c.busy || c.over || len(c.kept) == 0 {
		c.below.Resume()
		return
	}
	// Below stays paused until kept is read, so that order stays.
	c.later.Stop()
	c.later = c.Loop().CallLater(0, c.readKept)
}

// inward is the side of a Conn that the transport below sees.
type inward Conn

func (w *inward) conn() *Conn { return (*Conn)(w) }

// Connected begins: the handshake is done.
func (w *inward) Connected() {
	c := w.conn()
	c.open = true
	c.sharer, _ = c.below.(twistor.Sharer)
	c.below.SetLimits(twistor.Limits{Max: maxUnsentBytes + c.pool.maxMessageBytes, Linger: lingerTime})
	c.arm(c.pool.pingInterval)
	c.protocol.Connected()
}

// Received reads frames.
func (w *inward) Received(p []byte) { w.conn().receive(p) }

// ReadClosed ends the connection: a WebSocket has no half.
func (w *inward) ReadClosed() {
	c := w.conn()
	c.stop(io.ErrUnexpectedEOF)
	c.below.Close()
}

// Drained says that the transport takes more.
func (w *inward) Drained() {
	c := w.conn()
	if p := c.pong; p != nil {
		c.pong = nil
		c.control(opPong, *p)
	}
	if d, ok := c.protocol.(twistor.Drainer); ok {
		d.Drained()
	}
}

// Dismissed says that the service stops.
func (w *inward) Dismissed() {
	c := w.conn()
	if d, ok := c.protocol.(twistor.Dismisser); ok {
		d.Dismissed()
		return
	}
	c.CloseWith(GoingAway, "")
}

// Disconnected ends everything.
func (w *inward) Disconnected(err error) {
	c := w.conn()
	c.drop()
	c.protocol.Disconnected(c.reason(err))
}

// drop lets go of all that c has.
func (c *Conn) drop() {
	c.timer.Stop()
	c.later.Stop()
	c.open, c.over, c.gone = false, true, true
	c.in.drop(c.pool)
	c.kept, c.pong = nil, nil
	c.deflate.drop()
	for _, g := range c.groups {
		g.forget(c)
	}
	c.groups = nil
}

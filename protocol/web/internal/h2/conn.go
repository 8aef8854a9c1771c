package h2

import (
	"time"

	"golang.org/x/net/http2/hpack"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// A Writer takes what a connection sends; every twistor.Transport is one. One
// that has WriteShared is given long bytes that never change by it.
type Writer interface {
	Write(p []byte) (int, error)
	Full() bool    // stop producing until Conn.Drained is called
	Buffered() int // bytes that have not left
}

// A Clock is what a connection needs of a loop.
type Clock interface {
	Now() time.Time
	CallLater(d time.Duration, f func()) deferred.Timer
}

// Events is what a connection tells its owner, one at a time, from within
// Receive, Drained and the calls that send. The owner may call the connection
// from each of them.
type Events interface {
	// HeaderReceived brings the head of a request, on a new Stream, or on a
	// Client that of a response, interim ones first. end: no body follows.
	HeaderReceived(s *Stream, head *Head, end bool)
	// DataReceived brings the next bytes of the body, valid during the call; the
	// owner says Consume when it has taken them. end: they are the last.
	DataReceived(s *Stream, p []byte, end bool)
	// TrailerReceived ends the body with fields.
	TrailerReceived(s *Stream, h *http1.Header)
	// StreamReset says that s is over before both sides have said all; the
	// owner has yet to Release it.
	StreamReset(s *Stream, why Cause)
	// StreamDrained says that s was Full, and is not any more.
	StreamDrained(s *Stream)
	// Relieved says that the connection was Congested, and is not any more.
	Relieved()
	// SettingsReceived says that the peer's settings have changed: how many
	// streams it allows, whether it offers extended CONNECT.
	SettingsReceived()
	// PongReceived brings back what Ping sent.
	PongReceived(data [8]byte)
	// GoAwayReceived says that the peer takes no more streams.
	GoAwayReceived(why *Error)
	// Ended says that the connection is over, once and last: close the
	// transport, or abort it if why.Abort. nil: nothing was wrong.
	Ended(why *Error)
}

// A Conn is one connection. Loop-only.
type Conn struct {
	role    Role
	config  Config
	pool    *Pool
	out     Writer
	sharer  interface{ WriteShared(p []byte) error } // out, or nil
	events  Events
	clock   Clock
	timer   deferred.Timer
	due     time.Time // of timer
	decoder *hpack.Decoder
	encoder encoder
	peer    settings

	// What comes.
	partial    []byte // a frame whose end has not come
	begun      bool   // the preface has come
	introduced bool   // and the peer's SETTINGS
	block      pending
	streams    []*Stream
	lastPeer   uint32 // highest stream that the peer has opened
	recvWindow int
	credit     int // consumed, and not given back yet
	heldBytes  int // headers of all streams
	useful     time.Time

	// What goes.
	line       queue
	sendWindow int
	queued     int
	mark       time.Time // since when stallBytes of all streams have not left
	sent       int       // that have, since
	pumping    bool
	congested  bool     // Congested said so: Relieved is owed
	nextOwn    uint32   // Client: the next stream's id
	lingering  int      // streams that are over, but for what the transport still holds of them
	forgotten  []uint32 // the last streams that we have reset; nil: none
	forgets    int

	budget  budget
	backlog backlog

	leaving  leaving
	warned   time.Time
	goneFrom uint32 // streams of the peer above it are dropped
	over     bool
}

// pending is a header block that waits for CONTINUATION.
type pending struct {
	stream uint32 // 0: there is none
	bytes  []byte // so far
	wire   int    // frames and all
	end    bool
	self   bool // it depends on itself
	since  time.Time
}

// remembered is how many streams that we have reset are known as such: more
// than there can be at a time, since the peer may still send on them.
const remembered = 128

// NewConn makes one side of a connection. config is not changed; pool may be
// shared by all connections of the loop. Call Start next.
func NewConn(role Role, config Config, pool *Pool, out Writer, clock Clock, events Events) *Conn {
	c := &Conn{role: role, config: config.resolved(), pool: pool, out: out, clock: clock, events: events}
	c.sharer, _ = out.(interface{ WriteShared(p []byte) error })
	c.peer = settings{maxStreams: 100, initialWindow: firstWindow}
	c.encoder.max = maxTable
	c.sendWindow, c.recvWindow = firstWindow, c.config.ConnWindowBytes
	c.nextOwn = 1
	c.goneFrom = maxStreamID
	return c
}

// Start sends what each side says first.
func (c *Conn) Start() {
	first := c.pool.scratch[:0]
	if c.role == Client {
		c.begun = true
		first = append(first, Preface...)
	}
	first = c.appendSettings(first)
	c.useful = c.clock.Now()
	c.budget.since = c.useful
	c.wake(c.useful.Add(c.config.HeaderTimeout))
	c.write(first)
	c.pool.took(first)
}

// Receive takes what has come, cut anywhere. It does not keep p.
func (c *Conn) Receive(p []byte) {
	for len(p) > 0 && !c.over {
		unit := p
		if len(c.partial) > 0 {
			n := min(c.wanted(c.partial)-len(c.partial), len(p))
			c.partial = append(c.partial, p[:n]...)
			p = p[n:]
			unit = c.partial
		}
		n := c.wanted(unit)
		if n < 0 {
			return
		}
		if len(unit) < n {
			if len(c.partial) == 0 {
				c.partial = append(c.pool.block(), p...)
				return
			}
			continue
		}
		if len(c.partial) == 0 {
			p = p[n:]
		}
		kept := c.partial
		c.partial = nil
		c.received(unit[:n])
		c.pool.give(kept)
	}
}

// wanted is how long the next unit is, as far as p tells: the preface, or a
// frame. -1: it is refused.
func (c *Conn) wanted(p []byte) int {
	if !c.begun {
		if n := min(len(p), len(Preface)); string(p[:n]) != Preface[:n] {
			c.fail(fault(ProtocolError, "the preface is missing"))
			return -1
		}
		return len(Preface)
	}
	if len(p) < frameHead {
		return frameHead
	}
	n := payloadLength(p)
	if n > maxFrame {
		c.fail(fault(FrameSizeError, "a frame of more than 16,384 bytes"))
		return -1
	}
	return frameHead + n
}

// received takes one unit.
func (c *Conn) received(unit []byte) {
	if !c.begun {
		c.begun = true
		return
	}
	f := parseFrame(unit)
	err := c.frameReceived(&f)
	switch err := err.(type) {
	case nil:
	case *streamFault:
		c.spend()
		c.refuse(err)
	case *Error:
		c.fail(err)
	}
}

// Drained says that the Writer is not Full any more.
func (c *Conn) Drained() {
	c.lingering = 0
	c.pump()
}

// Streams is how many there are, those included that are over and not released.
func (c *Conn) Streams() int { return len(c.streams) }

// write gives bytes to the transport. What fails there is told there.
func (c *Conn) write(p []byte) {
	c.backlog.written += int64(len(p))
	c.out.Write(p)
}

// wake makes the clock call at that time, if it does not before.
func (c *Conn) wake(at time.Time) {
	if !c.due.IsZero() && !at.Before(c.due) {
		return
	}
	c.due = at
	d := at.Sub(c.clock.Now())
	if c.timer == (deferred.Timer{}) {
		c.timer = c.clock.CallLater(d, c.passed)
		return
	}
	c.timer.Reset(d)
}

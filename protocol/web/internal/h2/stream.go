package h2

import (
	"iter"
	"slices"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

// A Stream is one exchange. The connection has it, and uses it again for
// another one, after its owner has called Release and both sides have said all
// or one has reset it. Loop-only.
type Stream struct {
	// Owner is the receiver's own; the connection does not look at it.
	Owner any

	conn     *Conn
	id       uint32
	state    state
	released bool
	answered bool // the final head has come (Client) or gone (Server)
	headOnly bool // the answer to HEAD has a length and no body
	tunnel   bool // CONNECT: silence is not a fault
	full     bool // Full said so: Drained is owed
	lined    bool // it is in the conn's line
	ending   bool // END_STREAM follows the queue
	next     *Stream
	priority priority

	trailer    *http1.Header // follows the queue, with END_STREAM
	queue      []piece
	queued     int // bytes of it
	allowed    int // of them, beyond Config.SendBytes; 0: no more
	sendWindow int
	mark       time.Time // since when stallBytes have not left
	sent       int       // that have, since

	recvWindow int
	credit     int       // consumed, and not given back yet
	held       int       // received, and not consumed
	dropped    int       // after its release
	expected   int64     // what is missing of Content-Length; -1: nobody said
	heard      time.Time // of its last DATA
	cost       int       // of its header, in the budget of the connection
}

// A piece is bytes that wait to be sent.
type piece struct {
	p     []byte
	block []byte // the pool's block that p is a part of; nil: shared, it never changes
}

// ID is the stream's number: odd, and higher than those of all before it.
func (s *Stream) ID() uint32 { return s.id }

// Held reports whether bytes of the body have come that nobody has consumed.
func (s *Stream) Held() bool { return s.held > 0 }

// Ended reports whether nothing can be sent any more.
func (s *Stream) Ended() bool {
	return s.ending || s.state == localEnded || s.state == closed || s.state == reset
}

// Each is the streams that there are, in order; those that are released
// meanwhile may be missing.
func (c *Conn) Each() iter.Seq[*Stream] {
	return func(yield func(*Stream) bool) {
		for _, s := range slices.Clone(c.streams) {
			if !yield(s) {
				return
			}
		}
	}
}

// find is the place of a stream among those that are open, and whether it is
// there. They are in order, and few: the newest are asked for most.
func (c *Conn) find(id uint32) (int, bool) {
	if n := len(c.streams); n > 0 && c.streams[n-1].id <= id {
		if c.streams[n-1].id == id {
			return n - 1, true
		}
		return n, false
	}
	return slices.BinarySearchFunc(c.streams, id, func(s *Stream, id uint32) int { return int(s.id) - int(id) })
}

// lookup is the stream of an id, nil if it is not open, and its state.
func (c *Conn) lookup(id uint32) (*Stream, state) {
	if i, ok := c.find(id); ok {
		return c.streams[i], c.streams[i].state
	}
	opened := c.lastPeer
	if c.role == Client {
		opened = c.nextOwn - 1
	}
	if id%2 == 0 || id > opened {
		return nil, idle // pushed streams, which are even, do not exist
	}
	if slices.Contains(c.forgotten, id) {
		return nil, reset
	}
	return nil, closed
}

// begin makes a stream of the next id.
func (c *Conn) begin(id uint32, length int64) *Stream {
	s := c.pool.stream()
	s.conn, s.id, s.state, s.priority = c, id, open, unsaid
	s.sendWindow, s.recvWindow = c.peer.initialWindow, c.config.StreamWindowBytes
	s.expected, s.heard = length, c.clock.Now()
	c.streams = append(c.streams, s)
	return s
}

// Release says that the owner has no more to do with s, and must not touch it
// again. What it has sent to the end still goes out. If it has not said all, s
// is reset with CANCEL. If the peer has not, a Client resets it with CANCEL,
// unless it is a tunnel, whose end is an orderly one; that, and a Server, reads
// and drops up to 256 KiB that were on their way, and resets it with NO_ERROR
// beyond that, or after HeaderTimeout of silence: "A server MAY request that
// the client abort transmission of a request without error."
// https://www.rfc-editor.org/rfc/rfc9113#section-8.1
func (c *Conn) Release(s *Stream) {
	if s.conn != c || s.released {
		panic("h2: internal error: a stream is released twice")
	}
	s.released, s.Owner = true, nil
	c.giveBack(nil, s.held)
	s.held = 0
	if !s.Ended() {
		c.Reset(s, Cancel)
		return
	}
	c.settle(s)
}

// maxDropped is how much of a body is read that nobody wants any more.
const maxDropped = 256 << 10

// settle ends a stream that nobody has an interest in any more.
func (c *Conn) settle(s *Stream) {
	switch {
	case !s.released:
		return
	case s.state == closed || s.state == reset:
		c.forget(s)
	case s.state != localEnded: // its queue goes out first
	case c.role == Client && !(s.tunnel && s.answered):
		c.dismiss(s, Cancel)
	case s.expected > maxDropped || s.dropped > maxDropped:
		c.dismiss(s, NoError)
	default:
		c.wake(s.heard.Add(c.config.HeaderTimeout))
	}
}

// dismiss resets a stream that nobody has an interest in.
func (c *Conn) dismiss(s *Stream, code Code) {
	s.state = reset
	c.send(s.id, code)
	c.forget(s)
}

// forget takes a stream out of the connection.
func (c *Conn) forget(s *Stream) {
	i, ok := c.find(s.id)
	if !ok {
		return
	}
	c.streams = slices.Delete(c.streams, i, i+1)
	c.dropQueue(s)
	c.line.remove(s)
	c.heldBytes -= s.cost
	if c.out.Full() {
		c.lingering++ // the peer has not seen its end
	}
	c.pool.giveStream(s)
	if len(c.streams) == 0 && !c.over {
		c.quiet()
	}
}

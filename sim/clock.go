package sim

import (
	"io"
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

// Epoch is when every simulated clock begins.
var Epoch = time.Date(2030, time.January, 1, 0, 0, 0, 0, time.UTC)

// maxCalls bounds what may happen at one instant: more is taken for a loop
// without end, and ends the test.
const maxCalls = 1_000_000

// A Clock is a twistor.Loop without a network, for tests of one piece: time
// stands still until Advance, calls run then, in order, on the test's own
// goroutine. Listen and Dial record what was asked, and the test answers.
//
// What the piece under test asks of its Transport takes effect when its
// callback returns; what it asks outside of any callback, at the next Advance:
// Advance(0) will do. Loop-only, Post too.
type Clock struct {
	// WorkTime is how long a job of Work takes. 0: it runs at the next Advance.
	WorkTime time.Duration
	// Hosts is what Resolve knows, besides addresses written as such.
	Hosts map[string][]netip.Addr
	// FailListen, if not nil, is what Listen and ListenPacket answer.
	FailListen error
	// FailSpawn, if not nil, is what Spawn answers.
	FailSpawn error
	// TLS secures layers made on this loop; nil: crypto/tls.
	TLS tlslayer.Engine

	t      T
	mono   int64
	agenda agenda
	posted []func()
	awake  []*Transport // have something to do when the callback returns
	pipes  []*Pipe
	depth  int // callbacks running, one inside the other
	closed bool

	core deferred.Core
	book book
	rand io.Reader
	disk *Disk

	ports    []*Port
	packets  []*PacketTransport
	attempts []*Attempt
	spawned  []*Spawned
	lastPort uint16 // given to port 0
}

var (
	_ twistor.Loop     = (*Clock)(nil)
	_ twistor.Notifier = (*Clock)(nil)
	_ tlslayer.Engined = (*Clock)(nil)
)

// NewClock returns a Clock at Epoch. When the test ends it is closed, and
// errors that were reported or logged, and not taken by Errors, fail the test.
func NewClock(t T) *Clock {
	c := &Clock{t: orPanic(t), lastPort: 49151}
	c.rand = rand.NewChaCha8([32]byte{})
	c.book.now = c.Now
	c.disk = NewDisk(c.Now)
	c.core.Debug = true
	c.core.ReportAtClose = true // not when the garbage collector finds it
	c.t.Cleanup(c.Close)
	return c
}

// Now is Epoch and what was Advanced since.
func (c *Clock) Now() time.Time { return Epoch.Add(time.Duration(c.mono)) }

// Elapsed is what was Advanced so far.
func (c *Clock) Elapsed() time.Duration { return time.Duration(c.mono) }

// Pending is how many calls are to come.
func (c *Clock) Pending() int { return len(c.agenda.heap) }

// Advance lets d pass: calls due within it run in order, each at its own time,
// also those made meanwhile; and bytes flow through Pipes. A negative d, or a
// call from within a callback, panics.
func (c *Clock) Advance(d time.Duration) {
	if d < 0 {
		panic("sim: Advance of a negative time")
	}
	if c.depth > 0 {
		panic("sim: Advance inside a callback")
	}
	until := c.mono + int64(d)
	c.rest(true)
	for n := 0; ; n++ {
		at, ok := c.agenda.next()
		if !ok || at > until {
			break
		}
		if at == c.mono && n > maxCalls {
			c.t.Fatalf("sim: %d calls at %v and no end: a timer that is due again at once?", n, c.Elapsed())
		} else if at > c.mono {
			c.mono, n = at, 0
		}
		c.call(c.agenda.pop().call)
		c.rest(true)
	}
	c.mono = until
}

// Pump is Advance for each of ds in turn.
func (c *Clock) Pump(ds ...time.Duration) {
	for _, d := range ds {
		c.Advance(d)
	}
}

// call makes one callback, outermost or not.
func (c *Clock) call(f func()) {
	c.depth++
	defer func() { c.depth-- }()
	f()
}

// rest does what callbacks left to do, until nothing is: coroutines first, then
// what was asked of Transports, then posted calls; with pump, bytes of Pipes.
func (c *Clock) rest(pump bool) {
	if c.depth > 0 {
		return // the outermost callback's return will come here
	}
	for n := 0; ; n++ {
		if n > maxCalls {
			c.t.Fatalf("sim: %d calls at %v and no end", n, c.Elapsed())
		}
		switch {
		case c.core.Waiting():
			c.call(func() { c.core.Resume(1000) })
		case len(c.awake) > 0:
			t := c.awake[0]
			c.awake = c.awake[1:]
			t.awake = false
			t.step()
		case len(c.posted) > 0:
			f := c.posted[0]
			c.posted = c.posted[1:]
			c.call(f)
		case pump && c.flow():
		default:
			return
		}
	}
}

// flow moves bytes through one Pipe, and reports whether there were any.
func (c *Clock) flow() bool {
	for _, p := range c.pipes {
		if p.flow() {
			return true
		}
	}
	return false
}

// Close ends waiting coroutines and fails the test for errors nobody took. The
// end of the test calls it; later calls do nothing.
func (c *Clock) Close() {
	if c.closed {
		return
	}
	c.rest(false)
	c.core.Close()
	c.closed = true
	for _, err := range c.Errors() {
		c.t.Errorf("sim: %v", err)
	}
}

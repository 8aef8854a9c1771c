package sim

import (
	"context"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
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

// CallLater calls f during the Advance that passes d from now; d <= 0: during
// the next, or this one.
func (c *Clock) CallLater(d time.Duration, f func()) twistor.Timer {
	a := &alarm{clock: c}
	a.call = f
	a.Reset(d)
	return deferred.TimerOf(a)
}

// An alarm is a call to come on a Clock.
type alarm struct {
	entry
	clock *Clock
}

func (a *alarm) Stop() bool { return a.clock.agenda.remove(&a.entry) }

func (a *alarm) Reset(d time.Duration) {
	a.Stop()
	if !a.clock.closed {
		a.clock.agenda.add(&a.entry, a.clock.mono+int64(max(d, 0)))
	}
}

func (a *alarm) When() time.Time {
	if a.pos == 0 {
		return time.Time{}
	}
	return Epoch.Add(time.Duration(a.at))
}

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
			c.t.Fatalf("sim: %d calls at %v and no end: a timer that always asks for now?", n, c.Elapsed())
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

// Post calls f when the running callback returns, or at the next Advance.
func (c *Clock) Post(f func()) bool {
	if c.closed {
		return false
	}
	c.posted = append(c.posted, f)
	return true
}

// Work runs job on this goroutine WorkTime from now, and what it returned. A
// job that is cancelled before that never runs.
func (c *Clock) Work(job func(context.Context) func()) (cancel func(), err error) {
	if c.closed {
		return nil, twistor.ErrStopped
	}
	ctx, stop := context.WithCancel(context.Background())
	timer := c.CallLater(c.WorkTime, func() {
		defer stop()
		if deliver := job(ctx); deliver != nil {
			deliver()
		}
	})
	return func() { timer.Stop(); stop() }, nil
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

// Report takes a failure that nobody handles; see Errors.
func (c *Clock) Report(err error) { c.book.report(err) }

// Errors returns what was reported, and what was logged as an error, and
// forgets it: a test calls it when it expects them.
func (c *Clock) Errors() []error { return c.book.take() }

// Core is package deferred's.
func (c *Clock) Core() *deferred.Core { return &c.core }

// Siblings is this Clock alone.
func (c *Clock) Siblings() []twistor.Loop { return []twistor.Loop{c} }

// Rand is the same bytes in every test.
func (c *Clock) Rand() io.Reader { return c.rand }

// Log writes into Logged; errors fail the test, see Errors.
func (c *Clock) Log() *slog.Logger { return c.book.logger() }

// Logged is what was logged so far, one line a record; at most 1 MiB is kept.
func (c *Clock) Logged() string { return c.book.text.String() }

// FS is the Clock's own Disk, in memory.
func (c *Clock) FS() twistor.FS { return c.disk }

// Notify watches a directory of FS.
func (c *Clock) Notify(dir string, f func(name string, op twistor.FileOp)) (io.Closer, error) {
	open := true
	w, err := c.disk.Notify(dir, func(name string, op twistor.FileOp) {
		c.Post(func() {
			if open {
				f(name, op)
			}
		})
	})
	if err != nil {
		return nil, err
	}
	return closerFunc(func() error { open = false; return w.Close() }), nil
}

// A closerFunc is an io.Closer of one function.
type closerFunc func() error

func (f closerFunc) Close() error { return f() }

// TLSEngine is c.TLS, or nil for crypto/tls.
func (c *Clock) TLSEngine() tlslayer.Engine { return c.TLS }

// Resolve answers from Hosts when the callback returns, or at the next Advance.
func (c *Clock) Resolve(host string) *deferred.Deferred[[]netip.Addr] {
	d := deferred.New[[]netip.Addr](c)
	c.Post(func() {
		if ip, err := netip.ParseAddr(host); err == nil {
			d.Succeed([]netip.Addr{ip})
		} else if ips, ok := c.Hosts[host]; ok {
			d.Succeed(ips)
		} else {
			d.Fail(&net.DNSError{Err: "no such host", Name: host, IsNotFound: true})
		}
	})
	return d
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

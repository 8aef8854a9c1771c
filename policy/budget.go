package policy

import (
	"fmt"
	"math"
	"runtime/debug"
	"slices"

	"github.com/twistor-go/twistor"
)

// Budget limits what all connections to Factory together may have written that
// their peers have not taken yet. twistor.Limits holds each one to 1 MiB; ten
// thousand slow readers would still be 10 GiB. When it is exceeded, those with
// the most go first, until an eighth of it is free: they are aborted with
// ErrShed, and one line is logged. Bytes of SendFile stay in their files and do
// not count.
//
// The reactor has a budget of its own for all its connections; this one is for
// a service that is to have less. One loop; its fields are immutable after
// first use.
type Budget struct {
	Factory twistor.Factory
	// MaxBytes is the budget, kept to within a 256th and one write. 0: a
	// quarter of the memory limit (GOMEMLIMIT), or 256 MiB if there is none;
	// negative: no budget.
	MaxBytes int64

	home     home
	max      int64
	members  []*budgeted
	joined   uint64
	estimate int64 // no less than what is queued
	recount  int64 // the estimate at which to count again
	shed     int64
}

// ErrShed is what Disconnected says to those who had to go; it is a
// twistor.ErrOverflow.
var ErrShed = fmt.Errorf("policy: outbound budget: %w", twistor.ErrOverflow)

// Build is twistor.Factory's.
func (f *Budget) Build(t twistor.Transport) (p twistor.Protocol) {
	if f.home.loop == nil {
		f.max = f.budget()
		f.recount = f.max
	}
	f.home.settle(t.Loop(), f)
	f.joined++
	w := &budgeted{budget: f, number: f.joined, at: len(f.members)}
	f.members = append(f.members, w)
	defer func() {
		if p == nil { // refused, or a panic
			w.leave()
		}
	}()
	return Wrap(w, t, f.Factory)
}

// Opened and Closed pass to Factory.
func (f *Budget) Opened(l twistor.Loop) error { return opened(f.Factory, l) }
func (f *Budget) Closed()                     { closed(f.Factory) }

// NextProtos are those of the Factory inside.
func (f *Budget) NextProtos() []string { return twistor.NextProtos(f.Factory) }

// Shed is how many connections had to go so far.
func (f *Budget) Shed() int64 { return f.shed }

// Buffered counts the bytes queued now, by asking every connection.
func (f *Budget) Buffered() (n int64) {
	for _, w := range f.members {
		n += w.owes()
	}
	return n
}

func (f *Budget) budget() int64 {
	switch limit := debug.SetMemoryLimit(-1); {
	case f.MaxBytes < 0:
		return math.MaxInt64
	case f.MaxBytes > 0:
		return f.MaxBytes
	case limit < math.MaxInt64:
		return max(limit/4, 1)
	}
	return 256 << 20
}

// wrote counts n more bytes as queued. Those that leave are not told here, so
// the estimate only grows, until it is worth the time to count.
func (f *Budget) wrote(n int) {
	if f.estimate += int64(n); f.estimate <= f.recount {
		return
	}
	f.estimate = f.Buffered()
	if f.estimate > f.max {
		f.relieve()
	}
	f.recount = max(f.max, f.estimate+f.max/256)
}

// relieve aborts the worst.
func (f *Budget) relieve() {
	worst := slices.Clone(f.members)
	slices.SortFunc(worst, func(a, b *budgeted) int {
		if n := b.Buffered() - a.Buffered(); n != 0 {
			return n
		}
		return int(a.number) - int(b.number) // who came first
	})
	before, shed := f.estimate, 0
	for _, w := range worst {
		if f.estimate <= f.max-f.max/8 {
			break
		}
		if n := w.owes(); n > 0 {
			f.estimate -= n
			w.shed = true
			w.AbortFor(ErrShed)
			shed++
		}
	}
	f.shed += int64(shed)
	f.home.loop.Log().Warn("policy: outbound budget exceeded: slowest readers dropped",
		"op", "write", "connections", shed, "bytes", before-f.estimate, "max", f.max)
}

// budgeted is the layer of Budget.
type budgeted struct {
	Wrapper
	budget *Budget
	number uint64
	at     int // in budget.members
	shed   bool
	left   bool
}

// owes is how many bytes count.
func (w *budgeted) owes() int64 {
	if w.shed {
		return 0
	}
	return int64(w.Buffered())
}

func (w *budgeted) Write(p []byte) (int, error) {
	n, err := w.Wrapper.Write(p)
	if w.budget.wrote(n); w.shed && err == nil {
		return 0, ErrShed
	}
	return n, err
}

func (w *budgeted) WriteShared(p []byte) error {
	err := w.share(p)
	if err == nil {
		if w.budget.wrote(len(p)); w.shed {
			return ErrShed
		}
	}
	return err
}

func (w *budgeted) Disconnected(err error) {
	w.leave()
	w.Wrapper.Disconnected(err)
}

func (w *budgeted) leave() {
	if w.left {
		return
	}
	w.left = true
	m := w.budget.members
	last := len(m) - 1
	m[w.at] = m[last]
	m[w.at].at = w.at
	m[last] = nil
	w.budget.members = m[:last]
}

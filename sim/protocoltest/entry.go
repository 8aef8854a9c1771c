package protocoltest

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// An Entry is one protocol's server, or one state of it. Immutable after first
// use.
type Entry struct {
	Name string
	// Build makes a factory of the server for one test.
	Build func(l twistor.Loop) twistor.Factory
	// Lead is what a peer says first, to get to where the rest is tried; "":
	// nothing. It must not authenticate.
	Lead string
	// Talks are inputs that the server understands, for Cuts and Linear; none:
	// only nonsense is tried.
	Talks []string
	// Deadline is when a peer that sends a byte a second is closed, counted from
	// the beginning of its connection; 0: 30 s.
	Deadline time.Duration
	// Discards says that endless input is read and dropped by design, so that
	// the connection need not be closed for it.
	Discards bool
}

// Run runs all that this package tests, as subtests.
func Run(t *testing.T, e Entry) {
	t.Run("X-01 unbounded", func(t *testing.T) { Unbounded(t, e) })
	t.Run("X-02 deadline", func(t *testing.T) { Deadline(t, e) })
	t.Run("X-03 linear", func(t *testing.T) { Linear(t, e) })
	t.Run("X-08 never", func(t *testing.T) { Never(t, e) })
	t.Run("cuts", func(t *testing.T) { Cuts(t, e) })
}

// connect is a connection to a new server that has heard the Lead.
func (e Entry) connect(t sim.T) (*sim.Clock, *sim.Transport) {
	t.Helper()
	c := sim.NewClock(t)
	tr := sim.Connect(c, e.Build(c))
	if e.Lead != "" {
		tr.Receive(e.Lead)
	}
	c.Advance(0)
	if tr.Err() != nil {
		t.Fatalf("%s: closed with %v after Lead %q", e.Name, tr.Err(), e.Lead)
	}
	return c, tr
}

// leave ends a connection that the test has no more use for.
func leave(c *sim.Clock, tr *sim.Transport) {
	tr.Reset()
	c.Advance(0)
	c.Errors() // what the server says about rude peers is not the matter here
}

// cutAt feeds input in parts that end at the given places.
func cutAt(c *sim.Clock, tr *sim.Transport, input string, ends []int) {
	from := 0
	for _, end := range append(ends, len(input)) {
		tr.Receive(input[from:end])
		c.Advance(0)
		from = end
	}
}

// Cuts proves that what the server says to each of the Talks, and whether it
// then closes, is the same however they are cut: whole, byte by byte, in two at
// every place, or at random.
func Cuts(t sim.T, e Entry) {
	t.Helper()
	for _, input := range e.Talks {
		outcome := func(ends []int) (string, bool) {
			c, tr := e.connect(t)
			tr.Clear()
			cutAt(c, tr, input, ends)
			said, closed := tr.Written(), tr.Closed() || tr.Err() != nil
			leave(c, tr)
			return said, closed
		}
		want, wantClosed := outcome(nil)
		try := func(how string, ends []int) {
			t.Helper()
			if got, closed := outcome(ends); got != want || closed != wantClosed {
				t.Errorf("%s: %.60q, %s: got %.200q, closed %v; want as if whole %.200q, closed %v",
					e.Name, input, how, got, closed, want, wantClosed)
			}
		}
		every := make([]int, 0, len(input))
		for i := 1; i < len(input); i++ {
			every = append(every, i)
			if i <= maxSplits {
				try("in two", []int{i})
			}
		}
		try("byte by byte", every)
		r := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			var ends []int
			for i := 0; i < len(input); {
				if i += 1 + r.IntN(min(len(input), 1<<10)); i < len(input) {
					ends = append(ends, i)
				}
			}
			try("at random", ends)
		}
	}
}

// maxSplits is how many places of one Talk are tried one by one.
const maxSplits = 2000

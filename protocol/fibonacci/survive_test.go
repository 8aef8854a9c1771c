package fibonacci

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/sim"
)

// handOver asks a connection for its state, as a service does that stops.
func handOver(c *sim.Transport) (state string, ok bool) {
	p, ok := c.Protocol().(*asker).HandedOver()
	return string(p), ok
}

// restore goes on with a connection in another process, whose server is st's.
func (st *stage) restore(state, unread string) *sim.Transport {
	c := sim.NewTransport(st.clock)
	c.Start(revived{st.Build(c).(*asker), state})
	c.Receive(unread)
	return c
}

// A revived asker hears Restored where others hear Connected.
type revived struct {
	*asker
	state string
}

func (r revived) Connected() { r.Restored([]byte(r.state)) }

// F-38: a connection goes on in another process: with the line it was in, and with
// its place in the numbers.
func TestSurvives(t *testing.T) {
	old := newStage(t, &Server{}, true)
	c := old.connect()
	c.Receive("\n\nhalf a li")
	if _, ok := handOver(c); ok {
		t.Fatal("handed over while numbers are on their way: they would be lost")
	}
	c.Receive("ne\n\n") // is held back: it goes along unread
	old.sync(2, nil)
	old.want(c, "what is on its way is sent before", "2 3")
	state, ok := handOver(c)
	if !ok || old.steps != 2 {
		t.Fatalf("handed over %v after %d steps, want it to begin nothing new", ok, old.steps)
	}

	next := newStage(t, &Server{State: old.State}, true)
	d := next.restore(state, "ne\n\n")
	next.sync(2, nil)
	next.want(d, "the line that had begun, and the next", "5 8")
	if got := next.Stats(); got.Clients != 1 {
		t.Errorf("got %+v, want the connection counted", got)
	}
	d.Receive("x")
	next.clock.Advance(time.Minute)
	if !d.Closed() {
		t.Error("its lines must end in time, too")
	}
}

// Questions that there was no room for go along as a number.
func TestSurvivesWithQuestions(t *testing.T) {
	old := newStage(t, &Server{}, true)
	c := old.connect()
	c.Receive(strings.Repeat("\n", 100))
	handOver(c)
	old.sync(maxPending, nil)
	state, ok := handOver(c)
	if !ok || old.steps != maxPending {
		t.Fatalf("handed over %v after %d steps, want %d", ok, old.steps, maxPending)
	}
	next := newStage(t, &Server{State: old.State}, false)
	d := next.restore(state, "")
	if got := strings.Count(d.Take(), "\n"); got != 100-maxPending {
		t.Errorf("got %d numbers, want %d", got, 100-maxPending)
	}
}

// Who could not be handed over in time is answered, and closed.
func TestStaysAndIsDismissed(t *testing.T) {
	st := newStage(t, &Server{}, true)
	c := st.connect()
	c.Receive(strings.Repeat("\n", 70))
	handOver(c)
	c.Protocol().(*asker).Dismissed()
	for len(st.waiting) > 0 {
		st.sync(len(st.waiting), nil)
	}
	st.clock.Advance(0)
	if got := strings.Count(c.Take(), "\n"); got != 70 || !c.Closed() {
		t.Errorf("got %d numbers, closed %v, want all 70, and closed", got, c.Closed())
	}
}

// Who is leaving anyway stays here.
func TestDoesNotSurviveItsEnd(t *testing.T) {
	st := newStage(t, &Server{}, true)
	ended, wrong := st.connect(), st.connect()
	ended.Receive("\n")
	ended.End()
	wrong.Receive("\n", strings.Repeat("x", 2000))
	for _, c := range []*sim.Transport{ended, wrong} {
		if _, ok := handOver(c); ok {
			t.Error("a connection that is about to close was handed over")
		}
	}
	st.sync(2, errors.New("no"))
	st.clock.Errors()
}

// A state of another version, or of nobody, asks for nothing.
func TestRestoredFromNonsense(t *testing.T) {
	for _, state := range []string{"", "null", "{}", "[]", "{", `{"line":-1}`, `{"asked":-5,"line":3}`, `{"asked":1e9}x`, `{"new":true}`} {
		st := newStage(t, &Server{}, false)
		c := st.restore(state, "\n")
		st.want(c, state, "2")
	}
}

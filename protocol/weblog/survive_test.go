package weblog

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// A revived subscriber hears Restored where others hear Connected.
type revived struct {
	*subscriber
	state string
}

func (r revived) Connected() { r.Restored([]byte(r.state)) }

// next is the server's next life: another process, which begins with what this
// one remembers, by way of JSON, as a memory has it.
func (st *stage) nextLife(s *Server, remembers bool) *stage {
	st.t.Helper()
	next := newStage(st.t, s)
	next.next = st.next
	if remembers {
		text, err := json.Marshal(st.State())
		if err != nil {
			st.t.Fatal(err)
		}
		var state State
		if err := json.Unmarshal(text, &state); err != nil {
			st.t.Fatal(err)
		}
		s.Restore(state)
	}
	return next
}

// handOver takes a connection out of this process. What it had written goes
// along unsent, and is in what the peer gets.
func (st *stage) handOver(c *sim.Transport) (state string) {
	st.t.Helper()
	p, ok := c.Protocol().(*subscriber).HandedOver()
	if !ok {
		st.t.Fatal("the connection stays, want it to go")
	}
	c.Break(twistor.ErrHandedOver)
	return string(p)
}

// restore goes on with a connection in this process.
func (st *stage) restore(state string) *sim.Transport {
	st.t.Helper()
	c := sim.NewTransport(st.clock)
	c.Start(revived{st.Build(c).(*subscriber), state})
	return c
}

// F-38: a connection goes on where it was: the document has no second beginning, and
// no hit is there twice or missing, also those that came in between.
func TestSurvives(t *testing.T) {
	old := newStage(t, &Server{Keep: 5})
	a, b := old.connect(), old.connect()
	old.publish(3)
	state := old.handOver(a)
	old.publish(2) // a has gone already, b has not
	late := old.handOver(b)
	next := old.nextLife(&Server{Keep: 5}, true)
	c := next.restore(state)
	next.publish(1)
	d := next.restore(late)
	next.publish(1)
	old.wantHeard(a, "before", "0 1 2")
	next.wantHeard(c, "after: what came in between, too", "3 4 5 6")
	old.wantHeard(b, "before", "0 1 2 3 4")
	next.wantHeard(d, "after: what came before it was there, too", "5 6")
	c.Protocol().(revived).Dismissed()
	next.wantHeard(c, "the document ends once", ".")
	if got := next.Stats(); got.Hits != 2 || got.Served != 2 {
		t.Errorf("got %+v, want the hits and clients of this life", got)
	}
}

// Who reads slowly has the rest of what it is behind from the next process, and
// no hit in two halves.
func TestSurvivesBehind(t *testing.T) {
	old := newStage(t, &Server{MaxBehindBytes: 1 << 20})
	slow := old.connect()
	slow.Hold()
	for range 10 {
		old.publish(500)
	}
	state := old.handOver(slow)
	next := old.nextLife(&Server{MaxBehindBytes: 1 << 20}, true)
	c := next.restore(state)
	next.publish(10)
	got := heard(t, slow.Written()+c.Written())
	if want := heardRange(0, next.next); got != want {
		t.Errorf("got %d hits, want all %d in order", strings.Count(got, " ")+1, next.next)
	}
	if n := strings.Count(slow.Written()+c.Written(), "<hit"); n != next.next {
		t.Errorf("got %d elements, want %d", n, next.next)
	}
}

// A pull client keeps its place, half a question, and questions that were not
// answered yet.
func TestPullSurvives(t *testing.T) {
	pull := func() *Server { return &Server{Keep: 5, Pull: true} }
	old := newStage(t, pull())
	c := old.connect()
	c.Receive("NEW?")
	old.publish(2)
	c.Receive("NEW?NE")
	old.publish(2)
	next := old.nextLife(pull(), true)
	d := next.restore(old.handOver(c))
	next.publish(1)
	old.wantHeard(c, "before", "none 0 1")
	d.Receive("W?")
	next.wantHeard(d, "the question goes on, and so do the hits", "2 3 4")
	next.publish(9)
	d.Receive("NEW?")
	next.wantHeard(d, "what was forgotten is counted", "lost 4 9 10 11 12 13")

	busy := next.connect()
	busy.Hold()
	next.publish(5)
	busy.Receive("NEW?NEW?NEW?")
	busy.Protocol().(*subscriber).questions = 2 // as if the answers had found no room
	last := next.nextLife(pull(), true)
	e := last.restore(next.handOver(busy))
	last.wantHeard(e, "questions go along", "none none")

	fresh := newStage(t, pull())
	f := fresh.connect()
	fresh.publish(1)
	g := fresh.nextLife(pull(), true).restore(fresh.handOver(f))
	if got := g.Written(); got != "" {
		t.Errorf("who had not asked yet: got %q, want nothing", got)
	}
	g.Receive("NEW?")
	if got := g.Take(); !strings.HasPrefix(got, header+"<hit") {
		t.Errorf("and then asked: got %q, want the beginning of the document", got)
	}
}

// Replay goes on with what the former process had.
func TestReplaySurvives(t *testing.T) {
	old := newStage(t, &Server{Keep: 3, Replay: true})
	old.publish(5)
	next := old.nextLife(&Server{Keep: 3, Replay: true}, true)
	c := next.connect()
	next.publish(1)
	next.wantHeard(c, "hits of a former life, and of this one", "2 3 4 5")
}

// A server that remembers nothing sends what comes.
func TestSurvivesWithoutState(t *testing.T) {
	old := newStage(t, &Server{})
	c := old.connect()
	old.publish(3)
	next := old.nextLife(&Server{}, false)
	d := next.restore(old.handOver(c))
	next.publish(1)
	next.wantHeard(d, "only what comes", "3")
}

// What the former process knew and this one does not is owned up to.
func TestSurvivesLoss(t *testing.T) {
	old := newStage(t, &Server{})
	c := old.connect()
	old.publish(3)
	state := old.handOver(c)
	next := newStage(t, &Server{})
	next.Restore(State{Next: 10})
	next.next = 10
	d := next.restore(state)
	next.publish(1)
	next.wantHeard(d, "the numbers of hits survive a crash, the hits do not", "lost 7 10")
}

func TestEndsInTheOldProcess(t *testing.T) {
	st := newStage(t, &Server{})
	c := st.connect()
	c.Hold()
	st.publish(1000)
	c.Protocol().(*subscriber).Dismissed()
	if _, ok := c.Protocol().(*subscriber).HandedOver(); ok {
		t.Error("a connection that is about to close was handed over")
	}
}

func TestRestoredFromNonsense(t *testing.T) {
	for _, state := range []string{"", "null", "[]", "{", `{"heard":9}`, `{"questions":-1}`, `{"hit":99,"end":5,"begun":true}`, `{"hit":-1}`} {
		for _, pull := range []bool{false, true} {
			st := newStage(t, &Server{Pull: pull})
			st.publish(2)
			c := st.restore(state)
			st.publish(1)
			c.Receive("NEW?")
			st.wantHeard(c, fmt.Sprintf("%s %v", state, pull), "2")
		}
	}
}

func TestRestore(t *testing.T) {
	s := &Server{Keep: 150, MaxBehindBytes: -1}
	var hits []string
	for i := range 300 {
		hits = append(hits, fmt.Sprintf("<hit path=\"/%d\"/>\n", i))
	}
	s.Restore(State{Next: 1000, Hits: hits})
	if got := s.State(); got.Next != 1000 || len(got.Hits) != 200 || got.Hits[199] != hits[299] {
		t.Errorf("got %d hits up to %d, want the last 150, in whole batches", len(got.Hits), got.Next)
	}
	s.Restore(State{Next: 2, Hits: hits})
	if got := s.State(); got.Next != 2 || len(got.Hits) != 2 || got.Hits[1] != hits[299] {
		t.Errorf("got %+v, want no more hits than were counted", got)
	}
	s.Restore(State{})
	if got := s.State(); got.Next != 0 || got.Hits != nil {
		t.Errorf("got %+v, want nothing", got)
	}
}

// A State has MaxStateBytes of hits at most, the last ones.
func TestStateIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("70 MiB of hits")
	}
	s := &Server{Keep: 2000}
	line := []byte(strings.TrimSuffix(sampleLine, `"`) + strings.Repeat("x", 60<<10) + `"`)
	for range 1200 {
		s.Publish([][]byte{line})
	}
	size, got := 0, s.State()
	for _, hit := range got.Hits {
		size += len(hit)
	}
	if size > MaxStateBytes || size < MaxStateBytes-64<<10 || got.Next != 1200 {
		t.Errorf("got %d hits with %d bytes, of %d, want about %d bytes", len(got.Hits), size, got.Next, MaxStateBytes)
	}
}

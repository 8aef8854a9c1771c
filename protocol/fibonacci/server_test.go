package fibonacci

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A ledger is a Journal in memory: the test says when it is durable.
type ledger struct {
	state   *State
	waiting []*deferred.Signal
	refuse  error // what Append answers at once, without a Step
	steps   int
}

func (l *ledger) Append(s Step) *deferred.Signal {
	if l.refuse != nil {
		return deferred.Failed[struct{}](nil, l.refuse)
	}
	l.state.Apply(s)
	l.steps++
	d := deferred.New[struct{}](nil)
	l.waiting = append(l.waiting, d)
	return d
}

// sync fires the first n that wait; err is what became of them.
func (l *ledger) sync(n int, err error) {
	for _, d := range l.waiting[:n] {
		if err != nil {
			d.Fail(err)
		} else {
			d.Succeed(struct{}{})
		}
	}
	l.waiting = l.waiting[n:]
}

// A stage is a server in the simulator.
type stage struct {
	*Server
	*ledger
	t     *testing.T
	clock *sim.Clock
}

// newStage is a server that remembers if durable.
func newStage(t *testing.T, s *Server, durable bool) *stage {
	st := &stage{Server: s, t: t, clock: sim.NewClock(t), ledger: &ledger{state: &s.State}}
	s.Log = st.clock.Log()
	if durable {
		s.Journal = st.ledger
	}
	return st
}

func (st *stage) connect() *sim.Transport { return sim.Connect(st.clock, st.Server) }

// want checks what a client got since the last time, with spaces for newlines.
func (st *stage) want(client *sim.Transport, why, want string) {
	st.t.Helper()
	st.clock.Advance(0)
	got := strings.TrimSuffix(strings.ReplaceAll(client.Take(), "\n", " "), " ")
	if got != want {
		st.t.Errorf("%s: got %q, want %q", why, got, want)
	}
}

// The article's server: each line gets the next number, whoever asks.
func TestNumbers(t *testing.T) {
	st := newStage(t, &Server{}, false)
	a, b := st.connect(), st.connect()
	a.Receive("next\n")
	st.want(a, "the first number is the article's", "2")
	b.Receive("\n", "what", "ever\r\n\n")
	st.want(b, "each line gets one, however it was cut", "3 5 8")
	a.Receive("no end")
	st.want(a, "a line without its end gets none yet", "")
	a.Receive("\n")
	st.want(a, "and then it does", "13")
	if got, want := st.Stats(), (Stats{Given: 5, Clients: 2, Served: 2}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// A number is sent when it is durable, not before.
func TestDurableBeforeSent(t *testing.T) {
	st := newStage(t, &Server{}, true)
	a, b := st.connect(), st.connect()
	a.Receive("\n\n")
	b.Receive("\n")
	st.want(a, "nothing is durable yet", "")
	st.sync(1, nil)
	st.want(a, "one is", "2")
	st.want(b, "another client's is not", "")
	st.sync(2, nil)
	st.want(a, "all are", "3")
	st.want(b, "also the other client's", "5")
}

// What cannot be remembered is answered by an error, and its number is given to
// nobody; the connection stays.
func TestUnsaved(t *testing.T) {
	st := newStage(t, &Server{}, true)
	a := st.connect()
	a.Receive("\n\n\n")
	full := errors.New("disk full")
	st.sync(1, nil)
	st.sync(2, full)
	sorry := strings.TrimSpace(string(errUnsaved.line()))
	st.want(a, "two of three are not remembered", "2 "+sorry+" "+sorry)
	a.Receive("\n")
	st.sync(1, nil)
	st.want(a, "their numbers are never given", "8")
	if got := st.Stats().Lost; got != 2 {
		t.Errorf("got %d lost, want 2", got)
	}
	if errs := st.clock.Errors(); len(errs) != 1 {
		t.Errorf("got %d errors logged, want one for all: %v", len(errs), errs)
	}
}

// A journal that refuses answers at once, and still in order.
func TestRefusedKeepsOrder(t *testing.T) {
	st := newStage(t, &Server{}, true)
	a := st.connect()
	st.refuse = errors.New("closed")
	a.Receive("\n")
	sorry := strings.TrimSpace(string(errUnsaved.line()))
	st.want(a, "refused at once, even the first", sorry)
	st.refuse = nil
	a.Receive("\n")
	st.refuse = errors.New("closed")
	a.Receive("\n")
	st.want(a, "the refusal waits for the answer before it", "")
	st.sync(1, nil)
	st.want(a, "answers come in the order of the questions", "2 "+sorry)
	st.clock.Errors()
}

// A client that leaves takes its numbers with it.
func TestLeftWithNumbersPending(t *testing.T) {
	st := newStage(t, &Server{}, true)
	a, b := st.connect(), st.connect()
	a.Receive("\n\n")
	a.Reset()
	b.Receive("\n")
	st.sync(3, nil)
	st.want(b, "the next one is b's", "5")
	if got := st.Stats(); got.Lost != 2 || got.Clients != 1 {
		t.Errorf("got %+v, want 2 lost and 1 client", got)
	}
}

// Who asks and does not read, or asks faster than the disk is, is not heard.
func TestBackPressure(t *testing.T) {
	st := newStage(t, &Server{}, true)
	fast := st.connect()
	fast.Receive(strings.Repeat("\n", 1000))
	if st.steps != maxPending || !fast.Paused() {
		t.Errorf("%d numbers are on their way, paused %v, want %d and paused", st.steps, fast.Paused(), maxPending)
	}
	for len(st.waiting) > 0 {
		st.sync(len(st.waiting), nil)
	}
	if got := strings.Count(fast.Take(), "\n"); got != 1000 || fast.Paused() {
		t.Errorf("got %d numbers, paused %v, want 1000 and not", got, fast.Paused())
	}

	deaf := st.connect()
	deaf.Hold()
	for i := 0; i < 100 && !deaf.Paused(); i++ {
		deaf.Receive(strings.Repeat("\n", 1000))
		for len(st.waiting) > 0 {
			st.sync(len(st.waiting), nil)
		}
	}
	if got := deaf.Buffered(); !deaf.Paused() || got < 64<<10 || got > 64<<10+maxPending*st.State.B.BitLen() {
		t.Errorf("%d bytes are buffered, paused %v, want about 64 KiB and paused", got, deaf.Paused())
	}
	steps := st.steps
	st.clock.Advance(time.Hour)
	if st.steps != steps {
		t.Error("numbers are made for a client that does not read")
	}
	for deaf.Buffered() > 0 || len(st.waiting) > 0 {
		deaf.Drain(-1)
		st.sync(len(st.waiting), nil)
	}
	if deaf.Paused() || deaf.Aborted() {
		t.Error("want it to be heard again")
	}
}

// Long numbers count by their digits: one at a time is on its way.
func TestBackPressureOfLongNumbers(t *testing.T) {
	long := new(big.Int).Exp(big.NewInt(10), big.NewInt(90_000), nil)
	st := newStage(t, &Server{State: State{long, long}}, true)
	a := st.connect()
	a.Hold()
	a.Receive("\n\n\n\n")
	if st.steps != 1 {
		t.Errorf("%d numbers are on their way, want 1", st.steps)
	}
	st.sync(1, nil)
	if got := a.Buffered(); got != 90_002 || st.steps != 1 || a.Aborted() {
		t.Errorf("%d bytes are buffered, %d steps, want one number, and no more before it is read", got, st.steps)
	}
	for range 3 {
		a.Drain(-1)
		st.sync(1, nil)
	}
	a.Drain(-1)
	if got := strings.Count(a.Take(), "\n"); got != 4 {
		t.Errorf("got %d numbers, want 4", got)
	}
}

// At MaxDigits there is no number more, for nobody.
func TestExhausted(t *testing.T) {
	st := newStage(t, &Server{MaxDigits: 2}, false)
	a := st.connect()
	a.Receive(strings.Repeat("\n", 20))
	st.want(a, "numbers of two digits at most", "2 3 5 8 13 21 34 "+strings.TrimSpace(string(errExhausted.line())))
	if !a.Closed() {
		t.Error("want the connection closed")
	}
	b := st.connect()
	b.Receive("\n")
	st.want(b, "it does not begin anew", strings.TrimSpace(string(errExhausted.line())))
}

func TestLines(t *testing.T) {
	limit := DefaultMaxLineBytes
	for _, tc := range []struct {
		name, in, want string
		closed         bool
	}{
		{"as long as may be", strings.Repeat("x", limit) + "\n", "2\n", false},
		{"too long", strings.Repeat("x", limit+1) + "\n", string(errLong(limit).line()), true},
		{"too long without an end", strings.Repeat("x", limit+1), string(errLong(limit).line()), true},
		{"too long after good ones", "\n\n" + strings.Repeat("x", 5000) + "\n\n", "2\n3\n" + string(errLong(limit).line()), true},
		{"any bytes", "\x00\xff\r\t\n", "2\n", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			st := newStage(t, &Server{}, false)
			c := st.connect()
			c.Receive(tc.in)
			if got := c.Written(); got != tc.want || c.Closed() != tc.closed {
				t.Errorf("got %q, closed %v, want %q, %v", got, c.Closed(), tc.want, tc.closed)
			}
		})
	}
}

// a line that has begun must end; silence between lines is nobody's fault, nor
// is a line that is not heard because of earlier ones.
func TestLineTimeout(t *testing.T) {
	st := newStage(t, &Server{}, true)
	idle, slow, paused := st.connect(), st.connect(), st.connect()
	paused.Receive("\nbegun")
	for range 31 {
		slow.Receive("x")
		st.clock.Advance(time.Second)
	}
	st.want(slow, "it took too long", strings.TrimSpace(string(errLate.line())))
	if !slow.Closed() || idle.Closed() || paused.Closed() {
		t.Errorf("closed: slow %v, idle %v, paused %v, want the first only", slow.Closed(), idle.Closed(), paused.Closed())
	}
	st.sync(1, nil)
	paused.Receive("\n")
	st.clock.Advance(time.Hour)
	st.sync(1, nil)
	st.want(paused, "its line ended in time, as it was heard", "2 3")
}

func TestMaxClients(t *testing.T) {
	st := newStage(t, &Server{MaxClients: 1}, false)
	a, refused := st.connect(), st.connect()
	st.want(refused, "a second client", strings.TrimSpace(string(errTooMany.line())))
	a.Reset()
	if b := st.connect(); b.Closed() || !refused.Closed() || st.Stats().Refused != 1 {
		t.Errorf("got %+v, want the place that became free given away", st.Stats())
	}
}

// Who says that he asks no more is answered; what he has begun is no question.
func TestReadClosed(t *testing.T) {
	st := newStage(t, &Server{}, true)
	c := st.connect()
	c.Receive("\n\nbegun")
	c.End()
	if c.Closed() {
		t.Fatal("closed before the answers")
	}
	st.sync(2, nil)
	st.want(c, "both questions", "2 3")
	if !c.Closed() {
		t.Error("want it closed")
	}
}

// So is everybody when the service stops.
func TestDismissed(t *testing.T) {
	st := newStage(t, &Server{}, true)
	busy, idle := st.connect(), st.connect()
	busy.Receive("\n")
	for _, c := range []*sim.Transport{busy, idle} {
		c.Protocol().(*asker).Dismissed()
	}
	st.clock.Advance(0)
	busy.Receive("\n\n") // too late
	if busy.Closed() || !idle.Closed() {
		t.Errorf("closed: busy %v, idle %v, want idle only", busy.Closed(), idle.Closed())
	}
	st.sync(1, nil)
	st.want(busy, "its number", "2")
	if !busy.Closed() {
		t.Error("want it closed")
	}
}

func TestStateThatIsNone(t *testing.T) {
	one, two := big.NewInt(1), big.NewInt(2)
	for _, tc := range []struct {
		state State
		ok    bool
	}{
		{State{}, true}, {State{one, one}, true}, {State{one, two}, true},
		{State{two, one}, false}, {State{nil, one}, false}, {State{one, nil}, false},
		{State{big.NewInt(0), one}, false}, {State{big.NewInt(-1), one}, false},
	} {
		s := &Server{State: tc.state}
		if err := s.Opened(nil); (err == nil) != tc.ok {
			t.Errorf("%v: got %v, want it to be served: %v", tc.state, err, tc.ok)
		}
	}
}

func TestStep(t *testing.T) {
	var s State
	for range 10 {
		s.Apply(Step{})
	}
	further := s
	further.Advance()
	if !further.Beyond(&s) || s.Beyond(&further) || s.Beyond(&s) || !s.Beyond(&State{}) || (&State{}).Beyond(&s) {
		t.Error("Beyond does not say which is further")
	}
	s.Apply(Step{To: &further})
	if got := fmt.Sprint(s.A, s.B); got != "144 233" {
		t.Errorf("got %s, want 144 233", got)
	}
}

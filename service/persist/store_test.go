package persist

import (
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// fib is the article's state.
type fib struct {
	A, B   *big.Int
	asked  int // volatile
	Limits map[string]int
}

func newFib() *fib {
	return &fib{A: big.NewInt(1), B: big.NewInt(1), Limits: map[string]int{"all": 10}}
}

func (f *fib) next() *big.Int {
	f.A, f.B = f.B, new(big.Int).Add(f.A, f.B)
	return f.B
}

// TestS03StateGoesOn is the article's claim: a server answers 2, 3, 5, is stopped,
// and goes on with 8.
func TestS03StateGoesOn(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{Command: Command{Program: "fibonacci", Options: map[string][]string{"listen": {"tcp:8889"}}}})
	f := newFib()
	if err := s.Persist("fib", f); err != nil {
		t.Fatal(err)
	}
	f.next()
	f.next()
	f.next()
	delete(f.Limits, "all")
	l.save(t, s, "shutdown")
	l.close(t, s)

	s = l.open(t, Config{File: "/var/fib-shutdown.tap"})
	g := newFib()
	g.asked = 7
	if err := s.Persist("fib", g); err != nil {
		t.Fatal(err)
	}
	if got := g.next().String(); got != "8" {
		t.Errorf("got %s, want 8", got)
	}
	if len(g.Limits) != 0 {
		t.Errorf("got limits %v, want none: a key that was deleted came back", g.Limits)
	}
	if g.asked != 7 {
		t.Errorf("a field that is not exported was changed to %d", g.asked)
	}
	l.close(t, s)
}

// TestJournalGoesOn adds numbers in three lives, of which none stops politely.
func TestJournalGoesOn(t *testing.T) {
	l := newLoop(t)
	for life := range 3 {
		s := l.open(t, Config{})
		c := newCounter()
		c.open(t, l, s)
		if c.Sum != life*6 || c.Count != life*3 || c.journal.Sequence() != uint64(life*3) {
			t.Errorf("life %d: got sum %d of %d, sequence %d; want %d of %d", life, c.Sum, c.Count, c.journal.Sequence(), life*6, life*3)
		}
		c.add(t, l, 1, 2)
		c.add(t, l, 3)
		l.disk.CrashKeeping(0)
		l = newLife(l.disk, nil)
	}
	l.die()
}

// TestOldSnapshotLosesNoChange starts from a snapshot that is older than the
// journal: no change may be undone, so that no number is given twice; XC7.
func TestOldSnapshotLosesNoChange(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	c := newCounter()
	c.open(t, l, s)
	c.add(t, l, 1)
	l.save(t, s, "")
	c.add(t, l, 2, 3)
	l.disk.CrashKeeping(0)

	l = newLife(l.disk, nil)
	s = l.open(t, Config{File: "/var/fib.tap"})
	c = newCounter()
	c.open(t, l, s)
	if c.Count != 3 || c.Sum != 6 || !strings.Contains(l.Logged(), "journal is newer") {
		t.Errorf("got %d changes with sum %d, want 3 with 6, and it said: %s", c.Count, c.Sum, l.Logged())
	}
	l.die()
}

// TestNewerSnapshotWins starts with the snapshot of a program whose journal went
// farther than the one that is here.
func TestNewerSnapshotWins(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	c := newCounter()
	c.open(t, l, s)
	c.add(t, l, 1)
	l.close(t, s)
	tap := &Snapshot{States: []State{{Name: "sum", Sequence: 7, Data: json.RawMessage(`{"Sum":28,"Count":7}`)}}}
	if err := Write(l.fsys, "/var/elsewhere.tap", tap); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time the journal has it
		s = l.open(t, Config{File: "/var/elsewhere.tap"})
		c = newCounter()
		c.open(t, l, s)
		if c.Count != 7 || c.journal.Sequence() != 7 {
			t.Errorf("got %d changes, sequence %d; want 7", c.Count, c.journal.Sequence())
		}
		l.close(t, s)
	}
}

// TestNewestSnapshotIsByNumber sets the clock back between two saves: the later
// one counts all the same; F-33.
func TestNewestSnapshotIsByNumber(t *testing.T) {
	l := newLoop(t)
	l.Advance(time.Hour)
	s := l.open(t, Config{})
	p := &plain{N: 1}
	if err := s.Persist("plain", p); err != nil {
		t.Fatal(err)
	}
	l.save(t, s, "")
	l.disk.Kill()

	l = newLife(l.disk, nil) // an hour before
	defer l.die()
	s = l.open(t, Config{})
	if err := s.Persist("plain", p); err != nil {
		t.Fatal(err)
	}
	p.N = 2
	l.save(t, s, "shutdown")
	l.close(t, s)
	s = l.open(t, Config{})
	q := &plain{}
	if err := s.Persist("plain", q); err != nil || q.N != 2 || s.Loaded() != "/var/fib-shutdown.tap" {
		t.Errorf("got %d from %s, %v; want 2 from the shutdown's", q.N, s.Loaded(), err)
	}
	l.close(t, s)
}

// TestStatesOfAbsentPartsAreKept saves without asking for a state: the next
// program finds it.
func TestStatesOfAbsentPartsAreKept(t *testing.T) {
	l := newLoop(t)
	for life, name := range []string{"a", "b", "a"} {
		s := l.open(t, Config{})
		p := &plain{}
		if err := s.Persist(name, p); err != nil {
			t.Fatal(err)
		}
		if p.N != []int{0, 0, 1}[life] {
			t.Errorf("life %d: got %s = %d", life, name, p.N)
		}
		p.N = 1
		l.save(t, s, "")
		l.close(t, s)
	}
}

// TestJournalIsNoPlainState refuses to read the state of a journal from a snapshot
// only: the journal may be newer.
func TestJournalIsNoPlainState(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	c := newCounter()
	c.open(t, l, s)
	c.add(t, l, 1)
	l.save(t, s, "")
	l.close(t, s)
	s = l.open(t, Config{})
	if err := s.Persist("sum", newCounter()); err == nil || !strings.Contains(err.Error(), "Journal") {
		t.Errorf("got %v, want it refused", err)
	}
	// The other way is a way to grow: a plain state becomes a journal's.
	l = newLoop(t)
	s = l.open(t, Config{})
	if err := s.Persist("sum", &counter{Sum: 5, Count: 1}); err != nil {
		t.Fatal(err)
	}
	l.save(t, s, "")
	l.close(t, s)
	c = newCounter()
	c.open(t, l, l.open(t, Config{}))
	if c.Sum != 5 {
		t.Errorf("got %d, want 5", c.Sum)
	}
}

// TestLocked keeps two programs apart that want the same memory.
func TestLocked(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	if _, err := l.tryOpen(Config{}); !errors.Is(err, twistor.ErrLocked) {
		t.Errorf("a second one: got %v, want ErrLocked", err)
	}
	if err := l.do(func(co *deferred.Co) error { _, err := Open(co, l, Config{Dir: "/var", Name: "fib-x"}); return err }); err != nil {
		t.Errorf("another program: %v", err)
	}
	l.close(t, s)
	l.close(t, l.open(t, Config{}))
}

// TestOpenIsCancelled sees the lock let go when nobody wants the Store any more.
func TestOpenIsCancelled(t *testing.T) {
	l := newLoop(t)
	l.WorkTime = time.Second
	d := deferred.Inline(twistor.Loop(l), func(co *deferred.Co) (*Store, error) { return Open(co, l, Config{Dir: "/var", Name: "fib"}) })
	l.Advance(time.Millisecond)
	d.Cancel()
	l.Advance(time.Minute)
	l.close(t, l.open(t, Config{}))
}

// TestOpenRemovesTemporaries removes what a killed program has left half-written,
// and nothing else.
func TestOpenRemovesTemporaries(t *testing.T) {
	l := newLoop(t)
	l.close(t, l.open(t, Config{}))
	for _, name := range []string{"fib.0123.tmp", "fib-x.0123.tmp", "fib.txt", "x.tmp"} {
		overwrite(t, l.disk, "/var/"+name, nil)
	}
	l.close(t, l.open(t, Config{}))
	if got, want := strings.Join(files(t, l.disk, "/var"), " "), "fib-x.0123.tmp fib.lock fib.txt x.tmp"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestS02Command sees what runs, and how, come back from a snapshot.
func TestS02Command(t *testing.T) {
	l := newLoop(t)
	want := Command{Program: "web", Options: map[string][]string{"path": {"/srv"}, "listen": {"tcp:80", "tcp:[::1]:80"}}}
	s := l.open(t, Config{Command: want})
	l.save(t, s, "")
	got, err := Read(l.fsys, "/var/fib.tap")
	if err != nil || !reflect.DeepEqual(got.Command, want) || got.Number != 1 || got.Saved.IsZero() {
		t.Errorf("got %+v, %v", got, err)
	}
	if err := Write(l.fsys, "/var/copy.tap", got); err != nil {
		t.Fatal(err)
	}
	if again, err := Read(l.fsys, "/var/copy.tap"); err != nil || !reflect.DeepEqual(again, got) {
		t.Errorf("written and read again: got %+v, %v", again, err)
	}
	l.close(t, s)
}

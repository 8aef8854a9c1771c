package persist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"reflect"
	"slices"
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

// TestS04OnlyExportedFields sees what is saved, and what is left alone.
func TestS04OnlyExportedFields(t *testing.T) {
	type inner struct {
		Kept  map[string]int
		timer func()
	}
	type state struct {
		inner
		Name     string
		List     []int
		Default  string
		Ephemera int `json:"-"`
		conns    map[string]chan int
	}
	l := newLoop(t)
	s := l.open(t, Config{})
	a := &state{inner{map[string]int{"a": 1}, func() {}}, "x", []int{1, 2, 3}, "one", 5, nil}
	if err := s.Persist("state", a); err != nil {
		t.Fatal(err)
	}
	l.save(t, s, "")
	l.close(t, s)
	tap, err := Read(l.fsys, "/var/fib.tap")
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	json.Compact(&compact, tap.States[0].Data)
	if got, want := compact.String(), `{"Kept":{"a":1},"Name":"x","List":[1,2,3],"Default":"one"}`; got != want {
		t.Errorf("saved: got %s, want %s", got, want)
	}
	b := &state{inner{map[string]int{"b": 2}, func() {}}, "y", []int{7, 7, 7, 7}, "two", 6, map[string]chan int{}}
	s = l.open(t, Config{})
	if err := s.Persist("state", b); err != nil {
		t.Fatal(err)
	}
	if got, want := fmt.Sprintln(b.Kept, b.Name, b.List, b.Default, b.Ephemera, b.timer != nil, b.conns != nil), "map[a:1] x [1 2 3] one 6 true true\n"; got != want {
		t.Errorf("loaded: got %s, want %s", got, want)
	}
	l.close(t, s)
}

// TestLoadKeepsWhatIsNew sees fields that older programs did not have keep their
// initial values; and a state that does not fit leave everything as it was.
func TestLoadKeepsWhatIsNew(t *testing.T) {
	type state struct {
		N     int
		Since string
		M     map[string]int
	}
	x := &state{1, "now", map[string]int{"a": 1}}
	if err := decodeState("x", json.RawMessage(`{"N":2}`), x); err != nil || x.N != 2 || x.Since != "now" || x.M["a"] != 1 {
		t.Errorf("got %+v, %v", x, err)
	}
	for _, text := range []string{`{"N":3,"M":{"b":1},"Gone":1}`, `{"N":3,"M":{"b":"no"}}`, `[]`, `{"N":3}{}`, `{"N":3`, ``, strings.Repeat("[", 101)} {
		if err := decodeState("x", json.RawMessage(text), x); err == nil || x.N != 2 || len(x.M) != 1 {
			t.Errorf("%.20s: got %v and %+v, want an error and nothing changed", text, err, x)
		}
	}
}

// TestS05Upgrades goes through all upgrades that a state lacks, in order, once.
func TestS05Upgrades(t *testing.T) {
	tap := func(version int, data string) *Snapshot {
		return &Snapshot{States: []State{{Name: "web/hits", Version: version, Data: json.RawMessage(data)}}}
	}
	var ran []string
	step := func(name, from, to string) Upgrade {
		return func(old json.RawMessage) (json.RawMessage, error) {
			ran = append(ran, name)
			return bytes.Replace(old, []byte(from), []byte(to), 1), nil
		}
	}
	upgrades := []Upgrade{step("0", "hits", "Hits"), step("1", `"Hits"`, `"Total"`)}
	for _, x := range []struct {
		version int
		data    string
		ran     string
		err     error
	}{
		{0, `{"hits": 3}`, "0 1", nil}, {1, `{"Hits": 3}`, "1", nil}, {2, `{"Total": 3}`, "", nil}, {3, `{"All": 3}`, "", ErrNewer},
	} {
		l := newLoop(t)
		if err := prepareDir(l.fsys, "/var"); err != nil {
			t.Fatal(err)
		}
		if err := Write(l.fsys, "/var/fib.tap", tap(x.version, x.data)); err != nil {
			t.Fatal(err)
		}
		var state struct{ Total int }
		ran = nil
		s := l.open(t, Config{})
		err := s.Below("web").Persist("hits", &state, upgrades...)
		if !errors.Is(err, x.err) || x.err == nil && state.Total != 3 || strings.Join(ran, " ") != x.ran {
			t.Errorf("version %d: got %v, %+v, ran %q; want %v, ran %q", x.version, err, state, ran, x.err, x.ran)
		}
		if err == nil {
			l.save(t, s, "")
			now, err := Read(l.fsys, "/var/fib.tap")
			if err != nil || now.States[0].Version != 2 {
				t.Errorf("version %d: saved as %+v, %v; want version 2", x.version, now, err)
			}
		}
	}
}

// TestS05JournalUpgrades upgrades the state of a journal, and the changes after it.
func TestS05JournalUpgrades(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	c := newCounter()
	c.open(t, l, s)
	c.add(t, l, 1, 2)
	l.close(t, s)

	type change struct{ By int }
	type state struct{ Total, Count int }
	open := func(changes []Upgrade) (*state, error) {
		now := &state{}
		j := &Journal[change]{Name: "sum", State: now, Apply: func(c change) { now.Total += c.By; now.Count++ },
			Upgrades: []Upgrade{func(old json.RawMessage) (json.RawMessage, error) {
				return bytes.Replace(old, []byte("Sum"), []byte("Total"), 1), nil
			}},
			ChangeUpgrades: changes}
		s := l.open(t, Config{})
		err := l.do(func(co *deferred.Co) error { return j.Open(co, s) })
		l.close(t, s)
		return now, err
	}
	if _, err := open(nil); err == nil {
		t.Error("changes of the old kind were applied as new ones")
	}
	wrap := func(old json.RawMessage) (json.RawMessage, error) { return fmt.Appendf(nil, `{"By":%s}`, old), nil }
	for range 2 { // the second time there is nothing to upgrade
		if now, err := open([]Upgrade{wrap}); err != nil || now.Total != 3 || now.Count != 2 {
			t.Errorf("got %+v, %v; want 3 of 2", now, err)
		}
	}
	c = newCounter()
	s = l.open(t, Config{})
	if err := l.do(func(co *deferred.Co) error { return c.journal.Open(co, s) }); !errors.Is(err, ErrNewer) {
		t.Errorf("the old program: got %v, want ErrNewer", err)
	}
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

func TestNames(t *testing.T) {
	l := newLoop(t)
	for _, name := range []string{"", "Fib", "fib.x", "a/b", "fib-shutdown", "-x", strings.Repeat("a", 65)} {
		if err := l.do(func(co *deferred.Co) error { _, err := Open(co, l, Config{Dir: "/var", Name: name}); return err }); err == nil {
			t.Errorf("program %q was taken", name)
		}
	}
	s := l.open(t, Config{})
	for _, name := range []string{"", "/a", "a//b", "a/", "a\n", "\xff", strings.Repeat("a", 129)} {
		if err := s.Persist(name, &plain{}); err == nil {
			t.Errorf("state %q was taken", name)
		}
	}
	for _, tag := range []string{"../x", "a/b", "A", "."} {
		if err := l.do(func(co *deferred.Co) error { _, err := s.Save(tag).Await(co); return err }); err == nil {
			t.Errorf("tag %q was taken", tag)
		}
	}
	if err := errors.Join(s.Persist("Größe 1", &plain{}), s.Below("a").Below("b").Persist("c", &plain{})); err != nil {
		t.Error(err)
	}
	if err := s.Persist("a/b/c", &plain{}); err == nil {
		t.Error("one name was taken twice")
	}
	c := newCounter()
	c.journal.Name = "Größe"
	c.open(t, l, s.Below("web"))
	if got, want := only(t, l.disk, "/var", segmentSuffix), "/var/fib.web.%47r%c3%b6%c3%9fe.0000000000000001-"; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
	if err := l.do(func(co *deferred.Co) error { return newCounter().journal.Open(co, s.Below("web")) }); err != nil {
		t.Error(err)
	}
}

// TestT29TypesAreChecked refuses states of which a file would have to say what
// type to make, or which would not come back as they were.
func TestT29TypesAreChecked(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	type tree struct {
		Name string
		Kids []*tree
	}
	good := map[string]any{
		"number": new(int), "time": &struct{ At time.Time }{}, "big": &struct{ A *big.Int }{big.NewInt(1)}, "tree": &tree{},
		"map": &map[int]string{}, "raw": new(json.RawMessage), "volatile": &struct{ f func() }{}, "skipped": &struct {
			F func() `json:"-"`
		}{},
	}
	for _, name := range slices.Sorted(maps.Keys(good)) {
		if err := s.Persist(name, good[name]); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, state := range map[string]any{
		"nothing": nil, "value": 5, "nil": (*plain)(nil), "any": new(any), "func": &struct{ F func() }{}, "chan": &struct{ C chan int }{},
		"deep": &struct {
			M map[string][]struct{ X error }
		}{}, "complex": new(complex128), "key": &map[[2]int]int{},
	} {
		if err := s.Persist("bad "+name, state); !errors.Is(err, ErrUnknownType) {
			t.Errorf("%s: got %v, want ErrUnknownType", name, err)
		}
	}
	type hidden struct{ A, b int }
	if err := l.do(func(co *deferred.Co) error {
		return (&Journal[hidden]{Name: "j", State: &plain{}, Apply: func(hidden) {}}).Open(co, s)
	}); !errors.Is(err, ErrUnknownType) {
		t.Errorf("a change with a field that would be lost: got %v, want ErrUnknownType", err)
	}
	deep := `1`
	for range maxDepth + 1 {
		deep = "[" + deep + "]"
	}
	*good["raw"].(*json.RawMessage) = json.RawMessage(deep)
	if err := l.do(func(co *deferred.Co) error { _, err := s.Save("").Await(co); return err }); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a state of 101 levels: got %v, want ErrTooLarge, because it could not be loaded", err)
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

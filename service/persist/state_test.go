package persist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

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

// TestLoadSharesNothing loads into a state whose pointers share a value, with others
// and with each other: each gets its own.
func TestLoadSharesNothing(t *testing.T) {
	one := big.NewInt(1)
	f := &fib{A: one, B: one}
	if err := decodeState("fib", json.RawMessage(`{"A":5,"B":8}`), f); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(f.A, f.B, one); got != "5 8 1" {
		t.Errorf("got %s, want 5 8 and the 1 of others", got)
	}
}

// TestT_29TypesAreChecked refuses states of which a file would have to say what
// type to make, or which would not come back as they were: T-29.
func TestT_29TypesAreChecked(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	type silent struct{ _ func() }
	type tree struct {
		Name string
		Kids []*tree
	}
	good := map[string]any{
		"number": new(int), "time": &struct{ At time.Time }{}, "big": &struct{ A *big.Int }{big.NewInt(1)}, "tree": &tree{},
		"map": &map[int]string{}, "raw": new(json.RawMessage), "volatile": &struct{ f func() }{}, "skipped": &struct {
			F func() `json:"-"`
		}{}, "embedded and volatile": &struct{ *silent }{},
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
		"embedded": &struct{ *plain }{},
	} {
		if err := s.Persist("bad "+name, state); !errors.Is(err, ErrUnknownType) {
			t.Errorf("%s: got %v, want ErrUnknownType", name, err)
		}
	}
	type hidden struct{ A, _ int }
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

// TestDepthLimitIsExact saves a state of 100 levels, in a snapshot and in a journal,
// and loads it.
func TestDepthLimitIsExact(t *testing.T) {
	deep := json.RawMessage(strings.Repeat("[", maxDepth) + strings.Repeat("]", maxDepth))
	for _, journal := range []bool{false, true} {
		l := newLoop(t)
		for life := range 2 {
			var got json.RawMessage
			if life == 0 {
				got = deep
			}
			s := l.open(t, Config{})
			if journal {
				j := &Journal[json.RawMessage]{Name: "x", State: &got, Apply: func(json.RawMessage) {}}
				l.must(t, func(co *deferred.Co) error { return j.Open(co, s) })
				l.must(t, func(co *deferred.Co) error { return second(j.Append(deep).Await(co)) })
				if err := l.do(func(co *deferred.Co) error { return second(j.Append([]byte("[" + string(deep) + "]")).Await(co)) }); !errors.Is(err, ErrTooLarge) {
					t.Errorf("a change of 101 levels: got %v", err)
				}
			} else if err := s.Persist("x", &got); err != nil {
				t.Fatal(err)
			}
			if depth(got) != maxDepth {
				t.Errorf("life %d: got %d levels, want %d", life, depth(got), maxDepth)
			}
			if !journal {
				l.save(t, s, "")
			}
			l.close(t, s)
		}
	}
}

func TestDepth(t *testing.T) {
	for text, want := range map[string]int{``: 0, `1`: 0, `[]`: 1, `[[],{"a":[]}]`: 3, `"[[["`: 0, `["\"[[",[]]`: 2, `{"[":"\\"}`: 1} {
		if got := depth([]byte(text)); got != want {
			t.Errorf("%s: got %d, want %d", text, got, want)
		}
	}
}

package persist

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A loop is one life of a program: a sim.Clock with an FS of its own, and a Disk
// that outlives it.
type loop struct {
	*sim.Clock
	disk *sim.Disk
	fsys twistor.FS
}

// newLoop is a first life.
func newLoop(t *testing.T) *loop {
	c := sim.NewClock(t)
	disk := c.FS().(*sim.Disk)
	return &loop{c, disk, disk.Mount()}
}

// newLife is a life on a Disk; die ends it. fsys nil: the Disk's own.
func newLife(disk *sim.Disk, fsys twistor.FS) *loop {
	if fsys == nil {
		fsys = disk.Mount()
	}
	return &loop{sim.NewClock(nil), disk, fsys}
}

// die ends a life as kill -9 does, and returns what it had to complain of.
func (l *loop) die() []error {
	l.Errors()
	l.Clock.Close()
	return l.Errors()
}

func (l *loop) FS() twistor.FS { return l.fsys }

// do runs body as a coroutine, with all the time it needs.
func (l *loop) do(body func(co *deferred.Co) error) error {
	result := errors.New("it is still running")
	deferred.Inline(twistor.Loop(l), func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, body(co)
	}).Done(func(_ struct{}, err error) { result = err })
	l.Advance(time.Minute) // and what is tried again
	return result
}

// must runs body, which may not fail.
func (l *loop) must(t testing.TB, body func(co *deferred.Co) error) {
	t.Helper()
	if err := l.do(body); err != nil {
		t.Fatal(err)
	}
}

// open opens the memory of "fib" in /var.
func (l *loop) open(t testing.TB, c Config) *Store {
	t.Helper()
	s, err := l.tryOpen(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func (l *loop) tryOpen(c Config) (s *Store, err error) {
	c.Dir, c.Name = "/var", "fib"
	err = l.do(func(co *deferred.Co) (err error) {
		s, err = Open(co, l, c)
		return err
	})
	return s, err
}

func (l *loop) save(t testing.TB, s *Store, tag string) {
	t.Helper()
	l.must(t, func(co *deferred.Co) error {
		_, err := s.Save(tag).Await(co)
		return err
	})
}

func (l *loop) close(t testing.TB, s *Store) {
	t.Helper()
	l.must(t, s.Close)
}

// A counter is a journal of numbers: its state is their sum and how many.
type counter struct {
	Sum, Count int
	journal    *Journal[int]
}

func newCounter() *counter {
	c := &counter{}
	c.journal = &Journal[int]{Name: "sum", State: c, Apply: func(n int) { c.Sum += n; c.Count++ }}
	return c
}

func (c *counter) open(t testing.TB, l *loop, s *Store) {
	t.Helper()
	l.must(t, func(co *deferred.Co) error { return c.journal.Open(co, s) })
}

// add makes changes in one turn and waits for them.
func (c *counter) add(t testing.TB, l *loop, ns ...int) {
	t.Helper()
	l.must(t, func(co *deferred.Co) error {
		var all []*deferred.Signal
		for _, n := range ns {
			all = append(all, c.journal.Append(n))
		}
		_, err := deferred.All(all...).Await(co)
		return err
	})
}

// files are the names in a directory.
func files(t testing.TB, fsys twistor.FS, dir string) (names []string) {
	t.Helper()
	list, err := fsys.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		names = append(names, e.Name())
	}
	return names
}

// content is what a file holds.
func content(t testing.TB, fsys twistor.FS, name string) []byte {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// overwrite makes b what a file holds.
func overwrite(t testing.TB, fsys twistor.FS, name string, b []byte) {
	t.Helper()
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		t.Fatal(err)
	}
}

// only is the one file whose name has all of the parts.
func only(t testing.TB, fsys twistor.FS, dir string, parts ...string) string {
	t.Helper()
	names := slices.DeleteFunc(files(t, fsys, dir), func(name string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return !strings.Contains(name, p) })
	})
	if len(names) != 1 {
		t.Fatalf("got files %q, want one with %q", names, parts)
	}
	return dir + "/" + names[0]
}

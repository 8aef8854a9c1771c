package persist

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// TestJournalIsChecked wants an error that says what is wrong with a Journal, before
// anything is touched.
func TestJournalIsChecked(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	before := files(t, l.disk, "/var")
	for want, set := range map[string]func(j *Journal[int]){
		"no Apply":                   func(j *Journal[int]) { j.Apply = nil },
		"want a pointer":             func(j *Journal[int]) { j.State = 5 },
		"1 upgrades of changes":      func(j *Journal[int]) { j.ChangeUpgrades = make([]Upgrade, 1) },
		"65536 upgrades, want":       func(j *Journal[int]) { j.Upgrades = make([]Upgrade, maxVersion+1) },
		"CompactBytes -1":            func(j *Journal[int]) { j.CompactBytes = -1 },
		"MaxWaiting -1":              func(j *Journal[int]) { j.MaxWaiting = -1 },
		"MaxWaitingBytes 67108865":   func(j *Journal[int]) { j.MaxWaitingBytes = maxFileBytes/4 + 1 },
		"MaxFailures -1":             func(j *Journal[int]) { j.MaxFailures = -1 },
		"a file name of 123 bytes":   func(j *Journal[int]) { j.Name = strings.Repeat("A", 41) },
		"want a word between":        func(j *Journal[int]) { j.Name = "a//b" },
		"\"taken\" is there already": func(j *Journal[int]) { j.Name = "taken" },
	} {
		if !slices.ContainsFunc(s.states, func(e *state) bool { return e.name == "taken" }) {
			if err := s.Persist("taken", &plain{}); err != nil {
				t.Fatal(err)
			}
		}
		c := newCounter()
		set(c.journal)
		if err := l.do(func(co *deferred.Co) error { return c.journal.Open(co, s) }); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
	if after := files(t, l.disk, "/var"); !slices.Equal(before, after) {
		t.Errorf("got files %q, want %q", after, before)
	}
	c := newCounter()
	c.open(t, l, s)
	if err := l.do(func(co *deferred.Co) error { return c.journal.Open(co, s) }); err == nil {
		t.Error("a journal was opened twice")
	}
}

func TestJournalThatIsNotOpen(t *testing.T) {
	c := newCounter()
	c.journal.Append(1).Done(func(_ struct{}, err error) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("got %v, want ErrClosed", err)
		}
	})
	if c.Count != 0 || !errors.Is(c.journal.Err(), ErrClosed) || c.journal.Sequence() != 0 {
		t.Errorf("got %d changes, %v", c.Count, c.journal.Err())
	}
}

// TestTwoOpensOfOneName opens two journals of one name at once: one of them may.
func TestTwoOpensOfOneName(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	var errs []error
	for range 2 {
		c := newCounter()
		deferred.Inline(twistor.Loop(l), func(co *deferred.Co) (struct{}, error) { return struct{}{}, c.journal.Open(co, s) }).
			Done(func(_ struct{}, err error) { errs = append(errs, err) })
	}
	l.Advance(time.Second)
	if len(errs) != 2 || errs[0] == nil || errs[1] != nil {
		t.Errorf("got %v, want the second refused at once, and the first open", errs)
	}
}

// TestOpenThatFailsCanBeTriedAgain fails while the first base is written; nothing
// is left open, and a second try succeeds.
func TestOpenThatFailsCanBeTriedAgain(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	l.disk.FailOnce(0, syscall.EIO, sim.DiskSyncDir)
	c := newCounter()
	if err := l.do(func(co *deferred.Co) error { return c.journal.Open(co, s) }); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v, want EIO", err)
	}
	l.Errors()
	if n := l.Pending(); n != 0 {
		t.Errorf("%d timers are left", n)
	}
	c.open(t, l, s)
	c.add(t, l, 1)
	l.close(t, s)
}

// TestOpenIsCancelledLate cancels Journal.Open while its base is written.
func TestOpenIsCancelledLate(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	l.WorkTime = time.Second
	c := newCounter()
	d := deferred.Inline(twistor.Loop(l), func(co *deferred.Co) (struct{}, error) { return struct{}{}, c.journal.Open(co, s) })
	l.Advance(1500 * time.Millisecond)
	d.Cancel()
	l.must(t, s.Close)
	if err := l.do(func(co *deferred.Co) error { return c.journal.Open(co, s) }); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}

func TestCloseWaitsForSaves(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	l.WorkTime = time.Second
	var order []string
	s.Save("").Done(func(_ struct{}, err error) { order = append(order, "saved") })
	s.Save("x").Done(func(_ struct{}, err error) { order = append(order, "saved x") })
	l.must(t, func(co *deferred.Co) error {
		err := s.Close(co)
		order = append(order, "closed")
		return err
	})
	if got := strings.Join(order, ", "); got != "saved, saved x, closed" {
		t.Errorf("got %s", got)
	}
}

// lockless is an FS without locks.
type lockless struct{ twistor.FS }

// TestWithoutLocks goes on where the system has no locks, and says so.
func TestWithoutLocks(t *testing.T) {
	l := newLoop(t)
	l.fsys = lockless{l.fsys}
	l.close(t, l.open(t, Config{}))
	if !strings.Contains(l.Logged(), "there are no locks here") {
		t.Errorf("it said: %s", l.Logged())
	}
}

// TestDirIsPrepared makes what is missing of a directory, and says what is wrong
// with one that is none.
func TestDirIsPrepared(t *testing.T) {
	l := newLoop(t)
	overwrite(t, l.disk, "/tmp/file", nil)
	for dir, want := range map[string]string{"/tmp/file": "not a directory", "/tmp/file/below": "not a directory"} {
		err := l.do(func(co *deferred.Co) error { _, err := Open(co, l, Config{Dir: dir, Name: "fib"}); return err })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", dir, err, want)
		}
	}
	private := &unreadable{l.disk}
	if err := prepareDir(private, "/tmp"); err != nil {
		t.Errorf("one that is there, below one that we may not read: %v", err)
	}
	if err := prepareDir(private, "/new"); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("one that was made there: got %v, want an error, because it may not last", err)
	}
}

// unreadable is an FS whose root may be passed, and not read.
type unreadable struct{ *sim.Disk }

func (u *unreadable) SyncDir(name string) error {
	if name == "/" {
		return &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
	}
	return u.Disk.SyncDir(name)
}

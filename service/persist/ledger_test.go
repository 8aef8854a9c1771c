package persist

import (
	"errors"
	"math"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A desk is a program with a counter at work, on a disk that counts syncs.
type desk struct {
	*loop
	t     *testing.T
	store *Store
	*counter
	syncs int // of files
}

func newDesk(t *testing.T, set func(j *Journal[int])) *desk {
	t.Helper()
	d := &desk{loop: newLoop(t), t: t, counter: newCounter()}
	if set != nil {
		set(d.journal)
	}
	d.store = d.loop.open(t, Config{})
	d.counter.open(t, d.loop, d.store)
	d.disk.Before = func(c sim.DiskCall) error {
		if c.Op == sim.DiskSync {
			d.syncs++
		}
		return nil
	}
	return d
}

// append makes changes in one turn; the errors are of their Signals, in order.
func (d *desk) append(ns ...int) (errs []error) {
	errs = make([]error, len(ns))
	for i, n := range ns {
		errs[i] = errPending
		d.journal.Append(n).Done(func(_ struct{}, err error) { errs[i] = err })
	}
	return errs
}

var errPending = errors.New("pending")

func (d *desk) want(why string, got []error, want ...error) {
	d.t.Helper()
	for i := range got {
		if !errors.Is(got[i], want[min(i, len(want)-1)]) {
			d.t.Errorf("%s: change %d: got %v, want %v", why, i, got[i], want[min(i, len(want)-1)])
		}
	}
}

// reborn is how many changes a program finds that starts after a loss of power.
func (d *desk) reborn() (count, sum int) {
	d.t.Helper()
	disk := d.disk.Clone()
	disk.CrashKeeping(0)
	l := newLife(disk, nil)
	defer l.die()
	c := newCounter()
	c.open(d.t, l, l.open(d.t, Config{}))
	return c.Count, c.Sum
}

// TestGroupCommit sees one sync for all changes of a turn, and one for all that
// come while another one is under way, in which nothing fires early.
func TestGroupCommit(t *testing.T) {
	d := newDesk(t, nil)
	first := d.append(slices.Repeat([]int{1}, 1000)...)
	if d.Count != 1000 {
		t.Errorf("got %d changes applied, want 1,000 at once", d.Count)
	}
	d.want("before any sync", first, errPending)
	if n, _ := d.reborn(); n != 0 {
		t.Errorf("%d changes are durable before anybody wrote them", n)
	}
	d.Advance(0)
	d.want("after it", first, nil)
	if d.syncs != 1 {
		t.Errorf("got %d syncs, want 1", d.syncs)
	}
	d.WorkTime = time.Second // a slow disk
	second := d.append(1)
	d.Advance(0)
	third := d.append(1)
	d.Advance(500 * time.Millisecond)
	fourth := d.append(1)
	d.Advance(500 * time.Millisecond)
	d.want("second", second, nil)
	d.want("third and fourth, while it was written", slices.Concat(third, fourth), errPending)
	d.Advance(time.Second)
	d.want("third and fourth", slices.Concat(third, fourth), nil)
	if d.syncs != 3 {
		t.Errorf("got %d syncs, want 3", d.syncs)
	}
	if n, _ := d.reborn(); n != 1003 {
		t.Errorf("got %d changes after a loss of power, want 1,003", n)
	}
}

// TestF30SyncFails sees a change fail whose sync fails; the file is not synced
// again, but given up for a new one, whose base has the change.
func TestF30SyncFails(t *testing.T) {
	d := newDesk(t, nil)
	d.want("at first", d.append(1), errPending)
	d.Advance(0)
	before := only(t, d.disk, "/var", segmentSuffix)
	d.disk.FailOnce(0, syscall.EIO, sim.DiskSync)
	failed := d.append(2, 3)
	d.Advance(0)
	d.want("while it fails", failed, ErrUncertain)
	d.want("and why", failed, syscall.EIO)
	if !errors.Is(d.journal.Err(), syscall.EIO) || !errors.Is(d.store.Err(), syscall.EIO) || len(d.Errors()) != 1 {
		t.Errorf("got %v, want it known and logged once", d.journal.Err())
	}
	if d.Count != 3 {
		t.Errorf("got %d changes in memory, want 3: they were applied", d.Count)
	}
	var synced []string
	d.disk.Before = func(c sim.DiskCall) error {
		if c.Op == sim.DiskSync || c.Op == sim.DiskWrite {
			synced = append(synced, c.Name)
		}
		return nil
	}
	d.Advance(firstRetry) // by itself
	if slices.Contains(synced, before) || len(synced) != 2 {
		t.Errorf("got writes and syncs of %q, want one each, of another file than %s", synced, before)
	}
	if n, sum := d.reborn(); n != 3 || sum != 6 {
		t.Errorf("after the retry %d changes are durable with sum %d, want 3 with 6", n, sum)
	}
	if d.journal.Err() != nil || !strings.Contains(d.Logged(), "can be written again") {
		t.Errorf("got %v, want it well, and said", d.journal.Err())
	}
	again := d.append(4)
	d.Advance(0)
	d.want("after it", again, nil)
	if n, _ := d.reborn(); n != 4 {
		t.Errorf("got %d changes, want 4", n)
	}
}

// TestF30NextChangeBringsTheBase sees a change that comes before the retry: it is
// durable with a new base, at once, and never without those before it.
func TestF30NextChangeBringsTheBase(t *testing.T) {
	d := newDesk(t, nil)
	d.disk.FailOnce(0, syscall.EIO, sim.DiskSync)
	d.append(1)
	d.Advance(0)
	d.Errors()
	next := d.append(2)
	d.Advance(0)
	d.want("the next one", next, nil)
	if n, sum := d.reborn(); n != 2 || sum != 3 {
		t.Errorf("got %d changes with sum %d, want both", n, sum)
	}
}

// TestF30RefusesAfterFailures sees changes refused, and not applied, after three
// failures in a row, until a base could be written.
func TestF30RefusesAfterFailures(t *testing.T) {
	d := newDesk(t, nil)
	d.disk.FailFrom(0, syscall.ENOSPC, sim.DiskWrite)
	for range DefaultMaxFailures {
		failed := d.append(1)
		d.Advance(0)
		d.want("while it fails", failed, ErrUncertain)
	}
	d.want("after three failures", d.append(1), ErrFailing)
	if d.Count != DefaultMaxFailures {
		t.Errorf("got %d changes applied, want %d", d.Count, DefaultMaxFailures)
	}
	d.Advance(time.Hour)
	d.want("an hour later", d.append(1), ErrFailing)
	if n := len(d.Errors()); n != 1 {
		t.Errorf("got %d errors logged, want one for all of it", n)
	}
	d.disk.Repair()
	d.Advance(lastRetry)
	ok := d.append(1)
	d.Advance(0)
	d.want("on a good disk", ok, nil)
	if n, _ := d.reborn(); n != DefaultMaxFailures+1 {
		t.Errorf("got %d changes, want %d", n, DefaultMaxFailures+1)
	}
}

// TestRetriesBackOff sees how often a disk is tried that stays full: not oftener
// than every 30 s in the end.
func TestRetriesBackOff(t *testing.T) {
	d := newDesk(t, nil)
	tries := 0
	d.disk.Before = func(c sim.DiskCall) error {
		if c.Op == sim.DiskCreate {
			tries++
			return syscall.ENOSPC
		}
		return nil
	}
	d.disk.FailOnce(0, syscall.ENOSPC, sim.DiskWrite)
	d.append(1)
	d.Advance(time.Hour)
	d.Errors()
	if tries < 110 || tries > 140 {
		t.Errorf("got %d tries in an hour, want about 120", tries)
	}
}

// TestJournalLimits sees changes refused, and not applied, that are too many or
// too large.
func TestJournalLimits(t *testing.T) {
	d := newDesk(t, func(j *Journal[int]) { j.MaxWaiting = 2 })
	got := d.append(1, 2, 3)
	d.want("the third of two", got[2:], ErrFull)
	d.Advance(0)
	d.want("the others", got[:2], nil)
	if d.Count != 2 {
		t.Errorf("got %d changes, want 2", d.Count)
	}

	l := newLoop(t)
	var words []string
	j := &Journal[string]{Name: "words", State: &words, Apply: func(w string) { words = append(words, w) }, MaxWaitingBytes: 100}
	s := l.open(t, Config{})
	l.must(t, func(co *deferred.Co) error { return j.Open(co, s) })
	for _, x := range []struct {
		word string
		want error
	}{
		{strings.Repeat("x", 100), ErrTooLarge}, {strings.Repeat("x", 60), errPending}, {"y", ErrFull},
	} {
		err := errPending
		j.Append(x.word).Done(func(_ struct{}, e error) { err = e })
		if !errors.Is(err, x.want) {
			t.Errorf("%d bytes: got %v, want %v", len(x.word), err, x.want)
		}
	}
	l.Advance(0)
	if len(words) != 1 {
		t.Errorf("got %q, want one", words)
	}
}

// TestJournalCompacts sees a new base when the changes have outgrown it, the older
// segment kept, and no third one.
func TestJournalCompacts(t *testing.T) {
	d := newDesk(t, func(j *Journal[int]) { j.CompactBytes = 500 })
	for i := range 100 {
		done := d.append(i)
		d.Advance(0)
		d.want("each", done, nil)
	}
	segments := 0
	var bytes int64
	for _, name := range files(t, d.disk, "/var") {
		if strings.HasSuffix(name, segmentSuffix) {
			segments++
			info, _ := d.disk.Stat("/var/" + name)
			bytes += info.Size()
		}
	}
	if segments != 2 || bytes > 2000 {
		t.Errorf("got %d segments of %d bytes, want 2 of up to 2,000", segments, bytes)
	}
	if n, sum := d.reborn(); n != 100 || sum != 4950 {
		t.Errorf("got %d changes with sum %d, want 100 with 4,950", n, sum)
	}
}

// TestApplyPanics sees a change that panics leave nothing in the journal.
func TestApplyPanics(t *testing.T) {
	d := newDesk(t, nil)
	apply := d.journal.Apply
	d.journal.Apply = func(n int) {
		if n == 13 {
			panic("thirteen")
		}
		apply(n)
	}
	func() {
		defer func() {
			if recover() == nil {
				t.Error("no panic came through")
			}
		}()
		d.append(13)
	}()
	ok := d.append(1)
	d.Advance(0)
	d.want("the next one", ok, nil)
	if n, sum := d.reborn(); n != 1 || sum != 1 {
		t.Errorf("got %d changes with sum %d, want one", n, sum)
	}
}

func TestAppendInsideApply(t *testing.T) {
	d := newDesk(t, nil)
	d.journal.Apply = func(n int) { d.journal.Append(n) }
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	d.journal.Append(1)
}

// TestCloseWrites sees Close wait for what was appended, and refuse what comes
// after; and another program take over.
func TestCloseWrites(t *testing.T) {
	d := newDesk(t, nil)
	d.WorkTime = time.Second
	last := d.append(1, 2)
	saved := d.store.Save("")
	d.must(t, d.store.Close)
	d.want("the last", last, nil)
	if _, ok := saved.Result(); !ok {
		t.Error("a Save was not waited for")
	}
	d.want("after Close", d.append(3), ErrClosed)
	d.store.Save("").Done(func(_ struct{}, err error) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("Save: got %v, want ErrClosed", err)
		}
	})
	if err := d.store.Persist("late", &plain{}); !errors.Is(err, ErrClosed) {
		t.Errorf("Persist: got %v, want ErrClosed", err)
	}
	d.must(t, d.store.Close) // again: nothing
	d.loop.close(t, d.loop.open(t, Config{}))
}

// TestCloseOnBrokenDisk sees Close say what could not be written.
func TestCloseOnBrokenDisk(t *testing.T) {
	d := newDesk(t, nil)
	d.disk.FailFrom(0, syscall.EIO)
	d.append(1)
	if err := d.do(d.store.Close); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v, want EIO", err)
	}
	d.Errors()
	if n := d.Pending(); n != 0 {
		t.Errorf("%d timers are left", n)
	}
}

// TestChangesWaitForTheRetry makes changes while the third write in a row fails:
// they were taken, so they wait for the disk to be tried again, and are durable
// then.
func TestChangesWaitForTheRetry(t *testing.T) {
	d := newDesk(t, func(j *Journal[int]) { j.MaxFailures = 1 })
	d.WorkTime = time.Millisecond
	d.disk.FailOnce(0, syscall.EIO, sim.DiskWrite)
	failed := d.append(1)
	d.Advance(0)
	waits := d.append(2)
	d.Advance(time.Millisecond)
	d.want("the first", failed, ErrUncertain)
	d.Errors()
	d.Advance(firstRetry - time.Millisecond)
	d.want("the second, before the retry", waits, errPending)
	d.Advance(firstRetry)
	d.want("after it", waits, nil)
	if n, _ := d.reborn(); n != 2 {
		t.Errorf("got %d changes, want 2", n)
	}
}

// TestStateCannotBeEncoded sees a state that JSON does not know fail what needs
// it, and nothing else; and all be well when it is well again.
func TestStateCannotBeEncoded(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	x := &struct{ F float64 }{}
	if err := s.Persist("x", x); err != nil {
		t.Fatal(err)
	}
	x.F = math.NaN()
	if err := l.do(func(co *deferred.Co) error { return second(s.Save("").Await(co)) }); err == nil || !strings.Contains(err.Error(), "x: json: unsupported value: NaN") {
		t.Errorf("got %v, want an error that names the state", err)
	}
	x.F = 1
	l.save(t, s, "")

	y := &struct{ F float64 }{}
	j := &Journal[int]{Name: "y", State: y, Apply: func(int) {}}
	l.must(t, func(co *deferred.Co) error { return j.Open(co, s) })
	y.F = math.NaN() // not by Apply, but so it goes
	l.must(t, func(co *deferred.Co) error { return second(j.Append(1).Await(co)) })
	j.ledger.compact()
	l.Advance(0)
	if j.Err() == nil || len(l.Errors()) != 1 {
		t.Errorf("a base that cannot be encoded: got %v, want it known", j.Err())
	}
	y.F = 1
	l.must(t, func(co *deferred.Co) error { return second(j.Append(1).Await(co)) })
	if j.Err() != nil || j.Sequence() != 2 {
		t.Errorf("got %v, sequence %d; want all well", j.Err(), j.Sequence())
	}
	l.close(t, s)
}

// TestCloseIsCancelled sees the lock kept until what is being written is, though
// nobody waits for Close any more.
func TestCloseIsCancelled(t *testing.T) {
	d := newDesk(t, nil)
	d.WorkTime = time.Second
	last := d.append(1)
	closing := deferred.Inline(twistor.Loop(d.loop), func(co *deferred.Co) (struct{}, error) { return struct{}{}, d.store.Close(co) })
	d.Advance(time.Millisecond)
	closing.Cancel()
	if _, err := d.disk.Lock("/var/fib.lock", 0); !errors.Is(err, twistor.ErrLocked) {
		t.Errorf("while it is written: got %v, want it locked", err)
	}
	d.Advance(time.Minute)
	d.want("the last change", last, nil)
	if _, err := d.disk.Lock("/var/fib.lock", 0); err != nil {
		t.Errorf("after it: %v", err)
	}
}

package persist

import (
	"bytes"
	"errors"
	"fmt"
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

func startTable(t testing.TB, l *loop, table *Table) *Table {
	t.Helper()
	table.Dir = "/var/table"
	l.must(t, func(co *deferred.Co) error { return table.Open(co, l) })
	return table
}

// TestS08Table puts, gets, replaces and deletes, with keys of all kinds of bytes.
func TestS08Table(t *testing.T) {
	l := newLoop(t)
	table := startTable(t, l, &Table{})
	keys := []string{"", "a", "A", "..", "a/b", "\x00\xff", strings.Repeat("k", maxKeyBytes)}
	l.must(t, func(co *deferred.Co) error {
		for i, k := range keys {
			if _, err := table.Put(k, fmt.Append(nil, i)).Await(co); err != nil {
				return err
			}
		}
		_, err := table.Put("a", nil).Await(co)
		return err
	})
	l.must(t, table.Close)
	table = startTable(t, l, &Table{})
	l.must(t, func(co *deferred.Co) error {
		for i, k := range keys {
			want := fmt.Append(nil, i)
			if k == "a" {
				want = nil
			}
			if got, err := table.Get(k).Await(co); err != nil || !bytes.Equal(got, want) {
				t.Errorf("key %q: got %q, %v; want %q", k, got, err, want)
			}
		}
		if _, err := table.Delete("A").Await(co); err != nil {
			return err
		}
		got, err := table.Keys().Await(co)
		want := slices.Sorted(slices.Values(slices.DeleteFunc(keys, func(k string) bool { return k == "A" })))
		if !slices.Equal(got, want) {
			t.Errorf("got keys %q, want %q", got, want)
		}
		for _, err := range []error{second(table.Get("A").Await(co)), second(table.Delete("A").Await(co))} {
			if !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a key that is not there: got %v", err)
			}
		}
		return err
	})
}

func second[T any](_ T, err error) error { return err }

// TestTableKeepsOrder makes calls without waiting for one another.
func TestTableKeepsOrder(t *testing.T) {
	l := newLoop(t)
	table := startTable(t, l, &Table{})
	l.must(t, func(co *deferred.Co) error {
		table.Put("k", []byte("1")).Done(nil)
		one := table.Get("k")
		two := []byte("2")
		table.Put("k", two).Done(nil)
		two[0] = '9' // the Table has a copy
		three := table.Get("k")
		a, err1 := one.Await(co)
		b, err2 := three.Await(co)
		if string(a)+string(b) != "12" {
			t.Errorf("got %q and %q, want 1 and 2", a, b)
		}
		return errors.Join(err1, err2)
	})
}

// TestTableSurvives loses power before each call of a Put that replaces a value,
// of another one, and of a Delete; the values are the old or the new ones, and the
// new ones once they are acknowledged.
func TestTableSurvives(t *testing.T) {
	for at := range 40 {
		for seed := range uint64(8) {
			disk := newDisk()
			disk.Seed(seed)
			l := newLife(disk, nil)
			table := startTable(t, l, &Table{})
			l.must(t, func(co *deferred.Co) error {
				return errors.Join(second(table.Put("a", []byte("old")).Await(co)), second(table.Put("b", []byte("old")).Await(co)))
			})
			left := at
			disk.Before = func(sim.DiskCall) error {
				if left--; left == -1 {
					disk.Crash()
				}
				return nil
			}
			done := 0
			l.do(func(co *deferred.Co) error {
				for _, call := range []func() *deferred.Signal{
					func() *deferred.Signal { return table.Put("a", []byte("new")) }, func() *deferred.Signal { return table.Put("c", []byte("new")) },
					func() *deferred.Signal { return table.Delete("b") },
				} {
					if _, err := call().Await(co); err != nil {
						return err
					}
					done++
				}
				return nil
			})
			if disk.Before = nil; left >= 0 {
				disk.CrashKeeping(0)
			}
			l.die()
			l = newLife(disk, nil)
			table = startTable(t, l, &Table{})
			l.must(t, func(co *deferred.Co) error {
				for i, key := range []string{"a", "c", "b"} {
					old, now := []string{"old", "", "old"}[i], []string{"new", "new", ""}[i]
					got, err := table.Get(key).Await(co)
					if err != nil && !errors.Is(err, fs.ErrNotExist) || string(got) != now && (done > i || string(got) != old) {
						t.Errorf("call %d, seed %d, %d acknowledged: %s is %q, %v", at, seed, done, key, got, err)
					}
				}
				return nil
			})
			l.die()
		}
	}
}

// TestTableFails sees the old value stay when a new one cannot be written, damage
// found, and limits kept.
func TestTableFails(t *testing.T) {
	l := newLoop(t)
	table := startTable(t, l, &Table{MaxValueBytes: 10, MaxWaitingBytes: 15})
	get := func(key string) (string, error) {
		var got []byte
		err := l.do(func(co *deferred.Co) (err error) { got, err = table.Get(key).Await(co); return err })
		return string(got), err
	}
	put := func(key, value string) error {
		return l.do(func(co *deferred.Co) error { return second(table.Put(key, []byte(value)).Await(co)) })
	}
	if err := put("a", "old"); err != nil {
		t.Fatal(err)
	}
	l.disk.FailOnce(0, syscall.EIO, sim.DiskSync)
	if err := put("a", "new"); !errors.Is(err, syscall.EIO) {
		t.Errorf("got %v, want EIO", err)
	}
	if got, err := get("a"); got != "old" || err != nil {
		t.Errorf("got %q, %v; want old", got, err)
	}
	file := only(t, l.disk, "/var/table", valuePrefix)
	if err := l.disk.Rot(file, 8*8); err != nil {
		t.Fatal(err)
	}
	if _, err := get("a"); !damaged(err) {
		t.Errorf("a flipped bit: got %v, want it found", err)
	}
	if err := put("b", "elevenbytes"); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a long value: got %v", err)
	}
	if err := put(strings.Repeat("k", maxKeyBytes+1), ""); !errors.Is(err, ErrTooLarge) {
		t.Errorf("a long key: got %v", err)
	}
	var errs []error
	l.WorkTime = time.Second
	for range 2 {
		table.Put("b", []byte("tenbytes..")).Done(func(_ struct{}, err error) { errs = append(errs, err) })
	}
	if len(errs) != 1 || !errors.Is(errs[0], ErrFull) {
		t.Errorf("20 bytes of 15: got %v, want the second refused", errs)
	}
	if err := l.do(func(co *deferred.Co) error { return (&Table{Dir: "/var/table"}).Open(co, l) }); !errors.Is(err, twistor.ErrLocked) {
		t.Errorf("a second Table: got %v, want ErrLocked", err)
	}
	l.must(t, table.Close)
	if len(errs) != 2 || errs[1] != nil {
		t.Errorf("Close did not wait: %v", errs)
	}
	if _, err := get("a"); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: got %v", err)
	}
}

// TestTableCallsAreBounded makes more calls than may wait; Close is not one of
// them, and also a Close that nobody waits for lets the directory go.
func TestTableCallsAreBounded(t *testing.T) {
	l := newLoop(t)
	table := startTable(t, l, &Table{})
	l.WorkTime = time.Millisecond
	full := 0
	for range maxTableCalls + 3 {
		table.Get("k").Done(func(_ []byte, err error) {
			if errors.Is(err, ErrFull) {
				full++
			}
		})
	}
	if full != 2 {
		t.Errorf("got %d calls refused, want 2: one is under way", full)
	}
	closing := deferred.Inline(twistor.Loop(l), func(co *deferred.Co) (struct{}, error) { return struct{}{}, table.Close(co) })
	closing.Cancel()
	l.Advance(time.Minute)
	l.WorkTime = 0
	l.must(t, startTable(t, l, &Table{}).Close)
}

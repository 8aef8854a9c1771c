//go:build unix

package persist

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

// The tests of this file run the scenario in another process, on the real disk,
// and kill it. It is this test binary, with a word in its environment.
const childVariable = "TWISTOR_PERSIST_CHILD"

func TestMain(m *testing.M) {
	if order := os.Getenv(childVariable); order != "" {
		child(order)
		return
	}
	os.Exit(m.Run())
}

// child lives one life, or, at -1, goes on until it is killed. It says what it has
// tried and what it was told is durable, one line each time.
func child(order string) {
	var at int64
	var after bool
	var dir string
	if _, err := fmt.Sscan(order, &at, &after, &dir); err != nil {
		panic(err)
	}
	world := &reactor.World{FS: &deadly{FS: reactor.New(nil).Loop().FS(), at: at, after: after}}
	if at < 0 {
		world = nil
	}
	r := reactor.New(&reactor.Config{Loops: 1, World: world})
	x := &scenario{dir: dir}
	x.report = func() { fmt.Println(x.tried, x.acknowledged, x.saved, x.durable, x.before) }
	deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		defer r.Stop()
		if at < 0 {
			return struct{}{}, x.goOn(co, r.Loop())
		}
		return struct{}{}, x.live(co, r.Loop())
	}).Done(func(_ struct{}, err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	})
	if err := r.Run(context.Background()); err != nil {
		panic(err)
	}
}

// goOn makes changes and snapshots from where the last life was, without end.
func (x *scenario) goOn(co *deferred.Co, l twistor.Loop) error {
	s, p, c, err := x.begin(co, l)
	if err != nil {
		return err
	}
	x.tried, x.acknowledged = c.Count, c.Count
	x.saved, x.durable = p.N, p.N
	for i := 0; ; i++ {
		x.change(co, c, 1+i%3)
		if i%5 == 0 {
			x.save(co, s, p, "")
		}
		if err := errors.Join(x.errors...); err != nil {
			return err
		}
	}
}

// A deadly FS kills the process before or after a call that changes something.
type deadly struct {
	twistor.FS
	n, at int64 // n is counted by several workers
	after bool
}

func (d *deadly) around(do func() error) error {
	n := atomic.AddInt64(&d.n, 1) - 1
	if n == d.at && !d.after {
		die()
	}
	err := do()
	if n == d.at {
		die()
	}
	return err
}

func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

func (d *deadly) OpenFile(name string, flag int, perm fs.FileMode) (f twistor.File, err error) {
	open := func() error { f, err = d.FS.OpenFile(name, flag, perm); return err }
	if flag&os.O_CREATE == 0 {
		open()
	} else {
		d.around(open)
	}
	if err != nil {
		return nil, err
	}
	return &deadlyFile{f, d}, nil
}
func (d *deadly) Mkdir(name string, perm fs.FileMode) error {
	return d.around(func() error { return d.FS.Mkdir(name, perm) })
}
func (d *deadly) Rename(a, b string) error {
	return d.around(func() error { return d.FS.Rename(a, b) })
}
func (d *deadly) Remove(name string) error {
	return d.around(func() error { return d.FS.Remove(name) })
}
func (d *deadly) SyncDir(name string) error {
	return d.around(func() error { return d.FS.SyncDir(name) })
}

func (d *deadly) Lock(name string, perm fs.FileMode) (io.Closer, error) {
	return d.FS.(twistor.Locker).Lock(name, perm)
}

type deadlyFile struct {
	twistor.File
	d *deadly
}

func (f *deadlyFile) Sync() error { return f.d.around(f.File.Sync) }
func (f *deadlyFile) Write(p []byte) (n int, err error) {
	f.d.around(func() error { n, err = f.File.Write(p); return err })
	return n, err
}

func (f *deadlyFile) Truncate(size int64) error {
	return f.d.around(func() error { return f.File.Truncate(size) })
}

// killed runs a child, kills it after so many lines if that is more than 0, and
// returns what it said last. done says that it ended by itself.
func killed(t *testing.T, dir string, order string, lines int) (x *scenario, done bool) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+order)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	x = &scenario{dir: dir}
	n := 0
	for s := bufio.NewScanner(out); s.Scan(); {
		if _, err := fmt.Sscan(s.Text(), &x.tried, &x.acknowledged, &x.saved, &x.durable, &x.before); err != nil {
			t.Fatalf("%q: %v", s.Text(), err)
		}
		if n++; n == lines {
			cmd.Process.Kill()
		}
	}
	err = cmd.Wait()
	if err == nil {
		return x, true
	}
	if e, ok := errors.AsType[*exec.ExitError](err); !ok || e.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
		t.Fatalf("the child ended with %v, want it killed", err)
	}
	return x, false
}

// realDisk is the real file system under a life whose clock stands still.
func realDisk() twistor.FS { return reactor.New(nil).Loop().FS() }

// TestF31KilledAtEachCall kills a process by SIGKILL before and after each call by
// which it changes the real disk; a process that starts then must remember all
// that it was told is durable.
func TestF31KilledAtEachCall(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 0; ; at += scale(1, 7) {
			dir := t.TempDir() + "/memory"
			x, done := killed(t, dir, fmt.Sprint(at, after, dir), 0)
			if err := x.remember(nil, realDisk(), false); err != nil {
				t.Errorf("killed at call %d (after it: %v): %v", at, after, err)
			}
			if done {
				if at < 60 {
					t.Errorf("it ended by itself after %d calls, want more", at)
				}
				break
			}
		}
	}
}

// TestF31KilledAtRandom kills a process that works as fast as it can, 300 times,
// and starts the next one on the same disk.
func TestF31KilledAtRandom(t *testing.T) {
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(1, 2))
	changes := 0
	for i := range scale(300, 30) {
		x, done := killed(t, dir, fmt.Sprint(-1, false, dir), 1+r.IntN(120))
		if done {
			t.Fatal("the child ended by itself")
		}
		if x.tried < changes {
			t.Fatalf("kill %d: it began with %d changes, want %d or more", i, x.tried, changes)
		}
		x.tried += 3 // it may have gone on before it could say so
		x.saved++
		if err := x.remember(nil, realDisk(), false); err != nil {
			t.Fatalf("kill %d: %v", i, err)
		}
		changes = x.acknowledged
	}
	t.Logf("%d changes", changes)
}

// TestF28RealDiskFull fills a file system of 1 MiB: changes and snapshots fail, the
// service goes on, and when there is room again all is well.
func TestF28RealDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := mountTmpfs(dir); err != nil {
		t.Skipf("cannot mount a file system of 1 MiB: %v", err)
	}
	defer func() {
		if err := unmount(dir); err != nil {
			t.Error(err)
		}
	}()
	l := &loop{sim.NewClock(t), nil, realDisk()}
	var s *Store
	l.must(t, func(co *deferred.Co) (err error) {
		s, err = Open(co, l, Config{Dir: dir + "/memory", Name: "fib"})
		return err
	})
	c := newCounter()
	c.open(t, l, s)
	c.add(t, l, 1)
	l.save(t, s, "")
	filler := dir + "/filler"
	if err := os.WriteFile(filler, make([]byte, 2<<20), 0o600); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("got %v, want a full disk", err)
	}
	for range 100 { // the last page of a file may have room
		failed := false
		c.journal.Append(1).Done(func(_ struct{}, err error) { failed = err != nil })
		l.Advance(0)
		if failed {
			break
		}
	}
	if err := c.journal.Err(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v, want ENOSPC", err)
	}
	if err := l.do(func(co *deferred.Co) error { return second(s.Save("").Await(co)) }); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("Save: got %v, want ENOSPC", err)
	}
	l.Errors()
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	l.Advance(lastRetry)
	c.add(t, l, 1)
	l.save(t, s, "")
	l.close(t, s)
	if names := files(t, realDisk(), dir+"/memory"); len(names) != 5 {
		t.Errorf("got files %q, want the lock, two generations and two segments", names)
	}
	d := newCounter()
	l.must(t, func(co *deferred.Co) (err error) {
		s, err = Open(co, l, Config{Dir: dir + "/memory", Name: "fib"})
		return err
	})
	d.open(t, l, s)
	if d.Count != c.Count || d.Sum != c.Sum {
		t.Errorf("got %d changes with sum %d, want %d with %d", d.Count, d.Sum, c.Count, c.Sum)
	}
	l.close(t, s)
}

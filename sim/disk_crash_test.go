package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// create makes a file and writes text, without any sync.
func create(t *testing.T, d twistor.FS, name, text string) twistor.File {
	t.Helper()
	f, err := d.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(f, text); err != nil {
		t.Fatal(err)
	}
	return f
}

func newDisk() *Disk { return NewDisk(func() time.Time { return Epoch }) }

// TestCrashLosesWhatWasNotSynced sees what each kind of sync protects.
func TestCrashLosesWhatWasNotSynced(t *testing.T) {
	d := newDisk()
	create(t, d, "nothing", "x")
	create(t, d, "content", "x").Sync()
	d.Mkdir("dir", 0o700)
	create(t, d, "dir/both", "x").Sync()
	d.SyncDir("dir") // but the root was not
	d.CrashKeeping(0)
	if got := fmt.Sprint(d.root.entries["nothing"], d.root.entries["content"], d.root.entries["dir"]); got != "<nil> <nil> <nil>" {
		t.Errorf("names of a directory that was not synced: got %s, want none", got)
	}

	d = newDisk()
	create(t, d, "empty", "x")
	create(t, d, "whole", "x").Sync()
	d.SyncDir("/")
	f := create(t, d, "whole", "yes")
	d.Rename("empty", "renamed")
	d.Remove("whole")
	d.CrashKeeping(0)
	if got := read(t, d, "empty") + "," + read(t, d, "whole"); got != ",x" {
		t.Errorf("got %q, want \",x\": what was synced, and no more", got)
	}
	if _, err := f.Write([]byte("z")); !errors.Is(err, syscall.EIO) {
		t.Errorf("a file that was open at the crash: got %v, want EIO", err)
	}
}

// TestKillLosesNothing sees a program end, and what it had not synced be there
// until the power fails.
func TestKillLosesNothing(t *testing.T) {
	d := newDisk()
	f := create(t, d, "f", "x")
	d.Kill()
	if got := read(t, d, "f"); got != "x" {
		t.Errorf("after Kill: got %q, want x", got)
	}
	if err := f.Sync(); !errors.Is(err, syscall.EIO) {
		t.Errorf("a file of before: got %v, want EIO", err)
	}
	d.CrashKeeping(0)
	if _, err := d.Stat("f"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a crash: got %v, want nothing", err)
	}
}

func TestCrashKeepingAll(t *testing.T) {
	d := newDisk()
	d.Mkdir("a", 0o700)
	f := create(t, d, "a/x", "hello world")
	f.Truncate(5)
	f.Seek(0, io.SeekStart)
	f.Write([]byte("J"))
	d.Rename("a/x", "a/y")
	d.CrashKeeping(1)
	if got := read(t, d, "a/y"); got != "Jello" {
		t.Errorf("got %q, want \"Jello\"", got)
	}
}

// TestCrashTearsSectors overwrites sectors twice, and sees each of them survive
// as it was, or as one of the writes made it, or torn; all of that must happen,
// and nothing else.
func TestCrashTearsSectors(t *testing.T) {
	const sectors = 8
	seen := map[string]bool{}
	whole := map[string]bool{}
	d := newDisk()
	f := create(t, d, "f", strings.Repeat("a", sectors*sectorBytes))
	f.Sync()
	d.SyncDir("/")
	for _, c := range []string{"b", "c"} {
		f.Seek(0, io.SeekStart)
		io.WriteString(f, strings.Repeat(c, sectors*sectorBytes))
	}
	for seed := range uint64(200) {
		e := d.Clone()
		e.Seed(seed)
		e.Crash()
		all := ""
		for p := []byte(read(t, e, "f")); len(p) > 0; p = p[sectorBytes:] {
			runs := string(slices.Compact(slices.Clone(p[:sectorBytes])))
			seen[runs] = true
			all += runs
		}
		whole[all] = true
	}
	for _, want := range []string{"a", "b", "c", "ba", "cb"} {
		if !seen[want] {
			t.Errorf("no sector survived as %q", want)
		}
		delete(seen, want)
	}
	if len(seen) > 0 {
		t.Errorf("sectors survived as %v, which no order of writing makes", seen)
	}
	if !whole["aaaaaaaa"] || !whole["cccccccc"] || len(whole) < 50 {
		t.Errorf("got %d images, want many, and among them nothing lost and all lost", len(whole))
	}
}

// TestCrashSize sees the size of a file survive for itself: what it has and was
// never written is zero.
func TestCrashSize(t *testing.T) {
	d := newDisk()
	f := create(t, d, "f", "")
	f.Sync()
	d.SyncDir("/")
	io.WriteString(f, strings.Repeat("x", 700))
	sizes, hole := map[int]bool{}, false
	for seed := range uint64(200) {
		e := d.Clone()
		e.Seed(seed)
		e.CrashKeeping(0.5)
		b := read(t, e, "f")
		sizes[len(b)] = true
		hole = hole || len(b) == 700 && b[0] == 0 && b[600] == 'x'
	}
	if !sizes[0] || !sizes[700] || len(sizes) != 2 || !hole {
		t.Errorf("got sizes %v, with a hole: %v; want 0 and 700, and a hole", sizes, hole)
	}
}

// TestCrashKeepsNamesApart sees each change of names survive for itself, but a
// rename in one piece.
func TestCrashKeepsNamesApart(t *testing.T) {
	d := newDisk()
	for _, name := range []string{"a", "b", "tmp1"} {
		create(t, d, name, name).Sync()
	}
	d.SyncDir("/")
	d.Rename("tmp1", "a")
	d.Remove("b")
	create(t, d, "c", "c").Sync()
	seen := map[string]bool{}
	for seed := range uint64(300) {
		e := d.Clone()
		e.Seed(seed)
		e.CrashKeeping(0.5)
		var now []string
		list, _ := e.ReadDir("/")
		for _, x := range list {
			if !x.IsDir() {
				now = append(now, x.Name()+"="+read(t, e, x.Name()))
			}
		}
		seen[strings.Join(now, " ")] = true
	}
	var want []string
	for _, a := range []string{"a=a tmp1=tmp1", "a=tmp1"} {
		for _, rest := range []string{"", " b=b", " c=c", " b=b c=c"} {
			w := strings.Fields(a + rest)
			slices.Sort(w)
			want = append(want, strings.Join(w, " "))
		}
	}
	for _, w := range want {
		if !seen[w] {
			t.Errorf("never: %s", w)
		}
		delete(seen, w)
	}
	if len(seen) > 0 {
		t.Errorf("unexpected: %v", seen)
	}
}

// TestSyncThatFails sees F-30: what a failed sync did not write is lost, though
// it can be read, and though a second sync says that all is well.
func TestSyncThatFails(t *testing.T) {
	lost := false
	for seed := range uint64(20) {
		d := newDisk()
		d.Seed(seed)
		f := create(t, d, "f", "x")
		d.SyncDir("/")
		d.FailOnce(0, syscall.EIO, DiskSync)
		if err := f.Sync(); !errors.Is(err, syscall.EIO) {
			t.Fatalf("got %v, want EIO", err)
		}
		if err := f.Sync(); err != nil || read(t, d, "f") != "x" {
			t.Fatalf("a second sync: got %v, and %q; want it to lie", err, read(t, d, "f"))
		}
		d.CrashKeeping(1)
		lost = lost || read(t, d, "f") == ""
	}
	if !lost {
		t.Error("nothing was lost by a failed sync, with 20 seeds")
	}
}

func TestDiskFaults(t *testing.T) {
	d := newDisk()
	broken := errors.New("broken")
	d.FailOnce(1, broken, DiskWrite)
	f := create(t, d, "f", "12")
	if n, err := f.Write([]byte("3456")); n != 2 || !errors.Is(err, broken) {
		t.Errorf("second write: got %d, %v; want 2, broken", n, err)
	}
	if _, err := f.Write([]byte("5")); err != nil {
		t.Errorf("third write: got %v", err)
	}
	d.FailFrom(0, syscall.EROFS)
	for range 2 {
		if err := d.Rename("f", "g"); !errors.Is(err, syscall.EROFS) {
			t.Errorf("rename: got %v, want EROFS", err)
		}
	}
	d.Repair()
	d.Faults = DiskFaults{ReadError: 1, WriteError: 1, SyncError: 1, NameError: 1}
	_, create := d.OpenFile("h", os.O_CREATE|os.O_WRONLY, 0o600)
	_, read := f.ReadAt(make([]byte, 1), 0)
	_, list := d.ReadDir("/")
	for i, err := range []error{create, read, list, f.Truncate(0), f.Sync(), d.SyncDir("/"), d.Mkdir("d", 0o700), d.Remove("f")} {
		if !errors.Is(err, syscall.EIO) {
			t.Errorf("call %d: got %v, want EIO", i, err)
		}
	}
	d.Faults = DiskFaults{MaxBytes: 8}
	if n, err := f.Write([]byte("6789")); n != 3 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("a write that does not fit: got %d, %v; want 3, ENOSPC", n, err)
	}
}

// TestDiskBefore sees the calls that change something, and a crash in the middle.
func TestDiskBefore(t *testing.T) {
	d := newDisk()
	var got []string
	d.Before = func(c DiskCall) error {
		got = append(got, fmt.Sprint(c.Op, " ", c.Name))
		if c.Op == DiskRename {
			d.CrashKeeping(1)
		}
		return nil
	}
	m := d.Mount()
	f := create(t, m, "a", "x")
	f.Sync()
	m.SyncDir("/")
	if err := m.Rename("a", "b"); !errors.Is(err, syscall.EIO) {
		t.Errorf("rename, at which the power goes: got %v, want EIO", err)
	}
	if _, err := m.Stat("a"); !errors.Is(err, syscall.EIO) {
		t.Errorf("stat after it: got %v, want EIO", err)
	}
	if _, err := d.Stat("a"); err != nil {
		t.Errorf("on the disk: got %v, want the file", err)
	}
	if want := "create a,write /a,sync /a,syncdir /,rename a"; strings.Join(got, ",") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, ","), want)
	}
}

func TestDiskLock(t *testing.T) {
	d := newDisk()
	l, err := d.Lock("/lock", 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Lock("lock", 0o600); !errors.Is(err, twistor.ErrLocked) {
		t.Errorf("a second lock: got %v, want ErrLocked", err)
	}
	l.Close()
	first, err := d.Lock("lock", 0o600)
	if err != nil {
		t.Errorf("after Close: got %v", err)
	}
	d.Crash()
	if _, err := d.Lock("lock", 0o600); err != nil {
		t.Errorf("after a crash: got %v", err)
	}
	first.Close() // of another life: it must not free the new one
	if _, err := d.Lock("lock", 0o600); !errors.Is(err, twistor.ErrLocked) {
		t.Errorf("got %v, want ErrLocked", err)
	}
}

func TestDiskRot(t *testing.T) {
	d := newDisk()
	write(t, d, "f", "a", 0)
	if err := d.Rot("f", 1); err != nil || read(t, d, "f") != "c" {
		t.Errorf("got %v, %q; want c", err, read(t, d, "f"))
	}
	if err := d.Rot("f", 8); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("behind its end: got %v, want EINVAL", err)
	}
}

// TestDiskForgetsOldWrites sees memory bounded: of many writes the older ones
// become durable by themselves.
func TestDiskForgetsOldWrites(t *testing.T) {
	d := newDisk()
	f := create(t, d, "f", "")
	f.Sync()
	d.SyncDir("/")
	for range 3 * maxUndone {
		f.Write([]byte{'x'})
	}
	if n := len(f.(*file).node.image.undone); n > maxUndone {
		t.Errorf("got %d writes kept, want up to %d", n, maxUndone)
	}
	d.CrashKeeping(0)
	if got := len(read(t, d, "f")); got == 0 || got >= 3*maxUndone {
		t.Errorf("got %d bytes, want some, and not all", got)
	}
}

// TestHostCrashLoses sees a Host's program end in the middle of a job, its files
// lose what was not synced, and the same seed lose the same.
func TestHostCrashLoses(t *testing.T) {
	run := func(seed uint64) (found []byte, during error) {
		w := New(t, seed)
		h := w.Host("one")
		fsys := h.Loop().FS()
		var f twistor.File
		h.Do(func(co *deferred.Co) (err error) {
			f, err = fsys.OpenFile("f", os.O_CREATE|os.O_WRONLY, 0o600)
			return errors.Join(err, fsys.SyncDir("/"))
		})
		h.Disk.Before = func(c DiskCall) error {
			if len(c.Bytes) > 0 && c.Bytes[0] == '9' {
				h.Crash()
			}
			return nil
		}
		h.Loop().CallLater(0, func() {
			for i := range 10 {
				_, err := f.Write(bytes.Repeat([]byte{byte('0' + i)}, sectorBytes))
				during = errors.Join(during, err)
			}
		})
		w.Advance(time.Second)
		h.Disk.Before = nil
		h.Restart()
		return []byte(read(t, h.Loop().FS(), "f")), during
	}
	different := map[string]bool{}
	for seed := range uint64(10) {
		a, err := run(seed)
		if !errors.Is(err, syscall.EIO) || bytes.ContainsAny(a, "9") {
			t.Errorf("a write at which the power went: got %v, %q", err, a)
		}
		if b, _ := run(seed); !bytes.Equal(a, b) {
			t.Errorf("seed %d: two runs left other files", seed)
		}
		different[string(a)] = true
	}
	if len(different) < 3 {
		t.Errorf("ten seeds left %d files, want several", len(different))
	}
}

// TestSlowSync sees a sync take its time.
func TestSlowSync(t *testing.T) {
	w := New(t, 0)
	h := w.Host("one")
	h.Disk.Faults.SyncTime = 10 * time.Second
	h.Do(func(co *deferred.Co) error {
		f, err := h.Loop().FS().OpenFile("f", os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		var lane deferred.Lane
		_, err = lane.Go(h.Loop(), func(context.Context) error { return f.Sync() }).Await(co)
		return err
	})
	if w.Elapsed() != 10*time.Second {
		t.Errorf("got %v, want 10 s", w.Elapsed())
	}
}

func TestMountEnds(t *testing.T) {
	d := newDisk()
	m := d.Mount()
	d.Crash()
	_, open := m.OpenFile("f", os.O_RDONLY, 0)
	_, stat := m.Stat("/")
	_, list := m.ReadDir("/")
	_, lock := m.(twistor.Locker).Lock("l", 0o600)
	for i, err := range []error{open, stat, list, lock, m.Mkdir("d", 0o700), m.Rename("a", "b"), m.Remove("a"), m.SyncDir("/")} {
		var path *fs.PathError
		if !errors.Is(err, syscall.EIO) || !errors.As(err, &path) {
			t.Errorf("call %d: got %v, want EIO", i, err)
		}
	}
	if _, err := d.Mount().Stat("/"); err != nil {
		t.Error(err)
	}
}

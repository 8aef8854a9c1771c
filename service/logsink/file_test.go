package logsink

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// A clock is one that the test sets.
type clock struct{ time.Time }

func (c *clock) now() time.Time          { return c.Time }
func (c *clock) advance(d time.Duration) { c.Time = c.Add(d) }

// A faulty disk fails as it is told.
type faulty struct {
	*sim.Disk
	room    int   // bytes that may still be written; negative: any number
	err     error // when there is no more room
	renames error
	opens   error
	shrinks error
	device  bool // every file is one
}

func (d *faulty) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	if d.opens != nil {
		return nil, d.opens
	}
	f, err := d.Disk.OpenFile(name, flag, perm)
	return &faultyFile{f, d}, err
}

func (d *faulty) Rename(from, to string) error {
	if d.renames != nil {
		return d.renames
	}
	return d.Disk.Rename(from, to)
}

type faultyFile struct {
	twistor.File
	disk *faulty
}

func (f *faultyFile) Write(p []byte) (int, error) {
	if f.disk.room < 0 || f.disk.room >= len(p) {
		if f.disk.room >= 0 {
			f.disk.room -= len(p)
		}
		return f.File.Write(p)
	}
	n, _ := f.File.Write(p[:f.disk.room]) // what fits, as disks do
	f.disk.room = 0
	return n, f.disk.err
}

func (f *faultyFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	if f.disk.device {
		info = deviceInfo{info}
	}
	return info, err
}

type deviceInfo struct{ fs.FileInfo }

func (deviceInfo) Mode() fs.FileMode { return fs.ModeDevice | fs.ModeCharDevice | 0o666 }

func (f *faultyFile) Truncate(size int64) error {
	if f.disk.shrinks != nil {
		return f.disk.shrinks
	}
	before, _ := f.Stat()
	if f.disk.room >= 0 {
		f.disk.room += int(before.Size() - size)
	}
	return f.File.Truncate(size)
}

// newFile returns a File on a disk of the simulator.
func newFile(t *testing.T) (*File, *faulty, *clock) {
	t.Helper()
	c := &clock{time.Date(2026, 11, 22, 23, 0, 0, 0, time.UTC)}
	d := &faulty{Disk: sim.NewDisk(c.now), room: -1, err: syscall.ENOSPC}
	if err := d.Mkdir("/log", 0o755); err != nil {
		t.Fatal(err)
	}
	f := &File{Name: "/log/a", FS: d, Now: c.now}
	t.Cleanup(func() { f.Close() })
	return f, d, c
}

func put(t *testing.T, f *File, lines ...string) {
	t.Helper()
	for _, l := range lines {
		if n, err := io.WriteString(f, l); err != nil || n != len(l) {
			t.Errorf("write of %q: %d, %v", l, n, err)
		}
	}
}

// holdsFiles fails unless the directory has these files: "a: content".
func holdsFiles(t *testing.T, d twistor.FS, want ...string) {
	t.Helper()
	var got []string
	entries, _ := d.ReadDir("/log")
	for _, e := range entries {
		f, err := d.OpenFile(path.Join("/log", e.Name()), os.O_RDONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := io.ReadAll(f)
		f.Close()
		got = append(got, e.Name()+": "+strings.ReplaceAll(string(p), "\n", "|"))
	}
	slices.Sort(got)
	if slices.Sort(want); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestO11RotatesBySize(t *testing.T) {
	f, d, _ := newFile(t)
	f.MaxBytes, f.MaxFiles = 8, 3
	put(t, f, "line 1\n", "2\n", "3\n", "line 4\n", "line longer than the file 5\n", "6", "\n", "line 7\n")
	holdsFiles(t, d, "a: line 7|", "a.1: 6||", "a.2: line longer than the file 5|", "a.3: line 4|")
	names, err := f.Files()
	if want := []string{"/log/a", "/log/a.1", "/log/a.2", "/log/a.3"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %v, %v, want %v", names, err, want)
	}
}

// Files that somebody else numbers or names otherwise are left alone, and a gap
// is filled before others are moved.
func TestO11OthersFiles(t *testing.T) {
	f, d, _ := newFile(t)
	f.MaxBytes, f.MaxFiles = 2, 3
	for _, name := range []string{"a.1", "a.3", "a.01", "a.0", "a.-1", "a.gz", "a.2026-11-22", "b.1", "a1", "a.99999999999999999999"} {
		other, err := d.OpenFile("/log/"+name, os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(other, name)
		other.Close()
	}
	put(t, f, "x\n", "y\n")
	holdsFiles(t, d, "a: y|", "a.1: x|", "a.2: a.1", "a.3: a.3", "a.01: a.01", "a.0: a.0", "a.-1: a.-1", "a.gz: a.gz",
		"a.2026-11-22: a.2026-11-22", "b.1: b.1", "a1: a1", "a.99999999999999999999: a.99999999999999999999")
}

func TestFileNeverRotates(t *testing.T) {
	f, d, _ := newFile(t)
	f.MaxBytes = -1
	for range 10 {
		put(t, f, "0123456789\n")
	}
	holdsFiles(t, d, "a: "+strings.Repeat("0123456789|", 10))
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	holdsFiles(t, d, "a: "+strings.Repeat("0123456789|", 10))
}

func TestO12RotatesByDay(t *testing.T) {
	f, d, c := newFile(t)
	f.Daily, f.MaxBytes, f.MaxFiles = true, 8, 4
	put(t, f, "1\n", "2\n")
	c.advance(time.Hour - 1)
	put(t, f, "3\n")
	c.advance(1) // midnight
	put(t, f, "4\n", "5 long\n", "6\n")
	holdsFiles(t, d, "a.2026-11-22: 1|2|3|", "a.2026-11-23.1: 4|", "a.2026-11-23: 5 long|", "a: 6|")
	names, _ := f.Files()
	if want := []string{"/log/a", "/log/a.2026-11-23", "/log/a.2026-11-23.1", "/log/a.2026-11-22"}; !slices.Equal(names, want) {
		t.Errorf("got %v, want %v", names, want)
	}
	c.advance(72 * time.Hour)
	put(t, f, "7\n")
	c.advance(24 * time.Hour)
	put(t, f, "8\n")
	holdsFiles(t, d, "a.2026-11-23.2: 4|", "a.2026-11-23.1: 5 long|", "a.2026-11-23: 6|", "a.2026-11-26: 7|", "a: 8|")
}

// The day of a file is that of its lines: of a former run if it has some, and
// not of when it was opened if it has none.
func TestO12DayOfLines(t *testing.T) {
	f, d, c := newFile(t)
	f.Daily = true
	put(t, f, "1\n")
	f.Close()
	c.advance(24 * time.Hour)
	second := &File{Name: f.Name, FS: d, Now: c.now, Daily: true}
	put(t, second, "2\n")
	holdsFiles(t, d, "a.2026-11-22: 1|", "a: 2|")
	if err := second.Reopen(); err != nil {
		t.Fatal(err)
	}
	c.advance(24 * time.Hour)
	put(t, second, "3\n", "4\n")
	holdsFiles(t, d, "a.2026-11-22: 1|", "a.2026-11-23: 2|", "a: 3|4|")
}

// A clock that was ahead and is set right does not end the rotation by day.
func TestO12ClockWasAhead(t *testing.T) {
	f, d, c := newFile(t)
	f.Daily = true
	c.advance(10 * 365 * 24 * time.Hour)
	put(t, f, "1\n")
	c.Time = time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC)
	put(t, f, "2\n")
	c.advance(time.Hour)
	put(t, f, "3\n")
	holdsFiles(t, d, "a.2026-11-23: 1|2|", "a: 3|")
}

// W05: SIGUSR1 means to begin a new file, unless somebody renamed the old one
// already.
func TestW05Reopen(t *testing.T) {
	f, d, _ := newFile(t)
	if err := f.Reopen(); err != nil { // nothing is there: nothing is rotated
		t.Fatal(err)
	}
	put(t, f, "1\n")
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	put(t, f, "2\n")
	holdsFiles(t, d, "a.1: 1|", "a: 2|")
	for range 2 { // an empty file is not rotated
		if err := f.Reopen(); err != nil {
			t.Fatal(err)
		}
	}
	holdsFiles(t, d, "a.2: 1|", "a.1: 2|", "a: ")
	if err := d.Rename("/log/a.1", "/log/a"); err != nil {
		t.Fatal(err)
	}
	if err := d.Rename("/log/a.2", "/log/a.1"); err != nil {
		t.Fatal(err)
	}
	if err := f.Reopen(); err != nil { // another file has the name: it is opened
		t.Fatal(err)
	}
	holdsFiles(t, d, "a.1: 1|", "a: 2|")
	if err := d.Rename("/log/a", "/log/mine"); err != nil {
		t.Fatal(err)
	}
	put(t, f, "3\n") // it is not known yet
	if err := f.Reopen(); err != nil {
		t.Fatal(err)
	}
	put(t, f, "4\n")
	holdsFiles(t, d, "a.1: 1|", "mine: 2|3|", "a: 4|")
}

// F-34: a rename or a removal by others is seen within a second.
func TestF_34RenameIsSeen(t *testing.T) {
	f, d, c := newFile(t)
	put(t, f, "1\n")
	d.Rename("/log/a", "/log/mine")
	c.advance(lookInterval - 1)
	put(t, f, "2\n")
	c.advance(1)
	put(t, f, "3\n")
	holdsFiles(t, d, "mine: 1|2|", "a: 3|")
	d.Remove("/log/a")
	c.advance(lookInterval)
	put(t, f, "4\n")
	holdsFiles(t, d, "mine: 1|2|", "a: 4|")
}

// Of two processes that write to one file the second to find it full does not
// rotate the new one.
func TestFileRotatedByOthers(t *testing.T) {
	f, d, c := newFile(t)
	f.MaxBytes = 4
	put(t, f, "1\n", "2\n")
	other := &File{Name: f.Name, FS: d, Now: c.now, MaxBytes: 4}
	put(t, other, "3\n")
	put(t, f, "4\n")
	holdsFiles(t, d, "a.1: 1|2|", "a: 3|4|")
}

// Who copies and truncates leaves a small file, which is not rotated for what it
// had.
func TestFileTruncatedByOthers(t *testing.T) {
	f, d, c := newFile(t)
	f.MaxBytes = 8
	put(t, f, "12345\n")
	other, _ := d.Disk.OpenFile("/log/a", os.O_WRONLY, 0)
	other.Truncate(0)
	c.advance(lookInterval)
	put(t, f, "678901\n")
	holdsFiles(t, d, "a: 678901|")
}

// F-34, F-28: a full disk loses whole lines, says so, and leaves none torn.
func TestF_34DiskFull(t *testing.T) {
	for _, shrinks := range []error{nil, syscall.EIO} {
		f, d, _ := newFile(t)
		d.shrinks = shrinks
		put(t, f, "one\n")
		d.room = 6
		put(t, f, "two\n")
		for range 3 {
			if n, err := io.WriteString(f, "three\n"); n != 0 || !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %d, %v, want ENOSPC", n, err)
			}
		}
		d.room = -1
		put(t, f, "four\n")
		want := "a: one|two|four|"
		if shrinks != nil {
			want = "a: one|two|th|four|" // what could not be taken back is a line of its own
		}
		holdsFiles(t, d, want)
	}
}

// Only what is surely ours is taken back.
func TestFileTornByTwo(t *testing.T) {
	f, d, _ := newFile(t)
	put(t, f, "one\n")
	other, _ := d.Disk.OpenFile("/log/a", os.O_WRONLY|os.O_APPEND, 0)
	io.WriteString(other, "theirs\n")
	d.room = 2
	if _, err := io.WriteString(f, "two\n"); err == nil {
		t.Error("want ENOSPC")
	}
	d.room = -1
	put(t, f, "three\n")
	holdsFiles(t, d, "a: one|theirs|tw|three|")
}

// A line that somebody who was killed left without its end does not run into the
// first new one.
func TestF_34TornBefore(t *testing.T) {
	f, d, c := newFile(t)
	before, err := d.OpenFile(f.Name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(before, "one\ntw")
	before.Close()
	put(t, f, "three\n", "four\n")
	holdsFiles(t, d, "a: one|tw|three|four|")
	f.Close()
	again := &File{Name: f.Name, FS: d, Now: c.now}
	put(t, again, "five\n")
	holdsFiles(t, d, "a: one|tw|three|four|five|")
}

// To lose no line is worth more than the size of a file.
func TestFileCannotRotate(t *testing.T) {
	f, d, c := newFile(t)
	f.MaxBytes = 2
	d.renames = fs.ErrPermission
	put(t, f, "1\n")
	n, err := io.WriteString(f, "2\n")
	if n != 2 || !errors.Is(err, fs.ErrPermission) || !strings.Contains(err.Error(), "rotate /log/a") {
		t.Errorf("got %d, %v, want the line written and an error about the rotation", n, err)
	}
	put(t, f, "3\n") // not tried again so soon
	holdsFiles(t, d, "a: 1|2|3|")
	d.renames = nil
	c.advance(rotateRetry)
	put(t, f, "4\n")
	holdsFiles(t, d, "a.1: 1|2|3|", "a: 4|")
}

func TestFileCannotOpen(t *testing.T) {
	f, d, _ := newFile(t)
	d.opens = fs.ErrPermission
	if err := f.Open(); !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %v, want the error of the disk", err)
	}
	if n, err := io.WriteString(f, "1\n"); n != 0 || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("got %d, %v", n, err)
	}
	d.opens = nil
	put(t, f, "2\n")
	f.Close()
	if _, err := io.WriteString(f, "3\n"); !errors.Is(err, os.ErrClosed) {
		t.Errorf("got %v, want os.ErrClosed", err)
	}
	holdsFiles(t, d, "a: 2|")
}

// On the system's own disk: the mode and the names.
func TestO11RealFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "a.log")
	f := &File{Name: name, MaxBytes: 4, Mode: 0o600}
	if err := f.Open(); err != nil {
		t.Fatal(err)
	}
	for i := range 3 {
		put(t, f, fmt.Sprintf("%d\n", i*100))
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	names, err := f.Files()
	if want := []string{name, name + ".1", name + ".2"}; err != nil || !slices.Equal(names, want) {
		t.Fatalf("got %v, %v, want %v", names, err, want)
	}
	for i, n := range names {
		p, err := os.ReadFile(n)
		if want := fmt.Sprintf("%d\n", (2-i)*100); err != nil || string(p) != want {
			t.Errorf("%s: got %q, %v, want %q", n, p, err, want)
		}
		if info, _ := os.Stat(n); info.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode %v", n, info.Mode())
		}
	}
}

// A device is written to and never renamed, whoever asks: it is nobody's log
// alone. This one is of the simulated disk: a test that fails must not rename
// one of the machine.
func TestFileDevice(t *testing.T) {
	f, d, c := newFile(t)
	f.MaxBytes, f.Daily, d.device = 1, true, true
	put(t, f, "1\n", "2\n")
	c.advance(48 * time.Hour)
	put(t, f, "3\n")
	if err := f.Reopen(); err != nil {
		t.Error(err)
	}
	put(t, f, "4\n")
	holdsFiles(t, d, "a: 1|2|3|4|")
}

// Whatever is in the directory of a log, a name is one former file's, or none's.
func FuzzParseFormer(f *testing.F) {
	f.Add("1", false)
	f.Add("2026-11-22.3", true)
	f.Add("2026-02-30", true)
	f.Add("01", false)
	f.Fuzz(func(t *testing.T, suffix string, daily bool) {
		if o, ok := parseFormer(suffix, daily); ok && o.name("a") != "a."+suffix {
			t.Errorf("%q is %+v, which is called %q", suffix, o, o.name("a"))
		}
	})
}

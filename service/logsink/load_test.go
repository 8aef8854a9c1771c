package logsink

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A tally is what is found in log files.
type tally struct {
	lines int            // whole ones of load
	lost  uint64         // the sum of what records say
	torn  []string       // whatever is neither
	last  map[string]int // of each writer
}

var (
	loadLine = regexp.MustCompile(`^(w\d+) (\d+) x*\.$`)
	lostLine = regexp.MustCompile(`^\S+ WARN log lines lost lost=(\d+) err=".*"$`)
)

// read adds the lines of one file. Each writer's must be in order.
func (y *tally) read(t *testing.T, name string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		whole, ended := strings.CutSuffix(line, "\n")
		if m := loadLine.FindStringSubmatch(whole); m != nil && ended {
			var n int
			fmt.Sscan(m[2], &n)
			if last, ok := y.last[m[1]]; ok && n <= last {
				t.Fatalf("%s: %s comes after %d", name, whole, last)
			}
			y.lines++
			y.last[m[1]] = n
		} else if m := lostLine.FindStringSubmatch(whole); m != nil && ended {
			var n uint64
			fmt.Sscan(m[1], &n)
			y.lost += n
		} else {
			y.torn = append(y.torn, line)
		}
	}
}

// load writes lines from several goroutines, between which between is called
// again and again, until they are done.
func load(q *Queue, writers, each, size int, between func()) {
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := range each {
				fmt.Fprintf(q, "w%d %d %s.\n", w, n, strings.Repeat("x", size))
				if w == 0 && between != nil && n%(each/200) == 0 {
					between()
				}
			}
		})
	}
	wg.Wait()
}

// F-34: 50,000 lines while the file is renamed 200 times. With room in the queue
// none is lost, none is torn, and each is once in one of the files.
func TestF_34RotationUnderLoad(t *testing.T) {
	each := 12500
	if testing.Short() {
		each = 2000
	}
	dir := t.TempDir()
	f := &File{Name: filepath.Join(dir, "log"), MaxBytes: -1}
	defer f.Close()
	q := &Queue{To: f, MaxLines: -1, MaxBytes: -1}
	renamed := 0
	load(q, 4, each, 60, func() {
		err := os.Rename(f.Name, filepath.Join(dir, fmt.Sprintf("renamed.%03d", renamed)))
		if errors.Is(err, os.ErrNotExist) { // the queue has not opened it yet
			flush(t, q)
			return
		}
		if err == nil {
			renamed++
			err = f.Reopen()
		}
		if err != nil {
			t.Error(err)
		}
	})
	flush(t, q)
	y := tally{last: map[string]int{}}
	for i := range renamed {
		y.read(t, filepath.Join(dir, fmt.Sprintf("renamed.%03d", i)))
	}
	y.read(t, f.Name)
	if got, want := q.Stats(), (Stats{Written: uint64(4 * each)}); got != want || y.lines != 4*each || len(y.torn) > 0 || renamed < 190 {
		t.Errorf("%+v, %d lines after %d renames, torn: %q; want %+v", got, y.lines, renamed, y.torn, want)
	}
}

// F-34: the same with a File that rotates itself, and a queue that is too short:
// every line is in a file, or in the numbers that the records between them give.
func TestF_34DropsUnderLoad(t *testing.T) {
	const each = 2500
	dir := t.TempDir()
	f := &File{Name: filepath.Join(dir, "log"), MaxBytes: 8 << 10, MaxFiles: -1}
	defer f.Close()
	q := &Queue{To: f, MaxLines: 16}
	load(q, 4, each, 60, nil)
	flush(t, q)
	checkTally(t, f, q, 4*each, true)
}

// checkTally counts: each line is there once, or counted as lost. drops says that
// some must be.
func checkTally(t *testing.T, f *File, q *Queue, lines int, drops bool) {
	t.Helper()
	names, err := f.Files()
	if err != nil {
		t.Fatal(err)
	}
	y := tally{last: map[string]int{}}
	for i := len(names) - 1; i >= 0; i-- {
		y.read(t, names[i])
	}
	s := q.Stats()
	if uint64(y.lines) != s.Written || y.lost != s.Dropped+s.Failed || y.lines+int(y.lost) != lines || len(y.torn) > 0 {
		t.Errorf("%d lines and %d lost of %d, %+v, torn: %q", y.lines, y.lost, lines, s, y.torn)
	}
	if drops && y.lost == 0 {
		t.Error("nothing was lost: the test shows nothing")
	}
}

// F-28: a full disk under the log does not stop who logs: all of it returns, and
// what was lost is said when there is room again.
func TestF_28LogDiskFull(t *testing.T) {
	f, d, c := newFile(t)
	q := &Queue{To: f}
	for i, room := range []int{1000, 0, 500, -1} {
		flush(t, q) // the disk is of one goroutine
		d.room = room
		d.err = []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EIO, nil}[i]
		for n := range 100 {
			fmt.Fprintf(q, "w%d %d xxxxxxxxxx.\n", i, n)
		}
	}
	flush(t, q)
	c.advance(time.Second)
	fmt.Fprint(q, "w4 0 .\n")
	flush(t, q)
	real := &File{Name: filepath.Join(t.TempDir(), "log")} // for checkTally, which reads the real disk
	copyOut(t, d, f.Name, real.Name)
	checkTally(t, real, q, 401, true)
	if s := q.Stats(); s.Failed < 200 || s.Written < 101 {
		t.Errorf("%+v, want what fits written and the rest lost", s)
	}
}

func copyOut(t *testing.T, d *faulty, from, to string) {
	t.Helper()
	info, err := d.Stat(from)
	if err != nil {
		t.Fatal(err)
	}
	file, err := d.Disk.OpenFile(from, os.O_RDONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, info.Size())
	if _, err := file.ReadAt(p, 0); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, p, 0o600); err != nil {
		t.Fatal(err)
	}
}

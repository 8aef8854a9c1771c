package follow

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

const name = "/tmp/access.log"

// A desk is a follower at work in the simulator, and what it delivered.
type desk struct {
	*Follower
	t     *testing.T
	clock *sim.Clock
	loop  twistor.Loop
	lines []string
	logs  bytes.Buffer
}

func newDesk(t *testing.T, f *Follower) *desk {
	d := &desk{Follower: f, t: t, clock: sim.NewClock(t)}
	d.loop = d.clock
	f.Name = name
	f.Lines = func(lines [][]byte) {
		for _, line := range lines {
			d.lines = append(d.lines, string(line))
		}
	}
	f.Log = slog.New(slog.NewTextHandler(&d.logs, nil))
	return d
}

// A deaf loop is one that is no Notifier.
type deaf struct{ twistor.Loop }

func (d *desk) host() service.Host { return service.On(d.loop) }

func (d *desk) start() error {
	return d.run(func(co *deferred.Co) error { return d.Follower.Start(co, d.host()) })
}

func (d *desk) stop() {
	d.t.Helper()
	if err := d.run(d.Follower.Stop); err != nil {
		d.t.Errorf("Stop: %v", err)
	}
}

func (d *desk) run(f func(*deferred.Co) error) error {
	done := deferred.Inline(d.loop, func(co *deferred.Co) (struct{}, error) { return struct{}{}, f(co) })
	result := error(errors.New("it is still running"))
	done.Done(func(_ struct{}, err error) { result = err })
	d.clock.Advance(0)
	return result
}

// open opens the log as a writer does; flag is 0 or os.O_CREATE.
func (d *desk) open(flag int) twistor.File {
	d.t.Helper()
	f, err := d.clock.FS().OpenFile(name, os.O_WRONLY|os.O_APPEND|flag, 0o644)
	if err != nil {
		d.t.Fatal(err)
	}
	return f
}

func (d *desk) write(f twistor.File, text string) {
	d.t.Helper()
	if _, err := f.Write([]byte(text)); err != nil {
		d.t.Fatal(err)
	}
}

// want checks what was delivered since the last time, as lines joined by "|".
func (d *desk) want(why, want string) {
	d.t.Helper()
	if got := strings.Join(d.lines, "|"); got != want {
		d.t.Errorf("%s: got %q, want %q", why, got, want)
	}
	d.lines = nil
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestFromEnd(t *testing.T) {
	d := newDesk(t, &Follower{})
	w := d.open(os.O_CREATE)
	d.write(w, "old\n")
	d.must(d.start())
	d.want("what is there already is passed over", "")
	d.write(w, "a\nb\n")
	d.clock.Advance(time.Second)
	d.want("what comes is delivered", "a|b")
	d.stop()
	d.write(w, "c\n")
	d.clock.Advance(time.Minute)
	d.want("not after Stop", "")
}

func TestFromEndOfAnOpenLine(t *testing.T) {
	d := newDesk(t, &Follower{})
	w := d.open(os.O_CREATE)
	d.write(w, "old\nbeg")
	d.must(d.start())
	d.write(w, "in\n")
	d.clock.Advance(time.Second)
	d.want("a line that has no newline yet is delivered whole", "begin")
	d.stop()
}

func TestFromStart(t *testing.T) {
	d := newDesk(t, &Follower{FromStart: true})
	d.write(d.open(os.O_CREATE), "a\nb\n")
	d.must(d.start())
	d.want("what is there already comes first", "a|b")
	d.stop()
}

func TestFileThatDoesNotExistYet(t *testing.T) {
	d := newDesk(t, &Follower{})
	d.must(d.start())
	d.clock.Advance(time.Minute)
	if got := strings.Count(d.logs.String(), "waiting for the file"); got != 1 {
		t.Errorf("it was logged %d times, want once:\n%s", got, d.logs.String())
	}
	d.write(d.open(os.O_CREATE), "a\n")
	d.clock.Advance(time.Second)
	d.want("it is read from its start", "a")
	d.stop()
}

func TestOpenLine(t *testing.T) {
	d := newDesk(t, &Follower{})
	w := d.open(os.O_CREATE)
	d.must(d.start())
	d.write(w, "a\nb")
	d.clock.Advance(time.Hour)
	d.want("a line without newline is held", "a")
	d.write(w, "c\nd")
	d.clock.Advance(time.Second)
	d.want("until that comes", "bc")
	d.must(d.clock.FS().Rename(name, name+".1"))
	d.clock.Advance(time.Hour)
	d.want("or the file has ended, which it has not as long as none replaces it", "")
	d.open(os.O_CREATE)
	d.clock.Advance(5 * time.Second)
	d.want("or now", "d")
	d.stop()
}

func TestRotation(t *testing.T) {
	d := newDesk(t, &Follower{})
	old := d.open(os.O_CREATE)
	d.must(d.start())
	d.write(old, "a\n")
	d.must(d.clock.FS().Rename(name, name+".1"))
	d.clock.Advance(time.Hour)
	d.write(old, "b\n")
	d.clock.Advance(time.Second)
	d.want("the renamed file is read on", "a|b")

	w := d.open(os.O_CREATE)
	d.write(w, "d\n")
	d.clock.Advance(time.Second)
	d.write(old, "c\n")
	d.clock.Advance(1500 * time.Millisecond)
	d.want("also when there is a new one", "c")
	d.clock.Advance(3 * time.Second)
	d.want("which is next when the old one was quiet for Grace", "d")
	d.write(old, "too late\n")
	d.write(w, "e\n")
	d.clock.Advance(time.Second)
	d.want("and then the only one", "e")
	d.stop()
}

func TestRotationOfAFileThatNeverIsQuiet(t *testing.T) {
	d := newDesk(t, &Follower{})
	old := d.open(os.O_CREATE)
	d.must(d.start())
	d.must(d.clock.FS().Rename(name, name+".1"))
	d.write(d.open(os.O_CREATE), "new\n")
	for range 100 {
		d.write(old, "old\n")
		d.clock.Advance(time.Second)
	}
	if got := len(d.lines); d.lines[got-1] != "new" || got < 30 || got > 99 {
		t.Errorf("got %d lines, the last %q, want the new file's after some time", got, d.lines[got-1])
	}
	d.stop()
}

func TestRemoved(t *testing.T) {
	d := newDesk(t, &Follower{})
	old := d.open(os.O_CREATE)
	d.must(d.start())
	d.must(d.clock.FS().Remove(name))
	d.clock.Advance(time.Hour)
	d.write(old, "a\n")
	d.clock.Advance(time.Second)
	d.write(d.open(os.O_CREATE), "b\n")
	d.clock.Advance(5 * time.Second)
	d.want("a file that was removed is read on until another one comes", "a|b")
	d.stop()
}

func TestFilesThatReplaceEachOtherWait(t *testing.T) {
	d := newDesk(t, &Follower{})
	d.open(os.O_CREATE)
	d.must(d.start())
	var want []string
	for i := range 12 {
		d.must(d.clock.FS().Rename(name, fmt.Sprint(name, i)))
		d.write(d.open(os.O_CREATE), fmt.Sprintln(i))
		d.clock.Advance(100 * time.Millisecond) // seen, but not yet read
		if i < maxSources-1 {
			want = append(want, fmt.Sprint(i))
		}
	}
	if got := strings.Count(d.logs.String(), "left out"); got != 1 {
		t.Errorf("it was logged %d times that some are left out, want once:\n%s", got, d.logs.String())
	}
	d.clock.Advance(time.Minute)
	want = append(want, "11") // the last one has the name still when there is room
	d.want("as many as fit are read in turn", strings.Join(want, "|"))
	d.stop()
}

func TestTruncation(t *testing.T) {
	for _, tc := range []struct{ name, after string }{
		{"shorter", "d\n"},
		{"as long", "1234567890\n!\n"},
		{"longer", strings.Repeat("d\n", 1000)},
	} {
		for _, watched := range []bool{true, false} {
			t.Run(fmt.Sprint(tc.name, watched), func(t *testing.T) {
				d := newDesk(t, &Follower{})
				if !watched {
					d.loop = deaf{d.clock}
				}
				w := d.open(os.O_CREATE)
				d.must(d.start())
				d.write(w, "aaaaa\nbbbbb\nc")
				d.clock.Advance(2 * time.Second)
				d.must(w.Truncate(0))
				d.write(w, tc.after)
				d.clock.Advance(2 * time.Second)
				want := "aaaaa|bbbbb|c|" + strings.ReplaceAll(strings.TrimSpace(tc.after), "\n", "|")
				d.want("a truncated file is read from its start", want)
				d.stop()
			})
		}
	}
}

func TestHoleAfterTruncation(t *testing.T) {
	d := newDesk(t, &Follower{ChunkBytes: 50})
	w, err := d.clock.FS().OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644) // no O_APPEND
	d.must(err)
	d.must(d.start())
	d.write(w, strings.Repeat("a\n", 100))
	d.clock.Advance(time.Second)
	d.must(w.Truncate(0))
	d.write(w, "b\nc")
	d.clock.Advance(time.Second)
	d.write(w, "\x00d\n")
	d.clock.Advance(time.Second)
	d.want("zeros before a line are passed over", strings.Repeat("a|", 100)+"b|c\x00d")
	d.stop()
}

func TestLongLines(t *testing.T) {
	d := newDesk(t, &Follower{MaxLineBytes: 10, ChunkBytes: 7})
	w := d.open(os.O_CREATE)
	d.must(d.start())
	d.write(w, "1234567890\n12345678901\nx\n"+strings.Repeat("y", 1000)+"\n")
	d.clock.Advance(time.Second)
	d.want("what is beyond the limit is cut", "1234567890|1234567890|x|yyyyyyyyyy")
	if got := cap(d.reader.split.open) + cap(d.reader.split.whole); got > 64 {
		t.Errorf("%d bytes are held for lines of 10, want at most 64", got)
	}
	d.stop()

	d = newDesk(t, &Follower{MaxLineBytes: 10})
	w = d.open(os.O_CREATE)
	d.must(d.start())
	for i := range 30 {
		if i == 20 {
			d.write(w, "short\n")
		} else {
			d.write(w, "12345678901\n12345678901\n")
		}
		d.clock.Advance(time.Second)
	}
	if got := strings.Count(d.logs.String(), "too long"); got != 2 {
		t.Errorf("two bursts of long lines were logged %d times, want twice:\n%s", got, d.logs.String())
	}
	d.stop()
}

// Chunks and lines cut each other everywhere.
func TestChunks(t *testing.T) {
	for chunk := 1; chunk < 30; chunk++ {
		d := newDesk(t, &Follower{ChunkBytes: chunk, FromStart: true})
		d.write(d.open(os.O_CREATE), "a\n\nbcd\nefghijklmnop\nqrstuvwxyz0123456789\nend")
		d.must(d.start())
		d.clock.Advance(time.Second)
		d.want(fmt.Sprint("chunks of ", chunk), "a||bcd|efghijklmnop|qrstuvwxyz0123456789")
		d.stop()
	}
}

func TestWhatCannotBeFollowed(t *testing.T) {
	d := newDesk(t, &Follower{})
	d.must(d.clock.FS().Mkdir(name, 0o755))
	if err := d.start(); err == nil || !strings.Contains(err.Error(), "regular file") {
		t.Errorf("a directory: got %v, want an error that wants a regular file", err)
	}
	for _, f := range []*Follower{{Every: -1}, {MaxLineBytes: -1}, {ChunkBytes: -1}} {
		if err := newDesk(t, f).start(); err == nil || !strings.Contains(err.Error(), "negative") {
			t.Errorf("%+v: got %v, want an error", f, err)
		}
	}

	d = newDesk(t, &Follower{})
	d.open(os.O_CREATE)
	d.must(d.start())
	d.must(d.clock.FS().Remove(name))
	d.must(d.clock.FS().Mkdir(name, 0o755))
	d.clock.Advance(time.Hour)
	if got := strings.Count(d.logs.String(), "cannot read"); got != 1 {
		t.Errorf("a directory in the file's place was logged %d times, want once:\n%s", got, d.logs.String())
	}
	d.must(d.clock.FS().Remove(name))
	d.write(d.open(os.O_CREATE), "back\n")
	d.clock.Advance(5 * time.Second)
	d.want("a file in its place is followed again", "back")
	d.stop()
}

// looks counts how often a file's name is asked for.
type counting struct {
	twistor.FS
	looks int
}

func (c *counting) Stat(name string) (fs.FileInfo, error) {
	c.looks++
	return c.FS.Stat(name)
}

type countingLoop struct {
	*sim.Clock
	fs *counting
}

func (l countingLoop) FS() twistor.FS { return l.fs }

// A writer of many lines does not cost a look for each, nor does a quiet file
// cost more than one each time that Every has passed.
func TestLooks(t *testing.T) {
	d := newDesk(t, &Follower{Every: time.Minute})
	files := &counting{FS: d.clock.FS()}
	d.loop = countingLoop{d.clock, files}
	w := d.open(os.O_CREATE)
	d.must(d.start())
	d.clock.Advance(time.Hour)
	if files.looks < 60 || files.looks > 62 {
		t.Errorf("a quiet hour cost %d looks, want 61", files.looks)
	}
	files.looks = 0
	for range 10_000 { // a second of lines
		d.write(w, "a\n")
		d.clock.Advance(100 * time.Microsecond)
	}
	d.clock.Advance(leastPause)
	if len(d.lines) != 10_000 || files.looks > 102 {
		t.Errorf("got %d lines by %d looks, want 10000 by at most 102", len(d.lines), files.looks)
	}
	d.stop()
}

// A change that is seen while a look is under way is not forgotten.
func TestChangeDuringALook(t *testing.T) {
	d := newDesk(t, &Follower{Every: time.Hour})
	w := d.open(os.O_CREATE)
	d.must(d.start())
	d.clock.WorkTime = 5 * time.Millisecond
	for range 100 {
		d.write(w, "a\n")
		d.clock.Advance(3 * time.Millisecond)
	}
	d.clock.Advance(time.Second)
	if got := len(d.lines); got != 100 {
		t.Errorf("got %d lines within a second, want 100", got)
	}
	d.clock.WorkTime = 0
	d.stop()
}

// TestModel does to a log whatever may be done to one, at random, and compares
// what is delivered with what was written: every line once, and in order.
//
// What no follower can know is left out: a file is truncated only when it was
// read, and a new one keeps its name until it was seen.
func TestModel(t *testing.T) {
	seeds := 400
	if testing.Short() {
		seeds = 100
	}
	for seed := range seeds {
		for _, watched := range []bool{true, false} {
			model(t, uint64(seed), watched)
			if t.Failed() {
				t.Fatalf("seed %d, watched %v", seed, watched)
			}
		}
	}
}

func model(t *testing.T, seed uint64, watched bool) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	d := newDesk(t, &Follower{ChunkBytes: 1 + rnd.IntN(40), FromStart: rnd.IntN(2) == 0})
	if !watched {
		d.loop = deaf{d.clock}
	}
	var want []string
	open := "" // of the last file, a line without newline
	number := 0
	write := func(w twistor.File) {
		for range 1 + rnd.IntN(5) {
			text := fmt.Sprintf("%d:%s\n", number, strings.Repeat("x", rnd.IntN(30)))
			number++
			if rnd.IntN(8) == 0 {
				text = text[:len(text)-1]
			}
			d.write(w, text)
			lines := strings.Split(open+text, "\n")
			want = append(want, lines[:len(lines)-1]...)
			open = lines[len(lines)-1]
		}
	}
	end := func() {
		if open != "" {
			want = append(want, open)
		}
		open = ""
	}
	settle := func() { d.clock.Advance(3 * time.Second) }

	var w twistor.File
	if rnd.IntN(2) == 0 {
		w = d.open(os.O_CREATE)
		write(w)
		if !d.FromStart {
			want = nil // but an open line is delivered whole
		}
	}
	d.must(d.start())
	for range 30 {
		switch rnd.IntN(8) {
		case 0, 1, 2, 3:
			if w == nil {
				w = d.open(os.O_CREATE)
			}
			write(w)
			if rnd.IntN(2) == 0 {
				d.clock.Advance(time.Duration(rnd.IntN(1500)) * time.Millisecond)
			}
		case 4:
			d.clock.Advance(time.Duration(rnd.IntN(5000)) * time.Millisecond)
		case 5, 6: // rename or remove; the writer goes on for a while
			if w == nil {
				continue
			}
			settle() // it was seen
			if rnd.IntN(2) == 0 {
				d.must(d.clock.FS().Rename(name, name+".1"))
			} else {
				d.must(d.clock.FS().Remove(name))
			}
			write(w)
			d.clock.Advance(time.Duration(rnd.IntN(3000)) * time.Millisecond)
			write(w)
			old := w
			w = d.open(os.O_CREATE)
			d.clock.Advance(time.Duration(rnd.IntN(1900)) * time.Millisecond)
			write(old)
			end()
			old.Close()
			write(w)
			settle()
			settle()
		case 7: // truncate, and perhaps grow past where it was
			if w == nil {
				continue
			}
			settle()
			end()
			d.must(w.Truncate(0))
			for range rnd.IntN(6) {
				write(w)
			}
		}
	}
	settle()
	settle()
	if !slices.Equal(d.lines, want) {
		i := 0
		for i < min(len(d.lines), len(want)) && d.lines[i] == want[i] {
			i++
		}
		t.Errorf("got %d lines, want %d; from line %d got %q, want %q", len(d.lines), len(want), i,
			d.lines[i:min(i+3, len(d.lines))], want[i:min(i+3, len(want))])
	}
	d.stop()
}

package follow

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
)

// again begins another life of the follower, from where this one is, on the same
// disk. The Position goes by way of JSON, as a memory has it.
func (d *desk) again() *desk {
	d.t.Helper()
	text, err := json.Marshal(d.Position())
	d.must(err)
	next := &desk{t: d.t, clock: d.clock, loop: d.loop, Follower: &Follower{Name: name, Log: d.Log, Resume: new(Position)}}
	d.must(json.Unmarshal(text, next.Resume))
	next.Lines = func(lines [][]byte) {
		for _, line := range lines {
			next.lines = append(next.lines, string(line))
		}
	}
	return next
}

func (d *desk) create() twistor.File { return d.open(os.O_CREATE) }

func (d *desk) rename(from, to string) {
	d.t.Helper()
	d.must(d.clock.FS().Rename(from, to))
}

func TestResume(t *testing.T) {
	d := newDesk(t, &Follower{})
	w := d.create()
	d.write(w, "old\n")
	d.must(d.start())
	d.write(w, "a\nb\nhalf")
	d.clock.Advance(time.Second)
	d.want("first life", "a|b")
	d.stop()
	d.write(w, " a line\nc\n")

	d = d.again()
	d.must(d.start())
	d.want("what came meanwhile, each line once and whole", "half a line|c")
	d.write(w, "d\n")
	d.clock.Advance(time.Second)
	d.want("and what comes", "d")
	d.stop()
	d = d.again()
	d.must(d.start())
	d.clock.Advance(time.Minute)
	d.want("nothing twice", "")
	d.stop()
}

// Before a line was read, the position is where reading began.
func TestResumeBeforeTheFirstLine(t *testing.T) {
	d := newDesk(t, &Follower{})
	w := d.create()
	d.write(w, "old\n")
	d.must(d.start())
	d.stop()
	d.write(w, "a\n")
	d = d.again()
	d.must(d.start())
	d.want("not what was there before the first life", "a")
	d.stop()

	d = newDesk(t, &Follower{})
	d.must(d.start()) // there is no file yet
	d.stop()
	d.write(d.create(), "a\n")
	d = d.again()
	d.must(d.start())
	d.want("all of a file that was not there", "a")
	d.stop()
}

// A file that was rotated away is finished first, then those that came after it,
// then the one that has the name.
func TestResumeAfterRotations(t *testing.T) {
	for _, scheme := range []struct {
		name string
		move func(d *desk, day int)
	}{
		{"numbers", func(d *desk, day int) {
			for i := day; i > 0; i-- {
				d.rename(fmt.Sprintf("%s.%d", name, i), fmt.Sprintf("%s.%d", name, i+1))
			}
			d.rename(name, name+".1")
		}},
		{"dates", func(d *desk, day int) { d.rename(name, fmt.Sprintf("%s-202611%02d", name, 10+day)) }},
	} {
		t.Run(scheme.name, func(t *testing.T) {
			d := newDesk(t, &Follower{})
			w := d.create()
			d.must(d.start())
			d.write(w, "a\n")
			d.clock.Advance(time.Second)
			d.want("first life", "a")
			d.stop()
			var want []string
			for day := range 12 {
				line := fmt.Sprint("day ", day)
				d.write(w, line+"\n")
				want = append(want, line)
				d.clock.Advance(time.Hour)
				scheme.move(d, day)
				w = d.create()
			}
			d.write(w, "now\n")
			for _, other := range []string{".bak", ".1.gz", "2", ".1x"} {
				d.write(d.other(name+other), "not of this log\n")
			}
			d = d.again()
			d.must(d.start())
			d.clock.Advance(10 * time.Second)
			d.want("all that was written meanwhile, in order", strings.Join(append(want, "now"), "|"))
			d.write(w, "e\n")
			d.clock.Advance(time.Second)
			d.want("and then what comes", "e")
			d.stop()
		})
	}
}

// other opens another file of the directory.
func (d *desk) other(name string) twistor.File {
	d.t.Helper()
	f, err := d.clock.FS().OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o644)
	d.must(err)
	return f
}

// A life that ends while a new file has no line yet has its place in the old one.
func TestResumeBetweenTwoFiles(t *testing.T) {
	d := newDesk(t, &Follower{FromStart: true})
	d.write(d.create(), "a\n")
	d.must(d.start())
	d.rename(name, name+".1")
	w := d.create()
	d.clock.Advance(time.Minute)
	d.want("first life", "a")
	d.stop()
	d.write(w, "b\n")
	d.clock.Advance(time.Hour)
	d.rename(name, name+".2")
	d.rename(name+".1", name+".3")
	d.write(d.create(), "c\n")
	d = d.again()
	d.must(d.start())
	d.clock.Advance(time.Minute)
	d.want("nothing is lost", "b|c")
	d.stop()
}

// A file that was copied, and truncated, goes on in the copy.
func TestResumeAfterCopyTruncate(t *testing.T) {
	d := newDesk(t, &Follower{FromStart: true})
	w := d.create()
	d.write(w, "a\nb\n")
	d.must(d.start())
	d.want("first life", "a|b")
	d.stop()
	d.write(w, "c\n")
	d.write(d.other(name+".1"), "a\nb\nc\n")
	d.must(w.Truncate(0))
	d.clock.Advance(time.Second)
	d.write(w, "d\n")
	d = d.again()
	d.must(d.start())
	d.clock.Advance(time.Minute)
	d.want("the rest of the copy, and the new beginning", "c|d")
	d.stop()
}

// What cannot be found again is said.
func TestResumeFileGone(t *testing.T) {
	d := newDesk(t, &Follower{FromStart: true})
	d.write(d.create(), "a\n")
	d.must(d.start())
	d.want("first life", "a")
	d.stop()
	d.must(d.clock.FS().Remove(name))
	d.write(d.create(), "b\nc\n")
	logs := &d.logs
	d = d.again()
	d.must(d.start())
	d.want("a newer file is read from its start", "b|c")
	if !strings.Contains(logs.String(), "is gone") {
		t.Errorf("it is not said:\n%s", logs)
	}
	d.stop()
}

// A file that was replaced while it was read is left no sooner than its writers
// have: also after a new beginning.
func TestResumeWaitsForWriters(t *testing.T) {
	d := newDesk(t, &Follower{FromStart: true})
	w := d.create()
	d.write(w, "a\n")
	d.must(d.start())
	d.want("first life", "a")
	d.stop()
	d.write(w, "b\n")
	d.rename(name, name+".1")
	d.write(d.create(), "d\n")
	d = d.again()
	d.must(d.start())
	d.clock.Advance(time.Second)
	d.write(w, "c\n")
	d.clock.Advance(time.Minute)
	d.want("its writer had not left yet", "b|c|d")
	d.stop()
}

func TestResumeFromNonsense(t *testing.T) {
	for _, p := range []Position{{Offset: -1}, {Offset: 5, TailBytes: 6}, {Offset: 5}, {Offset: 1000, TailBytes: 257}, {TailBytes: -1}} {
		d := newDesk(t, &Follower{Resume: &p})
		if err := d.start(); err == nil || !strings.Contains(err.Error(), "want an offset") {
			t.Errorf("%+v: got %v, want it refused", p, err)
		}
	}
}

// Whatever happens to the file, and whenever the program ends, each line is
// delivered once, if its position is remembered with each delivery.
func TestResumeAnywhere(t *testing.T) {
	for seed := range uint64(60) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { resumeAnywhere(t, seed) })
	}
}

func resumeAnywhere(t *testing.T, seed uint64) {
	random := rand.New(rand.NewPCG(seed, 0))
	d := newDesk(t, &Follower{FromStart: true, ChunkBytes: 1 + random.IntN(100)})
	w := d.create()
	chunk := d.ChunkBytes
	d.write(w, "first\n") // or there were nothing to know the file by
	d.must(d.start())
	d.clock.Advance(time.Minute)
	want, got := []string{"first"}, []string(nil)
	next, rotations, open := 0, 0, false
	for range 200 {
		switch random.IntN(12) {
		case 0:
			if open { // or it would be two lines in two files
				break
			}
			for i := rotations; i > 0; i-- {
				d.rename(fmt.Sprintf("%s.%d", name, i), fmt.Sprintf("%s.%d", name, i+1))
			}
			d.rename(name, name+".1")
			rotations++
			w = d.create()
			d.clock.Advance(time.Second) // a file is seen, unless nobody looks
		case 1:
			d.stop()
			got = append(got, d.lines...)
			if random.IntN(2) == 0 {
				d.clock.Advance(time.Duration(random.IntN(5000)) * time.Millisecond)
			}
			d = d.again()
			d.ChunkBytes = chunk
		restart:
			d.must(d.start())
			if random.IntN(3) == 0 { // it ends at once
				d.stop()
				got = append(got, d.lines...)
				d = d.again()
				d.ChunkBytes = chunk
				goto restart
			}
		case 2, 3, 4:
			d.clock.Advance(time.Duration(random.IntN(3000)) * time.Millisecond)
		default:
			line := fmt.Sprintf("line %d %s", next, strings.Repeat("x", random.IntN(300)))
			if open {
				d.write(w, "\n")
				open = false
			}
			d.write(w, line)
			if random.IntN(4) > 0 {
				d.write(w, "\n")
			} else {
				open = true
			}
			want = append(want, line)
			next++
			if !open {
				d.clock.Advance(time.Millisecond) // files of one instant have no order
			}
		}
	}
	if open {
		d.write(w, "\n")
	}
	d.clock.Advance(10 * time.Minute)
	d.stop()
	got = append(got, d.lines...)
	if !slices.Equal(got, want) {
		for i := range min(len(got), len(want)) {
			if got[i] != want[i] {
				t.Fatalf("line %d: got %.30q, want %.30q", i, got[i], want[i])
			}
		}
		t.Fatalf("got %d lines, want %d", len(got), len(want))
	}
}

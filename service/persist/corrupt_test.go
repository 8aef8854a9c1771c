package persist

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// atRest is a disk with two generations of a snapshot of some 4 KiB, and a journal
// of two segments, of which the newer one has a base of three changes, and six
// more in three batches.
func atRest(t *testing.T) *sim.Disk {
	t.Helper()
	l := newLife(newDisk(), nil)
	p := &plain{Pad: strings.Repeat("0123456789 & <readable> ", 180)}
	s := l.open(t, Config{Command: Command{Program: "fib"}})
	if err := s.Persist("plain", p); err != nil {
		t.Fatal(err)
	}
	for p.N = 1; p.N <= 2; p.N++ {
		l.save(t, s, "")
	}
	c := newCounter()
	c.open(t, l, s)
	c.add(t, l, 1, 2, 3)
	l.must(t, s.Close)
	l.die()

	l = newLife(l.disk, nil)
	s = l.open(t, Config{})
	c = newCounter()
	c.open(t, l, s)
	for i := 4; i < 10; i += 2 {
		c.add(t, l, i, i+1)
	}
	l.must(t, s.Close)
	if errs := l.die(); len(errs) > 0 {
		t.Fatal(errs)
	}
	return l.disk
}

// A patient is what a start on a damaged disk found.
type patient struct {
	err           error // of Open, Persist or Journal.Open
	n, count, sum int
	complaints    []error // logged as errors
	log           string
	aside         []string // files put aside
}

// examine starts the program on a copy of the disk in which one file is other.
func examine(t *testing.T, disk *sim.Disk, file string, b []byte) *patient {
	t.Helper()
	disk = disk.Clone()
	overwrite(t, disk, file, b)
	l := newLife(disk, nil)
	x := &patient{}
	x.err = l.do(func(co *deferred.Co) error {
		s, err := Open(co, l, Config{Dir: "/var", Name: "fib"})
		if err != nil {
			return err
		}
		p, c := &plain{}, newCounter()
		err = errors.Join(s.Persist("plain", p), c.journal.Open(co, s))
		x.n, x.count, x.sum = p.N, c.Count, c.Sum
		return errors.Join(err, s.Close(co))
	})
	x.log = l.Logged()
	x.complaints = l.Errors()
	l.die()
	for _, name := range files(t, disk, "/var") {
		if strings.Contains(name, corruptSuffix) {
			x.aside = append(x.aside, name)
		}
	}
	return x
}

// TestF32SnapshotDamaged flips each bit of a snapshot, cuts it at each length, and
// does worse. Each time the generation before is used, the damaged file is kept,
// and it is logged as an error: P7.
func TestF32SnapshotDamaged(t *testing.T) {
	disk := atRest(t)
	const file = "/var/fib.tap"
	good := content(t, disk, file)
	if len(good) < 4<<10 {
		t.Fatalf("the snapshot has %d bytes, want 4 KiB or more", len(good))
	}
	if x := examine(t, disk, file, good); x.err != nil || x.n != 2 || len(x.complaints) > 0 {
		t.Fatalf("undamaged: got %+v, want the newest", x)
	}
	check := func(what string, b []byte) {
		t.Helper()
		x := examine(t, disk, file, b)
		if x.err != nil || x.n != 1 || len(x.complaints) != 1 || len(x.aside) != 1 || !strings.HasPrefix(x.aside[0], "fib.tap.corrupt-2030") || x.count != 9 {
			t.Errorf("%s: got %+v, want the older generation, one file put aside, one error logged", what, x)
		}
	}
	for i := 0; i < len(good); i += scale(5, 101) {
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		check(fmt.Sprintf("byte %d flipped", i), b)
		check(fmt.Sprintf("cut at %d", i), good[:i])
	}
	check("zeros", make([]byte, len(good)))
	check("zeros at the end", append(good[:len(good)/2:len(good)/2], make([]byte, len(good)-len(good)/2)...))
	check("a length of 10 GiB", bytes.Replace(good, fmt.Appendf(nil, " %d ", len(good)-bytes.IndexByte(good, '\n')-1), []byte(" 10737418240 "), 1))
	check("a byte more", append(bytes.Clone(good), '\n'))
	check("another kind", seal(kindJournal, []byte("{}\n")))
	check("something else", []byte("#!/bin/sh\nexit 1\n"))
	check("no JSON", seal(kindTap, []byte("{")))
	check("too deep", seal(kindTap, []byte(strings.Repeat("[", 100_000))))
	check("an unknown field", seal(kindTap, []byte(`{"number": 9, "more": 1}`)))
	check("two states of one name", seal(kindTap, []byte(`{"states": [{"name": "a", "data": 1}, {"name": "a", "data": 2}]}`)))
}

// TestF32EachBitIsDetected flips every bit of a snapshot, and cuts it at every
// length.
func TestF32EachBitIsDetected(t *testing.T) {
	disk := atRest(t)
	good := content(t, disk, "/var/fib.tap")
	for i := range len(good) {
		if _, err := decodeSnapshot("x", good[:i]); !damaged(err) {
			t.Errorf("cut at %d: got %v, want it damaged", i, err)
		}
		for bit := range 8 {
			good[i] ^= 1 << bit
			if _, err := decodeSnapshot("x", good); !damaged(err) {
				t.Errorf("byte %d, bit %d flipped: got %v, want it damaged", i, bit, err)
			}
			good[i] ^= 1 << bit
		}
	}
	if _, err := decodeSnapshot("x", good); err != nil {
		t.Errorf("undamaged: %v", err)
	}
}

// TestF32NothingReadable damages both generations: the program must not begin
// anew, not even at the second try.
func TestF32NothingReadable(t *testing.T) {
	disk := atRest(t)
	overwrite(t, disk, "/var/fib.tap.old", nil)
	overwrite(t, disk, "/var/fib.tap", nil)
	before := files(t, disk, "/var")
	for range 2 {
		l := newLife(disk, nil)
		if _, err := l.tryOpen(Config{}); !errors.Is(err, ErrCorrupt) || !strings.Contains(err.Error(), "/var/fib.tap.old") {
			t.Errorf("got %v, want ErrCorrupt, and both files named", err)
		}
		l.die()
		disk.Kill()
	}
	if after := files(t, disk, "/var"); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("got files %q, want %q untouched", after, before)
	}
}

// TestF32NamedFileIsDamaged wants an error, and never another file in silence.
func TestF32NamedFileIsDamaged(t *testing.T) {
	disk := atRest(t)
	overwrite(t, disk, "/var/fib.tap", []byte("twistor-tap"))
	l := newLife(disk, nil)
	defer l.die()
	if _, err := l.tryOpen(Config{File: "/var/fib.tap"}); !errors.Is(err, ErrCorrupt) {
		t.Errorf("damaged: got %v, want ErrCorrupt", err)
	}
	if _, err := l.tryOpen(Config{File: "/var/no.tap"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("not there: got %v, want ErrNotExist", err)
	}
	for _, name := range files(t, disk, "/var") {
		if strings.Contains(name, corruptSuffix) {
			t.Errorf("%s was put aside", name)
		}
	}
}

// TestF32Newer refuses what a newer program wrote, and leaves it as it is.
func TestF32Newer(t *testing.T) {
	newer := func(kind string, body string) []byte {
		line := fmt.Sprintf("%s 2 %d", kind, len(body))
		return []byte(line + " " + checksum(line, []byte(body)) + "\n" + body)
	}
	disk := atRest(t)
	segment := only(t, disk, "/var", "0002", segmentSuffix)
	for file, b := range map[string][]byte{
		"/var/fib.tap":          newer(kindTap, "what only the future understands"),
		"/var/fib-shutdown.tap": newer(kindTap, ""),
		segment:                 newer(kindJournal, "the same"),
	} {
		if x := examine(t, disk, file, b); !errors.Is(x.err, ErrNewer) || len(x.aside) > 0 {
			t.Errorf("%s: got %+v, want ErrNewer and the file where it was", file, x)
		}
	}
	// And so with a state of a later version.
	s := &Snapshot{Number: 99, States: []State{{Name: "plain", Version: 1, Data: json.RawMessage(`{"N":1}`)}}}
	b, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, disk, "/var/fib.tap", b)
	l := newLife(disk, nil)
	defer l.die()
	store := l.open(t, Config{})
	if err := store.Persist("plain", &plain{}); !errors.Is(err, ErrNewer) {
		t.Errorf("got %v, want ErrNewer", err)
	}
	if err := l.do(func(co *deferred.Co) error { _, err := store.Save("").Await(co); return err }); !errors.Is(err, ErrNewer) {
		t.Errorf("Save after it: got %v, want ErrNewer", err)
	}
	if got := content(t, disk, "/var/fib.tap"); !bytes.Equal(got, b) {
		t.Error("the newer file was written over")
	}
}

// TestF32JournalDamaged flips each byte of the newest segment of a journal, and cuts
// it at each length. Never may a wrong state come out; what can be had from the
// older segment must be had; and whatever is lost must be told.
func TestF32JournalDamaged(t *testing.T) { journalDamaged(t, 0) }

// TestF32JournalWithRoomDamaged does so with room behind the last batch. Room that
// is flipped is nothing lost, but it is told; room that is cut is nothing.
func TestF32JournalWithRoomDamaged(t *testing.T) { journalDamaged(t, 100) }

func journalDamaged(t *testing.T, room int) {
	disk := atRest(t)
	file := only(t, disk, "/var", "0002", segmentSuffix)
	good := content(t, disk, file)
	whole := len(good)
	if whole > 4<<10 {
		t.Fatalf("the segment has %d bytes, want up to 4 KiB", whole)
	}
	good = append(good, make([]byte, room)...)
	if x := examine(t, disk, file, good); x.err != nil || x.count != 9 || x.log != "" {
		t.Errorf("undamaged: got %+v, want all changes and nothing said", x)
	}
	baseBytes := bytes.Index(good, []byte("\n"+batchWord)) + 1
	last := bytes.LastIndex(good, []byte("\n"+batchWord)) + 1
	check := func(what string, b []byte, least int, want string) {
		t.Helper()
		x := examine(t, disk, file, b)
		if x.err != nil || x.count < least || x.count > 9 || x.sum != x.count*(x.count+1)/2 {
			t.Errorf("%s: got %+v, want %d changes or more", what, x, least)
			return
		}
		if x.count < 9 && !strings.Contains(x.log, want) {
			t.Errorf("%s: %d changes were lost, and %q not logged: %s", what, 9-x.count, want, x.log)
		}
		if want == "damaged" && (len(x.complaints) != 1 || len(x.aside) != 1) {
			t.Errorf("%s: got %v, aside %v; want one error and one file put aside", what, x.complaints, x.aside)
		}
	}
	for i := 0; i < len(good); i += scale(1, 7) {
		b := bytes.Clone(good)
		b[i] ^= 1 << (i % 8)
		switch {
		case i < baseBytes:
			// The older segment leads to the same state, and the batches go on from it.
			check(fmt.Sprintf("byte %d of %d, in the base", i, baseBytes), b, 9, "damaged")
		case i < last:
			check(fmt.Sprintf("byte %d, in a batch before others", i), b, 3, "damaged")
		case i < whole:
			check(fmt.Sprintf("byte %d, in the last batch", i), b, 7, "dropped")
		default:
			what := fmt.Sprintf("byte %d, in the room", i)
			check(what, b, 9, "")
			if x := examine(t, disk, file, b); !strings.Contains(x.log, fmt.Sprintf("bytes=%d\n", i-whole+1)) || len(x.complaints) > 0 {
				t.Errorf("%s: got %q, want a warning of %d bytes", what, x.log, i-whole+1)
			}
		}
		switch {
		case i < baseBytes:
			check(fmt.Sprintf("cut at %d, in the base", i), good[:i], 3, "damaged")
		case bytes.HasPrefix(good[i:], []byte(batchWord)):
			// Cut between batches: nothing tells that there were more.
		case i >= whole:
			if x := examine(t, disk, file, good[:i]); x.err != nil || x.count != 9 || x.log != "" {
				t.Errorf("cut at %d, in the room: got %+v, want all changes and nothing said", i, x)
			}
		default:
			check(fmt.Sprintf("cut at %d, in a batch", i), good[:i], 3, "dropped")
		}
	}
}

// TestF32TwoSegmentsDamaged wants an error when no base is left, as often as one
// tries, unless a snapshot has the state.
func TestF32TwoSegmentsDamaged(t *testing.T) {
	disk := atRest(t)
	for _, n := range []string{"0001", "0002"} {
		overwrite(t, disk, only(t, disk, "/var", n, segmentSuffix), []byte("ruin"))
	}
	for range 2 {
		x := examine(t, disk, "/var/other", nil)
		if !errors.Is(x.err, ErrCorrupt) || len(x.aside) > 0 {
			t.Errorf("got %+v, want ErrCorrupt", x)
		}
	}
	s := &Snapshot{Number: 99, States: []State{{Name: "sum", Sequence: 4, Data: json.RawMessage(`{"Sum":10,"Count":4}`)}}}
	b, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	x := examine(t, disk, "/var/fib.tap", b)
	if x.err != nil || x.count != 4 || len(x.complaints) != 2 || len(x.aside) != 2 {
		t.Errorf("with a snapshot: got %+v, want its 4 changes, and two segments put aside", x)
	}
}

// TestF32SnapshotBridgesDamage damages a batch in the middle of a journal, of which
// a snapshot has the state behind it: nothing is lost.
func TestF32SnapshotBridgesDamage(t *testing.T) {
	disk := atRest(t)
	file := only(t, disk, "/var", "0002", segmentSuffix)
	b := content(t, disk, file)
	b[bytes.Index(b, []byte("\n"+batchWord))+batchLineBytes+1] ^= 1 // change 4
	s := &Snapshot{Number: 99, States: []State{{Name: "sum", Sequence: 6, Data: json.RawMessage(`{"Sum":21,"Count":6}`)}}}
	text, err := s.encode()
	if err != nil {
		t.Fatal(err)
	}
	overwrite(t, disk, "/var/fib.tap", text)
	x := examine(t, disk, file, b)
	if x.err != nil || x.count != 9 || x.sum != 45 || len(x.aside) != 1 {
		t.Errorf("got %+v, want all 9 changes", x)
	}
}

// TestTooLargeIsRefused wants a file beyond 256 MiB refused before it is read.
func TestTooLargeIsRefused(t *testing.T) {
	disk := newDisk()
	f, err := disk.OpenFile("/x.tap", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Read(sized{disk, maxFileBytes + 1}, "/x.tap")
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
	f.Close()
}

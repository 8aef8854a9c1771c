package persist

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"
)

// FuzzTap reads any bytes as a snapshot: no panic, an error that says what it is,
// and what is read can be written and read again. The bytes come as they are, and
// sealed, because no fuzzer guesses a SHA-256.
func FuzzTap(f *testing.F) {
	s := &Snapshot{Number: 1, Command: Command{Program: "web", Options: map[string][]string{"a": {"b"}}}, States: []State{{"x", 0, 3, json.RawMessage(`{"A":[1]}`)}}}
	b, err := s.encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b)
	f.Add(b[bytes.IndexByte(b, '\n')+1:])
	f.Add([]byte("twistor-tap 1 10737418240 00\n"))
	f.Add([]byte("[[[[[[[[[["))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, seal(kindTap, b)} {
			s, err := decodeSnapshot("x.tap", b)
			if err != nil {
				if !damaged(err) && !errors.Is(err, ErrNewer) {
					t.Errorf("got %v, want an error that says what is wrong", err)
				}
				continue
			}
			again, err := s.encode()
			if err != nil {
				t.Fatalf("what was read cannot be written: %v", err)
			}
			other, err := decodeSnapshot("x.tap", again)
			if err != nil || len(other.States) != len(s.States) || other.Number != s.Number {
				t.Errorf("written and read again: got %+v, %v; want %+v", other, err, s)
			}
		}
	})
}

// FuzzJournal recovers from any bytes behind a whole base, and from any bytes
// alone: no panic, and never a state that the changes do not make. The seeds are
// segments whole, torn and damaged.
func FuzzJournal(f *testing.F) {
	const word = "0000000000000001-00000000"
	key := segmentKey(word)
	batchOf := func(first uint64, changes string) []byte {
		b := append(make([]byte, batchLineBytes), changes...)
		sealBatch(b, key, first, 0)
		return b
	}
	first := &base{"sum", 0, 0, json.RawMessage(`{"Sum":0,"Count":0}`)}
	start, err := first.encode()
	if err != nil {
		f.Fatal(err)
	}
	one, two := batchOf(1, "1\n2\n"), batchOf(3, "3\n")
	f.Add(bytes.Join([][]byte{one, two}, nil))
	f.Add(bytes.Join([][]byte{one, []byte("batch "), two}, nil))
	f.Add(one[:len(one)-1])
	f.Add(bytes.Join([][]byte{one, two, make([]byte, 600)}, nil))
	f.Add(bytes.Join([][]byte{one, two[:20], make([]byte, 600)}, nil))
	f.Add(two)
	f.Add([]byte("batch 0000 ffffffff 0000000000000001 00000000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, b := range [][]byte{b, append(start[:len(start):len(start)], b...)} {
			s, err := readSegment("x.journal", "sum", word, b)
			if err != nil {
				if !errors.Is(err, ErrNewer) {
					t.Errorf("got %v, want ErrNewer or a segment", err)
				}
				continue
			}
			r := &recovery{journal: "sum", segments: []*segment{s}}
			if err := r.choose(); err != nil {
				if !errors.Is(err, ErrCorrupt) {
					t.Errorf("got %v, want ErrCorrupt", err)
				}
				continue
			}
			at := r.sequence
			for _, b := range r.changes {
				if b.first > at+1 {
					t.Fatalf("a gap: change %d follows %d", b.first, at)
				}
				at = max(at, b.last())
			}
			if at != r.end {
				t.Errorf("the changes end at %d, want %d", at, r.end)
			}
		}
	})
}

// FuzzFileWord wants a file name of its own for each name of a state, that says
// nothing of other directories.
func FuzzFileWord(f *testing.F) {
	f.Add("a/b", "a.b")
	f.Add("ä", "%c3%a4")
	f.Add("A", "a")
	f.Fuzz(func(t *testing.T, a, b string) {
		if checkName(a) != nil || checkName(b) != nil {
			return
		}
		x, y := fileWord(a), fileWord(b)
		if (a == b) != (x == y) {
			t.Errorf("%q and %q are %q and %q", a, b, x, y)
		}
		if bytes.ContainsAny([]byte(x), "/\\ \x00") {
			t.Errorf("%q is %q", a, x)
		}
		if _, _, ok := segmentOf("fib."+x+".0000000000000007-0123abcd"+segmentSuffix, "fib", a); !ok {
			t.Errorf("the segment of %q is not found", a)
		}
	})
}

// TestSegmentKeyTellsSegmentsApart sees batches of a deleted segment, which a disk
// may show in a new one's place, not taken for its own.
func TestSegmentKeyTellsSegmentsApart(t *testing.T) {
	b := append(make([]byte, batchLineBytes), "1\n"...)
	sealBatch(b, segmentKey("0000000000000001-00000000"), 1, 0)
	if x, _ := openBatch(b, segmentKey("0000000000000001-00000000")); x == nil || len(x.changes) != 1 {
		t.Errorf("its own: got %v", x)
	}
	if x, _ := openBatch(b, segmentKey("0000000000000001-00000001")); x != nil {
		t.Errorf("another's: got %v, want it refused", x)
	}
}

//go:build linux

package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"testing"

	"github.com/twistor-go/twistor/bench/internal/hosts"
)

// answerTo is a right answer to q.
func answerTo(q *inquiry) []byte {
	p := bytes.Clone(q.packet[:q.ends])
	p[2], p[7] = 0x84, 1
	p = append(p, 0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4)
	a := hosts.Address(q.number)
	return append(p, a[:]...)
}

// A server that answers something else is not measured.
func TestAnswersMustBeWhatIsWanted(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var q inquiry
	q.ask(0x1234, r)
	if !bytes.Contains(q.packet, []byte("\x07example\x00\x00\x01\x00\x01")) || binary.BigEndian.Uint16(q.packet) != 0x1234 {
		t.Fatalf("asks %x, want a name of example. and the id 1234", q.packet)
	}
	if err := q.check(answerTo(&q)); err != nil {
		t.Errorf("the right answer: %v", err)
	}
	for name, change := range map[string]func(p []byte) []byte{
		"other id":       func(p []byte) []byte { p[0]++; return p },
		"query":          func(p []byte) []byte { p[2] &^= 0x80; return p },
		"other question": func(p []byte) []byte { p[14]++; return p },
		"SERVFAIL":       func(p []byte) []byte { p[3] = 2; return p },
		"no authority":   func(p []byte) []byte { p[2] &^= 0x04; return p },
		"two answers":    func(p []byte) []byte { p[7] = 2; return p },
		"other address":  func(p []byte) []byte { p[len(p)-1]++; return p },
		"cut":            func(p []byte) []byte { return p[:len(p)-1] },
		"shorter":        func(p []byte) []byte { return p[:11] },
	} {
		if err := q.check(change(answerTo(&q))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// Where names are asked for that there are not, the answer must say so, with
// the record that says for how long.
func TestDenialsMustBeWhatIsWanted(t *testing.T) {
	*flood = true
	defer func() { *flood = false }()
	var q inquiry
	q.ask(7, rand.New(rand.NewPCG(1, 2)))
	for _, tc := range []struct {
		rcode, answers, authority byte
		good                      bool
	}{{3, 0, 1, true}, {0, 0, 1, false}, {3, 1, 1, false}, {3, 0, 0, false}, {5, 0, 0, false}} {
		p := bytes.Clone(q.packet)
		p[2], p[3], p[7], p[9] = 0x84, tc.rcode, tc.answers, tc.authority
		if err := q.check(p); (err == nil) != tc.good {
			t.Errorf("%+v: got %v", tc, err)
		}
	}
}

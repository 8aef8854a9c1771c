package process

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

func cutLines(parts ...string) (got []string) {
	var s lines
	tell := func(line []byte) { got = append(got, string(line)) }
	for _, p := range parts {
		s.take([]byte(p), tell)
	}
	s.flush(tell)
	return got
}

func TestZ02Cuts(t *testing.T) {
	long := strings.Repeat("y", maxLineBytes)
	for _, c := range []struct {
		name string
		in   []string
		want []string
	}{
		{"nothing", nil, nil},
		{"lines", []string{"a\nb\n"}, []string{"a", "b"}},
		{"empty ones", []string{"\n\n"}, []string{"", ""}},
		{"CRLF", []string{"a\r", "\nb\r\n"}, []string{"a", "b"}},
		{"no end", []string{"a\nb"}, []string{"a", "b"}},
		{"in pieces", []string{"a", "b", "\n", "c"}, []string{"ab", "c"}},
		{"as long as may be", []string{long + "\n", "a\n"}, []string{long, "a"}},
		{"one byte longer", []string{long + "z\na\n"}, []string{long, "z", "a"}},
		{"three times as long", []string{long + long + long + "\n\n"}, []string{long, long, long, ""}},
	} {
		if got := cutLines(c.in...); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %d lines, want %d: %.60q", c.name, len(got), len(c.want), got)
		}
	}
}

// FuzzLines: what is told does not depend on the cuts, nothing is longer than
// may be, and no byte but ends of lines is lost.
func FuzzLines(f *testing.F) {
	f.Add([]byte("a\nb\r\n"), uint16(1))
	f.Add(bytes.Repeat([]byte("z"), 3*maxLineBytes), uint16(5000))
	f.Fuzz(func(t *testing.T, p []byte, at uint16) {
		whole := cutLines(string(p))
		n := min(int(at), len(p))
		if cut := cutLines(string(p[:n]), string(p[n:])); !slices.Equal(whole, cut) {
			t.Errorf("cut at %d: got %q, want %q", n, cut, whole)
		}
		for _, line := range whole {
			if len(line) > maxLineBytes || strings.Contains(line, "\n") {
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		bare := strings.NewReplacer("\n", "", "\r", "")
		if got, want := bare.Replace(strings.Join(whole, "")), bare.Replace(string(p)); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}

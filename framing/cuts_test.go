package framing_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
)

// cutCases are all framings with input that leads them into every mode and
// every refusal, with small limits so that the input can be short.
var cutCases = []struct {
	name  string
	frame framed
	input string
}{
	{"lines", lines(framing.Lines{}), "a\r\nbc\n\r\n\r\r\nd\re\npause\nf\npart"},
	{"lines raw", lines(framing.Lines{}), "raw\nabc\ndef!x\nraw\n!y\nraw\n!raw\nz!end\n"},
	{"lines dots", lines(framing.Lines{}), "dots\nhi\n..\n.x\n\n.\r\ncmd\ndots\n.\nend\n"},
	{"lines close", lines(framing.Lines{}), "a\nclose\nb\nc\n"},
	{"lines pause", lines(framing.Lines{}), "a\npause\npause\nb\nraw\nccc!pause\nd\n"},
	{"lines exact limit", lines(framing.Lines{MaxLineBytes: 5}), "abcde\n12345\r\nxyz\r\nabcdef\nno\n"},
	{"lines over limit", lines(framing.Lines{MaxLineBytes: 3}), "abc\nabcdefghijklmnop"},
	{"lines forgiven", forgivingLines(framing.Lines{MaxLineBytes: 3}), "abc\nabcdef\nok\r\nabcdefgh\r\nend\nabcd"},
	{"lines limit and CR", lines(framing.Lines{MaxLineBytes: 3}), "abc\rx\n"},
	{"strict", lines(framing.Lines{Delimiter: framing.CRLF}), "a\r\n\r\nbc\r\npause\r\nraw\r\nx!end\r\n"},
	{"strict bare LF", lines(framing.Lines{Delimiter: framing.CRLF}), "a\r\nb\nc\r\n"},
	{"strict bare CR", lines(framing.Lines{Delimiter: framing.CRLF}), "a\r\nb\rc\r\n"},
	{"strict two CR", lines(framing.Lines{Delimiter: framing.CRLF}), "a\r\n\r\r\nx\r\n"},
	{"strict limit", lines(framing.Lines{Delimiter: framing.CRLF, MaxLineBytes: 3}), "abc\r\nabcd\r\n"},
	{"strict limit and bare", lines(framing.Lines{Delimiter: framing.CRLF, MaxLineBytes: 3}), "abc\nabc"},
	{"strict limit and CR", lines(framing.Lines{Delimiter: framing.CRLF, MaxLineBytes: 3}), "abc\rabc"},
	{"strict forgiven", forgivingLines(framing.Lines{Delimiter: framing.CRLF, MaxLineBytes: 4}),
		"a\nb\r\nok\r\nabcdefg\r\n\rx\r\r\nend\r\n"},
	{"exact", lines(framing.Lines{Delimiter: "aab"}), "xaabaaab--aaaab!aabaa"},
	{"exact limit", lines(framing.Lines{Delimiter: "aab", MaxLineBytes: 4}), "xyzwaabxyzaaabxyzvwaab"},
	{"exact one byte", lines(framing.Lines{Delimiter: "\x00"}), "a\x00\x00bc\x00"},
	{"exact forgiven", forgivingLines(framing.Lines{Delimiter: "aab", MaxLineBytes: 2}), "xyaabxyzaaabqaabaaaab!aab"},
	{"dot-lines", dotLines(framing.DotLines{}), "a\r\n..b\r\n.\r\n.\nc\n.d\n.\npart"},
	{"dot-lines strict", dotLines(framing.DotLines{Delimiter: framing.CRLF}), "a\r\n.\r\nb\r\n..\r\n.\r\n\n.\r\n"},
	{"netstrings", netstrings(0), "3:abc,0:,5:pause,12:hello world!,1:x"},
	{"netstrings close", netstrings(0), "5:close,1:x,"},
	{"netstrings limit", netstrings(10), "10:0123456789,11:0123456789a,"},
	{"netstrings zero", netstrings(0), "1:a,01:a,"},
	{"netstrings sign", netstrings(0), "1:a,-1:a,"},
	{"netstrings no comma", netstrings(0), "1:a;1:b,"},
	{"netstrings no length", netstrings(0), "1:a,:b,"},
	{"prefixed8", prefixed8(), "\x03abc\x00\x05pause\x01x\x05close\x01y"},
	{"prefixed16", prefixed16(0), "\x00\x03abc\x00\x00\x00\x05pause\x00\x01x\x00\x05y"},
	{"prefixed32", prefixed32(10), "\x00\x00\x00\x03abc\x00\x00\x00\x00\x00\x00\x00\x0ba"},
	{"fixed", fixed(6, 100), "abcdefsize 3xyzsize 0size 8ABCDEFGHpause1abc"},
	{"fixed limit", fixed(6, 10), "size10size 9123456789size99123"},
	{"conversation", conversation(nil), "a\r\nbc\n\nread 3\nxyzdots\n..a\n.\nd\n"},
	{"conversation part", conversation(nil), "a\nread 5\nabc"},
	{"conversation limit", conversation(nil), "a\n" + strings.Repeat("x", 40) + "\n"},
}

// conversation notes what a Conversation reads, and obeys "read N" and "dots".
func conversation(add func(c *framing.Conn)) framed {
	return func(r *record) twistor.Factory {
		return framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
			c.SetMaxLineBytes(20)
			for line := range c.Lines(co) {
				r.note("line %q", line)
				var n int
				switch k, _ := fmt.Sscanf(line, "read %d", &n); {
				case k == 1:
					p := make([]byte, n)
					err := c.ReadFull(co, p)
					r.note("read %q, %v", p, err)
				case line == "dots":
					for text, err := range c.DotLines(co) {
						r.note("text %q, %v", text, err)
					}
				}
			}
			r.note("ended: %v", c.Err())
			return nil
		})
	}
}

// TestCutAnywhere cuts the input of every framing at every byte, at every two
// bytes, and into single bytes: the events must be those of the whole.
func TestCutAnywhere(t *testing.T) {
	for _, c := range cutCases {
		t.Run(c.name, func(t *testing.T) {
			in := []byte(c.input)
			want := play(t, c.frame, in).String()
			check := func(parts ...[]byte) {
				if got := play(t, c.frame, parts...).String(); got != want {
					t.Fatalf("cut as %q heard\n%s\nwant\n%s", parts, got, want)
				}
			}
			var single [][]byte
			for i := range in {
				single = append(single, in[i:i+1])
			}
			check(single...)
			for i := range in {
				check(in[:i], in[i:])
				for j := i; j < len(in) && !testing.Short(); j++ {
					check(in[:i], in[i:j], in[j:])
				}
			}
		})
	}
}

var update = flag.Bool("update", false, "write testdata/cuts.txt anew")

// TestGolden compares what each of cutCases hears with testdata/cuts.txt, which
// a person has read.
func TestGolden(t *testing.T) {
	var got strings.Builder
	for _, c := range cutCases {
		fmt.Fprintf(&got, "%s: %q\n", c.name, c.input)
		for _, e := range play(t, c.frame, []byte(c.input)).events {
			fmt.Fprintf(&got, "\t%s\n", strings.ReplaceAll(e, "\n", "\\n"))
		}
	}
	const name = "testdata/cuts.txt"
	if *update {
		if err := os.WriteFile(name, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	gotLines, wantLines := strings.Split(got.String(), "\n"), strings.Split(string(want), "\n")
	for i := range gotLines {
		if i >= len(wantLines) || gotLines[i] != wantLines[i] {
			t.Fatalf("line %d: got %q, want what %s has there; if it is right, run with -update and read the difference", i+1, gotLines[i], name)
		}
	}
}

// FuzzCuts cuts any input of any framing anywhere.
func FuzzCuts(f *testing.F) {
	for i, c := range cutCases {
		f.Add(uint8(i), []byte(c.input), []byte{3, 1, 7})
	}
	f.Fuzz(func(t *testing.T, which uint8, in, cuts []byte) {
		c := cutCases[int(which)%len(cutCases)]
		if len(in) > 1000 || len(cuts) > 100 {
			return
		}
		want := play(t, c.frame, in).String()
		var parts [][]byte
		rest := in
		for _, n := range cuts {
			k := min(int(n), len(rest))
			parts = append(parts, rest[:k])
			rest = rest[k:]
		}
		if got := play(t, c.frame, append(parts, rest)...).String(); got != want {
			t.Fatalf("%s: %q cut as %q heard\n%s\nwant\n%s", c.name, in, parts, got, want)
		}
	})
}

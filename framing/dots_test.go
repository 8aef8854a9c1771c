package framing_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/framing"
)

func dotted(t testing.TB, parts ...[]byte) string {
	var b bytes.Buffer
	w := framing.DotWriter{W: &b}
	for _, p := range parts {
		if n, err := w.Write(p); n != len(p) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", p, n, err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestDotWriter(t *testing.T) {
	for in, want := range map[string]string{
		"":              ".\r\n",
		"a":             "a\r\n.\r\n",
		"a\n":           "a\r\n.\r\n",
		"a\r\n":         "a\r\n.\r\n",
		"a\r":           "a\r\n.\r\n",
		".":             "..\r\n.\r\n",
		".a\n..\nb.\n":  "..a\r\n...\r\nb.\r\n.\r\n",
		"\n\n":          "\r\n\r\n.\r\n",
		"\r\r\n":        "\r\n\r\n.\r\n",
		"a\r\n.\r\nb":   "a\r\n..\r\nb\r\n.\r\n",
		"a\n.\nQUIT\n":  "a\r\n..\r\nQUIT\r\n.\r\n",
		"a\r.\rQUIT\r":  "a\r\n..\r\nQUIT\r\n.\r\n",
		"a\r\n.\rQUIT":  "a\r\n..\r\nQUIT\r\n.\r\n",
		"a\x00\n.\x00b": "a\x00\r\n..\x00b\r\n.\r\n",
	} {
		if got := dotted(t, []byte(in)); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// TestDotWriterSmuggling is ML-02: whatever the text holds, a strict reader and
// a loose one both see one text, and nothing behind it.
func TestDotWriterSmuggling(t *testing.T) {
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\n\x00.\r\n", "\r\r\n.\r\r\n", "\r\n.\r\n"} {
		out := dotted(t, []byte("body"+end+"MAIL FROM:<smug@evil>\r\n"))
		for _, delimiter := range []string{"", framing.CRLF} {
			r := play(t, dotLines(framing.DotLines{Delimiter: delimiter}), []byte(out))
			if n := strings.Count(r.String(), "end of text"); n != 1 || !strings.Contains(r.String(), `text "MAIL`) {
				t.Errorf("%q, delimiter %q: heard\n%s\nwant one text with all of it", end, delimiter, r)
			}
		}
	}
}

// TestDotWriterAgain writes two texts with one DotWriter.
func TestDotWriterAgain(t *testing.T) {
	var b bytes.Buffer
	w := framing.DotWriter{W: &b}
	for range 2 {
		w.Write([]byte(".a"))
		w.Close()
	}
	if got, want := b.String(), "..a\r\n.\r\n..a\r\n.\r\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

// FuzzDotWriter writes any text, cut anywhere, and reads it back: it must be
// the same lines, whatever ended them.
func FuzzDotWriter(f *testing.F) {
	f.Add([]byte("a\n.\r.b\r\n..\n"), 3)
	f.Fuzz(func(t *testing.T, text []byte, cut int) {
		if len(text) > 1000 || cut < 0 {
			return
		}
		cut = min(cut, len(text))
		out := dotted(t, text[:cut], text[cut:])
		if whole := dotted(t, text); out != whole {
			t.Fatalf("%q cut at %d became %q, whole %q", text, cut, out, whole)
		}
		r := play(t, dotLines(framing.DotLines{Delimiter: framing.CRLF}), []byte(out))
		want := new(record)
		want.note("connected")
		lf := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(text))
		for line := range strings.Lines(lf) {
			want.note("text %q", strings.TrimSuffix(line, "\n"))
		}
		want.note("end of text")
		want.note("disconnected: EOF")
		for i, e := range want.events { // the record closes on some words
			if e == `text "close"` {
				want.events = append(want.events[:i+1], "disconnected: use of closed network connection")
				break
			}
		}
		if r.String() != want.String() && !strings.Contains(string(text), "raw") && !strings.Contains(string(text), "close") {
			t.Fatalf("%q became\n%s\nwant\n%s", text, r, want)
		}
	})
}

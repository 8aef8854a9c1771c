package logsink

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
)

// O09: a file whose lines are records, however they are cut.
func TestO09Lines(t *testing.T) {
	const text = "one\ntwo words\r\n\n\x1b[2J\n0123456789abcdefXY\n0123456789abcdef\nunfinished"
	const want = `one|two words|"\x1b[2J"|0123456789abcdef|XY|0123456789abcdef|unfinished`
	for size := 1; size <= len(text); size++ {
		var b bytes.Buffer
		w := &Lines{Log: slog.New(NewText(&b, nil)), Level: slog.LevelWarn, MaxLineBytes: 16}
		for p := text; p != ""; p = p[min(size, len(p)):] {
			if n, err := io.WriteString(w, p[:min(size, len(p))]); n != min(size, len(p)) || err != nil {
				t.Fatal(n, err)
			}
		}
		if strings.Contains(b.String(), "unfinished") {
			t.Errorf("pieces of %d: a line that is not ended is logged", size)
		}
		w.Close()
		w.Close()
		if got := messages(&b); got != want || strings.Count(b.String(), " WARN ") != 7 {
			t.Errorf("pieces of %d: got %s, want %s", size, got, want)
		}
	}
}

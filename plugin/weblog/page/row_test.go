package page

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/weblog"
)

// Whatever a line has, it is text on the stream: no markup, no line ends, no
// marks that are not seen. The control is that all of it is there, readable.
func TestHostileLines(t *testing.T) {
	st := newStage(t, &Page{})
	for path, want := range map[string]string{
		`/</script><img src=x onerror=alert(1)>`: `/</script><img src=x onerror=alert(1)>`,
		`/\x0Adata: {}\x0A\x0Aevent: hello`:      `/\x0Adata: {}\x0A\x0Aevent: hello`,
		"/\\r\\n\\r\\nid: 7":                     `/\x0D\x0A\x0D\x0Aid: 7`,
		"/\xff\x00\x1b[2J":                       `/\xFF\x00\x1B[2J`,
		"/\u202egnp.exe\u2066\u200b":             `/\xE2\x80\xAEgnp.exe\xE2\x81\xA6\xE2\x80\x8B`,
		"/\u2028\u2029":                          `/\xE2\x80\xA8\xE2\x80\xA9`,
		"/é日本\U0001f600":                         "/é日本\U0001f600",
		"/" + strings.Repeat("x", 60_000):        "/" + strings.Repeat("x", maxPathBytes-1) + "…",
		"/" + strings.Repeat(`\x00`, 10_000):     "/" + strings.Repeat(`\x00`, maxPathBytes/4) + "…",
	} {
		st.hit(path)
		st.clock.Advance(time.Second)
		conn := st.ask("/hits")
		if _, body := answer(t, conn); strings.ContainsAny(body, "<>\r\x00\x1b") || strings.Contains(body, "\u2028") {
			t.Errorf("%.100q came as it was: %.200q", path, body)
		}
		got := watch(t, conn)
		last := got.events[len(got.events)-1].Hits
		if got := last[len(last)-1][5]; got != want {
			t.Errorf("%.100q: got %.600q, want %.600q", path, got, want)
		}
	}
}

func FuzzRow(f *testing.F) {
	for _, s := range []string{"/", "</script>", "\xff\xfe", "\u202e", "\x00\r\n", strings.Repeat("é", 300)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, path, agent string) {
		row := appendRow(nil, 1, weblog.Hit{Path: path, Agent: agent})
		var got []any
		if err := json.Unmarshal(row, &got); err != nil || len(got) != 10 {
			t.Fatalf("%q: %v", row, err)
		}
		if bytes.ContainsAny(row, "<>&\r\n") {
			t.Errorf("%q has markup or line ends", row)
		}
		if len(row) > 6*(maxPathBytes+maxFieldBytes)+200 {
			t.Errorf("%d bytes", len(row))
		}
		if text := got[5].(string); len(path) <= maxPathBytes && !strings.ContainsFunc(path, hidden) && text != path {
			t.Errorf("got %q, want %q", text, path)
		}
	})
}

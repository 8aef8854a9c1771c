package logsink

import (
	"bytes"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/slogtest"
	"time"
)

func TestO08JSON(t *testing.T) {
	const head = `{"time":"2026-11-22T12:00:00.123Z","level":"WARN","msg":`
	for _, tc := range []struct {
		name    string
		message string
		attrs   []any
		want    string
	}{
		{"kinds", "m", []any{"i", -1, "f", 1.5, "b", true, "d", time.Second, "n", nil}, `"m","i":-1,"f":1.5,"b":true,"d":1000000000,"n":null}`},
		{"groups", "m", []any{slog.Group("a", "b", 1)}, `"m","a":{"b":1}}`},
		{"line breaks", "a\nb", []any{"k\r", "\u2028"}, `"a\nb","k\r":"\u2028"}`},
		{"terminal", "\x1b[2J", []any{"c1", "\u009b2J", "del", "\x7f", "bidi", "a\u202eb", "tag", "\U000e0041"},
			`"\u001b[2J","c1":"\u009b2J","del":"\u007f","bidi":"a\u202eb","tag":"\udb40\udc41"}`},
		{"delete alone", "a\x7f", nil, `"a\u007f"}`},
		{"letters", "größer als 大 😀", nil, `"größer als 大 😀"}`},
		{"addresses", "m", []any{"peer", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}, "e", errors.New("it broke"), "month", time.May},
			`"m","peer":"127.0.0.1:80","e":"it broke","month":"May"}`},
		{"marshalers", "m", []any{"raw", json.RawMessage(`{ "a": [1] }`), "s", struct{ A string }{"\u009b"}}, `"m","raw":{"a":[1]},"s":{"A":"\u009b"}}`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, want := written(NewJSON, slog.LevelWarn, tc.message, tc.attrs...), head+tc.want+"\n"
			if got != want {
				t.Errorf("got  %swant %s", got, want)
			}
			if !json.Valid([]byte(got)) {
				t.Errorf("%s is no JSON", got)
			}
		})
	}
}

func TestJSONCutsValues(t *testing.T) {
	got := written(NewJSON, slog.LevelInfo, "m", "a", strings.Repeat("x", maxValueBytes+5), "stack", strings.Repeat("y", maxStackBytes))
	if !strings.Contains(got, `x…(5 bytes more)"`) || !strings.Contains(got, `y"}`) {
		t.Errorf("got …%s", got[len(got)-60:])
	}
}

func TestO01JSONHandler(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler { b.Reset(); return NewJSON(&b, nil) }, func(t *testing.T) map[string]any {
		m := map[string]any{}
		if err := json.Unmarshal(b.Bytes(), &m); err != nil {
			t.Fatal(err)
		}
		return m
	})
}

// What was written is read, and written again the same.
func TestO08ReadReplays(t *testing.T) {
	var first, second bytes.Buffer
	log := slog.New(NewJSON(&first, nil)).With("proto", "ftp").WithGroup("g")
	log.Info("started", "a", 1, "b", "two words", slog.Group("h", "c", 1.5, "d", true))
	log.Error("panic in a callback", "stack", "main.f()\n\tf.go:1", "list", []string{"x", "y"}, "big", uint64(1<<63), "nothing", nil)
	log.Log(t.Context(), slog.LevelWarn+1, "", "time", "a word", "msg", "another", "level", 3)

	again := NewJSON(&second, nil)
	n := 0
	for r, err := range Read(bytes.NewReader(first.Bytes())) {
		if err != nil {
			t.Error(err)
		}
		n++
		again.Handle(t.Context(), r)
	}
	if n != 3 || second.String() != first.String() {
		t.Errorf("got  %swant %s", second.String(), first.String())
	}
}

// Bad records are told with their line, and the good ones around them are read.
func TestO08ReadSkipsBad(t *testing.T) {
	const good = `{"time":"2026-11-22T12:00:00Z","level":"INFO","msg":"m"}`
	deep := func(n int) string {
		return `{"level":"INFO","msg":"m","g":` + strings.Repeat(`{"g":`, n) + "1" + strings.Repeat("}", n) + "}"
	}
	for _, tc := range []struct{ name, text, want string }{
		{"good", good + "\n", "m"},
		{"no newline at the end", good, "m"},
		{"record separators", "\x1e" + good + "\n\x1e" + good + "\n", "m, m"},
		{"empty lines", "\n\r\n \n" + good + "\r\n\n", "m"},
		{"no time", `{"level":"INFO","msg":"m"}`, "m"},
		{"deep", deep(maxReadDepth - 1), "m"},
		{"cut off", good[:20] + "\n" + good + "\n" + good[:40], "line 1: the line is cut off, m, line 3: the line is cut off"},
		{"two on a line", good + good + "\n" + good, "line 1: want nothing after the object, m"},
		{"no object", "1\n[]\nx\n" + good, "line 1: want an object, line 2: want an object, line 3: want an object, m"},
		{"no msg", `{"level":"INFO"}` + "\n" + good, "line 1: want a level and a msg, m"},
		{"bad time", `{"time":"noon","level":"INFO","msg":"m"}`, `line 1: time "noon": want one of RFC 3339`},
		{"bad level", `{"level":"LOUD","msg":"m"}`, `line 1: level "LOUD": want DEBUG, INFO, WARN or ERROR`},
		{"too deep", deep(maxReadDepth) + "\n" + good, "line 1: deeper than 64, m"},
		{"too long", strings.Repeat("x", maxReadLineBytes+1) + "\n" + good, "line 1: longer than 1048576 bytes, m"},
		{"as long as may be", good + strings.Repeat(" ", maxReadLineBytes-len(good)-1) + "\n", "m"},
		{"nothing", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got []string
			for r, err := range Read(strings.NewReader(tc.text)) {
				if _, ok := errors.AsType[*LineError](err); ok {
					got = append(got, strings.TrimPrefix(err.Error(), "logsink: "))
				} else {
					got = append(got, r.Message)
				}
			}
			if got := strings.Join(got, ", "); got != tc.want {
				t.Errorf("got %s, want %s", got, tc.want)
			}
		})
	}
}

func TestReadFails(t *testing.T) {
	broken := errors.New("broken")
	var errs []error
	for _, err := range Read(&failing{broken}) {
		errs = append(errs, err)
	}
	if len(errs) != 1 || errs[0] != broken {
		t.Errorf("got %v, want the reader's error once", errs)
	}
}

type failing struct{ err error }

func (f *failing) Read([]byte) (int, error) { return 0, f.err }

// Whatever is in a log, reading it ends, each line gives one answer at most, and
// what was read can be written and read again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"time":"2026-11-22T12:00:00Z","level":"INFO","msg":"m","g":{"a":[1,{"b":null}]}}` + "\n"))
	f.Add([]byte("\x1e{\"level\":\"WARN+1\",\"msg\":\"\\u0000\",\"n\":1e400,\"\":{}}\n{"))
	f.Add([]byte(`{"level":"INFO","msg":"m","msg":"n","level":{},"time":1}`))
	f.Fuzz(func(t *testing.T, log []byte) {
		n := 0
		for r, err := range Read(bytes.NewReader(log)) {
			n++
			if err != nil {
				continue
			}
			var b bytes.Buffer
			if err := NewJSON(&b, nil).Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
			for again, err := range Read(&b) {
				if err != nil || again.Message != cut(r.Message, maxValueBytes) {
					t.Errorf("read again: %q, %v, was %q", again.Message, err, r.Message)
				}
			}
			if err := NewText(&b, nil).Handle(t.Context(), r); err != nil {
				t.Fatal(err)
			}
		}
		if most := bytes.Count(log, []byte("\n")) + 1; n > most {
			t.Errorf("%d answers of %d lines", n, most)
		}
	})
}

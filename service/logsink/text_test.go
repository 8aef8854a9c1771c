package logsink

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/slogtest"
	"time"
	"unicode/utf8"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 123e6, time.UTC)

// written is what a handler of f makes of one record at noon.
func written(f Format, level slog.Level, message string, attrs ...any) string {
	var b bytes.Buffer
	h := f(&b, nil)
	r := slog.NewRecord(noon, level, message, 0)
	r.Add(attrs...)
	if err := h.Handle(context.Background(), r); err != nil {
		return "error: " + err.Error()
	}
	return b.String()
}

type marshaler struct{ err error }

func (x marshaler) MarshalText() ([]byte, error) { return []byte("as text"), x.err }

type pointed struct{ text string }

func (p *pointed) MarshalText() ([]byte, error) { return []byte(p.text), nil }

type panicking struct{}

func (panicking) String() string { panic("oh\nno") }

type endless struct{}

func (endless) LogValue() slog.Value { return slog.GroupValue(slog.Any("g", endless{})) }

// O02 is in it, too: a failure with its stack, whole.
func TestO07Text(t *testing.T) {
	const head = "2026-11-22T12:00:00.123Z INFO "
	for _, tc := range []struct {
		name    string
		message string
		attrs   []any
		want    string
	}{
		{"message", "server stopped", nil, "server stopped"},
		{"no message", "", nil, `""`},
		{"message like an attribute", "a=b", nil, `"a=b"`},
		{"message with spaces around", " a ", nil, `" a "`},
		{"strings", "m", []any{"a", "word", "b", "two words", "c", ""}, `m a=word b="two words" c=""`},
		{"quotes", "m", []any{"a", `x"y`, "b", `x=y`, "c", `x\y`}, `m a="x\"y" b="x=y" c=x\y`},
		{"kinds", "m", []any{"i", -1, "u", uint64(1), "f", 1.5, "b", true, "d", 1500 * time.Millisecond, "t", noon},
			`m i=-1 u=1 f=1.5 b=true d=1.5s t=2026-11-22T12:00:00.123Z`},
		{"any", "m", []any{"n", nil, "s", struct{ A, b int }{1, 2}, "p", []byte("bytes"), "e", errors.New("it broke")},
			`m n=<nil> s="{A:1 b:2}" p=bytes e="it broke"`},
		{"text", "m", []any{"a", netip.MustParseAddrPort("[::1]:80"), "b", marshaler{}, "c", marshaler{errors.New("no")}},
			`m a=[::1]:80 b="as text" c="!ERROR: no"`},
		{"groups", "m", []any{slog.Group("a", "b", 1, slog.Group("c", "d", 2)), slog.Group("", "e", 3), slog.Group("none")},
			`m a.b=1 a.c.d=2 e=3`},
		{"keys", "m", []any{"a b", 1, "a=b", 2, "", 3, slog.Group("g\n", "k", 4)}, `m "a b"=1 "a=b"=2 ""=3 "g\n.k"=4`},
		{"line breaks", "a\nb", []any{"c", "d\r\ne", "f", "\u2028"}, `"a\nb" c="d\r\ne" f="\u2028"`},
		{"terminal", "\x1b[2J", []any{"c1", "\u009b2J", "del", "\x7f", "bidi", "a\u202eb", "invalid", "\xff"},
			`"\x1b[2J" c1="\u009b2J" del="\x7f" bidi="a\u202eb" invalid="\xff"`},
		{"letters", "größer als 大", []any{"a", "größer", "b", "大"}, `größer als 大 a=größer b=大`},
		{"stack", "m", []any{"stack", "main.f()\n\tf.go:1\x1b\nmain.\"g\"\n\n", "a", 1}, "m a=1\n\tmain.f()\n\t\tf.go:1\\x1b\n\tmain.\"g\""},
		{"stack of one line", "m", []any{"stack", "one line"}, `m stack="one line"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got, want := written(NewText, slog.LevelInfo, tc.message, tc.attrs...), head+tc.want+"\n"; got != want {
				t.Errorf("got  %swant %s", got, want)
			}
		})
	}
}

// What a value's own methods do wrong is written, and the record with it.
func TestO03BrokenValues(t *testing.T) {
	var none *time.Location
	for name, f := range map[string]Format{"text": NewText, "json": NewJSON} {
		got := written(f, slog.LevelInfo, "m", "a", panicking{}, "b", (*strings.Builder)(nil), "c", none, "d", slog.AnyValue(badValuer{}), "z", 1)
		if strings.Count(got, "\n") != 1 || !strings.Contains(got, "oh") || !strings.Contains(got, "m") || !strings.ContainsAny(got, "z") {
			t.Errorf("%s: got %s, want one line that says what panicked", name, got)
		}
	}
	if got := written(NewText, slog.LevelInfo, "m", "p", (*pointed)(nil), "q", panicking{}); !strings.Contains(got, " m p=<nil> q=") {
		t.Errorf("got %s, want the nil pointer to be one", got)
	}
	if got := written(NewText, slog.LevelInfo, "m", "e", endless{}); len(got) > 1000 || !strings.HasSuffix(got, "…\n") {
		t.Errorf("got %d bytes of a value without an end", len(got))
	}
}

type badValuer struct{}

func (badValuer) LogValue() slog.Value { panic("oh") }

func TestTextCutsValues(t *testing.T) {
	long := "x" + strings.Repeat("ä", maxValueBytes) // a letter is in the middle of the cut
	got := written(NewText, slog.LevelInfo, "m", "a", long, "b", 1)
	want := "a=x" + strings.Repeat("ä", maxValueBytes/2-1) + "…(16386 bytes more)"
	if !strings.Contains(got, strconv.Quote(want[2:])) || !strings.HasSuffix(got, " b=1\n") {
		t.Errorf("got …%s, want …%s", got[len(got)-60:], want[len(want)-40:])
	}
	stack := strings.Repeat("frame\n", maxValueBytes/6+1)
	if got := written(NewText, slog.LevelInfo, "m", "stack", stack); strings.Count(got, "\tframe\n") != maxValueBytes/6+1 {
		t.Errorf("got %d bytes, want all of a stack", len(got))
	}
	if got := written(NewText, slog.LevelInfo, "m", "stack", strings.Repeat(stack, 5)); len(got) > 2*maxStackBytes {
		t.Errorf("got %d bytes of a stack without an end", len(got))
	}
}

func TestTextOneWrite(t *testing.T) {
	var w writes
	log := slog.New(NewText(&w, nil)).With("stack", "a\nb").WithGroup("g").With("x", 1)
	log.Info("m", "stack", "c\nd")
	if len(w) != 1 || !strings.HasSuffix(w[0], "INFO m g.x=1\n\ta\n\tb\n\tc\n\td\n") {
		t.Errorf("got %q, want one write with both stacks", []string(w))
	}
}

// writes are the Writes that it got.
type writes []string

func (w *writes) Write(p []byte) (int, error) { *w = append(*w, string(p)); return len(p), nil }

func TestParseFormat(t *testing.T) {
	for name, want := range map[string]string{"text": "2026-11-22T12:00:00.123Z INFO m\n", "json": `{"time":"2026-11-22T12:00:00.123Z","level":"INFO","msg":"m"}` + "\n"} {
		f, err := ParseFormat(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := written(f, slog.LevelInfo, "m"); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	if _, err := ParseFormat("xml"); err == nil || err.Error() != `logsink: format "xml": want text or json` {
		t.Errorf("got %v", err)
	}
}

func TestTextLevel(t *testing.T) {
	var b bytes.Buffer
	var level slog.LevelVar
	log := slog.New(NewText(&b, &level))
	log.Debug("no")
	level.Set(slog.LevelDebug)
	log.Debug("yes")
	slog.New(NewText(&b, nil)).Log(context.Background(), -100, "all")
	if got := b.String(); strings.Contains(got, "no") || !strings.Contains(got, " DEBUG yes\n") || !strings.Contains(got, " DEBUG-96 all\n") {
		t.Errorf("got %q", got)
	}
}

// A parsed line is what slogtest looks at: groups are maps.
func parsed(line string) map[string]any {
	m := map[string]any{}
	words := strings.Split(strings.TrimSpace(line), " ")
	if at, err := time.Parse(timeLayout, words[0]); err == nil {
		m[slog.TimeKey], words = at, words[1:]
	}
	m[slog.LevelKey], m[slog.MessageKey] = words[0], words[1]
	for _, w := range words[2:] {
		key, value, _ := strings.Cut(w, "=")
		in := m
		path := strings.Split(key, ".")
		for _, g := range path[:len(path)-1] {
			if in[g] == nil {
				in[g] = map[string]any{}
			}
			in = in[g].(map[string]any)
		}
		in[path[len(path)-1]] = value
	}
	return m
}

func TestO01TextHandler(t *testing.T) {
	var b bytes.Buffer
	slogtest.Run(t, func(*testing.T) slog.Handler { b.Reset(); return NewText(&b, nil) },
		func(*testing.T) map[string]any { return parsed(b.String()) })
}

// Nothing that a terminal obeys, and no line break that is not ours, gets out.
func FuzzLine(f *testing.F) {
	f.Add("msg", "key", "value", "group")
	f.Add("a\nb", "k\x00", "\x1b[2J\u009b", "\u202e")
	f.Add("", "", "\xff\xfe", "=")
	f.Add("stack", "stack", "a\n\tb\r\nINFO forged", "")
	f.Fuzz(func(t *testing.T, message, key, value, group string) {
		attrs := []any{key, value, "any", errors.New(value), slog.Group(group, key, value), "after", 1}
		line := written(NewText, slog.LevelInfo, message, attrs...)
		first, stacks, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\n")
		if !strings.Contains(first, " after=1") {
			t.Errorf("%q lost its end", first)
		}
		for stack := range strings.Lines(stacks) {
			if stack[0] != '\t' || key != stackKey {
				t.Errorf("%q begins a record, or is no stack", stack)
			}
			checkPrintable(t, strings.TrimLeft(strings.TrimSuffix(stack, "\n"), "\t"))
		}
		checkPrintable(t, first)

		object := written(NewJSON, slog.LevelInfo, message, attrs...)
		checkPrintable(t, strings.TrimSuffix(object, "\n"))
		n := 0
		for r, err := range Read(strings.NewReader(object)) {
			if n++; err != nil || r.Message != strings.ToValidUTF8(cut(message, maxValueBytes), "\ufffd") && utf8.ValidString(message) {
				t.Errorf("read %q, %v of %s", r.Message, err, object)
			}
		}
		if n != 1 {
			t.Errorf("%d records of %q", n, object)
		}
	})
}

func checkPrintable(t *testing.T, s string) {
	t.Helper()
	if !utf8.ValidString(s) {
		t.Errorf("%q is no UTF-8", s)
	}
	for _, r := range s {
		if !strconv.IsPrint(r) {
			t.Errorf("%q has %q", s, r)
		}
	}
}

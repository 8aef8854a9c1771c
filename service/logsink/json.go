package logsink

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// NewJSON returns a handler that writes for programs, one object a line, as
// slog.JSONHandler does, with the keys time, level and msg. All that is not
// printable is escaped, also what JSON would allow; values that only have a
// String method, such as addresses, are strings. Records below level are left
// out; nil: none. Read reads them again.
func NewJSON(w io.Writer, level slog.Leveler) slog.Handler {
	if level == nil {
		level = slog.Level(-1 << 31)
	}
	return slog.NewJSONHandler(&printer{w}, &slog.HandlerOptions{Level: level, ReplaceAttr: readable})
}

// readable makes strings of what JSON would write as the insides of a value,
// and cuts those that are too long.
func readable(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindAny:
		switch x := a.Value.Any().(type) {
		case json.Marshaler, encoding.TextMarshaler:
			return a
		case error, fmt.Stringer, net.Addr:
			a.Value = slog.StringValue(textOf(x))
		default:
			return a
		}
	case slog.KindString:
	default:
		return a
	}
	most := maxValueBytes
	if a.Key == stackKey {
		most = maxStackBytes
	}
	if s := a.Value.String(); len(s) > most {
		a.Value = slog.StringValue(cut(s, most))
	}
	return a
}

// A printer writes JSON and escapes what is not printable. Outside of strings
// JSON has nothing but printable ASCII and one newline at the end.
type printer struct{ w io.Writer }

func (p *printer) Write(b []byte) (int, error) {
	clean := b
	for i, c := range b {
		if c >= 0x7f {
			clean = appendEscaped(append(make([]byte, 0, len(b)+64), b[:i]...), b[i:])
			break
		}
	}
	if _, err := p.w.Write(clean); err != nil {
		return 0, err
	}
	return len(b), nil
}

// appendEscaped appends p, with what is not printable as \u and four digits.
func appendEscaped(b, p []byte) []byte {
	for len(p) > 0 {
		r, n := utf8.DecodeRune(p)
		switch {
		case r == '\n' || r != utf8.RuneError && strconv.IsPrint(r):
			b = append(b, p[:n]...)
		case r >= 0x10000:
			high, low := utf16.EncodeRune(r)
			b = fmt.Appendf(b, `\u%04x\u%04x`, high, low)
		default:
			b = fmt.Appendf(b, `\u%04x`, r)
		}
		p = p[n:]
	}
	return b
}

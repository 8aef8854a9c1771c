package logsink

import (
	"encoding"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"strconv"
	"unicode/utf8"
)

const (
	// maxValueBytes is how much of one value is written: what a peer sends must
	// not fill the disk by one record.
	maxValueBytes = 16 << 10
	// maxStackBytes is how much of the value of the key stack is.
	maxStackBytes = 64 << 10
	// maxGroupDepth is how deep groups may be inside each other, so that a
	// LogValuer that returns itself in a group ends.
	maxGroupDepth = 32
)

// timeLayout is RFC 3339 with milliseconds, always as many.
const timeLayout = "2006-01-02T15:04:05.000Z07:00"

// stackKey is the key whose value keeps its lines: it is our own stack, not
// what a peer sent.
const stackKey = "stack"

// text returns what a value that is no group reads as. What it calls, such as a
// String method, may panic; the text says so then.
func text(v slog.Value) string {
	if v.Kind() == slog.KindAny {
		return textOf(v.Any())
	}
	return v.String()
}

func textOf(x any) (s string) {
	defer func() {
		if p := recover(); p != nil {
			if v := reflect.ValueOf(x); v.Kind() == reflect.Pointer && v.IsNil() {
				s = "<nil>"
				return
			}
			s = fmt.Sprintf("!PANIC: %v", p)
		}
	}()
	switch x := x.(type) {
	case encoding.TextMarshaler:
		p, err := x.MarshalText()
		if err != nil {
			return "!ERROR: " + err.Error()
		}
		return string(p)
	case []byte:
		return string(x)
	case json.RawMessage:
		return string(x)
	case error:
		return x.Error()
	}
	return fmt.Sprintf("%+v", x)
}

// cut shortens s to n bytes, and says by how much.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…(" + strconv.Itoa(len(s)-n) + " bytes more)"
}

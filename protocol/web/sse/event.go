package sse

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// An Event is what is sent. Its zero says nothing.
type Event struct {
	// ID is what a client that was cut off says that it heard last. "": it is
	// as the one before.
	ID string
	// Type is what a page listens to; "": "message".
	Type string
	// Data is the text; it may have lines.
	Data string
	// Retry is how long a client waits before it connects again, in
	// milliseconds on the wire. 0: as before.
	Retry time.Duration
}

// Append appends e to dst as it is sent, with the empty line behind. An ID or Type with a line
// end or NUL is an error: the rest would be another field. An event without Data and Type is heard by
// nobody, and its ID and Retry count all the same. Data that is no UTF-8 is mended.
// https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream
func (e Event) Append(dst []byte) ([]byte, error) {
	if strings.ContainsAny(e.ID, "\r\n\x00") || strings.ContainsAny(e.Type, "\r\n\x00") {
		return dst, fmt.Errorf("sse: event of ID %.100q and type %.100q: want no line end or NUL in either", e.ID, e.Type)
	}
	if e.ID != "" {
		dst = append(append(append(dst, "id: "...), e.ID...), '\n')
	}
	if e.Type != "" {
		dst = append(append(append(dst, "event: "...), e.Type...), '\n')
	}
	if e.Retry > 0 {
		dst = append(dst, "retry: "...)
		dst = append(strconv.AppendInt(dst, e.Retry.Milliseconds(), 10), '\n')
	}
	if e.Data != "" || e.Type != "" {
		for rest, more := strings.ToValidUTF8(e.Data, "\uFFFD"), true; more; {
			var line string
			line, rest, more = cutLine(rest)
			dst = append(append(append(dst, "data: "...), line...), '\n')
		}
	}
	return append(dst, '\n'), nil
}

// cutLine cuts at CR LF, LF or CR, all of which end a line.
func cutLine(s string) (line, rest string, more bool) {
	i := strings.IndexAny(s, "\r\n")
	if i < 0 {
		return s, "", false
	}
	if strings.HasPrefix(s[i:], "\r\n") {
		return s[:i], s[i+2:], true
	}
	return s[:i], s[i+1:], true
}

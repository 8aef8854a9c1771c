package web

import (
	"io"
	"net"
	"strconv"
	"time"

	"github.com/twistor-go/twistor"
)

// A LineLog is an AccessLog that writes a line for each answer, by default in
// the combined format of Apache and nginx:
//
//	192.0.2.7 - ann [22/Nov/2026:16:12:00 +0000] "GET /a?b HTTP/1.1" 200 512 "http://example.org/" "agent/1.0"
//
// The client is Request.Client, so that behind trusted Proxies it is not the
// proxy; the name is Request.User; times are UTC. What a client sent can neither
// end a line nor a quoted value: bytes beyond printable ASCII, quotes and
// backslashes are written as \x22. Each line is one Write. Loop-only.
type LineLog struct {
	// To takes the lines. Its Write must not wait, or the loop does: a file stands
	// behind a queue, as logsink.Queue is one.
	To io.Writer
	// Format appends a line, without its end, to dst. Nil: AppendCombined.
	Format func(dst []byte, e *Entry) []byte

	line  []byte
	entry Entry
}

// An Entry is an answer that is over, for a log. It is valid during the call.
type Entry struct {
	Request *Request
	Status  int   // 0: the client left before there was one
	Sent    int64 // bytes of body
	At      time.Time
	Err     error // nil: the answer is complete
}

// Ended writes the line of r. It is called by the Server.
func (l *LineLog) Ended(r *Request, w *ResponseWriter, err error) {
	l.entry = Entry{Request: r, Status: w.Status(), Sent: w.Sent(), At: r.Loop().Now(), Err: err}
	if w.noBody {
		l.entry.Sent = 0 // what a GET would have brought
	}
	format := l.Format
	if format == nil {
		format = AppendCombined
	}
	l.line = append(format(l.line[:0], &l.entry), '\n')
	l.To.Write(l.line)
	l.entry.Request = nil
	if cap(l.line) > 64<<10 {
		l.line = nil
	}
}

// Refused writes the line of a message that was no request, as nginx does: it
// has an address, a time and a status. Only the combined format has such lines.
func (l *LineLog) Refused(t twistor.Transport, status int, _ error) {
	if l.Format != nil {
		return
	}
	dst := l.line[:0]
	if a, ok := t.RemoteAddr().(*net.TCPAddr); ok {
		dst = a.AddrPort().Addr().Unmap().AppendTo(dst)
	} else {
		dst = append(dst, '-')
	}
	dst = t.Loop().Now().UTC().AppendFormat(dst, " - - [02/Jan/2006:15:04:05 -0700] \"-\" ")
	l.line = append(strconv.AppendInt(dst, int64(status), 10), " - \"-\" \"-\"\n"...)
	l.To.Write(l.line)
}

// AppendCombined appends e in the combined format.
func AppendCombined(dst []byte, e *Entry) []byte {
	dst = append(AppendCommon(dst, e), ' ')
	dst = append(appendQuoted(dst, e.Request.Header.Value("Referer")), ' ')
	return appendQuoted(dst, e.Request.Header.Value("User-Agent"))
}

// AppendCommon appends e in the common format, which lacks the referrer and the
// agent.
func AppendCommon(dst []byte, e *Entry) []byte {
	r := e.Request
	if a := r.Client(); a.IsValid() {
		dst = a.AppendTo(dst)
	} else {
		dst = append(dst, '-')
	}
	dst = append(dst, " - "...)
	if user := r.User(); user != "" {
		dst = AppendEscaped(dst, user)
	} else {
		dst = append(dst, '-')
	}
	dst = e.At.UTC().AppendFormat(dst, " [02/Jan/2006:15:04:05 -0700] \"")
	dst = append(AppendEscaped(dst, r.Method), ' ')
	dst = append(AppendEscaped(dst, r.target), " HTTP/"...)
	major, minor := r.Proto()
	dst = strconv.AppendInt(dst, int64(major), 10)
	dst = strconv.AppendInt(append(dst, '.'), int64(minor), 10)
	dst = append(dst, "\" "...)
	if e.Status == 0 {
		dst = append(dst, "499"...) // as nginx has it
	} else {
		dst = strconv.AppendInt(dst, int64(e.Status), 10)
	}
	dst = append(dst, ' ')
	if e.Sent == 0 {
		return append(dst, '-')
	}
	return strconv.AppendInt(dst, e.Sent, 10)
}

// AppendEscaped appends v so that it cannot end a line, a quoted value or,
// spaces apart, a field of one: for formats of one's own.
func AppendEscaped[T string | []byte](dst []byte, v T) []byte {
	const hex = "0123456789abcdef"
	for i := range len(v) {
		if c := v[i]; c < ' ' || c >= 0x7f || c == '"' || c == '\\' {
			dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// appendQuoted appends a field of a request; "-" if there is none.
func appendQuoted(dst, v []byte) []byte {
	dst = append(dst, '"')
	if len(v) == 0 {
		dst = append(dst, '-')
	}
	return append(AppendEscaped(dst, v), '"')
}

package logsink

import (
	"log/slog"
	"strconv"
	"time"
)

// A header is what syslog messages of a program begin with.
type header struct {
	facility  int
	host, tag string
	pid       int
}

// local appends the header of RFC 3164 as the C library sends it to the local
// daemon, which knows the host: the time is local, without a year.
// https://www.rfc-editor.org/rfc/rfc3164#section-4.1
func (h *header) local(b []byte, at time.Time, l slog.Level) []byte {
	b = h.priority(b, l)
	if at.IsZero() {
		at = time.Now() // this header must have one
	}
	b = at.Local().AppendFormat(b, "Jan _2 15:04:05 ")
	b = append(append(b, h.tag...), '[')
	return append(strconv.AppendInt(b, int64(h.pid), 10), "]: "...)
}

// remote appends the header of RFC 5424, with neither a kind of message nor
// structured data.
//
// "HEADER = PRI VERSION SP TIMESTAMP SP HOSTNAME SP APP-NAME SP PROCID SP MSGID"
// https://www.rfc-editor.org/rfc/rfc5424#section-6
func (h *header) remote(b []byte, at time.Time, l slog.Level) []byte {
	b = append(h.priority(b, l), "1 "...)
	if at.IsZero() {
		b = append(b, '-')
	} else {
		b = at.AppendFormat(b, "2006-01-02T15:04:05.000000Z07:00")
	}
	b = append(append(append(b, ' '), h.host...), ' ')
	b = append(append(b, h.tag...), ' ')
	return append(strconv.AppendInt(b, int64(h.pid), 10), " - - "...)
}

// priority appends the facility and the severity in one number.
// https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1
func (h *header) priority(b []byte, l slog.Level) []byte {
	b = strconv.AppendInt(append(b, '<'), int64(8*h.facility+severity(l)), 10)
	return append(b, '>')
}

// severity is the one of syslog for a level. Those between have the ones that
// slog has no name for: notice is Info+2, critical Error+4 and alert Error+8.
func severity(l slog.Level) int {
	switch {
	case l >= slog.LevelError+8:
		return 1
	case l >= slog.LevelError+4:
		return 2
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo+2:
		return 5
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}

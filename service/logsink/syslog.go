package logsink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// SyslogOptions say which syslog daemon to send to, and as whom. Immutable after
// first use.
type SyslogOptions struct {
	// Network and Address are where the daemon is: unixgram or unix and a path,
	// udp or tcp and a host, with a port if it is not 514. Network "": the
	// system's own daemon.
	Network, Address string
	// Tag is the program's name, at most 32 ASCII characters that are not spaces
	// or one of :[]. "": that of the executable.
	Tag string
	// Facility is user, mail, daemon, auth, syslog, lpr, news, uucp, cron,
	// authpriv, ftp, or local0 to local7. "": daemon.
	Facility string
	// Level is that of the records to send; nil: all.
	Level slog.Leveler
	// MaxLines is how many messages may wait to be sent. 0: 8,192; negative: any
	// number.
	MaxLines int
	// MaxBytes is how much they may have together. 0: 1 MiB; negative: anything.
	MaxBytes int
}

// facilities by their code; those without a name are not for programs.
// https://www.rfc-editor.org/rfc/rfc5424#section-6.2.1
var facilities = []string{"", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
	"", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7"}

// A Syslog is a handler that sends records to a syslog daemon: one message each,
// and one for each line of a stack. The time and the level are in the header;
// the rest is as NewText writes it. The system's own daemon gets them as RFC
// 3164 describes and C libraries send them, without a host; those of a network
// as in RFC 5424, over tcp with octet counts (RFC 6587). Messages wait in a
// Queue: to log never blocks. If the daemon is gone it is looked for again, once
// a second; what cannot be sent is counted, and said when it is back. Safe for
// concurrent use.
type Syslog struct {
	slog.Handler
	queue *Queue
	wire  *wire
}

// OpenSyslog connects to the daemon. What a network loses silently, as UDP does
// and TCP does when the peer vanishes, is not known here.
func OpenSyslog(o SyslogOptions) (*Syslog, error) {
	h := header{tag: o.Tag, pid: os.Getpid()}
	if o.Facility == "" {
		o.Facility = "daemon"
	}
	if h.facility = slices.Index(facilities, o.Facility); h.facility < 1 {
		return nil, fmt.Errorf("logsink: syslog facility %q: want daemon, user, mail, local0 to local7 or another", o.Facility)
	}
	if h.tag == "" {
		h.tag = filepath.Base(os.Args[0])
	}
	if bad := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(":[]", r) }; len(h.tag) > 32 || strings.ContainsFunc(h.tag, bad) {
		return nil, fmt.Errorf("logsink: syslog tag %q: want 1 to 32 ASCII characters, no spaces and none of :[]", h.tag)
	}
	w, err := openWire(o.Network, o.Address)
	if err != nil {
		return nil, err
	}
	head := h.local
	if !w.local() {
		host, err := os.Hostname()
		if h.host = host; err != nil || host == "" || strings.ContainsFunc(host, func(r rune) bool { return r <= ' ' || r > '~' }) {
			h.host = "-"
		}
		head = h.remote
	}
	queue := &Queue{To: w, MaxLines: o.MaxLines, MaxBytes: o.MaxBytes}
	handler := &textual{out: split{queue, w.maxBytes()}, level: o.Level, head: head}
	queue.Format = func(to io.Writer, _ slog.Leveler) slog.Handler {
		return &textual{out: &sink{w: to}, head: head}
	}
	return &Syslog{handler, queue, w}, nil
}

// Stats are those of the Queue.
func (s *Syslog) Stats() Stats { return s.queue.Stats() }

// Flush is that of the Queue.
func (s *Syslog) Flush(ctx context.Context) error { return s.queue.Flush(ctx) }

// Close flushes, as long as ctx, and hangs up, if by then all is sent.
func (s *Syslog) Close(ctx context.Context) error {
	if err := s.queue.Close(ctx); err != nil {
		return err
	}
	return s.wire.close()
}

// split is the outlet that makes a message of each line.
type split struct {
	queue    *Queue
	maxBytes int
}

func (s split) record(lines []byte, head int) (failed error) {
	first := true
	for line := range bytes.Lines(lines) {
		message := line
		if !first {
			message = slices.Concat(lines[:head], line)
		}
		first = false
		if _, err := s.queue.Write(shorten(message, s.maxBytes)); err != nil {
			failed = err
		}
	}
	return failed
}

// shorten cuts a message to n bytes, between characters.
func shorten(p []byte, n int) []byte {
	if len(p) <= n {
		return p
	}
	for n > 0 && !utf8.RuneStart(p[n]) {
		n--
	}
	return p[:n]
}

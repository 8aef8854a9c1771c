package logsink

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Format makes the handler that writes records to w, one Write a record.
// NewText and NewJSON are Formats.
type Format func(w io.Writer, level slog.Leveler) slog.Handler

// ParseFormat returns the Format that a flag names: text or json.
func ParseFormat(name string) (Format, error) {
	switch name {
	case "text":
		return NewText, nil
	case "json":
		return NewJSON, nil
	}
	return nil, fmt.Errorf("logsink: format %q: want text or json", name)
}

// NewText returns a handler that writes for people, one line a record:
//
//	2026-11-22T16:12:00.123Z INFO listening at=tcp:8888 addr=[::]:8888
//
// The time is RFC 3339, then come the level, the message, and the attributes;
// groups are dotted. Whatever is not plain is quoted like a Go string. The value
// of the key stack follows on lines of its own that begin with a tab; no record
// begins with one. Records below level are left out; nil: none. Writes are made
// one at a time; w that may block needs a Queue before it.
func NewText(w io.Writer, level slog.Leveler) slog.Handler {
	return &textual{out: &sink{w: w}, level: level, head: appendHead}
}

// A textual is a handler that writes lines of text, each behind a head.
type textual struct {
	// Immutable.
	out    outlet
	level  slog.Leveler
	head   func(b []byte, at time.Time, l slog.Level) []byte
	attrs  []byte // of With, ready to be appended
	stacks []byte // the lines of theirs
	prefix string // of the groups that are open, with a dot at its end
}

// An outlet takes a record: its line and those of its stacks; the first head
// bytes are what the line begins with, before the message. It does not keep
// them.
type outlet interface {
	record(lines []byte, head int) error
}

// A sink is a writer that many handlers share.
type sink struct {
	mu sync.Mutex
	w  io.Writer
}

func (s *sink) record(lines []byte, _ int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := s.w.Write(lines)
	return err
}

func (t *textual) Enabled(_ context.Context, l slog.Level) bool {
	return t.level == nil || l >= t.level.Level()
}

// A page is where a record is written before it goes out.
type page struct {
	line   []byte
	stacks []byte
	prefix []byte // of the groups that the next attribute is in, dotted
}

var pages = sync.Pool{New: func() any { return &page{line: make([]byte, 0, 1024)} }}

// maxPageBytes is what a page may hold to be used again.
const maxPageBytes = 16 << 10

func (t *textual) Handle(_ context.Context, r slog.Record) error {
	p := pages.Get().(*page)
	p.line, p.stacks, p.prefix = t.head(p.line[:0], r.Time, r.Level), append(p.stacks[:0], t.stacks...), append(p.prefix[:0], t.prefix...)
	head := len(p.line)
	p.line = appendMessage(p.line, cut(r.Message, maxValueBytes))
	p.line = append(p.line, t.attrs...)
	r.Attrs(func(a slog.Attr) bool {
		p.attr(a, 0)
		return true
	})
	p.line = append(append(p.line, '\n'), p.stacks...)
	err := t.out.record(p.line, head)
	if cap(p.line)+cap(p.stacks)+cap(p.prefix) <= maxPageBytes {
		pages.Put(p)
	}
	return err
}

func (t *textual) WithAttrs(attrs []slog.Attr) slog.Handler {
	p := page{slices.Clone(t.attrs), slices.Clone(t.stacks), []byte(t.prefix)}
	for _, a := range attrs {
		p.attr(a, 0)
	}
	c := *t
	c.attrs, c.stacks = slices.Clip(p.line), slices.Clip(p.stacks)
	return &c
}

func (t *textual) WithGroup(name string) slog.Handler {
	if name == "" {
		return t
	}
	c := *t
	c.prefix += name + "."
	return &c
}

// appendHead appends the time, which is left out if it is zero, and the level.
func appendHead(b []byte, at time.Time, l slog.Level) []byte {
	if !at.IsZero() {
		b = append(at.AppendFormat(b, timeLayout), ' ')
	}
	return append(append(b, l.String()...), ' ')
}

// attr appends one attribute, or those of its group.
func (p *page) attr(a slog.Attr, depth int) {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		p.group(a.Key, v.Group(), depth)
		return
	case slog.KindString, slog.KindAny:
		if a.Key == "" && v.Equal(slog.Value{}) {
			return // the zero Attr: nothing
		}
		s := text(v)
		if a.Key == stackKey && strings.Contains(s, "\n") {
			p.stack(cut(s, maxStackBytes))
			return
		}
		p.key(a.Key)
		p.line = appendWord(p.line, cut(s, maxValueBytes))
		return
	}
	p.key(a.Key)
	switch v.Kind() { // none of these needs quotes
	case slog.KindInt64:
		p.line = strconv.AppendInt(p.line, v.Int64(), 10)
	case slog.KindUint64:
		p.line = strconv.AppendUint(p.line, v.Uint64(), 10)
	case slog.KindTime:
		p.line = v.Time().AppendFormat(p.line, time.RFC3339Nano)
	case slog.KindDuration:
		p.line = append(p.line, v.Duration().String()...)
	case slog.KindFloat64:
		p.line = strconv.AppendFloat(p.line, v.Float64(), 'g', -1, 64)
	default:
		p.line = strconv.AppendBool(p.line, v.Bool())
	}
}

func (p *page) group(key string, attrs []slog.Attr, depth int) {
	if depth == maxGroupDepth {
		p.key(key)
		p.line = append(p.line, "…"...)
		return
	}
	outer := len(p.prefix)
	if key != "" {
		p.prefix = append(append(p.prefix, key...), '.')
	}
	for _, a := range attrs {
		p.attr(a, depth+1)
	}
	p.prefix = p.prefix[:outer]
}

// key appends the name of an attribute, with those of its groups.
func (p *page) key(key string) {
	p.line = append(p.line, ' ')
	start := len(p.line)
	p.line = append(append(p.line, p.prefix...), key...)
	if name := p.line[start:]; !isWord(name) {
		p.line = strconv.AppendQuote(p.line[:start], string(name))
	}
	p.line = append(p.line, '=')
}

// stack appends lines behind tabs. Tabs that they begin with stay.
func (p *page) stack(s string) {
	for line := range strings.Lines(strings.TrimRight(s, "\n")) {
		line = strings.TrimRight(line, "\r\n")
		rest := strings.TrimLeft(line, "\t")
		p.stacks = append(append(p.stacks, '\t'), line[:len(line)-len(rest)]...)
		p.stacks = append(appendPrintable(p.stacks, rest), '\n')
	}
}

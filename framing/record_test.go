package framing_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

// A record is a protocol of any framing that notes what it hears.
type record struct {
	events []string
	line   *framing.LineTransport    // one of
	msg    *framing.MessageTransport // the two
	on     func(r *record, event string)
}

func (r *record) note(format string, args ...any) {
	e := fmt.Sprintf(format, args...)
	r.events = append(r.events, e)
	if r.on != nil {
		r.on(r, e)
	}
}

func (r *record) Connected()               { r.note("connected") }
func (r *record) LineReceived(p []byte)    { r.note("line %q", p) }
func (r *record) MessageReceived(p []byte) { r.note("message %q", p) }
func (r *record) DotLineReceived(p []byte) { r.note("text %q", p) }
func (r *record) DotLinesEnded()           { r.note("end") }
func (r *record) Disconnected(err error)   { r.note("disconnected: %v", err) }

// RawReceived joins pieces: they are cut anywhere.
func (r *record) RawReceived(p []byte) {
	if n := len(r.events); n > 0 && strings.HasPrefix(r.events[n-1], "raw ") {
		r.events[n-1] += string(p)
		if r.on != nil {
			r.on(r, r.events[n-1])
		}
		return
	}
	r.note("raw %s", p)
}

func (r *record) String() string { return strings.Join(r.events, "\n") }

// rejecting is a record that also hears InputRejected.
type rejecting struct{ *record }

func (r rejecting) InputRejected(err error) { r.note("rejected: %v", err) }

// A framed is a framing under test: build returns its factory, whose protocol
// notes in r.
type framed struct {
	name  string
	build func(r *record) twistor.Factory
}

func lines(l framing.Lines) func(r *record) twistor.Factory {
	return func(r *record) twistor.Factory {
		l := l
		l.Build = func(t *framing.LineTransport) framing.LineProtocol { r.line = t; return r }
		return l.Factory()
	}
}

func messages(f func(build func(t *framing.MessageTransport) framing.MessageProtocol) twistor.Factory) func(r *record) twistor.Factory {
	return func(r *record) twistor.Factory {
		return f(func(t *framing.MessageTransport) framing.MessageProtocol { r.msg = t; return r })
	}
}

// play connects a protocol, delivers the parts and the peer's end, and returns
// what it heard.
func play(t testing.TB, build func(r *record) twistor.Factory, on func(r *record, event string), parts ...string) *record {
	t.Helper()
	c := sim.NewClock(t)
	r := &record{on: on}
	tr := sim.Connect(c, build(r))
	for _, p := range parts {
		tr.Receive(p)
	}
	tr.End()
	c.Advance(0)
	if tr.Err() == nil {
		tr.Close()
		c.Advance(0)
	}
	return r
}

func wantEvents(t *testing.T, r *record, want ...string) {
	t.Helper()
	if got := r.String(); got != strings.Join(want, "\n") {
		t.Errorf("heard\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func isTooLong(err error) bool {
	var e *framing.TooLongError
	return errors.As(err, &e)
}

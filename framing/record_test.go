package framing_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

// A record is a protocol of any framing that notes what it hears. Some
// messages tell it what to do; see obey.
type record struct {
	events []string
	line   *framing.LineTransport    // one of
	msg    *framing.MessageTransport // the two
	on     func(event string)        // nil: nothing
	hear   func(message []byte)      // nil: note and obey
}

func (r *record) note(format string, args ...any) {
	e := fmt.Sprintf(format, args...)
	r.events = append(r.events, e)
	if r.on != nil {
		r.on(e)
	}
}

func (r *record) Connected()             { r.note("connected") }
func (r *record) DotLinesEnded()         { r.note("end of text") }
func (r *record) Disconnected(err error) { r.note("disconnected: %v", err) }

func (r *record) LineReceived(p []byte) {
	r.note("line %q", p)
	r.obey(string(p))
}

func (r *record) DotLineReceived(p []byte) {
	r.note("text %q", p)
	r.obey(string(p))
}

func (r *record) MessageReceived(p []byte) {
	if r.hear != nil {
		r.hear(p)
		return
	}
	r.note("message %q", p)
	r.obey(string(p))
}

// obey does what a line or message says: raw, dots, pause, close, size N.
func (r *record) obey(s string) {
	word, rest, _ := strings.Cut(s, " ")
	switch {
	case word == "raw":
		r.line.SetRaw()
	case word == "dots":
		r.line.SetDotLines()
	case word == "pause" && r.line != nil:
		r.line.Pause()
	case word == "pause":
		r.msg.Pause()
	case word == "close" && r.line != nil:
		r.line.Close()
	case word == "close":
		r.msg.Close()
	case word == "size":
		n := 0
		fmt.Sscan(rest, &n)
		r.msg.SetSize(n)
	}
}

// RawReceived joins the pieces, which are cut anywhere, and goes back to lines
// behind a '!'.
func (r *record) RawReceived(p []byte) {
	own, rest, back := bytes.Cut(p, []byte("!"))
	if n := len(r.events); n > 0 && strings.HasPrefix(r.events[n-1], "raw ") {
		r.events[n-1] += string(own)
	} else {
		r.note("raw %s", own)
	}
	if back {
		r.note("raw ended")
		r.line.SetLines(rest)
	}
}

func (r *record) String() string { return strings.Join(r.events, "\n") }

// A tolerant is a record that hears InputRejected, and skips lines.
type tolerant struct{ *record }

func (r tolerant) InputRejected(err error) {
	r.note("rejected: %v", err)
	if r.line != nil {
		r.line.Skip()
	}
}

// A framed is a framing under test: a factory whose protocol notes in r.
type framed func(r *record) twistor.Factory

func lines(l framing.Lines) framed {
	return func(r *record) twistor.Factory {
		l.Build = func(t *framing.LineTransport) framing.LineProtocol { r.line = t; return r }
		return l.Factory()
	}
}

func forgivingLines(l framing.Lines) framed {
	return func(r *record) twistor.Factory {
		l.Build = func(t *framing.LineTransport) framing.LineProtocol { r.line = t; return tolerant{r} }
		return l.Factory()
	}
}

func dotLines(d framing.DotLines) framed {
	return func(r *record) twistor.Factory {
		d.Build = func(t *framing.LineTransport) framing.LineProtocol { r.line = t; return r }
		return d.Factory()
	}
}

func netstrings(max int) framed {
	return func(r *record) twistor.Factory {
		return framing.Netstrings{MaxMessageBytes: max, Build: r.build}.Factory()
	}
}

func prefixed8() framed {
	return func(r *record) twistor.Factory { return framing.Prefixed8{Build: r.build}.Factory() }
}

func prefixed16(max int) framed {
	return func(r *record) twistor.Factory {
		return framing.Prefixed16{MaxMessageBytes: max, Build: r.build}.Factory()
	}
}

func prefixed32(max int) framed {
	return func(r *record) twistor.Factory {
		return framing.Prefixed32{MaxMessageBytes: max, Build: r.build}.Factory()
	}
}

func fixed(size, max int) framed {
	return func(r *record) twistor.Factory {
		return framing.Fixed{Size: size, MaxMessageBytes: max, Build: r.build}.Factory()
	}
}

func (r *record) build(t *framing.MessageTransport) framing.MessageProtocol {
	r.msg = t
	return r
}

// A session is a record on a transport in memory.
type session struct {
	*record
	clock *sim.Clock
	net   *sim.Transport
}

func connect(t testing.TB, f framed) *session {
	s := &session{record: new(record), clock: sim.NewClock(t)}
	s.net = sim.Connect(s.clock, f(s.record))
	return s
}

// play delivers the parts and the peer's end, and returns what was heard. A
// pause ends in the next turn.
func play(t testing.TB, f framed, parts ...[]byte) *record {
	s := connect(t, f)
	for _, p := range parts {
		s.net.Receive(string(p))
		s.proceed()
	}
	s.net.End()
	s.proceed()
	s.clock.Advance(0)
	return s.record
}

func (s *session) proceed() {
	for s.net.Paused() {
		if s.line != nil {
			s.line.Resume()
		} else {
			s.msg.Resume()
		}
		s.clock.Advance(0)
	}
}

func (s *session) want(t *testing.T, want ...string) {
	t.Helper()
	wantEvents(t, s.record, want...)
}

func wantEvents(t *testing.T, r *record, want ...string) {
	t.Helper()
	if got := r.String(); got != strings.Join(want, "\n") {
		t.Errorf("heard\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func isTooLong(err error) bool {
	_, ok := errors.AsType[*framing.TooLongError](err)
	return ok
}

func isProtocolError(err error) bool {
	_, ok := errors.AsType[*framing.ProtocolError](err)
	return ok
}

package framing_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing"
)

// TestB01Limit fills a line to exactly the limit, and one byte beyond it: that
// byte alone, with no end of line in sight, must end the connection.
func TestB01Limit(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	s.net.Receive(strings.Repeat("x", 16384), "\r", "\n")
	if n := len(s.events); n != 2 {
		t.Fatalf("a line of the limit gave %d events, want connected and the line", n)
	}
	s.net.Receive(strings.Repeat("y", 16384))
	if s.net.Closed() {
		t.Fatal("closed at the limit, want one byte later")
	}
	s.net.Receive("y")
	if !s.net.Closed() {
		t.Fatal("not closed one byte beyond the limit")
	}
	s.clock.Advance(0)
	if got, want := s.events[2], "disconnected: framing: line of more than 16384 bytes"; got != want {
		t.Errorf("heard %q, want %q", got, want)
	}
}

// TestB01Reason looks at what Disconnected is told: the refusal, typed, and
// that it was we who closed.
func TestB01Reason(t *testing.T) {
	var got error
	s := connect(t, func(*record) twistor.Factory {
		return framing.Lines{MaxLineBytes: 3, Build: func(*framing.LineTransport) framing.LineProtocol {
			return ending{func(err error) { got = err }}
		}}.Factory()
	})
	s.net.Receive("abcd")
	s.clock.Advance(0)
	if !isTooLong(got) || !errors.Is(got, net.ErrClosed) {
		t.Errorf("Disconnected(%v), want a *TooLongError and net.ErrClosed", got)
	}
}

// ending hears Disconnected only.
type ending struct{ disconnected func(error) }

func (ending) Connected()               {}
func (ending) LineReceived([]byte)      {}
func (ending) MessageReceived([]byte)   {}
func (e ending) Disconnected(err error) { e.disconnected(err) }

// TestB01InputRejected answers and closes, and no line comes any more.
func TestB01InputRejected(t *testing.T) {
	r := new(record)
	s := connect(t, func(*record) twistor.Factory {
		return framing.Lines{MaxLineBytes: 3, Build: func(t *framing.LineTransport) framing.LineProtocol {
			return answering{r, t}
		}}.Factory()
	})
	s.net.Receive("a\nabcd\nb\n")
	s.clock.Advance(0)
	wantEvents(t, r, "connected", `line "a"`, "rejected", "disconnected: framing: line of more than 3 bytes")
	if got, want := s.net.Written(), "500 line too long\r\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

type answering struct {
	*record
	t *framing.LineTransport
}

func (a answering) InputRejected(error) {
	a.note("rejected")
	a.t.WriteLine("500 line too long")
}

// TestB01NoLinesAfterClose closes, aborts and switches in the middle of three
// lines that came together: the third must not be heard.
func TestB01NoLinesAfterClose(t *testing.T) {
	for name, stop := range map[string]func(*framing.LineTransport){
		"Close":  func(t *framing.LineTransport) { t.Close() },
		"Abort":  func(t *framing.LineTransport) { t.Abort() },
		"Switch": func(t *framing.LineTransport) { t.Switch(ignoring{}, nil) },
	} {
		s := connect(t, lines(framing.Lines{}))
		s.on = func(e string) {
			if e == `line "b"` {
				stop(s.line)
			}
		}
		s.net.Receive("a\nb\nc\n", "d\n")
		s.clock.Advance(0)
		if got := s.String(); !strings.Contains(got, `"b"`) || strings.Contains(got, `"c"`) || strings.Contains(got, `"d"`) {
			t.Errorf("%s: heard\n%s\nwant nothing behind line b", name, got)
		}
	}
}

type ignoring struct{}

func (ignoring) Connected()         {}
func (ignoring) Received([]byte)    {}
func (ignoring) Disconnected(error) {}

// TestB01Strict is the smuggling table of ML-01: behind each of these ends of a
// mail there stands a command that only a receiver who takes them for one
// would see. Strict CRLF refuses each; the last one is a true end.
func TestB01Strict(t *testing.T) {
	for _, end := range []string{"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\r\r\n.\r\r\n", "\r\n.\r\n"} {
		s := connect(t, lines(framing.Lines{Delimiter: framing.CRLF}))
		s.net.Receive("dots\r\nbody" + end + "MAIL FROM:<smug@evil>\r\n")
		s.clock.Advance(0)
		smuggled := strings.Contains(s.String(), `line "MAIL`)
		if good := end == "\r\n.\r\n"; smuggled != good || s.net.Closed() == good {
			t.Errorf("end %q: command heard %v, closed %v; want the command only behind a true end, else to close",
				end, smuggled, s.net.Closed())
		}
	}
	s := connect(t, lines(framing.Lines{Delimiter: framing.CRLF}))
	s.net.Receive("dots\r\nbody\r\n\x00.\r\nMAIL FROM:<smug@evil>\r\n")
	if strings.Contains(s.String(), `line "MAIL`) {
		t.Error("NUL and a dot ended the text")
	}
}

// TestB02ManySwitches changes between lines and raw bytes 100,000 times within
// one Received: the stack must not grow with it.
func TestB02ManySwitches(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	s := connect(t, lines(framing.Lines{}))
	s.net.Receive(strings.Repeat("raw\nx!", n) + "end\n")
	if got, want := len(s.events), 1+3*n+1; got != want {
		t.Errorf("heard %d events, want %d", got, want)
	}
}

// TestB02SetRawLater asks for raw bytes outside of any event: the beginning of
// a line that is here already is delivered raw, in the next turn.
func TestB02SetRawLater(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	s.net.Receive("a\nbegin")
	s.line.SetRaw()
	if len(s.events) != 2 {
		t.Fatalf("heard %q before SetRaw returned to the loop", s.events)
	}
	s.clock.Advance(0)
	s.net.Receive("ning!x\n")
	s.want(t, "connected", `line "a"`, "raw beginning", "raw ended", `line "x"`)
}

func TestB02Misuse(t *testing.T) {
	wantPanic := func(what string, f func()) {
		t.Helper()
		defer func() {
			if recover() == nil {
				t.Errorf("%s: no panic", what)
			}
		}()
		f()
	}
	f := framing.Lines{Build: func(t *framing.LineTransport) framing.LineProtocol { return ending{} }}.Factory()
	var tr *framing.LineTransport
	framing.Lines{Build: func(t *framing.LineTransport) framing.LineProtocol { tr = t; return ending{} }}.Factory().Build(nil)
	_ = f
	wantPanic("SetRaw without RawReceived", tr.SetRaw)
	wantPanic("SetDotLines without DotLineReceived", tr.SetDotLines)
	wantPanic("SetLines of bytes nobody gave", func() { tr.SetLines([]byte("x")) })
	wantPanic("negative limit", func() { lines(framing.Lines{MaxLineBytes: -1})(new(record)) })
	wantPanic("no Build", func() { framing.Lines{}.Factory() })
	wantPanic("Fixed of size 0", func() { fixed(0, 0)(new(record)) })
}

// TestB03Pause pauses in the middle of what came together: the rest waits, and
// so does the end of the stream; Resume delivers it in another turn, not from
// within the call.
func TestB03Pause(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	s.net.Receive("a\npause\nb\nc\n")
	s.net.End()
	s.clock.Advance(0)
	s.want(t, "connected", `line "a"`, `line "pause"`)
	if !s.net.Paused() {
		t.Error("the transport below is not paused")
	}
	s.line.Resume()
	s.want(t, "connected", `line "a"`, `line "pause"`)
	s.clock.Advance(0)
	s.want(t, "connected", `line "a"`, `line "pause"`, `line "b"`, `line "c"`, "disconnected: EOF")
}

// TestB03PauseInKept pauses at a line that a pause had held back.
func TestB03PauseInKept(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	s.net.Receive("pause\npause\nb\n")
	s.line.Resume()
	s.clock.Advance(0)
	s.want(t, "connected", `line "pause"`, `line "pause"`)
	s.line.Resume()
	s.clock.Advance(0)
	s.want(t, "connected", `line "pause"`, `line "pause"`, `line "b"`)
}

// TestB03PauseAgain pauses between Resume and the turn in which it would have
// delivered.
func TestB03PauseAgain(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	s.net.Receive("pause\nb\n")
	s.line.Resume()
	s.line.Pause()
	s.clock.Advance(0)
	s.want(t, "connected", `line "pause"`)
	s.line.Resume()
	s.clock.Advance(0)
	s.want(t, "connected", `line "pause"`, `line "b"`)
	if s.net.Paused() {
		t.Error("the transport below stayed paused")
	}
}

// TestB03PauseAndResumeInside goes on without a turn in between.
func TestB03PauseAndResumeInside(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	s.on = func(e string) {
		if e == `line "pause"` {
			s.line.Pause()
			defer s.line.Resume()
		}
	}
	s.net.Receive("pause\n")
	s.line.Resume() // of the record's own Pause
	s.net.Receive("b\n")
	s.clock.Advance(0)
	s.want(t, "connected", `line "pause"`, `line "b"`)
}

// TestB04Switch hands the rest of what came to the next protocol, with what
// the line itself had left unread before it.
func TestB04Switch(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	next := new(collecting)
	s.on = func(e string) {
		if e == `line "upgrade"` {
			s.line.Switch(next, []byte("<"))
		}
	}
	s.net.Receive("a\nupgr", "ade\nrest\nof", " it")
	s.clock.Advance(0)
	s.net.End()
	s.clock.Advance(0)
	s.want(t, "connected", `line "a"`, `line "upgrade"`)
	if got, want := next.String(), "connected <rest\nof it disconnected"; got != want {
		t.Errorf("the next protocol heard %q, want %q", got, want)
	}
}

// TestB04SwitchInKept switches at a line that a pause had held back, with more
// behind it, and more still to come.
func TestB04SwitchInKept(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	next := new(collecting)
	s.on = func(e string) {
		if e == `line "upgrade"` {
			s.line.Switch(next, nil)
		}
	}
	s.net.Receive("pause\nupgrade\nrest ")
	s.net.Receive("of it")
	s.line.Resume()
	s.clock.Advance(0)
	if got, want := next.String(), "connected rest of it"; got != want {
		t.Errorf("the next protocol heard %q, want %q", got, want)
	}
}

// TestB04SwitchLater switches outside of any event, with half a line here.
func TestB04SwitchLater(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	next := new(collecting)
	s.net.Receive("a\nhalf")
	s.line.Switch(next, nil)
	s.clock.Advance(0)
	s.net.Receive(" whole")
	if got, want := next.String(), "connected half whole"; got != want {
		t.Errorf("the next protocol heard %q, want %q", got, want)
	}
}

// A collecting is a Protocol that writes down what it hears.
type collecting struct{ strings.Builder }

func (c *collecting) Connected()         { c.WriteString("connected ") }
func (c *collecting) Received(p []byte)  { c.Write(p) }
func (c *collecting) Disconnected(error) { c.WriteString(" disconnected") }

// TestB04WriteLine writes with each delimiter.
func TestB04WriteLine(t *testing.T) {
	for _, c := range []struct{ delimiter, want string }{{"", "hi\r\n"}, {framing.CRLF, "hi\r\n"}, {"\n", "hi\n"}, {"||", "hi||"}} {
		s := connect(t, lines(framing.Lines{Delimiter: c.delimiter}))
		if err := s.line.WriteLine("hi"); err != nil {
			t.Error(err)
		}
		if got := s.net.Written(); got != c.want {
			t.Errorf("delimiter %q: wrote %q, want %q", c.delimiter, got, c.want)
		}
	}
}

// TestX05LineInjection writes lines that hold every byte, at the end and in
// the middle, with every kind of delimiter: either the writer refuses, or the
// reader sees exactly that one line. The control: bytes that end no line pass.
func TestX05LineInjection(t *testing.T) {
	for _, delimiter := range []string{"", framing.CRLF, "\n", "\r", "\x00", "aab", "\r\r"} {
		refused := 0
		for b := range 256 {
			for _, line := range []string{"x" + string([]byte{byte(b)}) + "y", "x" + string([]byte{byte(b)}), "x" + string([]byte{byte(b), byte(b)})} {
				s := connect(t, lines(framing.Lines{Delimiter: delimiter}))
				err := s.line.WriteLine(line)
				if err != nil {
					if refused++; !errors.Is(err, framing.ErrLineBreak) || s.net.Written() != "" {
						t.Errorf("delimiter %q, line %q: error %v, wrote %q; want ErrLineBreak and nothing written",
							delimiter, line, err, s.net.Written())
					}
					continue
				}
				r := play(t, lines(framing.Lines{Delimiter: delimiter}), []byte(s.net.Written()))
				wantEvents(t, r, "connected", fmt.Sprintf("line %q", line), "disconnected: EOF")
			}
		}
		if delimiter != "aab" && refused == 0 || refused > 8 {
			t.Errorf("delimiter %q: %d lines refused, want only those that would end early", delimiter, refused)
		}
	}
}

// TestB08FileAmongLines sends a file between two lines: nothing of framing is
// in its way, and the Deferred says when its last byte is gone.
func TestB08FileAmongLines(t *testing.T) {
	s := connect(t, lines(framing.Lines{}))
	s.net.Hold()
	s.line.WriteLine("before")
	var sent int64
	s.line.SendFile(io.NewSectionReader(strings.NewReader("a file"), 0, 6)).Done(func(n int64, err error) { sent = n })
	s.line.WriteLine("behind")
	s.clock.Advance(0)
	if sent != 0 {
		t.Fatal("the Deferred fired before the file was gone")
	}
	s.net.Drain(len("before\r\na file"))
	if got, want := s.net.Written(), "before\r\na filebehind\r\n"; got != want || sent != 6 {
		t.Errorf("wrote %q, sent %d; want %q and 6", got, sent, want)
	}
}

// TestStartTLS refuses to secure a connection whose peer has sent commands
// behind the one that asked for it, and lets an honest one pass.
func TestStartTLSInjection(t *testing.T) {
	for _, c := range []struct {
		parts   []string
		refused bool
	}{
		{[]string{"starttls\r\n"}, false},
		{[]string{"star", "ttls\r\n"}, false},
		{[]string{"starttls\r\nevil\r\n"}, true},
		{[]string{"starttls\r\ne"}, true},
		{[]string{"start", "tls\r\nevil\r\n"}, true},
	} {
		s := connect(t, lines(framing.Lines{}))
		var err error
		s.on = func(e string) {
			if e == `line "starttls"` {
				err = s.line.StartTLS(tlsConfig, twistor.AsServer, nil)
			}
		}
		s.net.Receive(c.parts...)
		if isProtocolError(err) != c.refused || (s.net.TLSRequest() == nil) != c.refused {
			t.Errorf("%q: StartTLS gave %v, want refused %v", c.parts, err, c.refused)
		}
	}
}

// TestWriteLineNested writes a line while another one is being written, as a
// policy below may cause: the two must not share a buffer.
func TestWriteLineNested(t *testing.T) {
	var top *framing.LineTransport
	f := framing.Lines{Build: func(t *framing.LineTransport) framing.LineProtocol { top = t; return ending{} }}.Factory()
	below := &meddling{}
	f.Build(below)
	top.WriteLine("a line before, so that there is a buffer")
	below.written = ""
	below.first = func() { top.WriteLine("inner") }
	top.WriteLine("outer line")
	if got, want := below.written, "inner\r\nouter line\r\n"; got != want {
		t.Errorf("wrote %q, want %q", got, want)
	}
}

// meddling writes something else before it writes.
type meddling struct {
	twistor.Transport
	first   func()
	written string
}

func (m *meddling) Write(p []byte) (int, error) {
	if f := m.first; f != nil {
		m.first = nil
		f()
	}
	m.written += string(p)
	return len(p), nil
}

package h2

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/sim"
)

// A wire is a Writer that a peer reads from, or does not.
type wire struct {
	bytes.Buffer     // what the peer has not read yet
	high         int // Full above it; 0: never
	total        int
	writes       int
}

func (w *wire) Write(p []byte) (int, error) {
	w.total += len(p)
	w.writes++
	return w.Buffer.Write(p)
}
func (w *wire) Full() bool    { return w.high > 0 && w.Len() > w.high }
func (w *wire) Buffered() int { return w.Len() }

// A rig is a Conn with a peer made of the standard's Framer, and a record of
// its events.
type rig struct {
	t       testing.TB
	clock   *sim.Clock
	out     *wire
	c       *Conn
	events  []string
	streams []*Stream
	// serve answers a head; nil: 200 with "hello".
	serve   func(s *Stream, h *Head, end bool)
	heard   func(s *Stream, p []byte, end bool)
	drained func(s *Stream)
	keep    func(s *Stream) // of reset ones; nil: they are released
	quiet   func(s *Stream) // nothing is noted, and this answers
	hold    bool            // bodies are not consumed
	ended   *Error
	over    bool

	in    bytes.Buffer // frames to be fed
	fr    *http2.Framer
	enc   *hpack.Encoder
	block bytes.Buffer
	dec   *hpack.Decoder
}

func newRig(t testing.TB, role Role, config Config) *rig {
	r := &rig{t: t, clock: sim.NewClock(t), out: &wire{}}
	r.setEncoder()
	r.fr = http2.NewFramer(&r.in, nil)
	r.fr.AllowIllegalWrites = true
	r.dec = hpack.NewDecoder(4096, nil)
	r.c = NewConn(role, config, new(Pool), r.out, r.clock, r)
	r.c.Start()
	return r
}

func (r *rig) setEncoder() { r.enc = hpack.NewEncoder(&r.block) }

// serving is a rig of a server whose client has said hello.
func serving(t testing.TB, config Config) *rig {
	r := newRig(t, Server, config)
	r.in.WriteString(Preface)
	r.fr.WriteSettings()
	r.feed()
	r.out.Reset()
	return r
}

// asking is a rig of a client whose server has said hello.
func asking(t testing.TB, config Config, settings ...http2.Setting) *rig {
	r := newRig(t, Client, config)
	r.fr.WriteSettings(settings...)
	r.feed()
	r.out.Reset()
	return r
}

// feed gives the Conn what the peer has written.
func (r *rig) feed() {
	p := bytes.Clone(r.in.Bytes())
	r.in.Reset()
	r.c.Receive(p)
}

// encode is a header block of the peer's: names and values in turn.
func (r *rig) encode(fields ...string) []byte {
	r.block.Reset()
	for i := 0; i < len(fields); i += 2 {
		r.enc.WriteField(hpack.HeaderField{Name: fields[i], Value: fields[i+1]})
	}
	return bytes.Clone(r.block.Bytes())
}

// get is the header block of a GET, with more fields.
func (r *rig) get(more ...string) []byte {
	return r.encode(append([]string{":method", "GET", ":scheme", "http", ":path", "/", ":authority", "a.test"}, more...)...)
}

func (r *rig) post(more ...string) []byte {
	return r.encode(append([]string{":method", "POST", ":scheme", "http", ":path", "/", ":authority", "a.test"}, more...)...)
}

// headers writes a whole HEADERS frame.
func (r *rig) headers(stream uint32, end bool, block []byte) {
	r.fr.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, EndStream: end, EndHeaders: true, BlockFragment: block})
}

// said is what the Conn has written since, a line for each frame.
func (r *rig) said() string {
	r.t.Helper()
	var b strings.Builder
	p := bytes.Clone(r.out.Bytes())
	r.out.Reset()
	p = bytes.TrimPrefix(p, []byte(Preface))
	fr := http2.NewFramer(nil, bytes.NewReader(p))
	for {
		f, err := fr.ReadFrame()
		if err != nil {
			if err.Error() != "EOF" {
				r.t.Fatalf("the Framer cannot read what we said: %v", err)
			}
			return b.String()
		}
		h := f.Header()
		switch f := f.(type) {
		case *http2.DataFrame:
			data := string(f.Data())
			if len(data) > 40 {
				data = fmt.Sprintf("%d bytes", len(data))
			}
			fmt.Fprintf(&b, "DATA %d %s", h.StreamID, data)
			if f.StreamEnded() {
				b.WriteString(" end")
			}
		case *http2.HeadersFrame:
			fmt.Fprintf(&b, "HEADERS %d", h.StreamID)
			fields, err := r.dec.DecodeFull(f.HeaderBlockFragment())
			if err != nil {
				r.t.Fatalf("hpack cannot read what we said: %v", err)
			}
			for _, f := range fields {
				fmt.Fprintf(&b, " %s=%s", f.Name, f.Value)
			}
			if f.StreamEnded() {
				b.WriteString(" end")
			}
		case *http2.RSTStreamFrame:
			fmt.Fprintf(&b, "RST_STREAM %d %s", h.StreamID, Code(f.ErrCode))
		case *http2.GoAwayFrame:
			fmt.Fprintf(&b, "GOAWAY %d %s%s", f.LastStreamID, Code(f.ErrCode), f.DebugData())
		case *http2.WindowUpdateFrame:
			fmt.Fprintf(&b, "WINDOW_UPDATE %d %d", h.StreamID, f.Increment)
		case *http2.SettingsFrame:
			b.WriteString("SETTINGS")
			if f.IsAck() {
				b.WriteString(" ack")
			}
		case *http2.PingFrame:
			fmt.Fprintf(&b, "PING %x", f.Data)
			if f.IsAck() {
				b.WriteString(" ack")
			}
		default:
			fmt.Fprint(&b, h)
		}
		b.WriteByte('\n')
	}
}

// wants compares what the Conn has written.
func (r *rig) wants(what string, lines ...string) {
	r.t.Helper()
	want := strings.Join(lines, "\n")
	if want != "" {
		want += "\n"
	}
	if got := r.said(); got != want {
		r.t.Errorf("%s: got\n%swant\n%s", what, got, want)
	}
}

// gone says that the connection must have ended with code, and said so.
func (r *rig) gone(what string, code Code) {
	r.t.Helper()
	switch {
	case !r.over:
		r.t.Errorf("%s: the connection goes on, want %s; it said\n%s", what, code, r.said())
	case r.ended == nil || r.ended.Code != code:
		r.t.Errorf("%s: ended with %v, want %s", what, r.ended, code)
	case !r.ended.Abort && !strings.Contains(r.said(), fmt.Sprintf("GOAWAY %d %s\n", r.c.lastPeer, code)):
		r.t.Errorf("%s: no GOAWAY of %s was sent", what, code)
	}
}

func (r *rig) note(format string, a ...any) { r.events = append(r.events, fmt.Sprintf(format, a...)) }

func fieldsOf(h *http1.Header) (s string) {
	for name, value := range h.All() {
		s += " " + name + "=" + value
	}
	return s
}

func (r *rig) HeaderReceived(s *Stream, h *Head, end bool) {
	if r.quiet != nil {
		r.quiet(s)
		return
	}
	if h.Status > 0 {
		r.note("%d status %d%s %v", s.ID(), h.Status, fieldsOf(&h.Header), end)
	} else {
		r.note("%d %s %s://%s%s%s%s %v", s.ID(), h.Method, h.Scheme, h.Authority, h.Path, h.Protocol, fieldsOf(&h.Header), end)
	}
	if h.TooLarge {
		r.note("%d too large", s.ID())
	}
	if !slices.Contains(r.streams, s) {
		r.streams = append(r.streams, s)
	}
	switch {
	case r.serve != nil:
		r.serve(s, h, end)
	case r.c.role == Server:
		r.hello(s)
	}
}

func (r *rig) hello(s *Stream) {
	r.c.Answer(s, Answer{Status: 200, Length: 5, Body: []byte("hello"), End: true})
	r.release(s)
}

func (r *rig) release(s *Stream) {
	r.c.Release(s)
	r.streams = slices.DeleteFunc(r.streams, func(x *Stream) bool { return x == s })
}

func (r *rig) DataReceived(s *Stream, p []byte, end bool) {
	if r.quiet != nil {
		r.c.Consume(s, len(p))
		return
	}
	if len(p) > 40 {
		r.note("%d data %d %v", s.ID(), len(p), end)
	} else {
		r.note("%d data %s %v", s.ID(), p, end)
	}
	if !r.hold {
		r.c.Consume(s, len(p))
	}
	if r.heard != nil {
		r.heard(s, p, end)
	}
}

func (r *rig) TrailerReceived(s *Stream, h *http1.Header) {
	r.note("%d trailer%s", s.ID(), fieldsOf(h))
}

func (r *rig) StreamReset(s *Stream, why Cause) {
	r.note("%d reset %s remote=%v unprocessed=%v", s.ID(), why.Code, why.Remote, why.Unprocessed)
	if r.keep != nil {
		r.keep(s)
		return
	}
	r.release(s)
}

func (r *rig) StreamDrained(s *Stream) {
	if r.drained != nil {
		r.drained(s)
	}
}
func (r *rig) Relieved()                 { r.note("relieved") }
func (r *rig) SettingsReceived()         {}
func (r *rig) PongReceived(p [8]byte)    { r.note("pong %x", p) }
func (r *rig) GoAwayReceived(why *Error) { r.note("goaway %s %s", why.Code, why.Reason) }
func (r *rig) Ended(why *Error) {
	if r.over {
		r.t.Error("Ended twice")
	}
	r.over, r.ended = true, why
}

// heardAll compares the events so far, and forgets them.
func (r *rig) heardAll(what string, want ...string) {
	r.t.Helper()
	if !slices.Equal(r.events, want) {
		r.t.Errorf("%s: got events\n%s\nwant\n%s", what, strings.Join(r.events, "\n"), strings.Join(want, "\n"))
	}
	r.events = nil
}

var _ Clock = deferred.Loop(nil) // every loop is one

package framing_test

import (
	"io"
	"net"
	"os"
	"reflect"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

// A full is a protocol of any framing with every optional event.
type full struct {
	counting
	heard []string
}

func (f *full) ReadClosed()           { f.heard = append(f.heard, "ReadClosed") }
func (f *full) Drained()              { f.heard = append(f.heard, "Drained") }
func (f *full) Secured()              { f.heard = append(f.heard, "Secured") }
func (f *full) Dismissed()            { f.heard = append(f.heard, "Dismissed") }
func (f *full) FileReceived(*os.File) { f.heard = append(f.heard, "FileReceived") }

// everyEvent tells p the optional events; a file is one of them.
func everyEvent(p twistor.Protocol, f *os.File) {
	p.(twistor.Drainer).Drained()
	p.(twistor.Securer).Secured()
	p.(twistor.FileReceiver).FileReceived(f)
	p.(twistor.HalfCloser).ReadClosed()
	p.(twistor.Dismisser).Dismissed()
}

// TestEventsPass: a framing hides no optional event, and makes the defaults of
// those that its protocol lacks.
func TestEventsPass(t *testing.T) {
	have := &full{counting: counting{new(int)}}
	for name, f := range map[string]twistor.Factory{
		"Lines":      framing.Lines{Build: func(*framing.LineTransport) framing.LineProtocol { return have }}.Factory(),
		"Netstrings": framing.Netstrings{Build: func(*framing.MessageTransport) framing.MessageProtocol { return have }}.Factory(),
	} {
		have.heard = nil
		tr := sim.NewTransport(sim.NewClock(t))
		everyEvent(f.Build(tr), os.Stdin)
		if want := []string{"Drained", "Secured", "FileReceived", "ReadClosed", "Dismissed"}; !reflect.DeepEqual(have.heard, want) || tr.Closed() {
			t.Errorf("%s: heard %q, closed %v; want %q and open", name, have.heard, tr.Closed(), want)
		}
	}
	for name, f := range allFramings {
		if name == "Conversation" {
			continue // answers them all itself
		}
		tr := sim.NewTransport(sim.NewClock(t))
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		everyEvent(f.Build(tr), w)
		if !tr.Closed() {
			t.Errorf("%s: ReadClosed and Dismissed did not close", name)
		}
		if w.Close() == nil {
			t.Errorf("%s: a file that nobody wanted stayed open", name)
		}
		r.Close()
	}
}

// TestEndReason: closed because the peer closed is io.EOF, as without a
// framing between.
func TestEndReason(t *testing.T) {
	for want, end := range map[error]func(tr *sim.Transport, lt *framing.LineTransport){
		io.ErrUnexpectedEOF: func(tr *sim.Transport, _ *framing.LineTransport) { tr.Receive("part"); tr.End() },
		io.EOF:              func(tr *sim.Transport, _ *framing.LineTransport) { tr.End() },
		net.ErrClosed:       func(_ *sim.Transport, lt *framing.LineTransport) { lt.Close() },
		twistor.ErrAborted:  func(_ *sim.Transport, lt *framing.LineTransport) { lt.Abort() },
		io.ErrClosedPipe:    func(tr *sim.Transport, _ *framing.LineTransport) { tr.Break(io.ErrClosedPipe) },
		twistor.ErrOverflow: func(_ *sim.Transport, lt *framing.LineTransport) { lt.Write(make([]byte, 2<<20)) },
	} {
		var got error
		var lt *framing.LineTransport
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, framing.Lines{Build: func(t *framing.LineTransport) framing.LineProtocol {
			lt = t
			return ending{func(err error) { got = err }}
		}}.Factory())
		end(tr, lt)
		clock.Advance(0)
		if got != want {
			t.Errorf("Disconnected(%v), want %v", got, want)
		}
	}
}

// TestAs looks through framings.
func TestAs(t *testing.T) {
	var top twistor.Transport
	tr := sim.Connect(sim.NewClock(t), framing.Lines{Build: func(t *framing.LineTransport) framing.LineProtocol {
		top = t
		return counting{new(int)}
	}}.Factory())
	if tuner, ok := twistor.As[twistor.Tuner](top); !ok || tuner != twistor.Tuner(tr) {
		t.Error("As does not find the Tuner below a LineTransport")
	}
}

// FuzzMessages writes messages with every framing that can hold them, and reads
// them back.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("hello"), []byte(""), []byte("12:x,"))
	f.Fuzz(func(t *testing.T, a, b, c []byte) {
		if len(a)+len(b)+len(c) > 2000 {
			return
		}
		for _, frame := range []framed{netstrings(0), prefixed8(), prefixed16(0), prefixed32(0)} {
			s := connect(t, frame)
			want := new(record)
			for _, p := range [][]byte{a, b, c} {
				if err := s.msg.WriteMessage(p); err == nil {
					want.events = append(want.events, string(p))
				} else if !isTooLong(err) {
					t.Fatal(err)
				}
			}
			got := new(record)
			tr := sim.Connect(sim.NewClock(t), framingOf(frame, func(p []byte) { got.events = append(got.events, string(p)) }))
			tr.Receive(s.net.Written())
			if !reflect.DeepEqual(got.events, want.events) {
				t.Fatalf("wrote %q, read %q", want.events, got.events)
			}
		}
	})
}

// framingOf is the same framing as frame, for a protocol that only hears
// messages.
func framingOf(frame framed, heard func(p []byte)) twistor.Factory {
	r := new(record)
	r.hear = heard
	return frame(r)
}

package dns

import (
	"errors"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// TestN04Client: a question is answered over whatever network, and by TCP where
// the answer was truncated.
func TestN04Client(t *testing.T) {
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		s := &Server{Handler: HandlerFunc(func(w *ResponseWriter, q *Query) {
			for i := range 200 {
				w.Answer(&A{Hdr: q.Header(60), A: []byte{192, 0, 2, byte(i)}})
				if q.Name.String() == "short.test." {
					return
				}
			}
		})}
		h := w.Host("server")
		if _, err := h.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets()); err != nil {
			t.Fatal(err)
		}
		h.Listen("tcp", ":53", s.Factory())
		c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{upstreamAt(h)}}
		for _, tt := range []struct {
			name string
			want int
		}{{"short.test.", 1}, {"long.test", 200}} {
			m, err := ask(t, w, c.Resolve(Question{Name: tt.name, Qtype: TypeA}, Options{}))
			if err != nil || len(m.Answer) != tt.want {
				t.Fatalf("%s: got %v, %v", tt.name, m, err)
			}
		}
		if got := c.Stats(); got.OverTCP != 1 || got.Answers != 2 {
			t.Errorf("got %+v", got)
		}
		c.Close()
	})
}

// TestN04Timeout: a server that never answers is asked as Timeouts say, and the
// question fails at the deadline.
func TestN04Timeout(t *testing.T) {
	w := sim.New(t, 0)
	f := new(fakeServer).serve(t, w.Host("server"))
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{upstreamAt(w.Host("server"))}}
	_, err := ask(t, w, c.Resolve(Question{Name: "x.test.", Qtype: TypeA}, Options{}))
	if !errors.Is(err, ErrTimeout) || w.Elapsed() != 10*time.Second || len(f.heard) != 3 {
		t.Errorf("got %v after %v and %d queries", err, w.Elapsed(), len(f.heard))
	}
}

package policy_test

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// An echo answers with what it got.
type echo struct{ twistor.Transport }

func (e echo) Connected()         {}
func (e echo) Received(p []byte)  { e.Write(p) }
func (e echo) Disconnected(error) {}

// TestT13 speaks TLS over a transport in memory, and TLS in TLS, with policies
// above, below and in between; what passes below is not the text.
func TestT13TLSOverAnyTransport(t *testing.T) {
	ca := certtest.New()
	outer, inner := ca.Server("outer.test"), ca.Server("inner.test")
	c := sim.NewClock(t)
	echoing := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return echo{t} })
	var s *server
	for name, f := range map[string][2]twistor.Factory{
		"once": {
			policy.TLS(outer, twistor.AsServer, echoing),
			policy.TLS(ca.Client("outer.test"), twistor.AsClient, serve(&s)),
		},
		"twice": {
			policy.TLS(outer, twistor.AsServer, policy.TLS(inner, twistor.AsServer, echoing)),
			policy.TLS(ca.Client("outer.test"), twistor.AsClient, policy.TLS(ca.Client("inner.test"), twistor.AsClient, serve(&s))),
		},
		"policies": {
			&policy.Throttle{EachWrite: policy.Rate{PerSecond: 100_000}, Factory: policy.TLS(outer, twistor.AsServer, layers()["all"](echoing))},
			layers()["all"](policy.TLS(ca.Client("outer.test"), twistor.AsClient, &policy.Throttle{
				EachWrite: policy.Rate{PerSecond: 50_000}, Factory: serve(&s)})),
		},
	} {
		s = nil
		p := sim.NewPipe(c, f[0], f[1])
		c.Advance(0)
		if s == nil {
			c.Advance(1e9)
		}
		if s == nil {
			t.Errorf("%s: no handshake", name)
			continue
		}
		text := strings.Repeat("secret ", 1000)
		s.Write([]byte(text))
		c.Advance(10e9)
		if s.heard.String() != text {
			t.Errorf("%s: %d bytes came back, want %d", name, s.heard.Len(), len(text))
		}
		if strings.Contains(p.B.Written(), "secret") || s.TLS() == nil {
			t.Errorf("%s: the text passed in clear, or TLS() is nil", name)
		}
		// Shared bytes must not pass by TLS either.
		if sharer, ok := s.Transport.(twistor.Sharer); ok {
			p.B.Clear()
			sharer.WriteShared([]byte("shared secret"))
			c.Advance(1e9)
			if strings.Contains(p.B.Written(), "secret") {
				t.Errorf("%s: shared bytes passed in clear", name)
			}
		}
		s.Close()
		c.Advance(1e9)
	}
}

// TestT13Opener: f's Opener hears through TLS.
func TestT13Opener(t *testing.T) {
	inside := &starting{Factory: quiet}
	f := policy.TLS(someConfig, twistor.AsServer, inside).(twistor.Opener)
	f.Opened(nil)
	f.Closed()
	if inside.opened != 1 || inside.closed != 1 {
		t.Error("the factory inside did not hear Opened and Closed")
	}
}

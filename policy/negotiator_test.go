package policy_test

import (
	"context"
	"crypto/tls"
	"slices"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/reactor"
)

// offers is a factory that speaks "b" before "a", and says what was agreed.
type offers struct{ agreed string }

func (f *offers) NextProtos() []string { return []string{"b", "a"} }

func (f *offers) Build(t twistor.Transport) twistor.Protocol {
	f.agreed = t.TLS().NegotiatedProtocol
	return nil
}

// TestT25Negotiator: what a factory wants to be offered by ALPN is offered,
// through every policy around it, unless the configuration says something.
func TestT25Negotiator(t *testing.T) {
	authority := certtest.New()
	chosen := authority.Server("web.test")
	for _, c := range []struct {
		name   string
		config func() *tls.Config
		want   string
	}{
		{"silent", func() *tls.Config { return authority.Server("web.test") }, "b"},
		{"by choice", func() *tls.Config {
			config := authority.Server("web.test")
			config.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return chosen, nil }
			return config
		}, "b"},
		{"said", func() *tls.Config {
			config := authority.Server("web.test")
			config.NextProtos = []string{"a"}
			return config
		}, "a"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := reactor.New(nil)
			defer r.Close()
			f := &offers{}
			var wrapped twistor.Factory = &policy.Timeouts{Factory: &policy.Caps{Factory: &policy.Log{Factory: &policy.Throttle{Factory: &policy.Budget{Factory: f}}}}}
			if got := twistor.NextProtos(wrapped); !slices.Equal(got, f.NextProtos()) {
				t.Fatalf("through policies: got %q, want %q", got, f.NextProtos())
			}
			port, err := r.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", TLS: c.config()}, wrapped)
			if err != nil {
				t.Fatal(err)
			}
			ctx, stop := context.WithCancel(context.Background())
			done := make(chan error, 1)
			go func() { done <- r.Run(ctx) }()
			config := authority.Client("web.test")
			config.NextProtos = []string{"a", "b"}
			conn, err := tls.Dial("tcp", port.Addr().String(), config)
			if err != nil {
				t.Fatal(err)
			}
			if got := conn.ConnectionState().NegotiatedProtocol; got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			conn.Close()
			stop()
			<-done
			if chosen.NextProtos != nil {
				t.Error("the caller's configuration was changed")
			}
		})
	}
}

package endpoint_test

import (
	"os"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/sim"
)

// loopback is a Kind of one's own: "loop:PORT" in place of "tcp:127.0.0.1:PORT".
func loopback() (endpoint.Kind[endpoint.Listener], endpoint.Kind[endpoint.Dialer]) {
	return endpoint.Kind[endpoint.Listener]{
			Name: "loop", Usage: "loop:PORT", Words: []string{"port"},
			Parse: func(a *endpoint.Args) (*endpoint.Listener, error) {
				return a.Listener("tcp:127.0.0.1:" + endpoint.Quote(a.Text("port")))
			},
		}, endpoint.Kind[endpoint.Dialer]{
			Name: "loop", Usage: "loop:PORT", Words: []string{"port"},
			Parse: func(a *endpoint.Args) (*endpoint.Dialer, error) {
				return a.Dialer("tcp:127.0.0.1:" + endpoint.Quote(a.Text("port")))
			},
		}
}

// E24: a program adds a type of its own, also within others, and the standard
// ones do not know of it.
func TestE24Registry(t *testing.T) {
	r := endpoint.Standard()
	listen, dial := loopback()
	r.Listeners, r.Dialers = append(r.Listeners, listen), append(r.Dialers, dial)

	l := sim.NewClock(t)
	port, err := r.Listen(l, "proxy:loop:80", &echo{})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := port.Addr().String(), "127.0.0.1:80"; got != want {
		t.Errorf("got address %s, want %s", got, want)
	}
	d := r.Dial(l, "loop:81", &echo{})
	if got, want := l.Attempts()[0].Config.Address, "127.0.0.1:81"; got != want {
		t.Errorf("got address %s, want %s", got, want)
	}
	d.Cancel()
	if _, err := r.ParseListener("loop:x"); err == nil || !strings.Contains(err.Error(), `endpoint "loop:x"`) {
		t.Errorf("got error %v, want one of loop:x", err)
	}
	if _, err := endpoint.ParseListener("loop:80"); err == nil {
		t.Error("got no error of the standard registry, want one")
	}
}

// E24: of two of one name the later counts.
func TestE24Replace(t *testing.T) {
	r := endpoint.Standard()
	r.Listeners = append(r.Listeners, endpoint.Kind[endpoint.Listener]{
		Name: "tcp", Usage: "tcp:", Parse: func(a *endpoint.Args) (*endpoint.Listener, error) {
			return &endpoint.Listener{Config: twistor.ListenConfig{Network: "tcp", Address: ":1"}}, nil
		},
	})
	n, err := r.ParseListener("tcp:")
	if err != nil || n.Config.Address != ":1" {
		t.Errorf("got %v, error %v, want the later tcp:", n, err)
	}
}

// The package's table of endpoints has each of the registry's, as it is used.
func TestE04TableIsComplete(t *testing.T) {
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	r := endpoint.Standard()
	var names, usages []string
	for _, k := range r.Listeners {
		names, usages = append(names, k.Name), append(usages, k.Usage)
	}
	for _, k := range r.Dialers {
		names, usages = append(names, k.Name), append(usages, k.Usage)
	}
	for i, name := range names {
		usage := usages[i]
		switch {
		case strings.HasSuffix(name, "4"), strings.HasSuffix(name, "6"):
			usage = " " + name + ":" // beside the one for both
		case name == "tls": // what it shares with tcp: is left out
			usage, _, _ = strings.Cut(usage, "[:backlog")
			usage, _, _ = strings.Cut(usage, "[:timeout")
		}
		if !strings.Contains(string(text), usage) {
			t.Errorf("doc.go does not have %q", usage)
		}
	}
}

// echo is a Factory of protocols that say what they hear, and notes what
// happened to them.
type echo struct{ last *echoing }

func (f *echo) Build(t twistor.Transport) twistor.Protocol {
	f.last = &echoing{Transport: t}
	return f.last
}

type echoing struct {
	twistor.Transport
	connected int
	over      error
}

func (p *echoing) Connected()             { p.connected++ }
func (p *echoing) Received(b []byte)      { p.Write(b) }
func (p *echoing) Disconnected(err error) { p.over = err }

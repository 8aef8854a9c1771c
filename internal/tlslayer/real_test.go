package tlslayer_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/reactor"
)

// run runs a reactor with one TLS port on loopback until the test ends.
func run(t testing.TB, config *tls.Config, f twistor.Factory) (l twistor.Loop, addr string) {
	r := reactor.New(&reactor.Config{Loops: 2})
	port, err := r.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", TLS: config}, f)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r.Loop(), port.Addr().String()
}

// echoes is a factory of protocols that send back what they hear.
var echoes = twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
	return &echo{Transport: tr}
})

type echo struct{ twistor.Transport }

func (p *echo) Connected()         {}
func (p *echo) Disconnected(error) {}
func (p *echo) Received(b []byte) {
	if p.Write(b); p.Full() {
		p.Pause()
	}
}
func (p *echo) Drained() { p.Resume() }

// TestR21RealConnections: crypto/tls dials a port of a reactor, many at once,
// each with a megabyte, under both versions.
func TestR21RealConnections(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		sc := ca.Server("a.test")
		sc.Certificates = append([]tls.Certificate{ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Key: certtest.RSA()})}, sc.Certificates...)
		_, addr := run(t, at(v, sc), echoes)
		said := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				c, err := tls.Dial("tcp", addr, ca.Client("a.test"))
				if err != nil {
					t.Error(err)
					return
				}
				defer c.Close()
				var sent sync.WaitGroup
				sent.Go(func() {
					if _, err := c.Write(said); err != nil {
						t.Error(err)
					}
					c.CloseWrite()
				})
				heard, err := io.ReadAll(c)
				sent.Wait()
				if err != nil || !bytes.Equal(heard, said) {
					t.Errorf("heard %d bytes, %v; want %d, the same", len(heard), err, len(said))
				}
			})
		}
		all.Wait()
	})
}

// A dialer is a protocol whose end ordinary goroutines can wait for.
type dialer struct {
	talker
	ended chan struct{}
}

func (p *dialer) Disconnected(err error) {
	p.talker.Disconnected(err)
	close(p.ended)
}

// wait waits for Disconnected.
func (p *dialer) wait(t *testing.T) {
	select {
	case <-p.ended:
	case <-time.After(20 * time.Second):
		t.Fatal("the connection does not end")
	}
}

// dial connects p by DialConfig.TLS, and waits.
func dial(l twistor.Loop, addr string, config *tls.Config, p *dialer) error {
	p.ended = make(chan struct{})
	dialed := make(chan *deferred.Deferred[twistor.Protocol], 1)
	l.Post(func() {
		dialed <- l.Dial(twistor.DialConfig{Network: "tcp", Address: addr, TLS: config},
			twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
				p.Transport = tr
				return p
			}))
	})
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	_, err := (<-dialed).Wait(ctx)
	return err
}

// TestR21Dial: both ends are ours, on sockets; the Deferred has the handshake's
// result.
func TestR21Dial(t *testing.T) {
	l, addr := run(t, ca.Server("a.test", "127.0.0.1"), echoes)
	said := strings.Repeat("0123456789", 50_000)
	p := &dialer{}
	p.connected = func() {
		p.Write([]byte(said))
		if got := p.LogValue().String(); !strings.Contains(got, "proto=*tlslayer_test.dialer") || !strings.Contains(got, "tls=TLS 1.3") {
			t.Errorf("LogValue: got %s, want the protocol above, and the version", got)
		}
	}
	p.received = func([]byte) {
		if len(p.heard) == len(said) {
			p.Close()
		}
	}
	if err := dial(l, addr, ca.Client(""), p); err != nil { // the name is the address's
		t.Fatal(err)
	}
	p.wait(t)
	if string(p.heard) != said || p.err != net.ErrClosed {
		t.Errorf("heard %d bytes and ended with %v", len(p.heard), p.err)
	}

	p = &dialer{}
	err := dial(l, addr, ca.Client("other.test"), p)
	var wrong *tls.CertificateVerificationError
	if !errors.As(err, &wrong) {
		t.Errorf("to the wrong name: got %v, want CertificateVerificationError", err)
	}
}

// TestT12RealStartTLS upgrades connections of a reactor, in both roles.
func TestT12RealStartTLS(t *testing.T) {
	r := reactor.New(&reactor.Config{Loops: 1})
	var s talker
	c := &dialer{ended: make(chan struct{})}
	s.received = func(p []byte) {
		switch string(p) {
		case "STARTTLS":
			s.Write([]byte("GO"))
			if err := s.StartTLS(ca.Server("a.test"), twistor.ByDirection, nil); err != nil {
				t.Error(err)
			}
		default:
			s.Write([]byte(strings.ToUpper(string(p))))
		}
	}
	c.connected = func() { c.Write([]byte("STARTTLS")) }
	c.received = func(p []byte) {
		switch string(p) {
		case "GO":
			if err := c.StartTLS(ca.Client("a.test"), twistor.ByDirection, nil); err != nil {
				t.Error(err)
			}
		case "HELLO":
			c.Close()
		}
	}
	c.secured = func() { c.Write([]byte("hello")) }
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", s.factory())
	if err != nil {
		t.Fatal(err)
	}
	twistor.Dial(r.Loop(), "tcp", port.Addr().String(), func(tr twistor.Transport) twistor.Protocol {
		c.Transport = tr
		return c
	}).Done(nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	select {
	case <-c.ended:
	case <-time.After(20 * time.Second):
		t.Error("no end")
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	wantString(t, "server heard", s.heard, "STARTTLShello")
	wantString(t, "client heard", c.heard, "GOHELLO")
	if c.err != net.ErrClosed || s.err != io.EOF {
		t.Errorf("ended with %v and %v; events %q, %q", c.err, s.err, c.events, s.events)
	}
}

// TestT14AlertArrives: a dial that fails to verify its server tells it why,
// though the connection is given up.
func TestT14AlertArrives(t *testing.T) {
	l, _ := run(t, ca.Server("a.test"), echoes)
	server, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	heard := make(chan error, 1)
	go func() {
		c, err := server.Accept()
		if err != nil {
			heard <- err
			return
		}
		defer c.Close()
		heard <- tls.Server(c, ca.Server("a.test")).Handshake()
	}()
	if err := dial(l, server.Addr().String(), ca.Client("other.test"), &dialer{}); err == nil {
		t.Error("connected to the wrong name")
	}
	if err := <-heard; err == nil || !strings.Contains(err.Error(), "bad certificate") {
		t.Errorf("the server heard %v, want the alert", err)
	}
}

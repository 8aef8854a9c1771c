package service_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
)

// A guest answers one line, and stays for that when it is dismissed.
type guest struct {
	twistor.Transport
	dismissed bool
}

func (g *guest) Connected()         {}
func (g *guest) Disconnected(error) {}
func (g *guest) Dismissed()         { g.dismissed = true }
func (g *guest) Received(p []byte) {
	fmt.Fprintf(g, "dismissed: %v\n", g.dismissed)
	g.Close()
}

// secured is a Host whose ports are under TLS.
type secured struct {
	service.Host
	config *tls.Config
	at     chan twistor.Port
}

func (s secured) Listen(_ string, f twistor.Factory) (twistor.Port, error) {
	port, err := s.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", TLS: s.config}, f)
	if err == nil {
		s.at <- port
	}
	return port, err
}

func (s secured) ListenEach(_ string, build func(twistor.Loop) twistor.Factory) (twistor.Port, error) {
	port, err := s.Loop().(twistor.EachListener).ListenEach(
		twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", TLS: s.config}, build)
	if err == nil {
		s.at <- port
	}
	return port, err
}

// TestF_38HandshakesUnderWay: a client that was accepted before the Service
// stops is served, even if its TLS handshake ends only then. One that never goes
// on does not keep the Service.
func TestF_38HandshakesUnderWay(t *testing.T) {
	authority := certtest.New()
	server, client := authority.Server("server.test"), authority.Client("server.test")
	build := func(tr twistor.Transport) twistor.Protocol { return &guest{Transport: tr} }
	for name, s := range map[string]service.Service{
		"Listen":     service.Listen("tls:", twistor.FactoryFunc(build)),
		"ListenEach": service.ListenEach("tls:", func(twistor.Loop) twistor.Factory { return twistor.FactoryFunc(build) }),
	} {
		err := reactor.Do(t.Context(), &reactor.Config{Loops: 2}, func(co *deferred.Co, l twistor.Loop) error {
			h := secured{service.On(l), server, make(chan twistor.Port, 1)}
			if err := s.Start(co, h); err != nil {
				return err
			}
			port := <-h.at
			var conns [2]net.Conn // one goes on, and one never does
			for i := range conns {
				c, err := net.Dial("tcp", port.Addr().String())
				if err != nil {
					return err
				}
				defer c.Close()
				conns[i] = c
			}
			for port.(twistor.Handshaker).Handshakes() < len(conns) {
				if err := co.Sleep(time.Millisecond); err != nil {
					return err
				}
			}
			stop := deferred.Inline(l, func(co *deferred.Co) (struct{}, error) { return struct{}{}, s.Stop(co) })
			said, err := deferred.Go(l, func(context.Context) (string, error) {
				c := tls.Client(conns[0], client)
				c.SetDeadline(time.Now().Add(20 * time.Second))
				if _, err := c.Write([]byte("hello\n")); err != nil {
					return "", err
				}
				return bufio.NewReader(c).ReadString('\n')
			}).Await(co)
			if err != nil {
				return err
			}
			if said != "dismissed: true\n" {
				t.Errorf("%s: got %q, want the answer of one that is dismissed", name, said)
			}
			_, err = stop.Await(co)
			return err
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

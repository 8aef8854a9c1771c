//go:build unix

package service_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
)

// A bequest is the Host of two services in turn that hand connections over.
type bequest struct {
	service.Host
	stopping bool
	left     []service.Connection
}

func (b *bequest) Reserve(string) error { return nil }
func (b *bequest) Inherit(_ string, take func(service.Connection)) {
	for _, c := range b.left {
		take(c)
	}
	b.left = nil
}
func (b *bequest) Bequeaths() bool                         { return b.stopping }
func (b *bequest) Bequeath(_ string, c service.Connection) { b.left = append(b.left, c) }

// A line is a connection to a UNIX socket, read by lines.
type line struct {
	net.Conn
	*bufio.Reader
}

func (l line) ask(p string) (string, error) {
	l.Conn.SetDeadline(time.Now().Add(30 * time.Second))
	if _, err := l.Conn.Write([]byte(p)); err != nil {
		return "", err
	}
	s, err := l.ReadString('\n')
	return strings.TrimSpace(s), err
}

// TestF38HandOverEach: the connections of all loops go on in the next service,
// spread over its loops, on the real reactor.
func TestF38HandOverEach(t *testing.T) {
	const loops, lines = 3, 6
	path := t.TempDir() + "/s"
	ends := make(chan error, 10*lines)
	build := func(at twistor.Loop) twistor.Factory {
		return twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
			if tr.Loop() != at {
				t.Error("a connection is on another loop than its factory")
			}
			return &counter{Transport: tr, ends: ends}
		})
	}
	var clients []line
	outside := func(co *deferred.Co, f func() error) error {
		_, err := deferred.Go(co.Loop(), func(context.Context) (struct{}, error) { return struct{}{}, f() }).Await(co)
		return err
	}
	err := reactor.Do(t.Context(), &reactor.Config{Loops: loops}, func(co *deferred.Co, l twistor.Loop) error {
		b := &bequest{Host: service.On(l)}
		first, second := service.ListenEach("unix:"+path, build), service.ListenEach("unix:"+path, build)
		if err := first.Start(co, b); err != nil {
			return err
		}
		if err := outside(co, func() error {
			for range lines {
				c, err := net.Dial("unix", path)
				if err != nil {
					return err
				}
				clients = append(clients, line{c, bufio.NewReader(c)})
				hello, err := clients[len(clients)-1].ask("x")
				if err != nil || hello != "hello" {
					return fmt.Errorf("got %q, %v", hello, err)
				}
				if n, err := clients[len(clients)-1].ReadString('\n'); n != "1\n" {
					return fmt.Errorf("got %q, %v", n, err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		b.stopping = true
		if err := first.Stop(co); err != nil {
			return err
		}
		if len(b.left) != lines {
			return fmt.Errorf("%d connections are left, want %d", len(b.left), lines)
		}
		b.stopping = false
		if err := second.Start(co, b); err != nil {
			return err
		}
		if err := outside(co, func() error {
			for i, c := range clients {
				if got, err := c.ask("x"); got != "2" {
					return fmt.Errorf("client %d: got %q, %v, want 2", i, got, err)
				}
			}
			return nil
		}); err != nil {
			return err
		}
		stop := deferred.Inline(l, func(co *deferred.Co) (struct{}, error) { return struct{}{}, second.Stop(co) })
		if err := outside(co, func() error {
			for i, c := range clients {
				if got, err := c.ReadString('\n'); got != "good-bye\n" {
					return fmt.Errorf("client %d: got %q, %v, want to be dismissed", i, got, err)
				}
				c.Close()
			}
			return nil
		}); err != nil {
			return err
		}
		_, err := stop.Await(co)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// A clerk counts for those who ask, on its own loop.
type clerk struct {
	service.Service
	path string
	ends chan error
	host chan service.Host
}

func (c *clerk) Start(co *deferred.Co, h service.Host) error {
	c.Service = service.Listen("unix:"+c.path, twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		return &counter{Transport: tr, ends: c.ends}
	}))
	if err := c.Service.Start(co, h); err != nil {
		return err
	}
	c.host <- h
	return nil
}

// TestApartForReal: what lives apart serves from another loop of the reactor,
// and its failure is heard at home. The race detector watches.
func TestApartForReal(t *testing.T) {
	c := &clerk{path: t.TempDir() + "/s", ends: make(chan error, 10), host: make(chan service.Host, 1)}
	err := reactor.Do(t.Context(), &reactor.Config{Loops: 2}, func(co *deferred.Co, l twistor.Loop) error {
		g := new(service.Group)
		g.Add("clerk", &service.Supervisor{Service: service.Apart(c)})
		for range 2 {
			if err := g.Start(co, service.On(l)); err != nil {
				return err
			}
			for range 2 {
				h := <-c.host
				if h.Loop() == l {
					return fmt.Errorf("it lives at home")
				}
				if _, err := deferred.Go(l, func(context.Context) (struct{}, error) {
					conn, err := net.Dial("unix", c.path)
					if err != nil {
						return struct{}{}, err
					}
					defer conn.Close()
					got, err := line{conn, bufio.NewReader(conn)}.ask("x")
					if got != "hello" {
						err = fmt.Errorf("got %q, %v", got, err)
					}
					return struct{}{}, err
				}).Await(co); err != nil {
					return err
				}
				if len(c.ends) == 0 {
					<-c.ends
				}
				h.Loop().Post(func() { service.Fail(h, fmt.Errorf("tired")) })
				for len(c.host) == 0 { // it is started anew
					if err := co.Yield(); err != nil {
						return err
					}
				}
			}
			if err := g.Stop(co); err != nil {
				return err
			}
			<-c.host
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

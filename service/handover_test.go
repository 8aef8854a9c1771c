//go:build unix

package service_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
)

// An estate is the Host of two services in turn, as of two processes: what the
// first leaves, the second inherits.
type estate struct {
	service.Host
	stopping bool
	left     []service.Connection
	reserved []string
}

func (e *estate) Reserve(at string) error { e.reserved = append(e.reserved, at); return nil }
func (e *estate) Inherit(_ string, take func(service.Connection)) {
	for _, c := range e.left {
		take(c)
	}
	e.left = nil
}
func (e *estate) Bequeaths() bool                         { return e.stopping }
func (e *estate) Bequeath(_ string, c service.Connection) { e.left = append(e.left, c) }
func (e *estate) Listen(at string, f twistor.Factory) (twistor.Port, error) {
	return e.Host.Listen(at, f)
}

// A counter answers each byte with the next number of its connection. It is a
// Survivor, unless it is busy.
type counter struct {
	twistor.Transport
	n    int
	busy int // how often it asks for more time
	ends chan error
}

func (c *counter) Connected() { fmt.Fprintln(c, "hello") }
func (c *counter) Received(p []byte) {
	for range p {
		c.n++
		fmt.Fprintln(c, c.n)
	}
}
func (c *counter) Disconnected(err error) { c.ends <- err }
func (c *counter) HandedOver() ([]byte, bool) {
	if c.busy != 0 {
		c.busy--
		return nil, false
	}
	return []byte(strconv.Itoa(c.n)), true
}
func (c *counter) Restored(state []byte) { c.n, _ = strconv.Atoi(string(state)) }
func (c *counter) Dismissed()            { fmt.Fprintln(c, "good-bye"); c.Close() }

// A fleeting is a protocol that cannot go on elsewhere.
type fleeting struct{ *counter }

func (f fleeting) HandedOver() {} // another method: it is no Survivor

// TestF38HandOver: a connection whose protocol can goes on in the next service,
// with its state, with what was asked meanwhile, and without a greeting; one
// that is busy is given time; one that cannot hears Dismissed.
func TestF38HandOver(t *testing.T) {
	ends := make(chan error, 10)
	built := 0
	factory := twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		built++
		c := &counter{Transport: tr, ends: ends}
		switch built {
		case 2:
			c.busy = 3
		case 3:
			return fleeting{c}
		}
		return c
	})
	var clients []net.Conn
	var readers []*bufio.Reader
	line := func(i int) string {
		t.Helper()
		clients[i].SetReadDeadline(time.Now().Add(30 * time.Second))
		s, err := readers[i].ReadString('\n')
		if err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
		return strings.TrimSpace(s)
	}
	outside := func(co *deferred.Co, f func()) error {
		_, err := deferred.Go(co.Loop(), func(context.Context) (struct{}, error) { f(); return struct{}{}, nil }).Await(co)
		return err
	}
	err := reactor.Do(t.Context(), &reactor.Config{Loops: 1}, func(co *deferred.Co, l twistor.Loop) error {
		e := &estate{Host: service.On(l)}
		path := t.TempDir() + "/s"
		first, second := service.Listen("unix:"+path, factory), service.Listen("unix:"+path, factory)
		if err := first.(service.Binder).Bind(e); err != nil || len(e.reserved) != 1 {
			return fmt.Errorf("bound %v, %v: want the one endpoint", e.reserved, err)
		}
		if err := first.Start(co, e); err != nil {
			return err
		}
		if err := outside(co, func() {
			for i := range 3 {
				c, err := net.Dial("unix", path)
				if err != nil {
					t.Error(err)
					return
				}
				clients, readers = append(clients, c), append(readers, bufio.NewReader(c))
				c.Write([]byte("x"))
				if got := line(i) + line(i); got != "hello1" {
					t.Errorf("client %d: got %q, want the greeting and 1", i, got)
				}
			}
		}); err != nil {
			return err
		}
		e.stopping = true
		if err := first.Stop(co); err != nil {
			return err
		}
		if len(e.left) != 2 {
			return fmt.Errorf("%d connections are left, want 2", len(e.left))
		}
		clients[0].Write([]byte("xx")) // while nobody reads
		e.stopping = false
		if err := second.Start(co, e); err != nil {
			return err
		}
		if err := outside(co, func() {
			clients[1].Write([]byte("x"))
			if got := line(0) + line(0) + line(1); got != "232" {
				t.Errorf("got %q, want both to count on, without a greeting: 2, 3 and 2", got)
			}
			if got := line(2); got != "good-bye" {
				t.Errorf("got %q, want the connection that cannot go dismissed", got)
			}
		}); err != nil {
			return err
		}
		for _, c := range clients {
			c.Close()
		}
		return second.Stop(co)
	})
	if err != nil {
		t.Fatal(err)
	}
	var handed int
	for range 5 {
		if err := <-ends; err == twistor.ErrHandedOver {
			handed++
		}
	}
	if handed != 2 {
		t.Errorf("%d protocols heard ErrHandedOver, want 2", handed)
	}
}

// TestF38LayerOfNoSurvivor: a layer passes HandedOver on for whoever is above it,
// but what cannot go is not held for Patience because of that.
func TestF38LayerOfNoSurvivor(t *testing.T) {
	ends := make(chan error, 1)
	factory := twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		return policy.Wrap(&policy.Wrapper{}, tr, twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
			return fleeting{&counter{Transport: tr, ends: ends}}
		}))
	})
	err := reactor.Do(t.Context(), &reactor.Config{Loops: 1}, func(co *deferred.Co, l twistor.Loop) error {
		e := &estate{Host: service.On(l)}
		path := t.TempDir() + "/s"
		s := service.Listen("unix:"+path, factory)
		if err := s.Start(co, e); err != nil {
			return err
		}
		if _, err := deferred.Go(l, func(context.Context) (struct{}, error) {
			c, err := net.Dial("unix", path)
			if err != nil {
				return struct{}{}, err
			}
			t.Cleanup(func() { c.Close() })
			_, err = bufio.NewReader(c).ReadString('\n') // it is connected
			return struct{}{}, err
		}).Await(co); err != nil {
			return err
		}
		e.stopping = true
		began := l.Now()
		if err := s.Stop(co); err != nil {
			return err
		}
		if took := l.Now().Sub(began); took >= service.Patience {
			t.Errorf("Stop took %v: it waited for one that can never go", took)
		}
		if len(e.left) != 0 {
			t.Errorf("%d connections are left, want none", len(e.left))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

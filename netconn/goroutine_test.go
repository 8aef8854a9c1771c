package netconn_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/netconn"
	"github.com/twistor-go/twistor/reactor"
)

// P10: net/http, server and client, on our loops.
func TestP10HTTP(t *testing.T) {
	var ln *netconn.Listener
	l := run(t, func(l twistor.Loop) {
		var err error
		if ln, err = netconn.Listen(l, "tcp", "127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
	})
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(w, r.Body)
	})}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ln) }()
	client := &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			return netconn.Dial(ctx, l, network, address)
		},
	}}
	body := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB: more than all buffers
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 3 {
				r, err := client.Post("http://"+ln.Addr().String(), "", bytes.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(r.Body)
				r.Body.Close()
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("got %d bytes, error %v, want %d", len(got), err, len(body))
				}
			}
		})
	}
	all.Wait()
	client.CloseIdleConnections()
	if err := server.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; err != http.ErrServerClosed {
		t.Errorf("got %v, want %v", err, http.ErrServerClosed)
	}
}

// listen opens f at a port of a running reactor, and returns where.
func listen(t *testing.T, f twistor.Factory) (l twistor.Loop, address string) {
	t.Helper()
	l = run(t, func(l twistor.Loop) {
		port, err := twistor.Listen(l, "tcp", "127.0.0.1:0", f)
		if err != nil {
			t.Fatal(err)
		}
		address = port.Addr().String()
	})
	return l, address
}

// P10: a goroutine for each connection, also after a Switch with bytes to read.
func TestP10Go(t *testing.T) {
	echo := func(c net.Conn) { io.Copy(c, c) }
	upgrade := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &upgrading{t, echo} })
	for name, f := range map[string]twistor.Factory{"Factory": netconn.Factory(echo), "Switch": upgrade} {
		_, address := listen(t, f)
		c, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		want := strings.Repeat("hello", 100_000)
		go func() {
			io.WriteString(c, want)
			c.(*net.TCPConn).CloseWrite()
		}()
		got, err := io.ReadAll(c)
		if err != nil || string(got) != want {
			t.Errorf("%s: got %d bytes, error %v, want %d", name, len(got), err, len(want))
		}
		c.Close()
	}
}

// upgrading becomes a goroutine's with the first bytes, of which it drops none.
type upgrading struct {
	twistor.Transport
	serve func(net.Conn)
}

func (p *upgrading) Connected()         {}
func (p *upgrading) Received(b []byte)  { p.Switch(netconn.Go(p.Transport, p.serve), b) }
func (p *upgrading) Disconnected(error) {}

// P1: a panic ends its own connection, by a reset, and is reported; others go on.
func TestP10PanicEndsItsConnection(t *testing.T) {
	var log bytes.Buffer
	r := reactor.New(&reactor.Config{Loops: 1, Log: slog.New(slog.NewTextHandler(&log, nil))})
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", netconn.Factory(func(c net.Conn) {
		b := make([]byte, 1)
		for {
			if _, err := c.Read(b); err != nil {
				return
			}
			if b[0] == '!' {
				panic("at the disco")
			}
			c.Write(b)
		}
	}))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()

	var both [2]net.Conn
	for i := range both {
		if both[i], err = net.Dial("tcp", port.Addr().String()); err != nil {
			t.Fatal(err)
		}
		defer both[i].Close()
	}
	io.WriteString(both[0], "!")
	if _, err := both[0].Read(make([]byte, 1)); err == nil {
		t.Error("got a byte from the connection that panicked, want its end")
	}
	io.WriteString(both[1], "x")
	if _, err := io.ReadFull(both[1], make([]byte, 1)); err != nil {
		t.Errorf("got %v from the other connection, want its echo", err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !strings.Contains(log.String(), "at the disco") {
		t.Errorf("got log %q, want the panic", log.String())
	}
}

// P10: Close wakes who waits, in both directions.
func TestP10CloseWakesEveryone(t *testing.T) {
	a, _ := pair(t)
	errs := make(chan error, 3)
	for range 2 {
		go func() { _, err := a.Read(make([]byte, 1)); errs <- err }()
	}
	go func() {
		for {
			if _, err := a.Write(make([]byte, 1<<20)); err != nil { // until it is full
				errs <- err
				return
			}
		}
	}()
	a.Close()
	for range 3 {
		if err := <-errs; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want %v", err, net.ErrClosed)
		}
	}
}

// P10: the end of the loop is the end of all that waits for it.
func TestP10LoopStopEndsAll(t *testing.T) {
	r := reactor.New(&reactor.Config{Loops: 1})
	ln, err := netconn.Listen(r.Loop(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Run(context.Background()) }()
	c, err := netconn.Dial(t.Context(), r.Loop(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	errs := make(chan error, 4)
	go func() { _, err := c.Read(make([]byte, 1)); errs <- err }()
	go func() {
		p := make([]byte, 1<<10)
		for {
			if _, err := accepted.Read(p); err != nil {
				errs <- err
				return
			}
		}
	}()
	go func() { _, err := ln.Accept(); errs <- err }()
	go func() {
		for {
			if _, err := c.Write(make([]byte, 1<<20)); err != nil {
				errs <- err
				return
			}
		}
	}()
	r.Stop()
	for range 4 {
		if err := <-errs; !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v, want one that wraps %v", err, net.ErrClosed)
		}
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := netconn.Dial(t.Context(), r.Loop(), "tcp", "127.0.0.1:1"); !errors.Is(err, deferred.ErrStopped) {
		t.Errorf("got %v of Dial on a stopped loop, want %v", err, deferred.ErrStopped)
	}
	if err := c.Close(); err != nil {
		t.Errorf("got %v of Close after the end, want none", err)
	}
}

// P10: one Listener takes the connections of all loops.
func TestP10ListenerOnEveryLoop(t *testing.T) {
	r := reactor.New(&reactor.Config{Loops: 2})
	ln, err := netconn.ListenBy(r.Loop(), func(f twistor.Factory) (twistor.Port, error) {
		return twistor.ListenEach(r.Loop(), "tcp", "127.0.0.1:0", func(twistor.Loop) twistor.Factory { return f })
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Run(context.Background()) }()
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			c, err := net.Dial("tcp", ln.Addr().String())
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			io.WriteString(c, "hello")
			if got, err := io.ReadAll(c); err != nil || string(got) != "hello" {
				t.Errorf("got %q, %v, want hello", got, err)
			}
		})
		all.Go(func() {
			c, err := ln.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			io.CopyN(c, c, 5)
			c.Close()
		})
	}
	all.Wait()
	r.Stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v of Accept after the end, want %v", err, net.ErrClosed)
	}
}

// P10: Dial ends with its context, and leaves no connection behind.
func TestP10DialContext(t *testing.T) {
	l := run(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if c, err := netconn.Dial(ctx, l, "tcp", "127.0.0.1:1"); !errors.Is(err, context.Canceled) || c != nil {
		t.Errorf("got %v, %v, want %v", c, err, context.Canceled)
	}
	ctx, cancel = context.WithCancel(t.Context())
	open := func(f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
		d := deferred.New[twistor.Protocol](l)
		cancel()
		return d
	}
	if c, err := netconn.DialBy(ctx, l, open); !errors.Is(err, context.Canceled) || c != nil {
		t.Errorf("got %v, %v, want %v", c, err, context.Canceled)
	}
	if _, err := netconn.Dial(t.Context(), l, "tcp", "no port"); err == nil {
		t.Error("got no error of a bad address, want one")
	}
}

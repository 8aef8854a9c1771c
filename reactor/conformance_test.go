package reactor_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

// The conformance suite (TR13): the same tests on every backend (R43, R46). Both ends of each
// connection live on one loop, which the test's own goroutine turns, so that a
// test reads from top to bottom and needs no locks.

// A bed is one reactor under test.
type bed struct {
	*testing.T
	r    *reactor.Reactor
	l    twistor.Loop
	log  fmt.Stringer
	kind string
	turn func()        // one step of the world
	wait time.Duration // how long until gives up, in the world's time
	dir  func() string // where UNIX sockets may be
	host string        // the address of this machine
}

// backends make beds.
var backends = []struct {
	name string
	make func(t *testing.T, c reactor.Config) *bed
}{
	{"system", func(t *testing.T, c reactor.Config) *bed { return realBed(t, c) }},
	{"portable", func(t *testing.T, c reactor.Config) *bed { c.Portable = true; return realBed(t, c) }},
	{"fake", fakeBed},
}

// logged is the log of a simulated world.
type logged struct{ w *sim.World }

func (l logged) String() string { return l.w.Logged() }

// fakeBed is a bed on the simulated network, whose time passes by itself.
func fakeBed(t *testing.T, c reactor.Config) *bed {
	if c.MaxBuffered != 0 || c.Resolver != nil {
		t.Skip("the simulator has its own resolver, and hosts with the limits of every program")
	}
	w := sim.New(t, 0)
	w.Tolerate = sim.Leaks{Connections: true, Timers: true}
	h := w.Host("host")
	b := &bed{T: t, kind: "fake", r: h.Reactor(), l: h.Loop(), log: logged{w}, wait: time.Hour, host: h.Addr().String()}
	b.turn = func() { w.Advance(time.Millisecond) }
	b.dir = func() string { return "/run" }
	t.Cleanup(func() { w.Errors() }) // panics that are part of a test
	return b
}

func realBed(t *testing.T, c reactor.Config) *bed {
	log := new(bytes.Buffer)
	b := &bed{T: t, log: log, kind: "system", wait: 10 * time.Second, host: "127.0.0.1"}
	if c.Portable {
		b.kind = "portable"
	}
	if c.Loops == 0 {
		c.Loops = 1
	}
	if c.Log == nil {
		c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	b.r = reactor.New(&c)
	b.l = b.r.Loop()
	b.turn = func() {
		if err := b.r.Turn(5 * time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	b.dir = func() string {
		dir, err := os.MkdirTemp("", "tw")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { os.RemoveAll(dir) })
		return dir
	}
	checkFDs(t)
	t.Cleanup(func() {
		if err := b.r.Close(); err != nil {
			t.Error("Close:", err)
		}
		if s := b.r.Stats(); s != (reactor.Stats{}) {
			t.Errorf("after Close: %+v", s)
		}
	})
	return b
}

// checkFDs fails t if it leaves descriptors open: F-35, XC6.
func checkFDs(t *testing.T) {
	if runtime.GOOS != "linux" {
		return
	}
	before := openFDs(t)
	t.Cleanup(func() {
		after := map[string]int{}
		for range 100 { // the portable pumps end a moment later
			after = openFDs(t)
			if len(after) <= len(before) {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		for fd := range after {
			if _, ok := before[fd]; !ok {
				to, _ := os.Readlink("/proc/self/fd/" + fd)
				t.Errorf("F-35: descriptor %s (%s) is left open", fd, to)
			}
		}
	})
}

func openFDs(t *testing.T) map[string]int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	fds := map[string]int{}
	for _, e := range entries {
		if to, err := os.Readlink("/proc/self/fd/" + e.Name()); err == nil && !strings.Contains(to, "eventpoll") && !strings.HasPrefix(to, "/proc/") {
			fds[e.Name()]++
		}
	}
	return fds
}

// each runs f on every backend.
func each(t *testing.T, f func(b *bed)) { eachWith(t, reactor.Config{}, f) }

func eachWith(t *testing.T, c reactor.Config, f func(b *bed)) {
	for _, k := range backends {
		t.Run(k.name, func(t *testing.T) { f(k.make(t, c)) })
	}
}

// systemOnly runs f on the backend that has descriptors.
func systemOnly(t *testing.T, f func(b *bed)) {
	each(t, func(b *bed) {
		if b.kind != "system" {
			b.Skip("descriptors are the system backend's")
		}
		f(b)
	})
}

// until turns the world until cond holds.
func (b *bed) until(what string, cond func() bool) {
	b.Helper()
	for from := b.l.Now(); !cond(); b.turn() {
		if b.l.Now().Sub(from) > b.wait {
			b.Fatalf("timed out: %s\n%s", what, b.log)
		}
	}
}

// pass turns the world for d.
func (b *bed) pass(d time.Duration) {
	b.Helper()
	over := false
	b.l.CallLater(d, func() { over = true })
	b.until("time passes", func() bool { return over })
}

// result waits for a Deferred.
func result[T any](b *bed, d *deferred.Deferred[T]) (v T, err error) {
	b.Helper()
	done := false
	d.Done(func(v2 T, err2 error) { v, err, done = v2, err2, true })
	b.until("the Deferred fires", func() bool { return done })
	return v, err
}

// must waits for a Deferred that has to succeed.
func must[T any](b *bed, d *deferred.Deferred[T]) T {
	b.Helper()
	v, err := result(b, d)
	if err != nil {
		b.Fatal(err)
	}
	return v
}

// A rec is a Protocol that records what it hears, and does what the test says.
type rec struct {
	twistor.Transport
	b            *bed
	events       []string
	in           bytes.Buffer
	err          error // of Disconnected
	ended        int
	connected    func(*rec)
	received     func(*rec, []byte)
	disconnected func(*rec)
	drained      func(*rec)
}

func (p *rec) note(format string, args ...any) {
	if p.ended > 0 {
		p.b.Errorf("XC4: after Disconnected: "+format, args...)
	}
	p.events = append(p.events, fmt.Sprintf(format, args...))
}

func (p *rec) Connected() {
	if len(p.events) > 0 {
		p.b.Errorf("P01: Connected is not first: %v", p.events)
	}
	p.note("connected")
	if p.connected != nil {
		p.connected(p)
	}
}

func (p *rec) Received(data []byte) {
	if len(data) == 0 {
		p.b.Error("P01: Received of nothing")
	}
	p.note("received %d", len(data))
	p.in.Write(data)
	if p.received != nil {
		p.received(p, data)
	}
}

func (p *rec) Disconnected(err error) {
	p.note("disconnected")
	if p.ended++; p.ended > 1 {
		p.b.Error("XC2: Disconnected twice")
	}
	if p.err = err; err == nil {
		p.b.Error("P01: Disconnected(nil)")
	}
	if p.disconnected != nil {
		p.disconnected(p)
	}
}

func (p *rec) Drained() {
	p.note("drained")
	if p.drained != nil {
		p.drained(p)
	}
}

// half is a rec that goes on when the peer has closed its direction.
type half struct{ *rec }

func (p half) ReadClosed() { p.note("readClosed") }

// pair connects two protocols over network; server first. Nil functions get a
// plain rec.
func (b *bed) pair(network string, server, client func(p *rec) twistor.Protocol) (s, c *rec) {
	b.Helper()
	port := b.listen(network, func(p *rec) twistor.Protocol {
		s = p
		if server != nil {
			return server(p)
		}
		return p
	})
	d := b.l.Dial(twistor.DialConfig{Network: network, Address: b.addr(port)}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		c = &rec{Transport: t, b: b}
		if client != nil {
			return client(c)
		}
		return c
	}))
	must(b, d)
	b.until("the server's side is connected", func() bool { return s != nil && len(s.events) > 0 })
	must(b, port.Close())
	return s, c
}

// listen opens a port whose connections are recs.
func (b *bed) listen(network string, made func(p *rec) twistor.Protocol) twistor.Port {
	b.Helper()
	address := net.JoinHostPort(b.host, "0")
	if network == "unix" {
		address = filepath.Join(b.dir(), "s")
	}
	port, err := twistor.Listen(b.l, network, address, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		p := &rec{Transport: t, b: b}
		if made != nil {
			return made(p)
		}
		return p
	}))
	if err != nil {
		b.Fatal(err)
	}
	return port
}

// addr is where to dial port.
func (b *bed) addr(port twistor.Port) string { return port.Addr().String() }

// networks calls f for each stream network that the backend has.
func (b *bed) networks(f func(network string)) {
	for _, network := range []string{"tcp", "unix"} {
		if network == "unix" && (runtime.GOOS == "windows" || b.dir == nil) {
			continue
		}
		f(network)
	}
}

// finished waits until both ends have heard Disconnected.
func (b *bed) finished(ps ...*rec) {
	b.Helper()
	b.until("both ends are disconnected", func() bool {
		for _, p := range ps {
			if p.ended == 0 {
				return false
			}
		}
		return true
	})
}

// wantErr checks what Disconnected said.
func (p *rec) wantErr(want error) {
	p.b.Helper()
	if !errors.Is(p.err, want) {
		p.b.Errorf("Disconnected(%v), want %v", p.err, want)
	}
}

// dial connects a rec to port.
func (b *bed) dial(port twistor.Port) *deferred.Deferred[*rec] {
	return twistor.Dial(b.l, port.Addr().Network(), b.addr(port), func(t twistor.Transport) *rec { return &rec{Transport: t, b: b} })
}

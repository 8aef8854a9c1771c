package reactor_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// run runs r on a goroutine until the test or stop ends it.
func run(t *testing.T, r *reactor.Reactor) (stop func() error) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := stop(); err != nil {
			t.Error("Run:", err)
		}
	})
	return stop
}

// on runs f on l and waits for it.
func on(t *testing.T, l twistor.Loop, f func()) {
	t.Helper()
	done := make(chan struct{})
	if !l.Post(func() { defer close(done); f() }) {
		t.Fatal("Post: refused")
	}
	<-done
}

func quiet(c reactor.Config) *reactor.Config {
	c.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	return &c
}

// TestR01RunAndStop: Run blocks until the context ends; BeforeStop comes first
// and is waited for, the last added first, a failing one stops nobody (R05);
// everything open ends with ErrStopped (XC5); the reactor runs again (R02).
func TestR01RunAndStop(t *testing.T) {
	checkFDs(t)
	r := reactor.New(quiet(reactor.Config{Loops: 2}))
	for round := range 3 {
		var log []string
		started := make(chan *rec, 1)
		o := &openings{}
		port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
			p := &rec{Transport: tr, b: &bed{T: t}}
			p.connected = func(*rec) { started <- p }
			p.disconnected = func(*rec) { log = append(log, "disconnected") }
			return p
		}))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", o); err != nil {
			t.Fatal(err)
		}
		ran := false
		r.Loop().Post(func() { ran = true }) // R08: before Run, runs after its start
		r.BeforeStop(func() *deferred.Signal { log = append(log, "first added"); return nil })
		r.BeforeStop(func() *deferred.Signal {
			return deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
				err := co.Sleep(10 * time.Millisecond)
				log = append(log, "waited")
				return struct{}{}, errors.Join(err, errors.New("logged only"))
			})
		})
		r.BeforeStop(func() *deferred.Signal { panic("contained") })
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error)
		go func() { done <- r.Run(ctx) }()
		c, err := net.Dial("tcp", port.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		p := <-started
		if err := r.Run(ctx); !errors.Is(err, reactor.ErrRunning) {
			t.Errorf("R02: Run of a running reactor: %v", err)
		}
		if round == 1 {
			r.Stop()
		} else {
			cancel()
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		cancel()
		if got, want := fmt.Sprint(log), "[first added waited disconnected]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if p.wantErr(twistor.ErrStopped); !errors.Is(p.err, net.ErrClosed) {
			t.Errorf("ErrStopped is no net.ErrClosed")
		}
		if !ran {
			t.Error("R08: a call posted before Run did not run")
		}
		if got := fmt.Sprint(o.log); got != "[opened closed]" {
			t.Errorf("P03: %s", got)
		}
		c.Close()
		if s := r.Stats(); s != (reactor.Stats{}) {
			t.Errorf("left: %+v", s)
		}
		if r.Loop().Post(func() {}) {
			t.Error("Post to a stopped loop is accepted")
		}
	}
}

// TestR03Close: at once, without BeforeStop; then again.
func TestR03Close(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 1}))
	r.BeforeStop(func() *deferred.Signal { t.Error("Close calls BeforeStop"); return nil })
	for range 2 {
		fired := false
		r.Loop().CallLater(time.Hour, func() { t.Error("fires") })
		r.Loop().CallLater(0, func() { fired = true })
		if err := r.Turn(0); err != nil { // R04
			t.Fatal(err)
		}
		if !fired {
			t.Error("R04: a turn does not call what is due")
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
		if s := r.Stats(); s.Timers != 0 {
			t.Errorf("%d timers left", s.Timers)
		}
	}
}

// TestR15PostKeepsOrder: F-42: many goroutines, nothing lost, each one's order
// kept, while the loop sleeps and while it does not.
func TestR15PostKeepsOrder(t *testing.T) {
	const callers = 16
	calls := 20_000
	if testing.Short() {
		calls = 2_000
	}
	r := reactor.New(quiet(reactor.Config{Loops: 2}))
	run(t, r)
	l := r.Loops()[1]
	last := make([]int, callers)
	total := 0
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range calls {
				if !l.Post(func() {
					if last[c] != i {
						t.Errorf("F-42: caller %d: got call %d, want %d", c, i, last[c])
					}
					last[c]++
					total++
				}) {
					t.Error("Post: refused")
				}
				if i%1000 == 0 {
					time.Sleep(time.Microsecond) // let the loop fall asleep
				}
			}
		})
	}
	wg.Wait()
	on(t, l, func() {
		if total != callers*calls {
			t.Errorf("F-42: %d of %d calls", total, callers*calls)
		}
	})
}

// TestPostLimit: beyond MaxPosts Post says so, and blocks nobody.
func TestPostLimit(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 1, MaxPosts: 10}))
	defer r.Close()
	n := 0
	for range 10 {
		if !r.Loop().Post(func() { n++ }) {
			t.Fatal("refused")
		}
	}
	if r.Loop().Post(func() { n++ }) {
		t.Error("the eleventh is accepted")
	}
	r.Turn(0)
	if n != 10 {
		t.Errorf("%d ran", n)
	}
	if !r.Loop().Post(func() {}) {
		t.Error("refused though there is room")
	}
}

// TestR11CallLater against a model: random arms, stops and resets. Never early,
// equal times in order, no lost call, none after Stop. R12, R13, F-14.
func TestR11CallLater(t *testing.T) {
	for seed := range uint64(50) {
		testTimers(t, seed, 200, 300, 50)
	}
	for i, scale := range []int64{1e6, 1e8, 1e10, 1e13, 1e15} { // many: the wheel, too
		testTimers(t, uint64(100+i), 12_000, 60, scale)
	}
}

func testTimers(t *testing.T, seed uint64, count, rounds int, scale int64) {
	rng := rand.New(rand.NewPCG(seed, 1))
	mono := int64(0)
	base := time.Unix(1000, 0)
	r := reactor.New(quiet(reactor.Config{Loops: 1, World: timersOnly(&mono, base)}))
	defer r.Close()
	l := r.Loop()
	type call struct {
		timer twistor.Timer
		at    int64 // -1: not armed
		no    int
	}
	calls := make([]*call, count)
	no := 0
	var fired []int
	for i := range calls {
		c := &call{at: -1}
		calls[i] = c
		c.timer = l.CallLater(time.Hour, func() {
			if c.at < 0 || c.at > mono {
				t.Fatalf("seed %d: timer %d fires at %d, due %d", seed, i, mono, c.at)
			}
			c.at = -1
			fired = append(fired, i)
		})
		c.timer.Stop()
	}
	for range rounds {
		for range rng.IntN(count / 3) {
			c := calls[rng.IntN(len(calls))]
			if rng.IntN(3) == 0 {
				if got, want := c.timer.Stop(), c.at >= 0; got != want {
					t.Fatalf("seed %d: Stop: got %v, want %v", seed, got, want)
				}
				c.at = -1
				if !c.timer.When().IsZero() {
					t.Fatalf("seed %d: a stopped timer is due at %v", seed, c.timer.When())
				}
				continue
			}
			d := rng.Int64N(scale)
			if rng.IntN(10) == 0 {
				d /= 1000
			}
			c.timer.Reset(time.Duration(d))
			no++
			c.at, c.no = mono+d, no
			if got, want := c.timer.When(), base.Add(time.Duration(c.at)); !got.Equal(want) {
				t.Fatalf("seed %d: When: got %v, want %v", seed, got, want)
			}
		}
		mono += rng.Int64N(scale / 5)
		var due []int
		for i, c := range calls {
			if c.at >= 0 && c.at <= mono {
				due = append(due, i)
			}
		}
		slices.SortFunc(due, func(i, j int) int {
			if a, b := calls[i], calls[j]; a.at != b.at {
				return cmp.Compare(a.at, b.at)
			}
			return calls[i].no - calls[j].no
		})
		fired = nil
		r.Turn(0)                                // reads the clock
		for before := -1; before < len(fired); { // calls what is due
			before = len(fired)
			r.Turn(0)
		}
		if !slices.Equal(fired, due) {
			t.Fatalf("seed %d at %d: fired %d, want %d", seed, mono, len(fired), len(due))
		}
		if at, ok := r.NextTimer(); ok {
			for _, c := range calls {
				if c.at >= 0 && c.at < at {
					t.Fatalf("seed %d: NextTimer says %d, one is due at %d", seed, at, c.at)
				}
			}
		}
		armed := 0
		for _, c := range calls {
			if c.at >= 0 {
				armed++
			}
		}
		if got := r.Stats().Timers; got != armed {
			t.Fatalf("R13: %d timers are pending, want %d", got, armed)
		}
	}
}

// TestF_14ZeroDelay: a call that makes itself again with no delay never keeps
// the loop from its other work, and runs once a turn.
func TestF_14ZeroDelay(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 1}))
	defer r.Close()
	n := 0
	var timer twistor.Timer
	timer = r.Loop().CallLater(0, func() { n++; timer.Reset(0) })
	posted := false
	r.Loop().Post(func() { posted = true })
	for range 10 {
		r.Turn(0)
	}
	if n != 10 {
		t.Errorf("%d calls in 10 turns", n)
	}
	if !posted {
		t.Error("posted calls starve")
	}
}

// TestF_13TimerStorm: a million timers due at once: at most 1,000 a turn, all
// of them in the end, and the memory is given back.
func TestF_13TimerStorm(t *testing.T) {
	n := 1_000_000
	if testing.Short() {
		n = 20_000
	}
	mono := int64(0)
	r := reactor.New(quiet(reactor.Config{Loops: 1, World: timersOnly(&mono, time.Unix(0, 0))}))
	defer r.Close()
	fired := 0
	for range n {
		r.Loop().CallLater(time.Millisecond, func() { fired++ })
	}
	mono = int64(time.Millisecond)
	r.Turn(0)
	for turn := 0; fired < n; turn++ {
		before := fired
		r.Turn(0)
		if k := fired - before; k > 1000 || k == 0 {
			t.Fatalf("turn %d fires %d", turn, k)
		}
	}
	if s := r.Stats(); s.Timers != 0 {
		t.Errorf("%d timers left", s.Timers)
	}
}

// TestF_15Panics: a panic in any callback ends its own connection only, which
// still hears Disconnected, once. R14.
func TestF_15Panics(t *testing.T) {
	each(t, func(b *bed) {
		for _, where := range []string{"build", "connected", "received", "drained", "readClosed", "disconnected", "timer", "post", "deferred", "coroutine", "switched"} {
			b.Run(where, func(t *testing.T) { testPanic(b, t, where) })
		}
	})
}

func testPanic(b *bed, t *testing.T, where string) {
	b = &bed{T: t, r: b.r, l: b.l, log: b.log, kind: b.kind, turn: b.turn, wait: b.wait, dir: b.dir, host: b.host}
	boom := func(at string) {
		if at == where {
			panic("boom in " + where)
		}
	}
	bystander, friend := b.pair("tcp", nil, nil)
	alive := func() {
		friend.Write([]byte("alive?"))
		b.until("the bystander lives", func() bool { return bystander.in.String() == "alive?" })
		bystander.Close()
		b.finished(bystander, friend)
	}
	if where == "build" || where == "connected" {
		var bad *rec
		port := b.listen("tcp", func(p *rec) twistor.Protocol {
			boom("build")
			p.connected = func(*rec) { boom("connected") }
			bad = p
			return p
		})
		if p, err := result(b, b.dial(port)); err == nil { // the reset may come first
			b.finished(p)
		}
		if where == "connected" {
			b.finished(bad)
			wantPanic(t, bad.err)
		}
		port.Close()
		alive()
		return
	}
	bad, peer := b.pair("tcp", func(p *rec) twistor.Protocol {
		p.received = func(p *rec, data []byte) {
			boom("received")
			switch where {
			case "timer":
				p.Loop().CallLater(0, func() { boom(where) })
			case "post":
				p.Loop().Post(func() { boom(where) })
			case "deferred":
				deferred.New[int](p.Loop()).Done(func(int, error) {})
				d := deferred.New[int](p.Loop())
				d.Done(func(int, error) { boom(where) })
				d.Succeed(1)
			case "coroutine":
				deferred.Inline(p.Loop(), func(co *deferred.Co) (int, error) { boom(where); return 0, nil }).Done(nil)
			case "drained":
				p.SetLimits(twistor.Limits{High: 1, Low: 1, Max: -1})
				p.Write(make([]byte, 8<<20))
			case "switched":
				q := &rec{b: b, Transport: p.Transport, connected: func(*rec) { boom(where) }}
				p.Switch(q, nil)
			}
		}
		p.drained = func(*rec) { boom("drained") }
		p.disconnected = func(*rec) { boom("disconnected") }
		if where == "readClosed" {
			return halfBoom{half{p}}
		}
		return p
	}, nil)
	peer.Write([]byte("go"))
	if where != "drained" {
		peer.CloseWrite()
	}
	switch where {
	case "timer", "post", "deferred", "coroutine": // nobody's connection
		b.until("it ends in order", func() bool { return bad.ended == 1 })
	case "switched":
		b.finished(peer)
	case "disconnected":
		b.finished(bad, peer)
	default:
		b.finished(bad, peer)
		wantPanic(t, bad.err)
	}
	if where != "coroutine" && where != "deferred" && !strings.Contains(b.log.String(), "boom in "+where) {
		t.Errorf("the panic is not logged:\n%s", b.log)
	}
	alive()
}

// TestF_15PanicsOfDialers: a Protocol that panics when its dial succeeds fails
// the dial and ends its connection.
func TestF_15PanicsOfDialers(t *testing.T) {
	each(t, func(b *bed) {
		port := b.listen("tcp", nil)
		for _, where := range []string{"build", "connected"} {
			var bad *rec
			_, err := result(b, b.l.Dial(twistor.DialConfig{Network: "tcp", Address: b.addr(port)}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				if where == "build" {
					testPanicNow()
				}
				bad = &rec{Transport: t, b: b, connected: func(*rec) { testPanicNow() }}
				return bad
			})))
			wantPanic(b.T, err)
			if where == "connected" {
				wantPanic(b.T, bad.err)
			}
		}
		b.until("nothing is left", func() bool { return b.r.Stats().Connections == 0 })
	})
}

func testPanicNow() { panic("boom") }

func wantPanic(t *testing.T, err error) {
	t.Helper()
	var p *deferred.PanicError
	if !errors.As(err, &p) || !strings.Contains(fmt.Sprint(p.Value), "boom") || !strings.Contains(string(p.Stack), "testPanic") {
		t.Errorf("Disconnected(%v)", err)
	}
}

type halfBoom struct{ half }

func (h halfBoom) ReadClosed() { panic("boom in readClosed") }

// TestR17Pool: work runs elsewhere and comes back to the loop. R16, H01.
func TestR17Pool(t *testing.T) {
	each(t, func(b *bed) {
		d := deferred.Go(b.l, func(ctx context.Context) (string, error) { return "done", ctx.Err() })
		if v := must(b, d); v != "done" {
			t.Error(v)
		}
		want := errors.New("failed")
		if _, err := result(b, deferred.Go(b.l, func(context.Context) (int, error) { return 0, want })); err != want {
			t.Errorf("got %v", err)
		}
	})
}

// TestR37Resolve: literals at once, names by the resolver, errors that name
// the host. R38: the resolver can be replaced.
func TestR37Resolve(t *testing.T) {
	names := resolver{"two.test": {"127.0.0.1", "::1"}}
	eachWith(t, reactor.Config{Resolver: names}, func(b *bed) {
		d := b.l.Resolve("192.0.2.1")
		if o, ok := d.Result(); !ok || len(o.Value) != 1 || o.Value[0].String() != "192.0.2.1" {
			t.Errorf("a literal: %v, %v", o, ok)
		}
		if b.kind == "fake" {
			return
		}
		if ips := must(b, b.l.Resolve("two.test")); fmt.Sprint(ips) != "[127.0.0.1 ::1]" {
			t.Error(ips)
		}
		_, err := result(b, b.l.Resolve("none.test"))
		var dns *net.DNSError
		if !errors.As(err, &dns) || !dns.IsNotFound {
			t.Errorf("got %v", err)
		}
	})
}

// TestSiblings: all loops know each other; Each has one value for each.
func TestSiblings(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 3}))
	run(t, r)
	for _, l := range r.Loops() {
		on(t, l, func() {
			if !reflect.DeepEqual(l.Siblings(), r.Loops()) {
				t.Error("other siblings")
			}
		})
	}
}

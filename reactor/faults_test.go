package reactor_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/reactor"
)

// A caller dials, sends a secret of its own, wants it back, and goes away in
// one of several rude or polite ways; then it dials again.
type caller struct {
	twistor.Transport
	w      *churn
	secret uint64
	got    []byte
	over   bool
}

type churn struct {
	t       *testing.T
	l       twistor.Loop
	address string
	left    int // connections to make
	open    int
	secret  uint64
	done    chan struct{}
	failed  int
}

func (w *churn) dial() {
	if w.left == 0 {
		if w.open == 0 {
			close(w.done)
		}
		return
	}
	w.left--
	w.open++
	w.secret++
	c := &caller{w: w, secret: w.secret}
	d := twistor.Dial(w.l, "tcp", w.address, func(t twistor.Transport) *caller { c.Transport = t; return c })
	d.Done(func(_ *caller, err error) {
		if err != nil {
			w.failed++
			w.open--
			w.l.CallLater(time.Millisecond, w.dial)
		}
	})
}

func (c *caller) Connected() { c.Write(binary.BigEndian.AppendUint64(nil, c.secret)) }

func (c *caller) Received(p []byte) {
	c.got = append(c.got, p...)
	if len(c.got) < 8 || c.over {
		return
	}
	c.over = true
	if got := binary.BigEndian.Uint64(c.got); got != c.secret || len(c.got) != 8 {
		c.w.t.Errorf("F-11: cross-talk: got %x, want %x", c.got, c.secret)
	}
	if c.secret%16 == 0 {
		c.Close()
	} else {
		c.Abort() // no TIME_WAIT: ports last
	}
}

func (c *caller) Disconnected(err error) {
	if !c.over {
		c.w.t.Errorf("F-11: cut off before the answer: %v", err)
	}
	c.w.open--
	c.w.dial()
}

// TestF_11DescriptorChurn: connections come and go as fast as they can on four
// loops, so that descriptors and slots are used again at once; each gets back
// its own secret only, and all descriptors are given back (XC6). TWISTOR_SOAK=1 makes
// ten million of them.
func TestF_11DescriptorChurn(t *testing.T) {
	checkFDs(t)
	total := 20_000
	if testing.Short() {
		total = 4_000
	}
	if os.Getenv("TWISTOR_SOAK") != "" {
		total = 10_000_000
	}
	server := reactor.New(quiet(reactor.Config{Loops: 2}))
	port, err := twistor.ListenEach(server.Loop(), "tcp", "127.0.0.1:0", func(twistor.Loop) twistor.Factory {
		return twistor.FactoryFunc(newEcho)
	})
	if err != nil {
		t.Fatal(err)
	}
	run(t, server)
	clients := reactor.New(quiet(reactor.Config{Loops: 2}))
	run(t, clients)
	var all []*churn
	for i, l := range clients.Loops() {
		// One source of secrets for each loop, and of 32 connections at once.
		w := &churn{t: t, l: l, address: port.Addr().String(), left: total / 2, secret: uint64(i+1) << 40, done: make(chan struct{})}
		all = append(all, w)
		l.Post(func() {
			for range 32 {
				w.dial()
			}
		})
	}
	failed := 0
	for _, w := range all {
		<-w.done
		failed += w.failed
	}
	t.Logf("%d connections, %d dials failed", total, failed)
}

// TestF_06NoDescriptors runs a server that may have few descriptors, takes
// them all, and sees that those who are there are still served, that the log
// stays short, and that service comes back.
func TestF_06NoDescriptors(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs prlimit")
	}
	if addr := os.Getenv("TWISTOR_TEST_EMFILE"); addr != "" {
		serveFew()
		return
	}
	if _, err := exec.LookPath("prlimit"); err != nil {
		t.Skip("no prlimit: ", err)
	}
	var log bytes.Buffer
	cmd := exec.Command("prlimit", "--nofile=40", os.Args[0], "-test.run=^TestF_06NoDescriptors$")
	cmd.Env = append(os.Environ(), "TWISTOR_TEST_EMFILE=1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	buf := make([]byte, 100)
	n, err := out.Read(buf)
	if err != nil {
		t.Fatal(err)
	}
	addr := strings.TrimSpace(string(buf[:n]))

	first := dialEcho(t, addr)
	defer first.Close()
	if !asks(first, time.Second) {
		t.Fatal("the server does not answer")
	}
	from := time.Now()
	var flood []net.Conn
	turnedAway := 0
	for range 200 {
		c, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			continue
		}
		flood = append(flood, c)
	}
	for _, c := range flood {
		if !asks(c, 50*time.Millisecond) {
			turnedAway++
		}
	}
	if turnedAway == 0 {
		t.Error("F-06: nobody was turned away: the test floods too little")
	}
	for range 20 {
		if !asks(first, 5*time.Second) {
			t.Fatal("F-06: who is connected is not served")
		}
	}
	for _, c := range flood {
		c.Close()
	}
	back := false
	for deadline := time.Now().Add(10 * time.Second); !back && time.Now().Before(deadline); {
		c := dialEcho(t, addr)
		back = asks(c, 2*time.Second)
		c.Close()
	}
	if !back {
		t.Error("F-06: service does not come back")
	}
	seconds := int(time.Since(from)/time.Second) + 2
	cmd.Process.Kill()
	cmd.Wait()
	if n := strings.Count(log.String(), "cannot accept"); n == 0 || n > seconds {
		t.Errorf("F-06: %d log lines in %d s:\n%s", n, seconds, log.String())
	}
}

func serveFew() {
	r := reactor.New(&reactor.Config{Loops: 1, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))})
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", twistor.FactoryFunc(newEcho))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(port.Addr())
	r.Run(context.Background())
}

func dialEcho(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// asks sends a byte and reports whether it comes back.
func asks(c net.Conn, within time.Duration) bool {
	c.SetDeadline(time.Now().Add(within))
	if _, err := c.Write([]byte("x")); err != nil {
		return false
	}
	p := make([]byte, 1)
	_, err := c.Read(p)
	return err == nil
}

// TestF_12ChildrenInheritNothing: every descriptor of ours is closed in a
// child.
func TestF_12ChildrenInheritNothing(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs /proc")
	}
	child := func() string {
		out, err := exec.Command("ls", "/proc/self/fd").Output()
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(strings.Fields(string(out)), " ")
	}
	systemOnly(t, func(b *bed) {
		want := child() // 0, 1, 2, ls's own, and what the test itself was given
		b.pair("tcp", nil, nil)
		b.pair("unix", nil, nil)
		b.station(twistor.ListenConfig{})
		if got := child(); got != want {
			t.Errorf("F-12: a child has %v, want %v", got, want)
		}
	})
}

// syncBuffer is a log that two goroutines use.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestF_21Watchdog: a callback that blocks the loop is named in the log while
// it blocks, with its place, and once.
func TestF_21Watchdog(t *testing.T) {
	var log syncBuffer
	r := reactor.New(&reactor.Config{Loops: 1, SlowTurn: 10 * time.Millisecond, Log: slog.New(slog.NewTextHandler(&log, nil))})
	run(t, r)
	for i := range 3 {
		released := false
		on(t, r.Loop(), func() {
			for from := time.Now(); time.Since(from) < 5*time.Second && !released; {
				blockHere()
				released = i > 0 || strings.Contains(log.String(), "blocks the loop")
			}
		})
		if !released {
			t.Fatal("F-21: not reported")
		}
	}
	if n := strings.Count(log.String(), "blocks the loop"); n != 1 {
		t.Errorf("F-21: reported %d times", n)
	}
	if !strings.Contains(log.String(), "faults_test.go") {
		t.Errorf("F-21: the place is missing:\n%s", log.String())
	}
}

//go:noinline
func blockHere() { time.Sleep(100 * time.Millisecond) }

// hole is a resolver that never answers for half of the names.
type hole struct{}

func (h hole) LookupNetIP(ctx context.Context, _, host string) ([]netip.Addr, error) {
	if strings.HasPrefix(host, "bad") {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []netip.Addr{netip.MustParseAddr("192.0.2.1")}, nil
}

// TestF_22SlowNames: names that nobody answers for do not hold up the others,
// and a cancelled look-up ends.
func TestF_22SlowNames(t *testing.T) {
	for _, k := range backends {
		if k.name == "fake" {
			continue
		}
		t.Run(k.name, func(t *testing.T) {
			b := k.make(t, reactor.Config{Resolver: hole{}})
			var bad []*deferred.Deferred[[]netip.Addr]
			good := 0
			for i := range 100 {
				bad = append(bad, b.l.Resolve("bad"+strconv.Itoa(i)))
				b.l.Resolve("good" + strconv.Itoa(i)).Done(func(_ []netip.Addr, err error) {
					if err == nil {
						good++
					}
				})
			}
			b.until("the good names are there", func() bool { return good == 100 })
			for _, d := range bad {
				if _, fired := d.Result(); fired {
					t.Error("F-22: a bad name is resolved")
				}
				d.Cancel()
			}
		})
	}
}

// TestF_23PoolExhausted: jobs beyond the pool's limits fail at once, and the
// loop goes on.
func TestF_23PoolExhausted(t *testing.T) {
	r := reactor.New(quiet(reactor.Config{Loops: 1, Workers: 2, MaxJobs: 3}))
	defer r.Close()
	release := make(chan struct{})
	full, done := 0, 0
	for range 8 {
		deferred.Go(r.Loop(), func(context.Context) (int, error) { <-release; return 0, nil }).Done(func(_ int, err error) {
			if err == deferred.ErrPoolFull {
				full++
			} else if err == nil {
				done++
			}
		})
	}
	turned := false
	r.Loop().CallLater(0, func() { turned = true })
	r.Turn(0)
	if full < 3 || !turned {
		t.Errorf("F-23: %d refused, turned: %v", full, turned)
	}
	close(release)
	for range 1000 {
		if done+full == 8 {
			return
		}
		r.Turn(10 * time.Millisecond)
	}
	t.Errorf("F-23: %d done, %d refused of 8", done, full)
}

// TestF_02SlowReaders: readers that never read cost what the limits say: the
// worst go first when all together owe too much, each said once to itself.
func TestF_02SlowReaders(t *testing.T) {
	const owed = 8 << 20
	eachWith(t, reactor.Config{MaxBuffered: owed}, func(b *bed) {
		var servers, clients []*rec
		for range 20 {
			s, c := b.pair("tcp", nil, nil)
			s.SetLimits(twistor.Limits{Max: -1})
			c.Pause()
			servers, clients = append(servers, s), append(clients, c)
		}
		honest, reader := b.pair("tcp", nil, nil)
		chunk := make([]byte, 64<<10)
		most := 0
		for range 200 {
			for _, s := range servers {
				s.Write(chunk)
			}
			honest.Write(chunk[:100])
			b.turn()
			most = max(most, b.r.Stats().Buffered)
		}
		if most > owed {
			b.Errorf("F-02: %d bytes were queued, more than %d", most, owed)
		}
		dropped := 0
		for _, s := range servers {
			if s.ended > 0 {
				dropped++
				s.wantErr(twistor.ErrOverflow)
			}
		}
		if dropped == 0 {
			b.Error("F-02: nobody was dropped")
		}
		b.until("the honest one has all", func() bool { return reader.in.Len() == 200*100 })
		if honest.ended > 0 {
			b.Error("F-02: an honest reader was dropped")
		}
		_ = clients
	})
}

// TestF_02ShedFile: a file that was queued on a connection that is dropped for
// all that is owed has not been sent, and says so.
func TestF_02ShedFile(t *testing.T) {
	const owed = 8 << 20
	eachWith(t, reactor.Config{MaxBuffered: owed}, func(b *bed) {
		s, c := b.pair("tcp", nil, nil)
		s.SetLimits(twistor.Limits{Max: -1})
		c.Pause()
		for s.Buffered() < owed/2 {
			s.Write(make([]byte, 64<<10))
		}
		sent := s.SendFile(io.NewSectionReader(strings.NewReader("a file"), 0, 6))
		for range 2 * owed >> 16 {
			s.Write(make([]byte, 64<<10))
		}
		if n, err := result(b, sent); !errors.Is(err, twistor.ErrOverflow) {
			b.Errorf("F-02: the file: %d bytes, %v, want ErrOverflow", n, err)
		}
	})
}

// TestF_20Fairness: one connection with endless input gets one read a turn, as
// everybody else does.
func TestF_20Fairness(t *testing.T) {
	each(t, func(b *bed) {
		if b.kind == "portable" {
			b.Skip("the portable pumps read ahead on goroutines of their own")
		}
		blaster, b2 := b.pair("tcp", nil, nil)
		b2.SetLimits(twistor.Limits{Max: -1})
		b2.Write(make([]byte, 8<<20))
		quiet, q2 := b.pair("tcp", nil, nil)
		reads := 0
		blaster.received = func(_ *rec, p []byte) {
			if reads++; len(p) > 256<<10 {
				b.Errorf("F-20: a read of %d", len(p))
			}
		}
		for range 20 {
			q2.Write([]byte("ping"))
			before, n := reads, quiet.in.Len()
			b.turn()
			if reads > before+1 {
				b.Errorf("F-20: %d reads of one connection in a turn", reads-before)
			}
			b.until("ping", func() bool { return quiet.in.Len() > n })
		}
	})
}

package sim

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// play runs a bit of everything in a World of the seed, with havoc, and returns
// the Trace: TCP between reactors, Peers, datagrams, jobs, timers, files, TLS
// and partitions.
func play(t T, seed uint64) string {
	w := New(t, seed)
	w.Net = Havoc(seed)
	w.Tolerate = Leaks{Connections: true, Timers: true}
	server, client := w.Host("server"), w.Host("client")
	server.LoopCount = 2
	server.Listen("tcp", ":7", echoes)
	for i := range 3 {
		client.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "server:7"},
			twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				return &chatter{Transport: t, left: 5 + i}
			})).Done(nil)
	}
	pong := &pinger{}
	server.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, pong)
	ping := &pinger{to: netip.AddrPortFrom(server.Addr(), 53), left: 10}
	client.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":0"}, ping)
	deferred.Go(client.Loop(), func(context.Context) (int, error) { return 1, nil }).Done(nil)
	if p, err := client.TryDial("server:7"); err == nil {
		p.Rate(1000)
		p.Send(strings.Repeat("x", 5000))
	}
	w.Advance(2 * time.Second)
	w.Partition(server, client)
	w.Advance(2 * time.Second)
	w.Heal(server, client)
	w.Advance(2 * time.Minute)
	w.Errors() // of accepts that failed
	return fmt.Sprintf("%s %d", w.Trace(), w.Events())
}

// A chatter says something of random length for each answer.
type chatter struct {
	twistor.Transport
	left int
}

func (c *chatter) Connected()         { c.say() }
func (c *chatter) Disconnected(error) {}
func (c *chatter) Received([]byte)    { c.Loop().CallLater(10*time.Millisecond, c.say) }
func (c *chatter) say() {
	if c.left--; c.left < 0 {
		c.Close()
		return
	}
	var b [1]byte
	c.Loop().Rand().Read(b[:])
	c.Write(make([]byte, 1+10*int(b[0])))
}

// A pinger sends what it gets back.
type pinger struct {
	twistor.PacketTransport
	to   netip.AddrPort
	left int
}

func (p *pinger) Bound(t twistor.PacketTransport) {
	p.PacketTransport = t
	if p.to.IsValid() {
		t.Send([]byte("ping"), twistor.Peer{Addr: p.to})
	}
}
func (p *pinger) PacketReceived(b []byte, from twistor.Peer) {
	if p.left--; p.left >= 0 || !p.to.IsValid() {
		p.Send(b, from)
	}
}
func (p *pinger) Unbound(error) {}

// replaySeeds is how many seeds are replayed.
func replaySeeds() uint64 {
	if raceEnabled {
		return 3
	}
	return 8
}

// TestReplay runs seeds twice in this process, and again in others with one and
// with two processors and an eager garbage collector: every Trace must be the
// same, and seeds must differ.
func TestReplay(t *testing.T) {
	if os.Getenv("SIM_PRINT_TRACES") != "" {
		for seed := range replaySeeds() {
			fmt.Println("trace", play(t, seed))
		}
		return
	}
	want := make([]string, replaySeeds())
	for seed := range replaySeeds() {
		want[seed] = play(t, seed)
		if got := play(t, seed); got != want[seed] {
			t.Errorf("seed %d: got %s, then %s", seed, want[seed], got)
		}
	}
	if distinct := slices.Compact(slices.Sorted(slices.Values(want))); len(distinct) != len(want) {
		t.Errorf("%d of %d traces differ", len(distinct), len(want))
	}
	for _, env := range []string{"GOMAXPROCS=1", "GOMAXPROCS=2", "GOGC=10"} {
		cmd := exec.Command(os.Args[0], "-test.run=^TestReplay$", "-test.count=1")
		cmd.Env = append(os.Environ(), "SIM_PRINT_TRACES=1", env)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", env, err, out)
		}
		var got []string
		for line := range strings.Lines(string(out)) {
			if trace, ok := strings.CutPrefix(line, "trace "); ok {
				got = append(got, strings.TrimSpace(trace))
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: traces differ:\n got %q\nwant %q", env, got, want)
		}
	}
}

// BenchmarkWorld is how many events a second a world delivers, reactors and
// trace included: an echo of short messages.
func BenchmarkWorld(b *testing.B) {
	b.ReportAllocs()
	w := New(b, 0)
	w.Net.Latency = time.Millisecond
	w.Host("server").Listen("tcp", ":7", echoes)
	p := w.Host("client").Dial("server:7")
	from := w.Events()
	for b.Loop() {
		p.Send("0123456789")
		p.Expect("0123456789")
	}
	b.ReportMetric(float64(w.Events()-from)/b.Elapsed().Seconds(), "events/s")
}

package policy_test

import (
	"crypto/sha256"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// TestF01Slowloris is the attack on the real reactor in a simulated network:
// two hundred attackers send a byte a second, and honest clients come and go.
// Every attacker is gone a second after its deadline at the latest; every
// honest client is served.
func TestF01Slowloris(t *testing.T) {
	w := sim.New(t, 0)
	server, attacker, honest := w.Host("server"), w.Host("attacker"), w.Host("honest")
	server.Listen("tcp", ":80", &policy.Caps{PerHost: 1000, NewPerHost: -1, Factory: &policy.Timeouts{
		Login: 10 * time.Second,
		Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			s := &server1{Transport: t}
			return s
		}),
	}})
	const n = 200
	var attackers []*sim.Peer
	for range n {
		p := attacker.Dial("server:80")
		p.Rate(1)
		p.Send(strings.Repeat("a", 100))
		attackers = append(attackers, p)
	}
	began := w.Elapsed()
	for range 11 {
		p := honest.Dial("server:80")
		p.Send("login\n")
		p.Expect("welcome\n")
		p.Close()
		w.Advance(time.Second)
	}
	for i, p := range attackers {
		if !p.Gone() {
			t.Errorf("attacker %d is connected after %v, want 11 s at most", i, w.Elapsed()-began)
		}
	}
}

// A server1 answers a whole line, and admits who sends one.
type server1 struct {
	twistor.Transport
	line []byte
}

func (s *server1) Connected()         {}
func (s *server1) Disconnected(error) {}
func (s *server1) Received(p []byte) {
	s.line = append(s.line, p...)
	if strings.HasSuffix(string(s.line), "\n") {
		s.line = nil
		policy.Admit(s.Transport)
		s.Write([]byte("welcome\n"))
	}
}

// TestF02SlowReaders: a hundred readers that never read are each sent 1 MiB as
// their Full and Drained allow; those that stall are aborted by write progress,
// and honest ones get all meanwhile.
func TestF02SlowReaders(t *testing.T) {
	w := sim.New(t, 0)
	server, slow, honest := w.Host("server"), w.Host("slow"), w.Host("honest")
	budget := &policy.Budget{MaxBytes: 4 << 20, Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &pusher{Transport: t, left: 1 << 20}
	})}
	open := &policy.Caps{PerHost: -1, NewPerHost: -1, Factory: &policy.Timeouts{Progress: 12 * time.Second, Factory: budget}}
	server.Listen("tcp", ":80", open)
	for range 100 {
		slow.Dial("server:80").Stall()
	}
	good := honest.Dial("server:80")
	w.Run(func() bool { return good.TotalReceived() == 1<<20 })
	if got := budget.Buffered(); got > 4<<20+4<<12 {
		t.Errorf("%d bytes are queued, want 4 MiB at most", got)
	}
	if got := open.Counts().Open; got < 40 {
		t.Errorf("%d connections are open before the deadline, want those that the budget allows", got)
	}
	w.Advance(15 * time.Second) // the deadline and a quarter
	if got := open.Counts().Open; got != 1 {
		t.Errorf("%d connections are open after the deadline, want the honest one", got)
	}
	good.Close()
	w.Advance(time.Minute)
}

// A pusher writes so many bytes, as the peer takes them.
type pusher struct {
	twistor.Transport
	left int
}

func (p *pusher) Connected()         { p.push() }
func (p *pusher) Drained()           { p.push() }
func (p *pusher) Received([]byte)    {}
func (p *pusher) Disconnected(error) {}

func (p *pusher) push() {
	for p.left > 0 && !p.Full() {
		n, err := p.Write(make([]byte, min(p.left, 16<<10)))
		if p.left -= n; err != nil {
			return
		}
	}
}

// TestF05Forwarder forwards streams over many networks, each with other
// latencies, cuts and short writes: the hashes must be equal in both
// directions, with half-close both ways.
func TestF05Forwarder(t *testing.T) {
	seeds := 10
	size := 60_000
	if testing.Short() || raceEnabled {
		seeds, size = 4, 15_000
	}
	sim.Seeds(t, seeds, func(t *testing.T, w *sim.World) {
		w.Net.Reset, w.Net.ResetAfter, w.Net.Refuse, w.Net.AcceptError = 0, 0, 0, 0
		near, middle, far := w.Host("near"), w.Host("middle"), w.Host("far")
		backend := newHashing(2, size/3)
		far.Listen("tcp", ":80", twistor.FactoryFunc(backend.build))
		middle.Listen("tcp", ":80", layers()["all"](twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			return forwarder{t, "far:80"}
		})))
		client := newHashing(1, size)
		client.done = func() { client.Close() }
		backend.done = func() { backend.Close() }
		near.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "middle:80"}, twistor.FactoryFunc(client.build)).
			Done(func(_ twistor.Protocol, err error) {
				if err != nil {
					t.Errorf("dial: %v", err)
				}
			})
		w.Run(func() bool { return client.err != nil && backend.err != nil })
		if sum(client.out) != sum(backend.in) || sum(backend.out) != sum(client.in) {
			t.Errorf("the hashes differ: %d bytes of %d, %d of %d", backend.got, size, client.got, size/3)
		}
		for _, h := range []*hashing{client, backend} {
			if h.err != io.EOF && !errors.Is(h.err, net.ErrClosed) {
				t.Errorf("Disconnected(%v), want an orderly end", h.err)
			}
		}
		w.Advance(time.Minute)
	})
}

func sum(h interface{ Sum([]byte) []byte }) [sha256.Size]byte { return [sha256.Size]byte(h.Sum(nil)) }

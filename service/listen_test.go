package service

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// A crowd is the factory of one loop, which counts its own.
type crowd struct {
	at                    twistor.Loop
	deaf                  bool
	built, opened, closed int
	strayed               bool // something came on another loop
}

func (f *crowd) Opened(l twistor.Loop) error {
	f.opened++
	f.strayed = f.strayed || l != f.at
	return nil
}
func (f *crowd) Closed() { f.closed++ }
func (f *crowd) Build(t twistor.Transport) twistor.Protocol {
	f.built++
	f.strayed = f.strayed || t.Loop() != f.at
	return &guest{t, &house{deaf: f.deaf}}
}

// everywhere starts a ListenEach on a host of three loops, with six clients.
func everywhere(t *testing.T, seed uint64, deaf bool) (*sim.World, *sim.Host, Service, *[]*crowd, []*sim.Peer) {
	w := sim.New(t, seed)
	h := w.Host("server")
	h.LoopCount = 3
	var crowds []*crowd
	s := ListenEach("tcp:79", func(at twistor.Loop) twistor.Factory {
		f := &crowd{at: at, deaf: deaf}
		crowds = append(crowds, f)
		return f
	})
	h.Do(func(co *deferred.Co) error { return s.Start(co, On(h.Loop())) })
	var peers []*sim.Peer
	for i := range 6 {
		p := w.Host(fmt.Sprint("client", i)).Dial("server:79")
		p.Send("hello\n")
		p.Expect("hello\n")
		peers = append(peers, p)
	}
	return w, h, s, &crowds, peers
}

// TestListenEach serves six connections on three loops, and dismisses all.
func TestListenEach(t *testing.T) {
	for seed := range uint64(5) {
		_, h, s, crowds, peers := everywhere(t, seed, false)
		h.Do(func(co *deferred.Co) error {
			if err := s.Start(co, On(h.Loop())); err != ErrRunning {
				t.Errorf("a second Start: got %v, want %v", err, ErrRunning)
			}
			return nil
		})
		h.Do(s.Stop)
		for _, p := range peers {
			p.Expect("good-bye\n")
			p.ExpectEnd()
			p.Close()
		}
		if len(*crowds) != 3 {
			t.Fatalf("got %d factories, want 3", len(*crowds))
		}
		for i, f := range *crowds {
			if f.built != 2 || f.opened != 1 || f.closed != 1 || f.strayed {
				t.Errorf("loop %d: built %d, opened %d, closed %d, strayed %v: want 2, 1, 1 and no", i, f.built, f.opened, f.closed, f.strayed)
			}
		}
		if _, err := h.TryDial("server:79"); err == nil {
			t.Error("the port is open")
		}
		h.Do(func(co *deferred.Co) error { return s.Start(co, On(h.Loop())) })
		p := h.Dial("server:79")
		if p.Close(); len(*crowds) != 6 {
			t.Errorf("got %d factories, want three new ones for a new life", len(*crowds))
		}
		h.Do(s.Stop)
	}
}

// Those who do not go are aborted, on each loop, when the time to stop is up.
func TestListenEachStopWaits(t *testing.T) {
	for _, limit := range []time.Duration{time.Second, time.Minute} {
		w, h, s, _, peers := everywhere(t, 0, true)
		began := w.Elapsed()
		h.Do(func(co *deferred.Co) error {
			StopWithin(co, s, limit)
			return nil
		})
		if got := (w.Elapsed() - began).Round(100 * time.Millisecond); got != limit {
			t.Errorf("Stop took %v, want %v", got, limit)
		}
		for _, p := range peers {
			p.ExpectReset()
		}
	}
}

func TestListenEachFails(t *testing.T) {
	c := sim.NewClock(t)
	f := func(twistor.Loop) twistor.Factory { return &house{} }
	if err := start(c, ListenEach("tcp:x", f)); err == nil {
		t.Error("a bad endpoint: want an error")
	}
	if err := start(c, ListenEach("tcp:79", func(twistor.Loop) twistor.Factory { return nil })); err != errNoFactory {
		t.Errorf("got %v, want %v", err, errNoFactory)
	}
	if len(c.Ports()) != 0 {
		t.Error("want no port")
	}
}

// A talker is a PacketProtocol that answers, and says good-bye.
type talker struct {
	sim.PacketEar
	group netip.Addr
}

func (p *talker) Bound(t twistor.PacketTransport) {
	p.PacketEar.Bound(t)
	if p.group.IsValid() {
		t.Join(p.group, "")
	}
}
func (p *talker) PacketReceived(b []byte, from twistor.Peer) {
	p.PacketEar.PacketReceived(b, from)
	p.Send(b, from)
}
func (p *talker) Dismissed() {
	for _, peer := range p.From {
		p.Send([]byte("good-bye"), peer)
	}
}

// TestA05 has a service of each kind of place start, serve, stop and start again.
func TestA05ServicesByEndpoint(t *testing.T) {
	for _, at := range []string{"tcp:79", "tcp4:79", "tcp6:79", "unix:/run/x", "tls:79:cert=/cert.pem"} {
		t.Run(at, func(t *testing.T) {
			w := sim.New(t, 1)
			h := w.Host("server")
			put(t, h, "/cert.pem", sim.Certificate("server"))
			if err := h.Loop().FS().Mkdir("/run", 0o700); err != nil {
				t.Fatal(err)
			}
			s := Listen(at, &house{})
			for range 2 {
				h.Do(func(co *deferred.Co) error { return s.Start(co, On(h.Loop())) })
				var p *sim.Peer
				switch kind, _, _ := strings.Cut(at, ":"); kind {
				case "unix":
					p = h.Dial("unix:/run/x")
				case "tcp6":
					p = h.Dial(fmt.Sprintf("[%v]:79", h.Addr6()))
				default:
					p = w.Host("client").Dial("server:79")
				}
				if strings.HasPrefix(at, "tls") {
					if err := p.Secure(&tls.Config{ServerName: "server", RootCAs: sim.Roots(sim.Certificate("server"))}); err != nil {
						t.Fatal(err)
					}
				}
				p.Send("hello")
				p.Expect("hello")
				h.Do(s.Stop)
				p.Expect("good-bye\n")
				p.ExpectEnd()
				p.Close()
			}
		})
	}
	t.Run("udp:", func(t *testing.T) {
		w := sim.New(t, 0)
		h, client := w.Host("server"), w.Host("client")
		p := &talker{group: netip.MustParseAddr("224.0.0.9")}
		s := ListenPacket("udp:79", p)
		ear := &sim.PacketEar{}
		if _, err := client.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":0"}, ear); err != nil {
			t.Fatal(err)
		}
		for range 2 {
			p.PacketEar, ear.Packets = sim.PacketEar{}, nil
			h.Do(func(co *deferred.Co) error { return s.Start(co, On(h.Loop())) })
			ear.Send([]byte("to you"), twistor.Peer{Addr: netip.AddrPortFrom(h.Addr(), 79)})
			ear.Send([]byte("to all"), twistor.Peer{Addr: netip.AddrPortFrom(p.group, 79)})
			w.Run(func() bool { return len(ear.Packets) == 2 })
			h.Do(s.Stop)
			if p.Err == nil {
				t.Error("Stop returned before Unbound was heard")
			}
			w.Run(func() bool { return len(ear.Packets) == 4 })
			if got := strings.Join(ear.Packets, ", "); got != "to you, to all, good-bye, good-bye" {
				t.Errorf("got %s, want both answered and both dismissed", got)
			}
		}
		ear.Close()
	})
	t.Run("unixgram:", func(t *testing.T) {
		c := sim.NewClock(t)
		p := &talker{}
		s := ListenPacket("unixgram:/run/x", p)
		if err := start(c, s); err != nil {
			t.Fatal(err)
		}
		if err := start(c, s); err != ErrRunning {
			t.Errorf("a second Start: got %v, want %v", err, ErrRunning)
		}
		port := c.PacketPorts()[0]
		if got := port.Config; got.Network != "unixgram" || got.Address != "/run/x" {
			t.Errorf("got %s %s", got.Network, got.Address)
		}
		if err := do(c, s.Stop).err; err != nil || p.Err == nil {
			t.Errorf("got %v, unbound %v", err, p.Err)
		}
		if err := do(c, s.Stop).err; err != nil {
			t.Errorf("a second Stop: %v", err)
		}
	})
}

// put writes a certificate and its key where the host finds them.
func put(t *testing.T, h *sim.Host, name string, cert tls.Certificate) {
	t.Helper()
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	f, err := h.Loop().FS().OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	pem.Encode(f, &pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]})
	pem.Encode(f, &pem.Block{Type: "PRIVATE KEY", Bytes: key})
}

// A heritage is an Heir that notes what is reserved.
type heritage struct {
	Host
	reserved []string
	fails    error
}

func (h *heritage) Reserve(endpoint string) error {
	h.reserved = append(h.reserved, endpoint)
	return h.fails
}
func (h *heritage) Inherit(string, func(Connection)) {}
func (h *heritage) Bequeaths() bool                  { return false }
func (h *heritage) Bequeath(string, Connection)      {}

// Ports are reserved while the program has its privileges, in order, through
// Groups in Groups.
func TestA01BindReserves(t *testing.T) {
	c := sim.NewClock(t)
	inner, g := new(Group), new(Group)
	inner.Add("each", ListenEach("tcp:80", func(twistor.Loop) twistor.Factory { return &house{} }))
	inner.Add("packets", ListenPacket("udp:53", &talker{}))
	g.Add("all", ListenAll([]string{"tcp:21", "tcp:20"}, &house{}))
	g.Add("in", inner)
	h := &heritage{Host: On(c)}
	if err := g.Bind(h); err != nil {
		t.Fatal(err)
	}
	want := "[tcp:21 tcp:20 tcp:80 udp:53]"
	if got := fmt.Sprint(h.reserved); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := do(c, func(co *deferred.Co) error { return g.Start(co, h) }).err; err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(h.reserved); got != want || len(c.Ports()) != 3 || len(c.PacketPorts()) != 1 {
		t.Errorf("got %s and %d ports, want each reserved once, and all open", got, len(c.Ports()))
	}
	do(c, g.Stop)
	g.Add("more", Listen("tcp:22", &house{}))
	h.fails = errors.New("permission denied")
	if err := g.Bind(h); err == nil || err.Error() != "more: permission denied" {
		t.Errorf("got %v, want more's failure", err)
	}
}

// A handshake that ends when the Service has stopped is turned away: nobody
// would ever dismiss it.
func TestListenRefusesTheLate(t *testing.T) {
	w := sim.New(t, 0)
	h := w.Host("server")
	put(t, h, "/cert.pem", sim.Certificate("server"))
	built := 0
	s := Listen("tls:79:cert=/cert.pem", twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		built++
		return &guest{tr, &house{}}
	}))
	h.Do(func(co *deferred.Co) error { return s.Start(co, On(h.Loop())) })
	early, late := w.Host("client").Dial("server:79"), w.Host("client").Dial("server:79")
	shake := &tls.Config{ServerName: "server", RootCAs: sim.Roots(sim.Certificate("server"))}
	if err := early.Secure(shake); err != nil {
		t.Fatal(err)
	}
	w.Run(func() bool { return built == 1 })
	h.Do(s.Stop)
	late.Secure(shake)
	late.ExpectEnd()
	if built != 1 {
		t.Errorf("got %d protocols, want the late one turned away", built)
	}
	early.Close()
	late.Close()
}

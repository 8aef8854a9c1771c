package sim

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

// dialError is how a Dial from h fails, and how long that takes.
func dialError(t *testing.T, w *World, h *Host, address string, timeout time.Duration) (time.Duration, error) {
	t.Helper()
	from := w.Elapsed()
	var err error
	over := false
	h.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: address, Timeout: timeout}, echoes).Done(
		func(_ twistor.Protocol, e error) { err, over = e, true })
	w.Run(func() bool { return over })
	return w.Elapsed() - from, err
}

func TestDialErrors(t *testing.T) {
	w := New(t, 0)
	w.Net.Latency = 10 * time.Millisecond
	server, client := w.Host("server"), w.Host("client")
	gone := w.Host("gone")
	gone.Crash()
	for _, tc := range []struct {
		name, address string
		timeout       time.Duration
		want          error
		after         time.Duration
	}{
		{"nobody listens", "10.0.0.1:9", 0, syscall.ECONNREFUSED, 20 * time.Millisecond},
		{"no such host", "10.9.9.9:9", 0, syscall.EHOSTUNREACH, 3 * time.Second},
		{"host is down", gone.Addr().String() + ":9", 0, nil, 30 * time.Second},
		{"system gives up", gone.Addr().String() + ":9", -1, syscall.ETIMEDOUT, 127 * time.Second},
		{"no such name", "nowhere:9", 0, nil, 0},
	} {
		took, err := dialError(t, w, client, tc.address, tc.timeout)
		if err == nil || tc.want != nil && !errors.Is(err, tc.want) || took != tc.after {
			t.Errorf("%s: got %v after %v, want %v after %v", tc.name, err, took, tc.want, tc.after)
		}
	}
	w.Net.Refuse = 1
	server.Listen("tcp", ":7", echoes)
	if _, err := dialError(t, w, client, "10.0.0.1:7", 0); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("Refuse: got %v", err)
	}
	w.Settle()
	if n := openSockets(w); n > 0 {
		t.Errorf("%d sockets left", n)
	}
}

// TestF24Backlog proves F-24 in simulation: when the queue of a port is full,
// dials wait and come through; none is refused.
func TestF24Backlog(t *testing.T) {
	w := New(t, 0)
	w.Net.Latency = time.Millisecond
	server, client := w.Host("server"), w.Host("client")
	port, err := server.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":7", Backlog: 5}, echoes)
	if err != nil {
		t.Fatal(err)
	}
	port.Pause()
	connected, failed := 0, 0
	var all []twistor.Transport
	for range 20 {
		client.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "10.0.0.1:7"},
			twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				all = append(all, t)
				return &echo{Transport: t}
			})).Done(func(_ twistor.Protocol, err error) {
			if err != nil {
				failed++
			} else {
				connected++
			}
		})
	}
	w.Advance(2 * time.Second)
	if connected != 5 || failed != 0 {
		t.Errorf("with a full queue: %d connected, %d failed; want 5, 0", connected, failed)
	}
	port.Resume()
	w.Advance(20 * time.Second)
	if connected != 20 || failed != 0 {
		t.Errorf("in the end: %d connected, %d failed; want 20, 0", connected, failed)
	}
	for _, t := range all {
		t.Close()
	}
}

// TestF06OutOfFiles proves F-06 in simulation: a host without files to spare
// turns callers away, serves those it has, and recovers.
func TestF06OutOfFiles(t *testing.T) {
	w := New(t, 0)
	w.Net.Latency = time.Millisecond
	server := w.Host("server")
	server.MaxOpen = 11
	server.Listen("tcp", ":7", echoes)
	client := w.Host("client")
	var peers []*Peer
	for range 30 {
		p, err := client.TryDial("server:7")
		if err != nil {
			t.Fatal(err)
		}
		peers = append(peers, p)
	}
	w.Advance(5 * time.Second)
	served := 0
	for i, p := range peers {
		p.Send("x")
		w.Advance(100 * time.Millisecond)
		if p.Received() == "x" {
			served++
		} else if i < 10 {
			t.Errorf("peer %d, accepted before, is not served", i)
		}
	}
	if served != 10 {
		t.Errorf("%d peers served, want 10", served)
	}
	turns := w.Events()
	w.Advance(10 * time.Second)
	if n := w.Events() - turns; n > 200 {
		t.Errorf("%d events while starved: the loop spins", n)
	}
	for _, p := range peers[:10] {
		p.Close()
	}
	w.Advance(2 * time.Second)
	p := client.Dial("server:7")
	p.Send("y")
	p.Expect("y")
	w.Errors()
}

// TestF07AcceptErrors proves F-07 in simulation for accept: whatever it fails
// with, the port goes on.
func TestF07AcceptErrors(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ECONNABORTED, syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS,
		syscall.ENOMEM, syscall.EPROTO, syscall.EPERM, syscall.ENETDOWN, syscall.EHOSTUNREACH} {
		w := New(t, 0)
		server, client := w.Host("server"), w.Host("client")
		w.Net.Latency = time.Millisecond
		server.Listen("tcp", ":7", echoes)
		w.Net.AcceptError, w.Net.AcceptErrors = 1, []syscall.Errno{errno}
		old, err := client.TryDial("server:7")
		if err != nil {
			t.Fatal(err)
		}
		w.Advance(3 * time.Second)
		if n := w.Events(); n > 2000 {
			t.Errorf("%v: %d events in 3 s: the loop spins", errno, n)
		}
		w.Net.AcceptError = 0
		w.Advance(2 * time.Second)
		old.Close()
		p := client.Dial("server:7")
		p.Send("x")
		p.Expect("x")
		p.Close()
		w.Errors()
		w.Close()
	}
}

// catch opens a packet port for an ear.
func (h *Host) catch(t *testing.T, config twistor.ListenConfig) *PacketEar {
	t.Helper()
	c := &PacketEar{}
	config.Network = "udp"
	if _, err := h.Loop().ListenPacket(config, c); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestF43Packets proves F-43 in simulation: every datagram is an event of its
// own, empty and largest ones too, and errors end nothing.
func TestF43Packets(t *testing.T) {
	w := New(t, 0)
	server, client := w.Host("server"), w.Host("client")
	s := server.catch(t, twistor.ListenConfig{Address: ":53", MaxPacketBytes: 65_507})
	c := client.catch(t, twistor.ListenConfig{Address: ":0"})
	to := twistor.Peer{Addr: netip.AddrPortFrom(server.Addr(), 53)}
	big := strings.Repeat("b", 65_507)
	for _, text := range []string{"one", "", big, "two"} {
		if err := c.Send([]byte(text), to); err != nil {
			t.Fatal(err)
		}
	}
	w.Settle()
	if want := []string{"one", "", big, "two"}; !slices.Equal(s.Packets, want) {
		t.Errorf("got %d packets of %d", len(s.Packets), len(want))
	}
	if got := s.From[0].Via; got != server.Addr() {
		t.Errorf("Via: got %v, want %v", got, server.Addr())
	}
	s.Send([]byte("back"), s.From[0])
	w.Settle()
	if !slices.Equal(c.Packets, []string{"back"}) || c.From[0].Addr != to.Addr {
		t.Errorf("got %q from %v", c.Packets, c.From)
	}

	lonely := client.catch(t, twistor.ListenConfig{Address: ":0", Remote: netip.AddrPortFrom(server.Addr(), 99)})
	lonely.Send([]byte("anybody?"), twistor.Peer{})
	w.Settle()
	if lonely.Refusal != 1 {
		t.Errorf("Refused: got %d, want 1", lonely.Refusal)
	}
	small := server.catch(t, twistor.ListenConfig{Address: ":54", MaxPacketBytes: 10})
	c.Send([]byte("much too long for it"), twistor.Peer{Addr: netip.AddrPortFrom(server.Addr(), 54)})
	c.Send([]byte("fits"), twistor.Peer{Addr: netip.AddrPortFrom(server.Addr(), 54)})
	w.Settle()
	if !slices.Equal(small.Packets, []string{"fits"}) {
		t.Errorf("got %q, want the one that fits", small.Packets)
	}
}

func TestPacketFaults(t *testing.T) {
	for _, tc := range []struct {
		name     string
		set      func(n *Net)
		min, max int
		sorted   bool
	}{
		{"perfect", func(n *Net) {}, 1000, 1000, true},
		{"loss", func(n *Net) { n.Loss = 0.5 }, 400, 600, true},
		{"duplicate", func(n *Net) { n.Duplicate = 0.5 }, 1400, 1600, true},
		{"reorder", func(n *Net) { n.Reorder = 0.5 }, 1000, 1000, false},
		{"no buffers", func(n *Net) { n.NoBuffers = 0.5 }, 400, 600, true},
	} {
		w := New(t, 0)
		s := w.Host("server").catch(t, twistor.ListenConfig{Address: ":53"})
		c := w.Host("client").catch(t, twistor.ListenConfig{Address: ":0"})
		tc.set(&w.Net)
		for i := range 1000 {
			c.Send(fmt.Appendf(nil, "%04d", i), twistor.Peer{Addr: netip.AddrPortFrom(w.Host("server").Addr(), 53)})
			w.Advance(time.Millisecond)
		}
		w.Settle()
		if n := len(s.Packets); n < tc.min || n > tc.max {
			t.Errorf("%s: %d packets came, want %d to %d", tc.name, n, tc.min, tc.max)
		}
		if got := slices.IsSorted(s.Packets); got != tc.sorted {
			t.Errorf("%s: in order: got %v, want %v", tc.name, got, tc.sorted)
		}
		w.Close()
	}
}

func TestMulticast(t *testing.T) {
	w := New(t, 0)
	group := netip.MustParseAddr("239.1.2.3")
	var all []*PacketEar
	for i := range 4 {
		c := w.Host(fmt.Sprint("host", i)).catch(t, twistor.ListenConfig{Address: ":1900"})
		if i != 3 {
			if err := c.Join(group, ""); err != nil {
				t.Fatal(err)
			}
		}
		all = append(all, c)
	}
	all[2].Leave(group, "")
	all[0].Send([]byte("notify"), twistor.Peer{Addr: netip.AddrPortFrom(group, 1900)})
	w.Settle()
	for i, want := range []int{1, 1, 0, 0} {
		if got := len(all[i].Packets); got != want {
			t.Errorf("host %d: %d packets, want %d", i, got, want)
		}
	}
	all[0].PacketTransport.(twistor.MulticastTuner).SetMulticast(1, "", false)
	all[0].Send([]byte("again"), twistor.Peer{Addr: netip.AddrPortFrom(group, 1900)})
	w.Settle()
	if len(all[0].Packets) != 1 || len(all[1].Packets) != 2 {
		t.Errorf("without loopback: own host %d, other %d; want 1, 2", len(all[0].Packets), len(all[1].Packets))
	}
}

func TestBroadcast(t *testing.T) {
	w := New(t, 0)
	heard := w.Host("other").catch(t, twistor.ListenConfig{Address: ":67"})
	everybody := twistor.Peer{Addr: netip.MustParseAddrPort("255.255.255.255:67")}
	mute := w.Host("one").catch(t, twistor.ListenConfig{Address: ":0"})
	loud := w.Host("one").catch(t, twistor.ListenConfig{Address: ":0", Broadcast: true})
	mute.Send([]byte("mute"), everybody)
	loud.Send([]byte("loud"), everybody)
	w.Settle()
	if !slices.Equal(heard.Packets, []string{"loud"}) {
		t.Errorf("got %q, want only what was sent with Broadcast", heard.Packets)
	}
}

// TestSlowReader plays a reader that does not read: what we hold for it is
// bounded, and it is dropped.
func TestSlowReader(t *testing.T) {
	w := New(t, 0)
	r := listenRecorder(w.Host("server"), ":7", nil)
	p := w.Host("client").Dial("server:7")
	p.Stall()
	p.Send("go")
	w.Run(func() bool { return len(r.got) == 2 })
	for range 100 {
		if _, err := r.Write(make([]byte, 64<<10)); err != nil {
			break
		}
		w.Advance(time.Millisecond)
	}
	if r.Buffered() > 1<<20 {
		t.Errorf("%d bytes held, want at most 1 MiB", r.Buffered())
	}
	w.Settle()
	if len(r.ends) != 1 || !errors.Is(r.ends[0], twistor.ErrOverflow) {
		t.Errorf("ended with %v, want ErrOverflow", r.ends)
	}
	if p.TotalReceived() != 0 {
		t.Errorf("a stalled Peer has read %d bytes", p.TotalReceived())
	}
}

// TestSlowSender plays a sender of a few bytes a second.
func TestSlowSender(t *testing.T) {
	w := New(t, 0)
	r := listenRecorder(w.Host("server"), ":7", nil)
	p := w.Host("client").Dial("server:7")
	p.Rate(10)
	p.Send(strings.Repeat("x", 100))
	w.Advance(5 * time.Second)
	if n := len(r.got); n < 49 || n > 52 {
		t.Errorf("%d bytes in 5 s, want 50", n)
	}
	if n := p.Unacked(); n != 100-len(r.got) {
		t.Errorf("Unacked: got %d, want %d", n, 100-len(r.got))
	}
}

func TestIdentityTLS(t *testing.T) {
	cert := Certificate("server.test", "alt.test")
	for _, tc := range []struct {
		name   string
		config *tls.Config
		want   string
	}{
		{"name", &tls.Config{ServerName: "server.test"}, ""},
		{"other name", &tls.Config{ServerName: "alt.test", NextProtos: []string{"b", "c"}}, ""},
		{"roots", &tls.Config{ServerName: "server.test", RootCAs: Roots(cert)}, ""},
		{"wrong name", &tls.Config{ServerName: "evil.test"}, "not evil.test"},
		{"wrong name, not verified", &tls.Config{ServerName: "evil.test", InsecureSkipVerify: true}, ""},
		{"unknown signer", &tls.Config{ServerName: "server.test", RootCAs: Roots(Certificate("ca.test"))}, "unknown authority"},
		{"no protocol", &tls.Config{ServerName: "server.test", NextProtos: []string{"z"}}, "application protocol"},
	} {
		for seed := range uint64(5) {
			w := New(t, seed)
			_, err := w.Host("server").Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":443",
				TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"a", "b"}}}, echoes)
			if err != nil {
				t.Fatal(err)
			}
			client := w.Host("client")
			e := &Ear{}
			var failure error
			client.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: "server:443", TLS: tc.config}, e).
				Done(func(_ twistor.Protocol, err error) { failure = err })
			w.Run(func() bool { return failure != nil || len(e.Events) > 0 })
			if tc.want != "" {
				if failure == nil || !strings.Contains(failure.Error(), tc.want) {
					t.Errorf("%s: got %v, want ... %s", tc.name, failure, tc.want)
				}
			} else if failure != nil {
				t.Errorf("%s: %v", tc.name, failure)
			} else {
				if state := e.TLS(); state.ServerName != tc.config.ServerName || state.PeerCertificates[0].DNSNames[0] != "server.test" {
					t.Errorf("%s: got state %+v", tc.name, state)
				}
				io.WriteString(e, "secret")
				w.Run(func() bool { return strings.Contains(strings.Join(e.Events, ""), "secret") || len(e.Events) > 6 })
				e.Close()
			}
			w.Settle()
			w.Errors()
			w.Close()
		}
	}
}

func TestIdentityTLSFailure(t *testing.T) {
	w := New(t, 0)
	w.Net.TLSFailure = 1
	_, err := w.Host("server").Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":443",
		TLS: &tls.Config{Certificates: []tls.Certificate{Certificate("server.test")}}}, echoes)
	if err != nil {
		t.Fatal(err)
	}
	p := w.Host("client").Dial("server:443")
	if err := p.Secure(&tls.Config{ServerName: "server.test"}); err == nil || !strings.Contains(err.Error(), "handshake failure") {
		t.Errorf("got %v, want a handshake failure", err)
	}
	w.Errors()
}

// TestPeerTLS secures a Peer against a loop, and both ways of it.
func TestPeerTLS(t *testing.T) {
	w := New(t, 0)
	_, err := w.Host("server").Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":443",
		TLS: &tls.Config{Certificates: []tls.Certificate{Certificate("server.test")}}}, echoes)
	if err != nil {
		t.Fatal(err)
	}
	p := w.Host("client").Dial("server:443")
	p.Play("-- tls server.test\nC: hello\nS: hello\n")
	if p.TLS().ServerName != "server.test" {
		t.Errorf("got %+v", p.TLS())
	}
	if got := p.Take(); got != "" {
		t.Errorf("got %q", got)
	}
}

// TestCrash sees that a crashed host says nothing, and that its disk survives.
func TestCrash(t *testing.T) {
	w := New(t, 0)
	server, client := w.Host("server"), w.Host("client")
	r := listenRecorder(server, ":7", nil)
	fired := false
	server.Loop().CallLater(time.Second, func() { fired = true })
	write(t, server.Disk, "state", "42", 0)
	c := dialRecorder(client, "server:7", nil)
	server.Crash()
	w.Advance(10 * time.Second)
	if fired || len(r.ends) > 0 || len(c.ends) > 0 {
		t.Errorf("after a crash: timer fired %v, server ended %v, client ended %v; want silence", fired, r.ends, c.ends)
	}
	server.Restart()
	listenRecorder(server, ":7", nil)
	if got := read(t, server.Disk, "state"); got != "42" {
		t.Errorf("got %q", got)
	}
	fmt.Fprint(c, "still there?")
	w.Run(func() bool { return len(c.ends) > 0 })
	if !errors.Is(c.ends[0], syscall.ECONNRESET) {
		t.Errorf("the old connection ended with %v, want ECONNRESET", c.ends[0])
	}
}

// TestPollerHandles sees that a stale handle finds nothing, though its slot is
// used again at once.
func TestPollerHandles(t *testing.T) {
	w := New(t, 0)
	h := w.Host("one")
	p := &poller{host: h, ahead: ^uint32(0)}
	h.pollers = append(h.pollers, p)
	old, err := p.Listen(poll.Spec{Network: "tcp", Addr: poll.Addr{AddrPort: netip.MustParseAddrPort("0.0.0.0:1")}})
	if err != nil {
		t.Fatal(err)
	}
	p.Close(old, false)
	young, err := p.Listen(poll.Spec{Network: "tcp", Addr: poll.Addr{AddrPort: netip.MustParseAddrPort("0.0.0.0:1")}})
	if err != nil {
		t.Fatal(err)
	}
	if old.Slot() != young.Slot() || old == young || young.Generation() == 0 {
		t.Errorf("got handles %x, %x", old, young)
	}
	if err := p.Want(old, poll.In); err != poll.ErrClosed {
		t.Errorf("Want of a stale handle: got %v, want ErrClosed", err)
	}
	if _, _, err := p.Accept(old); err != poll.ErrClosed {
		t.Errorf("Accept of a stale handle: got %v", err)
	}
	if _, err := p.Listen(poll.Spec{Network: "tcp", Addr: poll.Addr{AddrPort: netip.MustParseAddrPort("10.0.0.1:1")}}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("second Listen: got %v, want EADDRINUSE", err)
	}
	if _, err := p.Listen(poll.Spec{Network: "tcp", Addr: poll.Addr{AddrPort: netip.MustParseAddrPort("10.9.9.9:1")}}); !errors.Is(err, syscall.EADDRNOTAVAIL) {
		t.Errorf("Listen elsewhere: got %v, want EADDRNOTAVAIL", err)
	}
}

// TestLastWords sees that closing with unread bytes resets, as systems do, and
// that the reactor's Close avoids it: last words arrive.
func TestLastWords(t *testing.T) {
	w := New(t, 0)
	w.Net.Latency = 10 * time.Millisecond
	w.Host("server").Listen("tcp", ":7", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		io.WriteString(t, "421 busy\r\n")
		return nil
	}))
	p := w.Host("client").Dial("server:7")
	p.Send(strings.Repeat("I have much to say\r\n", 1000))
	p.Expect("421 busy\r\n")
	p.ExpectEnd()
	p.Close()

	raw := w.Host("raw").Accepting(":7")
	q := w.Host("client").Dial("raw:7")
	q.Send("unread")
	a := raw.Accept()
	a.Stall()
	w.Settle()
	q.Send("more")
	w.Settle()
	a.conn.close(false)
	q.ExpectReset()
}

// TestTR04Result proves TR04: a Deferred is looked into at once, and what is not as
// wanted fails the test.
func TestTR04Result(t *testing.T) {
	l := NewClock(t)
	broken := errors.New("broken")
	if got := Result(t, deferred.Succeeded(42)); got != 42 {
		t.Errorf("got %d", got)
	}
	if got := Failure(t, deferred.Failed[int](l, broken)); got != broken {
		t.Errorf("got %v", got)
	}
	NoResult(t, deferred.New[int](l))
	for name, wrong := range map[string]func(t T){
		"pending, want value":   func(t T) { Result(t, deferred.New[int](l)) },
		"failed, want value":    func(t T) { Result(t, deferred.Failed[int](l, broken)) },
		"pending, want error":   func(t T) { Failure(t, deferred.New[int](l)) },
		"succeeded, want error": func(t T) { Failure(t, deferred.Succeeded(1)) },
		"succeeded, want none":  func(t T) { NoResult(t, deferred.Succeeded(1)) },
		"failed, want none":     func(t T) { NoResult(t, deferred.Failed[int](l, broken)) },
	} {
		var f fakeT
		f.try(wrong)
		if !f.Failed() {
			t.Errorf("%s: did not fail", name)
		}
	}
}

var _ net.Conn = (*line)(nil)

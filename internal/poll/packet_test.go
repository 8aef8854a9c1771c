package poll

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
)

// udp is a packet socket of network at addr, and where it is.
func (r *rig) udp(network, addr string) (Handle, netip.AddrPort) {
	r.Helper()
	h, err := r.Listen(Spec{Network: network, Addr: Addr{AddrPort: netip.MustParseAddrPort(addr)}})
	r.must(err)
	return h, r.LocalAddr(h).AddrPort
}

func TestPacketsGoAndComeBack(t *testing.T) {
	for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
		each(t, func(r *rig) {
			a, atA := r.udp("udp", at)
			b, atB := r.udp("udp", at)
			r.send(a, Packet{B: []byte("question"), Peer: atB})
			p := []Packet{{B: make([]byte, 100)}}
			r.batch(b, p)
			if got, want := string(p[0].B[:p[0].N]), "question"; got != want || p[0].Peer != atA || p[0].Truncated {
				r.Fatalf("got %q from %v (truncated %v), want %q from %v", got, p[0].Peer, p[0].Truncated, want, atA)
			}
			r.send(b, Packet{B: []byte("answer"), Peer: p[0].Peer, Via: p[0].Via})
			r.batch(a, p)
			if got, want := string(p[0].B[:p[0].N]), "answer"; got != want || p[0].Peer != atB {
				r.Errorf("got %q from %v, want %q from %v", got, p[0].Peer, want, atB)
			}
		})
	}
}

// F-43: a packet longer than its buffer is cut, and says so; the next is whole.
func TestF43Truncated(t *testing.T) {
	each(t, func(r *rig) {
		a, at := r.udp("udp4", "127.0.0.1:0")
		r.send(a, Packet{B: []byte("0123456789"), Peer: at})
		r.send(a, Packet{B: []byte("abcd"), Peer: at})
		p := []Packet{{B: make([]byte, 4)}}
		r.batch(a, p)
		if p[0].N != 4 || !p[0].Truncated || string(p[0].B) != "0123" {
			r.Errorf("got %d bytes %q, truncated %v, want 4, 0123, true", p[0].N, p[0].B, p[0].Truncated)
		}
		r.batch(a, p)
		if p[0].N != 4 || p[0].Truncated || string(p[0].B) != "abcd" {
			r.Errorf("got %d bytes %q, truncated %v, want 4, abcd, false", p[0].N, p[0].B, p[0].Truncated)
		}
	})
}

// F-43: a packet of no bytes is a packet, in its place among others.
func TestF43Empty(t *testing.T) {
	each(t, func(r *rig) {
		a, at := r.udp("udp4", "127.0.0.1:0")
		for _, s := range []string{"", "x", ""} {
			r.send(a, Packet{B: []byte(s), Peer: at})
		}
		for _, want := range []int{0, 1, 0} {
			p := []Packet{{B: make([]byte, 10), N: 99}}
			if n := r.batch(a, p); n != 1 || p[0].N != want {
				r.Errorf("got %d packets, of %d bytes, want one of %d", n, p[0].N, want)
			}
		}
	})
}

// F-43: the longest packet of IPv4 passes; one byte more is refused, and what
// comes after it in the batch is not lost.
func TestF43Longest(t *testing.T) {
	each(t, func(r *rig) {
		a, at := r.udp("udp4", "127.0.0.1:0")
		longest := bytes.Repeat([]byte("z"), 65507)
		r.send(a, Packet{B: longest, Peer: at})
		p := []Packet{{B: make([]byte, 65535)}}
		r.batch(a, p)
		if p[0].N != len(longest) || p[0].Truncated || !bytes.Equal(p[0].B[:p[0].N], longest) {
			r.Errorf("got %d bytes, truncated %v, want %d whole", p[0].N, p[0].Truncated, len(longest))
		}
		tooLong := Packet{B: make([]byte, 65508), N: 65508, Peer: at}
		small := Packet{B: []byte("s"), N: 1, Peer: at}
		batch := []Packet{small, tooLong, small}
		w := r.Poller.(Packeter)
		n, err := w.WriteBatch(a, batch)
		if n != 1 || !errors.Is(err, syscall.EMSGSIZE) {
			r.Fatalf("WriteBatch = %d, %v, want 1, EMSGSIZE of the second", n, err)
		}
		if n, err := w.WriteBatch(a, batch[2:]); n != 1 || err != nil {
			r.Errorf("WriteBatch of the rest = %d, %v", n, err)
		}
		r.batch(a, p)
		if p[0].N != 1 {
			r.Errorf("the small packet has %d bytes, want 1", p[0].N)
		}
	})
}

// F-43: a connected socket hears ECONNREFUSED, and goes on reading.
func TestF43Refused(t *testing.T) {
	each(t, func(r *rig) {
		gone, at := r.udp("udp4", "127.0.0.1:0")
		r.must(r.Close(gone, false))
		h, err := r.dial(Spec{Network: "udp4", Addr: Addr{AddrPort: at}})
		r.must(err)
		r.send(h, Packet{B: []byte("anybody?")})
		if got := r.until(h, In|Hup); got&In == 0 {
			r.Errorf("an ICMP error told %b, want In", got)
		}
		p := []Packet{{B: make([]byte, 10)}}
		if _, err := r.Poller.(Packeter).ReadBatch(h, p); !errors.Is(err, syscall.ECONNREFUSED) {
			r.Fatalf("ReadBatch: %v, want ECONNREFUSED", err)
		}
		back, err := r.Listen(Spec{Network: "udp4", Addr: Addr{AddrPort: at}})
		r.must(err)
		r.send(h, Packet{B: []byte("now?")})
		r.batch(back, p)
		r.send(back, Packet{B: []byte("yes"), Peer: p[0].Peer})
		r.batch(h, p)
		if got, want := string(p[0].B[:p[0].N]), "yes"; got != want {
			r.Errorf("after the refusal read %q, want %q", got, want)
		}
	})
}

func TestBatchesOfMany(t *testing.T) {
	each(t, func(r *rig) {
		a, at := r.udp("udp4", "127.0.0.1:0")
		const many = 150 // more than one system call takes
		out := make([]Packet, many)
		for i := range out {
			out[i] = Packet{B: []byte{byte(i)}, N: 1, Peer: at}
		}
		if n, err := r.Poller.(Packeter).WriteBatch(a, out); n != many || err != nil {
			r.Fatalf("WriteBatch = %d, %v, want all %d", n, err, many)
		}
		in := make([]Packet, 200)
		for i := range in {
			in[i].B = make([]byte, 8)
		}
		for got := 0; got < many; {
			n := r.batch(a, in)
			for _, p := range in[:n] {
				if p.N != 1 || p.B[0] != byte(got) {
					r.Fatalf("packet %d has %d bytes %v", got, p.N, p.B[:p.N])
				}
				got++
			}
		}
	})
}

func TestPacketToTheWrongFamily(t *testing.T) {
	each(t, func(r *rig) {
		a, at := r.udp("udp4", "127.0.0.1:0")
		out := []Packet{{B: []byte("x"), N: 1, Peer: at}, {B: []byte("y"), N: 1, Peer: netip.MustParseAddrPort("[::1]:9")}}
		n, err := r.Poller.(Packeter).WriteBatch(a, out)
		if n != 1 || err == nil {
			r.Errorf("WriteBatch = %d, %v, want 1 sent and an error for IPv6", n, err)
		}
	})
}

// A socket for both IPs sends to and hears from both.
func TestPacketsOfBothIPs(t *testing.T) {
	each(t, func(r *rig) {
		both, err := r.Listen(Spec{Network: "udp"})
		r.must(err)
		number := r.LocalAddr(both).AddrPort.Port()
		for _, at := range []string{"127.0.0.1:0", "[::1]:0"} {
			other, from := r.udp("udp", at)
			r.send(other, Packet{B: []byte("hi"), Peer: netip.AddrPortFrom(from.Addr(), number)})
			p := []Packet{{B: make([]byte, 10)}}
			r.batch(both, p)
			if p[0].Peer != from {
				r.Errorf("came from %v, want %v", p[0].Peer, from)
			}
			r.send(both, Packet{B: []byte("ho"), Peer: p[0].Peer, Via: p[0].Via})
			r.batch(other, p)
			if want := netip.AddrPortFrom(from.Addr(), number); p[0].Peer != want {
				r.Errorf("answer from %v, want %v", p[0].Peer, want)
			}
		}
	})
}

// Link-local addresses have a zone, by name, in and out.
func TestZones(t *testing.T) {
	var own netip.Addr
	all, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && p.Addr().IsLinkLocalUnicast() {
			own = p.Addr()
		}
	}
	if !own.IsValid() {
		t.Skip("no link-local address here")
	}
	own = own.WithZone(loopbackFor(t, netip.MustParseAddr("ff01::1")))
	each(t, func(r *rig) {
		port, err := r.Listen(Spec{Network: "tcp", Addr: Addr{AddrPort: netip.AddrPortFrom(own, 0)}})
		if err != nil {
			r.Skipf("cannot listen on %v: %v", own, err)
		}
		if got := r.LocalAddr(port).AddrPort.Addr(); got != own {
			r.Errorf("listens on %v, want %v", got, own)
		}
		_, err = r.dial(Spec{Network: "tcp", Addr: r.LocalAddr(port)})
		r.must(err)
		r.until(port, In)
		sock, from, err := r.Accept(port)
		r.must(err)
		r.Drop(sock, false)
		if from.AddrPort.Addr() != own {
			r.Errorf("accepted from %v, want %v", from.AddrPort, own)
		}
		h, at := r.udp("udp", netip.AddrPortFrom(own, 0).String())
		r.send(h, Packet{B: []byte("z"), Peer: at, Via: own})
		p := []Packet{{B: make([]byte, 9)}}
		r.batch(h, p)
		if p[0].Peer != at {
			r.Errorf("came from %v, want %v", p[0].Peer, at)
		}
		if via := p[0].Via; via.IsValid() && via != own {
			r.Errorf("Via is %v, want %v", via, own)
		}
		if _, portable := r.Poller.(*portable); portable {
			return // package net takes a zone that it does not know for none
		}
		bad := netip.AddrPortFrom(own.WithZone("none7"), at.Port())
		if _, err := r.Poller.(Packeter).WriteBatch(h, []Packet{{Peer: bad}}); err == nil {
			r.Errorf("sent to %v, want an error", bad)
		}
	})
}

func TestPacketCallsOfStreams(t *testing.T) {
	each(t, func(r *rig) {
		client, _ := r.pair()
		w := r.Poller.(Packeter)
		if _, err := w.ReadBatch(client, make([]Packet, 1)); err == nil || err == ErrAgain {
			r.Errorf("ReadBatch of a stream: %v, want an error", err)
		}
		if err := w.Join(client, netip.MustParseAddr("239.1.2.3"), ""); err == nil {
			r.Error("Join of a stream: want an error")
		}
	})
}

// R26: a member of a group hears it, also beside another on the same port, until
// it leaves; the sender chooses interface and loopback.
func TestMulticast(t *testing.T) {
	for _, c := range []struct{ network, listen, group string }{
		{"udp4", "0.0.0.0:0", "239.255.77.1"},
		{"udp6", "[::]:0", "ff01::7701"},
		{"udp", "[::]:0", "239.255.77.2"}, // a socket for both IPs, in an IPv4 group
	} {
		each(t, func(r *rig) {
			w := r.Poller.(Packeter)
			group := netip.MustParseAddr(c.group)
			on := loopbackFor(r.T, group)
			first, err := r.Listen(Spec{Network: c.network, Addr: Addr{AddrPort: netip.MustParseAddrPort(c.listen)}, Multicast: true})
			r.must(err)
			at := r.LocalAddr(first)
			second, err := r.Listen(Spec{Network: c.network, Addr: at, Multicast: true})
			if err != nil {
				r.Fatalf("a second member on port %d: %v", at.AddrPort.Port(), err)
			}
			for _, h := range []Handle{first, second} {
				if err := w.Join(h, group, on); err != nil {
					r.Fatalf("Join: %v", err)
				}
			}
			sender, err := r.Listen(Spec{Network: c.network, Addr: Addr{AddrPort: netip.AddrPortFrom(at.AddrPort.Addr(), 0)}})
			r.must(err)
			to := netip.AddrPortFrom(group, at.AddrPort.Port())
			r.must(w.SetMulticast(sender, Multicast{Interface: on, Loopback: true}))
			r.send(sender, Packet{B: []byte("all"), Peer: to})
			p := []Packet{{B: make([]byte, 10)}}
			for _, h := range []Handle{first, second} {
				r.batch(h, p)
				if got, want := string(p[0].B[:p[0].N]), "all"; got != want {
					r.Errorf("a member heard %q, want %q", got, want)
				}
			}
			if p[0].Via.IsMulticast() {
				r.Errorf("Via is %v, want an address that answers can leave from", p[0].Via)
			}
			r.must(w.Leave(second, group, on))
			r.must(w.Leave(first, group, on))
			if err := w.Leave(first, group, on); err == nil {
				r.Error("Leave twice: want an error")
			}
		})
	}
}

// loopbackFor is an interface on which packets to group come back, and go no
// further: those of ff01::/16 leave no interface at all
// (https://www.rfc-editor.org/rfc/rfc4291#section-2.7).
func loopbackFor(t *testing.T, group netip.Addr) string {
	t.Helper()
	all, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range all {
		if group.Is4() && i.Flags&net.FlagLoopback != 0 {
			return i.Name
		}
		if addrs, _ := i.Addrs(); group.Is6() && i.Flags&net.FlagMulticast != 0 && i.Flags&net.FlagUp != 0 && len(addrs) > 0 {
			return i.Name
		}
	}
	t.Skipf("no interface for %v here", group)
	return ""
}

func TestBadMulticast(t *testing.T) {
	each(t, func(r *rig) {
		w := r.Poller.(Packeter)
		h, _ := r.udp("udp4", "127.0.0.1:0")
		for name, c := range map[string]struct {
			err  error
			says string
		}{
			"not a group":  {w.Join(h, netip.MustParseAddr("10.0.0.1"), ""), "want a multicast address"},
			"no interface": {w.Join(h, netip.MustParseAddr("239.1.2.3"), "none7"), `interface "none7": want`},
			"big TTL":      {w.SetMulticast(h, Multicast{TTL: 256}), "TTL 256: want 0"},
		} {
			if c.err == nil || !strings.Contains(c.err.Error(), c.says) {
				r.Errorf("%s: %v, want it to say %q", name, c.err, c.says)
			}
		}
		if err := w.Join(h, netip.MustParseAddr("ff02::1"), ""); err == nil {
			r.Error("Join of an IPv6 group by an IPv4 socket: want an error")
		}
	})
}

// Broadcast is a right that has to be asked for.
func TestBroadcast(t *testing.T) {
	r := newRig(t, Open)
	everybody := netip.MustParseAddrPort("127.255.255.255:9")
	for _, allowed := range []bool{false, true} {
		h, err := r.Listen(Spec{Network: "udp4", Addr: Addr{AddrPort: loopback(0)}, Broadcast: allowed})
		r.must(err)
		_, err = r.Poller.(Packeter).WriteBatch(h, []Packet{{Peer: everybody}})
		if denied := errors.Is(err, syscall.EACCES); denied == allowed {
			r.Errorf("Broadcast %v: %v", allowed, err)
		}
	}
}

// ReusePort lets several sockets share a port; without it the second is refused.
func TestReusePort(t *testing.T) {
	each(t, func(r *rig) {
		for _, network := range []string{"udp4", "tcp4"} {
			s := Spec{Network: network, Addr: Addr{AddrPort: loopback(0)}, ReusePort: true}
			h, err := r.Listen(s)
			r.must(err)
			s.Addr = r.LocalAddr(h)
			if _, err := r.Listen(s); err != nil {
				r.Errorf("%s: a second with ReusePort: %v", network, err)
			}
			s.ReusePort = false
			if _, err := r.Listen(s); !errors.Is(err, syscall.EADDRINUSE) {
				r.Errorf("%s: one without: %v, want EADDRINUSE", network, err)
			}
		}
	})
}

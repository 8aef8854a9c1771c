package reactor_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
)

// A station is a PacketProtocol that records what it hears.
type station struct {
	twistor.PacketTransport
	b        *bed
	got      []string
	from     []twistor.Peer
	refused  int
	unbound  error
	received func(p []byte, from twistor.Peer)
}

func (s *station) Bound(t twistor.PacketTransport) {
	if s.PacketTransport != nil {
		s.b.Error("P08: Bound twice")
	}
	s.PacketTransport = t
}

func (s *station) PacketReceived(p []byte, from twistor.Peer) {
	s.got = append(s.got, string(p))
	s.from = append(s.from, from)
	if s.received != nil {
		s.received(p, from)
	}
}

func (s *station) Unbound(err error) {
	if s.unbound != nil || err == nil {
		s.b.Errorf("P08: Unbound(%v) after %v", err, s.unbound)
	}
	s.unbound = err
}

func (s *station) Refused() { s.refused++ }

func (b *bed) station(c twistor.ListenConfig) *station {
	b.Helper()
	s := &station{b: b}
	if c.Network == "" {
		c.Network, c.Address = "udp", net.JoinHostPort(b.host, "0")
	}
	if _, err := b.l.ListenPacket(c, s); err != nil {
		b.Fatal(err)
	}
	return s
}

func (s *station) peer() twistor.Peer {
	return twistor.Peer{Addr: netip.MustParseAddrPort(s.Addr().String())}
}

// TestR24Packets: datagrams both ways, whole, also empty ones and the largest;
// P08.
func TestR24Packets(t *testing.T) {
	each(t, func(b *bed) {
		a := b.station(twistor.ListenConfig{})
		z := b.station(twistor.ListenConfig{Network: "udp", Address: net.JoinHostPort(b.host, "0"), MaxPacketBytes: 65_535})
		z.received = func(p []byte, from twistor.Peer) {
			if err := z.Send(bytes.ToUpper(p[:min(len(p), 100)]), from); err != nil {
				b.Error(err)
			}
		}
		large := strings.Repeat("x", 60_000)
		if runtime.GOOS == "linux" && b.kind != "fake" {
			large = strings.Repeat("x", 65_507)
		}
		for _, p := range []string{"one", "", large, "four"} {
			if err := a.Send([]byte(p), z.peer()); err != nil {
				b.Fatal(err)
			}
			n := len(z.got)
			b.until("it arrives", func() bool { return len(z.got) > n })
			if got := z.got[n]; got != p {
				b.Errorf("F-43: got %d bytes, want %d", len(got), len(p))
			}
		}
		b.until("answers", func() bool { return len(a.got) == 4 })
		if a.got[0] != "ONE" || a.got[1] != "" || a.from[0].Addr != z.peer().Addr {
			b.Errorf("got %q from %v", a.got[:2], a.from[0])
		}
		z.Close()
		b.until("Unbound", func() bool { return z.unbound != nil })
		if !errors.Is(z.unbound, net.ErrClosed) {
			b.Error(z.unbound)
		}
		if err := z.Send([]byte("x"), a.peer()); !errors.Is(err, net.ErrClosed) {
			b.Errorf("Send after Close: %v", err)
		}
	})
}

// TestF_43TruncatedPackets: what is longer than MaxPacketBytes is dropped, said
// once, and what comes after is served.
func TestF_43TruncatedPackets(t *testing.T) {
	each(t, func(b *bed) {
		a := b.station(twistor.ListenConfig{})
		z := b.station(twistor.ListenConfig{Network: "udp", Address: net.JoinHostPort(b.host, "0"), MaxPacketBytes: 10})
		for _, p := range []string{"0123456789", "0123456789a", "0123456789ab", "after"} {
			a.Send([]byte(p), z.peer())
		}
		b.until("the short ones arrive", func() bool { return len(z.got) == 2 })
		if fmt.Sprint(z.got) != "[0123456789 after]" {
			b.Errorf("got %q", z.got)
		}
		if n := strings.Count(b.log.String(), "packet is too long"); n != 1 {
			b.Errorf("it is logged %d times", n)
		}
	})
}

// TestR25ConnectedPackets: P09: a port with Remote hears it only, sends to it
// only, and hears that nobody is there.
func TestR25ConnectedPackets(t *testing.T) {
	each(t, func(b *bed) {
		z := b.station(twistor.ListenConfig{})
		stranger := b.station(twistor.ListenConfig{})
		a := b.station(twistor.ListenConfig{Network: "udp", Address: net.JoinHostPort(b.host, "0"), Remote: z.peer().Addr})
		if err := a.Send([]byte("hi"), twistor.Peer{}); err != nil {
			b.Fatal(err)
		}
		b.until("it arrives", func() bool { return len(z.got) == 1 })
		stranger.Send([]byte("from a stranger"), a.peer())
		z.Send([]byte("answer"), z.from[0])
		b.until("the answer arrives", func() bool { return len(a.got) > 0 })
		b.pass(10 * time.Millisecond)
		if fmt.Sprint(a.got) != "[answer]" || a.from[0].Addr != z.peer().Addr {
			b.Errorf("got %q from %v", a.got, a.from)
		}
		if err := a.Send([]byte("x"), stranger.peer()); err == nil {
			b.Error("it sends to a stranger")
		}
		z.Close()
		for range 5 {
			a.Send([]byte("anybody?"), twistor.Peer{})
			b.pass(5 * time.Millisecond)
		}
		if a.refused == 0 && b.kind != "fake" {
			b.Error("F-43: nobody there, and Refused was not called")
		}
		if a.unbound != nil {
			b.Error("a refusal ends the port")
		}
	})
}

// TestPacketErrors: wrong calls are told what was wanted.
func TestPacketErrors(t *testing.T) {
	each(t, func(b *bed) {
		a := b.station(twistor.ListenConfig{})
		for _, c := range []struct {
			to   string
			size int
			want string
		}{
			{"127.0.0.1:0", 1, "with a port"},
			{"[::1]:53", 1, "this port is udp"},
			{"127.0.0.1:53", 65_508, "too long"},
		} {
			err := a.Send(make([]byte, c.size), twistor.Peer{Addr: netip.MustParseAddrPort(c.to)})
			if err == nil || !strings.Contains(err.Error(), c.want) {
				b.Errorf("Send to %s: %v, want %q", c.to, err, c.want)
			}
		}
		if err := a.Join(netip.MustParseAddr("192.0.2.1"), ""); err == nil || !strings.Contains(err.Error(), "multicast") {
			b.Errorf("Join of no group: %v", err)
		}
		for _, c := range []twistor.ListenConfig{
			{Network: "tcp", Address: "127.0.0.1:0"},
			{Network: "udp", Address: "127.0.0.1:0", MaxPacketBytes: 65_536},
			{Network: "udp", Address: a.Addr().String()},
		} {
			if _, err := b.l.ListenPacket(c, &station{b: b}); err == nil {
				b.Errorf("ListenPacket(%+v) succeeds", c)
			}
		}
	})
}

// TestPacketOverflow: a burst in one turn is sent in batches; beyond the limit
// Send says so.
func TestPacketOverflow(t *testing.T) {
	each(t, func(b *bed) {
		a := b.station(twistor.ListenConfig{})
		z := b.station(twistor.ListenConfig{})
		sent := 0
		for range 200 {
			if err := a.Send([]byte("packet"), z.peer()); err == nil {
				sent++
			}
		}
		b.until("they arrive", func() bool { return len(z.got) == sent })
		if sent != 200 {
			b.Errorf("%d of 200 were accepted", sent)
		}
	})
}

// TestPacketsWaitForRoom: what the system does not take yet goes out, in order,
// when it does, though the port sends in the middle of a turn.
func TestPacketsWaitForRoom(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no unixgram there")
	}
	each(t, func(b *bed) {
		if b.dir == nil {
			b.Skip("no paths in this world")
		}
		dir := b.dir()
		a := b.station(twistor.ListenConfig{Network: "unixgram", Address: dir + "/a"})
		z := b.station(twistor.ListenConfig{Network: "unixgram", Address: dir + "/z"})
		z.Pause() // a UNIX socket has room for few
		var want []string
		for i := range 200 {
			want = append(want, strconv.Itoa(i))
			if err := a.Send([]byte(want[i]), twistor.Peer{Path: dir + "/z"}); err != nil {
				b.Fatal(err)
			}
		}
		turned := false
		b.l.CallLater(10*time.Millisecond, func() { turned = true })
		b.until("a turn ends", func() bool { return turned })
		z.Resume()
		b.until("they arrive", func() bool { return len(z.got) == len(want) })
		if !slices.Equal(z.got, want) {
			b.Errorf("got %v, want all in order", z.got)
		}
	})
}

// TestR26Multicast: members hear what is sent to their group, others do not.
func TestR26Multicast(t *testing.T) {
	each(t, func(b *bed) {
		if b.kind == "portable" {
			b.Skip("not for the portable backend: package net cannot join one socket to several groups")
		}
		group := netip.MustParseAddr("224.0.0.251")
		member := b.station(twistor.ListenConfig{Network: "udp4", Address: "0.0.0.0:0"})
		sender := b.station(twistor.ListenConfig{Network: "udp4", Address: net.JoinHostPort(b.host, "0")})
		ifname := "lo"
		if b.kind == "fake" {
			ifname = ""
		}
		if err := member.Join(group, ifname); err != nil {
			b.Skip("this machine's loopback takes no groups: ", err)
		}
		if err := sender.PacketTransport.(twistor.MulticastTuner).SetMulticast(1, ifname, true); err != nil {
			b.Fatal(err)
		}
		port := member.peer().Addr.Port()
		to := twistor.Peer{Addr: netip.AddrPortFrom(group, port)}
		sender.Send([]byte("to all"), to)
		b.until("a member hears it", func() bool { return len(member.got) == 1 })
		if err := member.Leave(group, ifname); err != nil {
			b.Fatal(err)
		}
		sender.Send([]byte("to nobody"), to)
		b.pass(20 * time.Millisecond)
		if len(member.got) != 1 {
			b.Errorf("after Leave: %q", member.got)
		}
	})
}

// TestR23UnixPackets: datagrams over UNIX sockets.
func TestR23UnixPackets(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no unixgram there")
	}
	each(t, func(b *bed) {
		if b.dir == nil {
			b.Skip("no paths in this world")
		}
		dir := b.dir()
		a := b.station(twistor.ListenConfig{Network: "unixgram", Address: dir + "/a"})
		z := b.station(twistor.ListenConfig{Network: "unixgram", Address: dir + "/z"})
		if err := a.Send([]byte("hi"), twistor.Peer{Path: dir + "/z"}); err != nil {
			b.Fatal(err)
		}
		b.until("it arrives", func() bool { return len(z.got) == 1 })
		if z.from[0].Path != dir+"/a" {
			b.Errorf("from %+v", z.from[0])
		}
		if err := a.Send([]byte("hi"), twistor.Peer{}); err == nil {
			b.Error("Send to no path succeeds")
		}
	})
}

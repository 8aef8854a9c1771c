package poll

import (
	"errors"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
)

func loopback(port uint16) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), port)
}

func TestDialRefused(t *testing.T) {
	each(t, func(r *rig) {
		port, at := r.port("tcp")
		r.must(r.Close(port, false)) // nobody listens there now
		h, err := r.Dial(Spec{Network: "tcp", Addr: at})
		r.must(err)
		if got := r.until(h, Out|Hup); got&Hup == 0 {
			r.Errorf("a refused dial told %b, want Hup", got)
		}
		err = r.Connected(h)
		var call *os.SyscallError
		if !errors.Is(err, syscall.ECONNREFUSED) || !errors.As(err, &call) {
			r.Errorf("Connected: %v (%T), want *os.SyscallError of ECONNREFUSED", err, err)
		}
		r.must(r.Close(h, false))
	})
}

func TestAcceptOfNobody(t *testing.T) {
	each(t, func(r *rig) {
		port, _ := r.port("tcp")
		if _, _, err := r.Accept(port); err != ErrAgain {
			r.Errorf("Accept: %v, want ErrAgain", err)
		}
		if got := r.now(port); got != 0 {
			r.Errorf("an idle port is ready for %b", got)
		}
	})
}

func TestListenTwice(t *testing.T) {
	each(t, func(r *rig) {
		port, at := r.port("tcp")
		if _, err := r.Listen(Spec{Network: "tcp", Addr: at}); !errors.Is(err, syscall.EADDRINUSE) {
			r.Errorf("second Listen: %v, want EADDRINUSE", err)
		}
		r.must(r.Close(port, false))
		again, err := r.Listen(Spec{Network: "tcp", Addr: at})
		if err != nil {
			r.Fatalf("Listen after Close: %v", err)
		}
		if got := r.LocalAddr(again); got != at {
			r.Errorf("listens at %v, want %v", got, at)
		}
	})
}

// An address is free again although connections of its former port live.
func TestListenAgainWhileConnectionsLive(t *testing.T) {
	each(t, func(r *rig) {
		port, at := r.port("tcp")
		client, err := r.Dial(Spec{Network: "tcp", Addr: at})
		r.must(err)
		server := r.accept(port)
		r.must(r.Close(port, false))
		r.must(r.Close(server, false))
		if _, err := r.Listen(Spec{Network: "tcp", Addr: at}); err != nil {
			r.Errorf("Listen: %v, want the address free", err)
		}
		r.must(r.Close(client, false))
	})
}

// No host means both IPs, as in package net; tcp4 and tcp6 keep to theirs, and
// can share a port.
func TestNoHostIsBothIPs(t *testing.T) {
	each(t, func(r *rig) {
		port, err := r.Listen(Spec{Network: "tcp"})
		r.must(err)
		number := r.LocalAddr(port).AddrPort.Port()
		four := Addr{AddrPort: loopback(number)}
		six := Addr{AddrPort: netip.AddrPortFrom(netip.IPv6Loopback(), number)}
		for _, to := range []Addr{four, six} {
			h, err := r.dial(Spec{Network: "tcp", Addr: to})
			if err != nil {
				r.Fatalf("dial %v: %v", to.AddrPort, err)
			}
			r.until(port, In)
			sock, from, err := r.Accept(port)
			r.must(err)
			if got, want := from.AddrPort.Addr(), to.AddrPort.Addr(); got != want {
				r.Errorf("came from %v, want %v (an IPv4 address unwrapped)", got, want)
			}
			served, err := r.Adopt(sock, Spec{Network: "tcp"})
			r.must(err)
			if got := r.LocalAddr(served); got != to {
				r.Errorf("the accepted one is at %v, want %v (an IPv4 address unwrapped)", got.AddrPort, to.AddrPort)
			}
			if got, want := r.RemoteAddr(served), r.LocalAddr(h); got != want {
				r.Errorf("the accepted one's peer is %v, want %v", got, want)
			}
			r.must(r.Close(h, false))
		}
		r.must(r.Close(port, false))

		only6, err := r.Listen(Spec{Network: "tcp6"})
		r.must(err)
		number = r.LocalAddr(only6).AddrPort.Port()
		only4, err := r.Listen(Spec{Network: "tcp4", Addr: Addr{AddrPort: netip.AddrPortFrom(netip.IPv4Unspecified(), number)}})
		if err != nil {
			r.Fatalf("tcp4 beside tcp6 on port %d: %v", number, err)
		}
		if _, err := r.dial(Spec{Network: "tcp4", Addr: Addr{AddrPort: loopback(number)}}); err != nil {
			r.Fatal(err)
		}
		r.until(only4, In)
		if got := r.now(only6); got != 0 {
			r.Errorf("tcp6 was told %b of an IPv4 dial", got)
		}
	})
}

func TestBadSpecs(t *testing.T) {
	long := "/tmp/" + strings.Repeat("x", 200)
	v4, v6 := Addr{AddrPort: loopback(1)}, Addr{AddrPort: netip.MustParseAddrPort("[::1]:1")}
	for _, c := range []struct {
		name string
		s    Spec
		dial bool
		want syscall.Errno
		says string
	}{
		{"unknown network", Spec{Network: "sctp"}, false, syscall.EPROTONOSUPPORT, `network "sctp": want tcp,`},
		{"no network", Spec{}, false, syscall.EPROTONOSUPPORT, `network ""`},
		{"long path", Spec{Network: "unix", Addr: Addr{Path: long}}, false, syscall.ENAMETOOLONG, "205 bytes: want at most"},
		{"no path", Spec{Network: "unix"}, false, syscall.EINVAL, "unix needs a path"},
		{"empty abstract name", Spec{Network: "unix", Addr: Addr{Path: "@"}}, false, syscall.EINVAL, "want a name"},
		{"address for unix", Spec{Network: "unixgram", Addr: Addr{Path: "@x", AddrPort: v4.AddrPort}}, false, syscall.EINVAL, "want a path"},
		{"path for tcp", Spec{Network: "tcp", Addr: Addr{Path: "/x"}}, false, syscall.EINVAL, "want an address and port"},
		{"IPv6 for tcp4", Spec{Network: "tcp4", Addr: v6}, false, syscall.EAFNOSUPPORT, "want one of IPv4"},
		{"IPv4 for udp6", Spec{Network: "udp6", Addr: v4}, false, syscall.EAFNOSUPPORT, "want one of IPv6"},
		{"dial nowhere", Spec{Network: "tcp"}, true, syscall.EINVAL, "needs an address to dial"},
		{"dial from IPv6 by tcp4", Spec{Network: "tcp4", Addr: v4, Local: v6}, true, syscall.EAFNOSUPPORT, "want one of IPv4"},
	} {
		each(t, func(r *rig) {
			open := r.Listen
			if c.dial {
				open = r.Dial
			}
			_, err := open(c.s)
			if !errors.Is(err, c.want) {
				r.Fatalf("%s: %v, want %v", c.name, err, c.want)
			}
			if !strings.Contains(err.Error(), c.says) {
				r.Errorf("%s: %q, want it to say %q", c.name, err, c.says)
			}
		})
	}
}

// A connection accepted by one Poller is adopted by another, with what has come
// for it meanwhile.
func TestAcceptedByAnother(t *testing.T) {
	for _, p := range pollers {
		t.Run(p.name, func(t *testing.T) {
			leaks(t)
			one, two := newRig(t, p.open), newRig(t, p.open)
			port, at := one.port("tcp")
			client, err := one.dial(Spec{Network: "tcp", Addr: at})
			one.must(err)
			one.write(client, []byte("early"))
			one.until(port, In)
			sock, _, err := one.Accept(port)
			one.must(err)
			server, err := two.Adopt(sock, Spec{Network: "tcp"})
			two.must(err)
			if got, want := two.read(server, 5), "early"; got != want {
				t.Errorf("read %q, want %q", got, want)
			}
			// And moved once more, between bytes.
			one.write(client, []byte("late"))
			two.until(server, In)
			sock, err = two.Detach(server)
			two.must(err)
			if _, err := two.Read(server, make([]byte, 1)); err != ErrClosed {
				t.Errorf("Read after Detach: %v, want ErrClosed", err)
			}
			moved, err := one.Adopt(sock, Spec{Network: "tcp"})
			one.must(err)
			if got, want := one.read(moved, 4), "late"; got != want {
				t.Errorf("read %q, want %q", got, want)
			}
		})
	}
}

func TestDropResets(t *testing.T) {
	each(t, func(r *rig) {
		port, at := r.port("tcp")
		client, err := r.dial(Spec{Network: "tcp", Addr: at})
		r.must(err)
		r.until(port, In)
		sock, _, err := r.Accept(port)
		r.must(err)
		r.Drop(sock, true)
		if err := r.end(client); !errors.Is(err, syscall.ECONNRESET) {
			r.Errorf("the end after Drop is %v, want ECONNRESET", err)
		}
	})
}

// Closing a dial that is not done leaves nothing behind.
func TestCloseWhileDialing(t *testing.T) {
	each(t, func(r *rig) {
		_, at := r.port("tcp")
		for range 20 {
			h, err := r.Dial(Spec{Network: "tcp", Addr: at})
			r.must(err)
			r.must(r.Close(h, false))
		}
	})
}

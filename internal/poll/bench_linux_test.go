package poll

import (
	"testing"

	"golang.org/x/sys/unix"
)

// quick is a rig without a test.
func quick(b testing.TB, open func() (Poller, error)) Poller {
	b.Helper()
	p, err := open()
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { p.Shut() })
	return p
}

// couple is a connected pair in p: TCP, or UNIX.
func couple(b testing.TB, p Poller, tcp bool) (x, y Handle) {
	b.Helper()
	if !tcp {
		fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			b.Fatal(err)
		}
		x, _ = p.Adopt(FD(fds[0]), Spec{})
		y, _ = p.Adopt(FD(fds[1]), Spec{})
		return x, y
	}
	port, err := p.Listen(Spec{Network: "tcp", Addr: Addr{AddrPort: loopback(0)}})
	if err != nil {
		b.Fatal(err)
	}
	x, err = p.Dial(Spec{Network: "tcp", Addr: p.LocalAddr(port)})
	if err != nil {
		b.Fatal(err)
	}
	ev := make([]Event, 8)
	for y == 0 || p.Connected(x) != nil {
		n, _ := p.Wait(ev, Never)
		for _, e := range ev[:n] {
			if e.Handle == port {
				sock, _, err := p.Accept(port)
				if err != nil {
					b.Fatal(err)
				}
				if y, err = p.Adopt(sock, Spec{}); err != nil {
					b.Fatal(err)
				}
			}
		}
	}
	p.Close(port, false)
	return x, y
}

// bounce sends 64 bytes there and back, as a loop does.
func bounce(b testing.TB, p Poller, ev []Event, buf []byte, x, y Handle) {
	for _, h := range [...][2]Handle{{x, y}, {y, x}} {
		if _, err := p.Write(h[0], buf); err != nil {
			b.Fatal(err)
		}
		for {
			if _, err := p.Wait(ev, Never); err != nil {
				b.Fatal(err)
			}
			if _, err := p.Read(h[1], buf); err == nil {
				break
			} else if err != ErrAgain {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkPingPong(b *testing.B) {
	for _, c := range []struct {
		name string
		open func() (Poller, error)
		tcp  bool
	}{
		{"epoll/tcp", Open, true},
		{"epoll/socketpair", Open, false},
		{"portable/tcp", OpenPortable, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			p := quick(b, c.open)
			x, y := couple(b, p, c.tcp)
			ev, buf := make([]Event, 64), make([]byte, 64)
			b.ReportAllocs()
			for b.Loop() {
				bounce(b, p, ev, buf, x, y)
			}
		})
	}
}

func BenchmarkWant(b *testing.B) {
	p := quick(b, Open)
	x, _ := couple(b, p, true)
	b.Run("unchanged", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Want(x, In)
		}
	})
	b.Run("changed", func(b *testing.B) {
		b.ReportAllocs()
		r := In
		for b.Loop() {
			r ^= Out
			p.Want(x, r)
		}
	})
}

func BenchmarkWake(b *testing.B) {
	p := quick(b, Open)
	ev := make([]Event, 64)
	b.Run("storm", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Wake()
		}
	})
	b.Run("and wait", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			p.Wake()
			p.Wait(ev, Never)
		}
	})
}

func BenchmarkPackets(b *testing.B) {
	p := quick(b, Open)
	h, err := p.Listen(Spec{Network: "udp4", Addr: Addr{AddrPort: loopback(0)}})
	if err != nil {
		b.Fatal(err)
	}
	w, to := p.(Packeter), p.LocalAddr(h).AddrPort
	batch := make([]Packet, 64)
	for i := range batch {
		batch[i] = Packet{B: make([]byte, 512), N: 64, Peer: to}
	}
	b.ReportAllocs()
	for b.Loop() {
		n, err := w.WriteBatch(h, batch)
		if err != nil {
			b.Fatal(err)
		}
		for n > 0 {
			m, err := w.ReadBatch(h, batch)
			if err != nil {
				b.Fatal(err)
			}
			n -= m
		}
		for i := range batch {
			batch[i].Peer, batch[i].N = to, 64
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/64, "ns/packet")
}

func BenchmarkAcceptClose(b *testing.B) {
	p := quick(b, Open)
	port, err := p.Listen(Spec{Network: "tcp", Addr: Addr{AddrPort: loopback(0)}})
	if err != nil {
		b.Fatal(err)
	}
	at := p.LocalAddr(port)
	b.ReportAllocs()
	for b.Loop() {
		x, err := p.Dial(Spec{Network: "tcp", Addr: at})
		if err != nil {
			b.Fatal(err)
		}
		sock, _, err := p.Accept(port)
		if err != nil {
			b.Fatal(err)
		}
		y, err := p.Adopt(sock, Spec{})
		if err != nil {
			b.Fatal(err)
		}
		p.Close(x, true)
		p.Close(y, true)
	}
}

package poll

import (
	"net/netip"
	"testing"
	"time"
)

// patience is how long a test waits for what must come; nothing depends on it.
const patience = 20 * time.Second

var pollers = []struct {
	name string
	open func() (Poller, error)
}{
	{"system", Open},
	{"portable", OpenPortable},
}

// A rig is one Poller under test and the events it has told.
type rig struct {
	*testing.T
	Poller
	events [64]Event
}

// each runs f on every Poller of this system.
func each(t *testing.T, f func(r *rig)) {
	for _, p := range pollers {
		t.Run(p.name, func(t *testing.T) {
			leaks(t)
			f(newRig(t, p.open))
		})
	}
}

func newRig(t *testing.T, open func() (Poller, error)) *rig {
	t.Helper()
	p, err := open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Shut(); err != nil {
			t.Errorf("Shut: %v", err)
		}
	})
	return &rig{T: t, Poller: p}
}

// until waits until h is ready for one of want, and returns what it is.
func (r *rig) until(h Handle, want Ready) Ready {
	r.Helper()
	_, now := Now()
	deadline := now + int64(patience)
	for {
		n, err := r.Wait(r.events[:], deadline)
		if err != nil {
			r.Fatalf("Wait: %v", err)
		}
		for _, e := range r.events[:n] {
			if e.Handle == h && e.Ready&want != 0 {
				return e.Ready
			}
		}
		if _, now := Now(); now > deadline {
			r.Fatalf("handle %#x: not ready for %b in %v", h, want, patience)
		}
	}
}

// now is what Wait says of h at this moment.
func (r *rig) now(h Handle) Ready {
	r.Helper()
	n, err := r.Wait(r.events[:], 0)
	if err != nil {
		r.Fatalf("Wait: %v", err)
	}
	for _, e := range r.events[:n] {
		if e.Handle == h {
			return e.Ready
		}
	}
	return 0
}

// batch waits for packets and reads them.
func (r *rig) batch(h Handle, p []Packet) int {
	r.Helper()
	for {
		n, err := r.Poller.(Packeter).ReadBatch(h, p)
		if err == nil {
			return n
		}
		if err != ErrAgain {
			r.Fatalf("ReadBatch: %v", err)
		}
		r.until(h, In|Hup)
	}
}

// send sends one packet.
func (r *rig) send(h Handle, p Packet) {
	r.Helper()
	p.N = len(p.B)
	if n, err := r.Poller.(Packeter).WriteBatch(h, []Packet{p}); n != 1 || err != nil {
		r.Fatalf("WriteBatch = %d, %v, want 1 packet sent", n, err)
	}
}

// dial connects to at and waits for the end of that.
func (r *rig) dial(s Spec) (Handle, error) {
	r.Helper()
	h, err := r.Dial(s)
	if err != nil {
		return 0, err
	}
	r.until(h, Out|Hup)
	return h, r.Connected(h)
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// port listens on a free port of network and returns its address.
func (r *rig) port(network string) (Handle, Addr) {
	r.Helper()
	s := Spec{Network: network, Addr: Addr{AddrPort: netip.MustParseAddrPort("127.0.0.1:0")}}
	if network == "tcp6" || network == "udp6" {
		s.Addr.AddrPort = netip.MustParseAddrPort("[::1]:0")
	}
	h, err := r.Listen(s)
	if err != nil {
		r.Fatalf("Listen %s: %v", network, err)
	}
	return h, r.LocalAddr(h)
}

// accept takes one connection of port and adopts it.
func (r *rig) accept(port Handle) Handle {
	r.Helper()
	r.until(port, In)
	sock, _, err := r.Accept(port)
	r.must(err)
	h, err := r.Adopt(sock, Spec{Network: "tcp"})
	r.must(err)
	return h
}

// pair is a TCP connection: who dialed, and who was dialed.
func (r *rig) pair() (client, server Handle) {
	r.Helper()
	port, at := r.port("tcp")
	defer r.Close(port, false)
	client, err := r.Dial(Spec{Network: "tcp", Addr: at})
	r.must(err)
	server = r.accept(port)
	r.until(client, Out|Hup)
	r.must(r.Connected(client))
	return client, server
}

// write writes all of p, waiting for room.
func (r *rig) write(h Handle, p []byte) {
	r.Helper()
	for len(p) > 0 {
		n, err := r.Write(h, p)
		if err == ErrAgain {
			r.must(r.Want(h, In|Out))
			r.until(h, Out)
			continue
		}
		r.must(err)
		p = p[n:]
	}
}

// read reads n bytes, waiting for them.
func (r *rig) read(h Handle, n int) string {
	r.Helper()
	p := make([]byte, n)
	for got := 0; got < n; {
		m, err := r.Read(h, p[got:])
		if err == ErrAgain {
			r.must(r.Want(h, In))
			r.until(h, In|Hup)
			continue
		}
		if err != nil {
			r.Fatalf("Read after %d of %d bytes: %v", got, n, err)
		}
		got += m
	}
	return string(p)
}

// end waits for what ends h, and returns it.
func (r *rig) end(h Handle) error {
	r.Helper()
	r.must(r.Want(h, In))
	var p [512]byte
	for {
		_, err := r.Read(h, p[:])
		switch {
		case err == ErrAgain:
			r.until(h, In|Hup)
		case err != nil:
			return err
		}
	}
}

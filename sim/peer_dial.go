package sim

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/twistor-go/twistor/internal/poll"
)

// Dial connects a new Peer of h to an address such as "server:25",
// "10.0.0.1:25", "[fd00::1]:25" or "unix:/run/x", and waits until it has. If it
// cannot, the test fails.
func (h *Host) Dial(address string) *Peer {
	h.world.t.Helper()
	p, err := h.TryDial(address)
	if err != nil {
		h.world.t.Fatalf("sim: host %s: dial %s: %v", h.name, address, err)
	}
	return p
}

// TryDial is Dial for connections that may fail.
func (h *Host) TryDial(address string) (*Peer, error) {
	w := h.world
	spec, err := h.parse(address)
	if err != nil {
		return nil, err
	}
	c, err := h.dial(spec)
	if err != nil {
		return nil, err
	}
	p := h.newPeer(c)
	if !w.wait(func() bool { return c.dialed }) {
		c.close(true)
		return nil, errors.New("no answer")
	}
	if p.err != nil {
		return nil, p.err
	}
	return p, nil
}

func (h *Host) newPeer(c *conn) *Peer {
	p := &Peer{host: h, conn: c}
	c.hear = p.serve
	h.peers = append(h.peers, p)
	return p
}

// parse reads an address as Dial and Accept take it.
func (h *Host) parse(address string) (poll.Spec, error) {
	if path, ok := strings.CutPrefix(address, "unix:"); ok {
		return poll.Spec{Network: "unix", Addr: poll.Addr{Path: path}}, nil
	}
	i := strings.LastIndexByte(address, ':')
	if i < 0 {
		return poll.Spec{}, fmt.Errorf("address %q: want host:port or unix:path", address)
	}
	number, err := strconv.ParseUint(address[i+1:], 10, 16)
	if err != nil {
		return poll.Spec{}, fmt.Errorf("address %q: want a port number from 0 to 65535", address)
	}
	host := strings.Trim(address[:i], "[]")
	spec := poll.Spec{Network: "tcp"}
	ip, err := netip.ParseAddr(host)
	if err != nil && host != "" {
		ips, err := h.resolve(context.Background(), host)
		if err != nil {
			return spec, err
		}
		ip = ips[0]
	}
	spec.Addr.AddrPort = netip.AddrPortFrom(ip, uint16(number))
	return spec, nil
}

// A PeerPort is where Peers are dialed.
type PeerPort struct {
	host  *Host
	port  *port
	peers []*Peer // accepted by the World, not yet by the test
}

// Accepting opens a port of h, ":25" or "unix:/run/x", for Peers: the servers
// of a test of a client. An error fails the test.
func (h *Host) Accepting(address string) *PeerPort {
	h.world.t.Helper()
	spec, err := h.parse(address)
	if err == nil {
		var p *port
		if p, err = h.listen(spec); err == nil {
			l := &PeerPort{host: h, port: p}
			p.hear = l.accept
			return l
		}
	}
	h.world.t.Fatalf("sim: host %s: accepting at %s: %v", h.name, address, err)
	return nil
}

func (l *PeerPort) accept() {
	for _, c := range l.port.queue {
		p := l.host.newPeer(c)
		p.server = true
		l.peers = append(l.peers, p)
		p.serve()
	}
	l.port.queue = nil
}

// Accept waits for the next who dials.
func (l *PeerPort) Accept() *Peer {
	w := l.host.world
	w.t.Helper()
	if !w.wait(func() bool { return len(l.peers) > 0 }) {
		w.t.Fatalf("sim: host %s: nobody dialed %s for %v", l.host.name, place(l.port.local), w.patience())
	}
	p := l.peers[0]
	l.peers = l.peers[1:]
	return p
}

// Close closes the port.
func (l *PeerPort) Close() { l.port.close(false) }

package sim

import (
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
)

const (
	dialTimeout  = 127 * time.Second // of Linux: six repetitions, each after twice as long
	unreachable  = 3 * time.Second   // until nobody answers for an address
	firstRetry   = time.Second
	maxBacklog   = 4096
	firstPort    = 32768 // of those given to dials and to port 0
	lastPort     = 60999
	defaultFiles = 20_000
)

// A port is a listening stream socket.
type port struct {
	watched
	backlog int
	queue   []*conn // connected, and not yet accepted
	hear    func()  // of a Peer's port: there is one
}

func (p *port) ready() poll.Ready {
	if len(p.queue) > 0 {
		return poll.In
	}
	return 0
}

func (p *port) changed() {
	p.watched.changed()
	if p.hear != nil {
		p.hear()
	}
}

// close frees the address and resets those who were not accepted.
func (p *port) close(bool) {
	if p.shut {
		return
	}
	p.shut = true
	p.uncount()
	p.host.forget(p)
	for _, c := range p.queue {
		c.close(true)
	}
	p.queue = nil
}

// listen opens a port.
func (h *Host) listen(s poll.Spec) (*port, error) {
	w := h.world
	w.ids++
	p := &port{watched: watched{id: w.ids, host: h, spec: s}, backlog: orDefault(s.Backlog, maxBacklog)}
	if err := p.count(); err != nil {
		return nil, failedCall("socket", err)
	}
	if err := h.bind(&p.watched, s); err != nil {
		p.uncount()
		return nil, err
	}
	h.remember(p)
	return p, nil
}

// bind gives b its local address, which must be the host's own and free.
func (h *Host) bind(b *watched, s poll.Spec) error {
	b.local = s.Addr
	if b.local.Path != "" {
		if h.bound(s.Network, b.local, s) != nil {
			return failedCall("bind", syscall.EADDRINUSE)
		}
		return nil
	}
	at := s.Addr.AddrPort
	ip := at.Addr().Unmap()
	switch {
	case !ip.IsValid():
		ip = netip.IPv6Unspecified()
		if s.Network == "tcp4" || s.Network == "udp4" {
			ip = netip.IPv4Unspecified()
		}
	case !ip.IsUnspecified() && !ip.IsMulticast() && !h.has(ip):
		return failedCall("bind", syscall.EADDRNOTAVAIL)
	}
	number := at.Port()
	if number == 0 {
		for number = firstPort; ; number++ {
			b.local.AddrPort = netip.AddrPortFrom(ip, number)
			if h.bound(s.Network, b.local, poll.Spec{}) == nil {
				break
			}
			if number == lastPort {
				return failedCall("bind", syscall.EADDRINUSE)
			}
		}
	}
	b.local.AddrPort = netip.AddrPortFrom(ip, number)
	if h.bound(s.Network, b.local, s) != nil {
		return failedCall("bind", syscall.EADDRINUSE)
	}
	return nil
}

// bound finds an open socket that has the address for itself; s wants it too.
func (h *Host) bound(network string, at poll.Addr, s poll.Spec) socket {
	for _, o := range h.sockets {
		b := o.base()
		_, isConn := o.(*conn)
		switch {
		case family(b.spec.Network) != family(network), isConn:
		case at.Path != "" || b.local.Path != "":
			if at.Path == b.local.Path {
				return o
			}
		case b.local.AddrPort.Port() != at.AddrPort.Port():
		case s.ReusePort && b.spec.ReusePort, s.Multicast && b.spec.Multicast:
		case overlap(b.local.AddrPort.Addr(), at.AddrPort.Addr()):
			return o
		}
	}
	return nil
}

// family is tcp, udp, unix or unixgram.
func family(network string) string {
	switch network {
	case "tcp4", "tcp6", "udp4", "udp6":
		return network[:3]
	}
	return network
}

// overlap reports whether two bound addresses get some of the same packets.
func overlap(a, b netip.Addr) bool {
	return a == b || covers(a, b) || covers(b, a)
}

// covers reports whether a, an address that is bound, gets packets to b.
func covers(a, b netip.Addr) bool {
	return a == b || a == netip.IPv6Unspecified() || a == netip.IPv4Unspecified() && b.Is4()
}

// dial begins to connect.
func (h *Host) dial(s poll.Spec) (*conn, error) {
	w := h.world
	c := w.newConn(h, s)
	if err := c.count(); err != nil {
		return nil, failedCall("socket", err)
	}
	c.remote = s.Addr
	if c.remote.Path != "" {
		if err := c.dialPath(); err != nil {
			c.uncount()
			return nil, err
		}
		h.remember(c)
		return c, nil
	}
	to := unmap(s.Addr.AddrPort)
	c.remote.AddrPort = to
	if err := h.source(c, s.Local.AddrPort, to.Addr()); err != nil {
		c.uncount()
		return nil, err
	}
	h.remember(c)
	c.attempt(firstRetry)
	return c, nil
}

func unmap(a netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}

// source gives a dial its local address and port: the next one in turn that no
// other connection to the same place has.
func (h *Host) source(c *conn, local netip.AddrPort, to netip.Addr) error {
	ip := local.Addr().Unmap()
	switch {
	case ip.IsValid() && !ip.IsUnspecified():
		if !h.has(ip) {
			return failedCall("bind", syscall.EADDRNOTAVAIL)
		}
	case h.has(to):
		ip = to
	case to.Is4():
		ip = h.Addr()
	default:
		ip = h.Addr6()
	}
	number := local.Port()
	for tries := 0; ; tries++ {
		if local.Port() == 0 {
			number = firstPort + h.nextPort%(lastPort-firstPort+1)
			h.nextPort++
		}
		c.local.AddrPort = netip.AddrPortFrom(ip, number)
		if !h.connected(c.local.AddrPort, c.remote.AddrPort) {
			return nil
		}
		if local.Port() != 0 || tries > lastPort-firstPort {
			return failedCall("connect", syscall.EADDRNOTAVAIL)
		}
	}
}

func (h *Host) connected(local, remote netip.AddrPort) bool {
	for _, c := range h.conns {
		if c.local.AddrPort == local && c.remote.AddrPort == remote {
			return true
		}
	}
	return false
}

// attempt sends one request to connect; without an answer another follows
// after retry, and so on, until the dial times out.
func (c *conn) attempt(retry time.Duration) {
	w, h := c.host.world, c.host
	target := w.owner(h, c.remote.AddrPort.Addr())
	if target == nil {
		w.after(unreachable, func() { c.fail(syscall.EHOSTUNREACH) })
		return
	}
	again := func() {
		w.inBackground(w.mono+int64(retry), func() {
			switch {
			case c.dialed || c.shut || c.peer != nil:
			case 2*retry > dialTimeout:
				c.fail(syscall.ETIMEDOUT)
			default:
				c.attempt(2 * retry)
			}
		})
	}
	if w.blocked(h, target) {
		again()
		return
	}
	w.after(w.travel(h, target), func() {
		if w.blocked(h, target) || c.shut {
			again()
			return
		}
		p := target.portAt(c.remote.AddrPort)
		switch {
		case p == nil || chance(w.chance, w.Net.Refuse):
			w.after(w.travel(target, h), func() { c.fail(syscall.ECONNREFUSED) })
		case len(p.queue) >= p.backlog:
			again() // as Linux does: silence
		default:
			c.meet(p)
		}
	})
}

// meet makes the other end, and connects both.
func (c *conn) meet(p *port) {
	w := c.host.world
	w.record(p.host, kindDial, p.id, nil)
	s := w.newConn(p.host, p.spec)
	s.local, s.remote = c.remote, c.local
	s.dialed = true
	s.peer, c.peer = c, s
	p.host.remember(s)
	p.queue = append(p.queue, s)
	p.changed()
	w.after(s.arrival(0), func() {
		if w.cut(c.host, p.host) {
			c.stall() // as if connected: bytes and ends will tell
		}
		w.record(c.host, kindAnswer, c.id, nil)
		if c.shut {
			c.refuse()
			return
		}
		c.dialed = true
		c.changed()
		s.pump()
	})
}

// fail ends a dial.
func (c *conn) fail(err syscall.Errno) {
	if c.dialed || c.shut {
		return
	}
	c.host.world.record(c.host, kindAnswer, c.id, []byte(err.Error()))
	c.die(err)
}

// dialPath connects to a UNIX port of the same host, at once.
func (c *conn) dialPath() error {
	o, _ := c.host.bound("unix", c.remote, poll.Spec{}).(*port)
	switch {
	case o == nil:
		return os.NewSyscallError("connect", syscall.ENOENT)
	case len(o.queue) >= o.backlog:
		return os.NewSyscallError("connect", syscall.EAGAIN)
	}
	c.local = c.spec.Local
	c.meet(o)
	return nil
}

// portAt finds who listens: an exact address before a general one.
func (h *Host) portAt(at netip.AddrPort) (found *port) {
	for _, o := range h.sockets {
		p, ok := o.(*port)
		if !ok || family(p.spec.Network) != "tcp" || p.local.AddrPort.Port() != at.Port() {
			continue
		}
		if bound := p.local.AddrPort.Addr(); bound == at.Addr() || found == nil && covers(bound, at.Addr()) {
			found = p
		}
	}
	return found
}

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
	w.after(s.arrival(0), func() { c.answered(firstRetry) })
}

// answered is the arrival of the answer to a dial; one that is lost is repeated.
func (c *conn) answered(retry time.Duration) {
	w := c.host.world
	switch {
	case c.shut || c.dead:
		return // has said so
	case w.cut(c.host, c.peer.host) && 2*retry > dialTimeout:
		c.fail(syscall.ETIMEDOUT)
		c.peer.probe()
	case w.cut(c.host, c.peer.host):
		w.inBackground(w.mono+int64(retry), func() { c.answered(2 * retry) })
	default:
		w.record(c.host, kindAnswer, c.id, nil)
		c.dialed = true
		c.changed()
		c.peer.pump()
	}
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

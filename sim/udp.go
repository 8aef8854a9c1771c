package sim

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/twistor-go/twistor/internal/poll"
)

const (
	maxPacketBytes  = 65_507  // of UDP over IPv4
	maxWaitingBytes = 212_992 // that a packet socket holds, as on Linux; more are lost
)

// A packets is a packet socket.
type packets struct {
	watched
	queue   []poll.Packet
	waiting int // bytes in queue
	groups  []netip.Addr
	deaf    bool // does not hear its own host's packets to groups
	fixed   bool // connected: remote is the only peer
	err     syscall.Errno
}

func (p *packets) ready() (r poll.Ready) {
	r = poll.Out
	if len(p.queue) > 0 {
		r |= poll.In
	}
	if p.err != 0 {
		r |= poll.In | poll.Hup
	}
	return r
}

func (p *packets) close(bool) {
	if !p.shut {
		p.shut = true
		p.uncount()
		p.host.forget(p)
	}
}

// packets opens a packet socket: bound to s.Addr, or connected to it.
func (h *Host) packets(s poll.Spec, connect bool) (*packets, error) {
	w := h.world
	w.ids++
	p := &packets{watched: watched{id: w.ids, host: h, spec: s}, fixed: connect}
	if err := p.count(); err != nil {
		return nil, failedCall("socket", err)
	}
	if connect {
		p.remote, s.Addr = s.Addr, s.Local
		p.remote.AddrPort = unmap(p.remote.AddrPort)
		if ip := p.remote.AddrPort.Addr(); ip.IsValid() && !s.Addr.AddrPort.IsValid() {
			s.Addr.AddrPort = netip.AddrPortFrom(h.facing(ip), 0)
		}
	}
	if err := h.bind(&p.watched, s); err != nil {
		p.uncount()
		return nil, err
	}
	h.remember(p)
	return p, nil
}

// facing is the host's own address for packets to ip.
func (h *Host) facing(ip netip.Addr) netip.Addr {
	switch {
	case h.has(ip):
		return ip
	case ip.Is4():
		return h.Addr()
	}
	return h.Addr6()
}

// send sends one packet, or says why not.
func (p *packets) send(out poll.Packet) error {
	w := p.host.world
	to := unmap(out.Peer)
	if p.fixed {
		to = p.remote.AddrPort
	}
	switch {
	case p.err != 0:
		err := p.err
		p.err = 0
		return failedCall("sendmsg", err)
	case family(p.spec.Network) == "unixgram":
		return p.sendPath(out)
	case out.N > maxPacketBytes:
		return failedCall("sendmsg", syscall.EMSGSIZE)
	case !to.IsValid():
		return failedCall("sendmsg", syscall.EDESTADDRREQ)
	case broadcast(to.Addr()) && !p.spec.Broadcast:
		return failedCall("sendmsg", syscall.EACCES)
	case chance(w.chance, w.Net.NoBuffers):
		return failedCall("sendmsg", syscall.ENOBUFS)
	}
	from := netip.AddrPortFrom(p.host.facing(to.Addr()), p.local.AddrPort.Port())
	if out.Via.IsValid() && p.host.has(out.Via) {
		from = netip.AddrPortFrom(out.Via.Unmap(), from.Port())
	} else if ip := p.local.AddrPort.Addr(); !ip.IsUnspecified() && !ip.IsMulticast() {
		from = netip.AddrPortFrom(ip, from.Port())
	}
	body := slices.Clone(out.B[:out.N])
	if to.Addr().IsMulticast() || broadcast(to.Addr()) {
		for _, h := range w.hosts {
			if h != p.host || !p.deaf {
				w.carry(p, h, poll.Packet{B: body, N: len(body), Peer: from}, to)
			}
		}
		return nil
	}
	if h := w.owner(p.host, to.Addr()); h != nil {
		w.carry(p, h, poll.Packet{B: body, N: len(body), Peer: from}, to)
	}
	return nil
}

func broadcast(ip netip.Addr) bool { return ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}) }

// carry takes one packet to a host, or loses it, or takes it twice, or late.
func (w *World) carry(from *packets, h *Host, packet poll.Packet, to netip.AddrPort) {
	times := 1
	if from.host != h {
		if chance(w.chance, w.Net.Loss) {
			return
		}
		if chance(w.chance, w.Net.Duplicate) {
			times = 2
		}
	}
	for range times {
		d := w.travel(from.host, h)
		if from.host != h && chance(w.chance, w.Net.Reorder) {
			d += upTo(w.chance, maxReorder)
		}
		w.after(d, func() {
			if !w.blocked(from.host, h) {
				h.deliver(from, packet, to)
			}
		})
	}
}

// deliver gives a packet to the sockets that are bound to its address; if there
// are none, a sender that is connected hears of it.
func (h *Host) deliver(from *packets, packet poll.Packet, to netip.AddrPort) {
	w := h.world
	w.record(h, kindPacket, from.id, packet.B)
	many := to.Addr().IsMulticast() || broadcast(to.Addr())
	if !many {
		packet.Via = to.Addr()
	} else {
		packet.Via = h.facing(to.Addr())
	}
	heard := false
	for _, o := range slices.Clone(h.sockets) {
		p, ok := o.(*packets)
		if ok && p.hears(packet.Peer, to) {
			heard = true
			p.receive(packet)
			if !many {
				return
			}
		}
	}
	if !heard && !many && from.fixed {
		w.after(w.travel(h, from.host), func() {
			if !w.blocked(h, from.host) && !from.shut {
				from.err = syscall.ECONNREFUSED
				from.changed()
			}
		})
	}
}

// hears reports whether p gets packets from there to here.
func (p *packets) hears(from, to netip.AddrPort) bool {
	switch ip := p.local.AddrPort.Addr(); {
	case family(p.spec.Network) != "udp" || p.local.AddrPort.Port() != to.Port():
		return false
	case p.fixed && p.remote.AddrPort != from:
		return false
	case to.Addr().IsMulticast():
		return slices.Contains(p.groups, to.Addr())
	case broadcast(to.Addr()):
		return true
	default:
		return covers(ip, to.Addr())
	}
}

func (p *packets) receive(in poll.Packet) {
	if p.waiting+in.N > maxWaitingBytes {
		return
	}
	p.queue = append(p.queue, in)
	p.waiting += in.N
	p.changed()
}

// sendPath sends to a path of the same host.
func (p *packets) sendPath(out poll.Packet) error {
	path := out.Path
	if p.fixed {
		path = p.remote.Path
	}
	if path == "" {
		return failedCall("sendmsg", syscall.EDESTADDRREQ)
	}
	to, ok := p.host.bound("unixgram", poll.Addr{Path: path}, poll.Spec{}).(*packets)
	switch {
	case !ok:
		return failedCall("sendmsg", syscall.ENOENT)
	case to.waiting+out.N > maxWaitingBytes:
		return poll.ErrAgain
	}
	p.host.world.record(p.host, kindPacket, p.id, out.B[:out.N])
	to.receive(poll.Packet{B: slices.Clone(out.B[:out.N]), N: out.N, Path: p.local.Path})
	return nil
}

// take moves what waits into in.
func (p *packets) take(in []poll.Packet) (n int, err error) {
	if p.err != 0 {
		err := p.err
		p.err = 0
		return 0, failedCall("recvmsg", err)
	}
	for n < len(in) && len(p.queue) > 0 {
		from := p.queue[0]
		p.queue = p.queue[1:]
		p.waiting -= from.N
		to := &in[n]
		to.N = copy(to.B, from.B)
		to.Truncated = from.N > len(to.B)
		to.Peer, to.Via, to.Path = from.Peer, from.Via, from.Path
		n++
	}
	if n == 0 {
		return 0, poll.ErrAgain
	}
	return n, nil
}

package reactor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/poll"
)

const (
	packetBatch       = 64
	packetReadBudget  = 256 << 10 // bytes a port and turn
	defaultPacketSize = 8 << 10
	maxPacketSize     = 65_535
	maxQueuedPackets  = 1024
	maxQueuedBytes    = 1 << 20
	keptPacketBytes   = 128 << 10 // of a port that has nothing to send: batches of 1,232 bytes fit
)

// packetBuffers are what all packet ports of a loop read into and send from.
type packetBuffers struct {
	in   [packetBatch]poll.Packet
	slab []byte
	size int // of the room of each of in; 0: they have none yet
	out  [packetBatch]poll.Packet

	// The batch under way.
	port  *packetPort
	n, at int
}

// fit gives every packet of the batch room for size bytes.
func (b *packetBuffers) fit(size int) {
	if b.size == size {
		return
	}
	b.size = size
	if len(b.slab) < packetBatch*size {
		b.slab = make([]byte, packetBatch*size)
	}
	for i := range b.in {
		b.in[i].B = b.slab[i*size : (i+1)*size : (i+1)*size]
	}
}

// A packetPort is a socket of datagrams.
type packetPort struct {
	// Immutable, but for addr until joining ends.
	l       *loop
	p       twistor.PacketProtocol
	network string
	addr    poll.Addr
	remote  netip.AddrPort
	size    int

	// Owned by the loop.
	h       poll.Handle
	want    poll.Ready
	paused  bool
	blocked bool
	joining bool   // Connected has not said yet that Remote is set
	listed  bool   // in the loop's senders
	slab    []byte // what is to be sent, one packet after another
	out     []outPacket
	dropped int64 // packets too long for us
}

type outPacket struct {
	at, n int // in the slab
	to    twistor.Peer
}

// ListenPacket implements twistor.Loop.
func (l *loop) ListenPacket(c twistor.ListenConfig, p twistor.PacketProtocol) (twistor.Port, error) {
	pp, err := l.bindPackets(c, p)
	if err != nil {
		return nil, listenError(c, err)
	}
	l.register(pp.h, pp)
	l.packetPorts = append(l.packetPorts, pp)
	p.Bound(pp)
	return pp, nil
}

func (l *loop) bindPackets(c twistor.ListenConfig, p twistor.PacketProtocol) (*packetPort, error) {
	if p == nil {
		return nil, errors.New("want a PacketProtocol")
	}
	if err := l.start(); err != nil {
		return nil, err
	}
	if l.packeter == nil {
		return nil, errors.ErrUnsupported
	}
	pp := &packetPort{l: l, p: p, network: c.Network, remote: c.Remote, size: c.MaxPacketBytes, want: poll.In}
	if pp.size == 0 {
		pp.size = defaultPacketSize
	}
	if pp.size < 0 || pp.size > maxPacketSize {
		return nil, fmt.Errorf("MaxPacketBytes %d: want a number from 1 to %d", c.MaxPacketBytes, maxPacketSize)
	}
	spec := poll.Spec{Network: c.Network, Mode: c.Mode, ReusePort: c.ReusePort, Broadcast: c.Broadcast}
	if spec.Mode == 0 {
		spec.Mode = 0o600
	}
	var err error
	if c.File != nil {
		if c.Network == "unixgram" {
			spec.Addr.Path = c.Address
		}
		if pp.h, pp.network, err = l.adoptFile(c.File, spec); err != nil {
			return nil, err
		}
	} else {
		switch c.Network {
		case "udp", "udp4", "udp6", "unixgram":
		default:
			return nil, fmt.Errorf("network %q: want udp, udp4, udp6 or unixgram", c.Network)
		}
		if spec.Local, err = l.bindAddr(c.Network, c.Address); err != nil {
			return nil, err
		}
		if c.Remote.IsValid() {
			spec.Addr = poll.Addr{AddrPort: c.Remote}
			pp.h, err = l.poller.Dial(spec)
		} else {
			spec.Addr, spec.Local = spec.Local, poll.Addr{}
			pp.h, err = l.poller.Listen(spec)
		}
		if err != nil {
			return nil, err
		}
	}
	if pp.remote.IsValid() {
		err := l.poller.Connected(pp.h)
		if pp.joining = err == poll.ErrAgain; pp.joining {
			pp.blocked = true
		} else if err != nil {
			l.poller.Close(pp.h, false)
			return nil, err
		}
	}
	pp.addr = l.poller.LocalAddr(pp.h)
	return pp, nil
}

// ready reads batches within a budget, and goes on sending.
func (pp *packetPort) ready(r poll.Ready) {
	if pp.joining {
		err := pp.l.poller.Connected(pp.h)
		if err == poll.ErrAgain {
			return
		}
		if pp.joining = false; err != nil {
			pp.end(&net.OpError{Op: "dial", Net: pp.network, Addr: net.UDPAddrFromAddrPort(pp.remote), Err: err})
			return
		}
		pp.addr = pp.l.poller.LocalAddr(pp.h)
		pp.want = poll.In
		r |= poll.Out
	}
	if r&poll.Out != 0 {
		pp.blocked = false
		pp.flush()
		pp.wanted()
	}
	l := pp.l
	if l.packets == nil {
		l.packets = new(packetBuffers)
	}
	b := l.packets
	for budget := packetReadBudget; budget > 0 && pp.h != 0 && !pp.paused; {
		b.fit(pp.size)
		n, err := l.packeter.ReadBatch(pp.h, b.in[:])
		if err != nil {
			if err != poll.ErrAgain {
				pp.failed("read", err)
			}
			return
		}
		b.port, b.n, b.at = pp, n, 0
		l.guard((*loop).deliverPackets)
		for i := range n {
			budget -= max(b.in[i].N, 64) // empty ones cost too
		}
		if n < packetBatch {
			return
		}
	}
}

// deliverPackets hands the batch over, one packet after another.
func (l *loop) deliverPackets() {
	b := l.packets
	for b.at < b.n && b.port.h != 0 {
		k := &b.in[b.at]
		b.at++
		if k.Truncated {
			if b.port.dropped++; b.port.dropped == 1 {
				l.log.Warn("packet is too long", "proto", b.port.network, "peer", k.Peer.String(), "maxPacketBytes", b.port.size)
			}
			continue
		}
		if b.port.remote.IsValid() {
			k.Peer = b.port.remote
		}
		b.port.p.PacketReceived(k.B[:k.N:k.N], twistor.Peer{Addr: k.Peer, Via: k.Via, Path: k.Path})
		l.resume()
	}
}

// failed serves an error of the socket: none of them ends it.
func (pp *packetPort) failed(op string, err error) {
	if isErrno(err, syscall.ECONNREFUSED) {
		if p, ok := pp.p.(twistor.Refuser); ok {
			p.Refused()
		}
		return
	}
	pp.l.log.Debug("packet lost", "op", op, "proto", pp.network, "local", pp.Addr().String(), "err", err)
}

func (pp *packetPort) wanted() {
	if pp.h == 0 || pp.joining {
		return
	}
	var w poll.Ready
	if !pp.paused {
		w |= poll.In
	}
	if pp.blocked {
		w |= poll.Out
	}
	if w != pp.want {
		pp.want = w
		pp.l.poller.Want(pp.h, w)
	}
}

// Join implements twistor.PacketTransport.
func (pp *packetPort) Join(group netip.Addr, ifname string) error {
	return pp.member(pp.l.packeter.Join, group, ifname)
}

// Leave implements twistor.PacketTransport.
func (pp *packetPort) Leave(group netip.Addr, ifname string) error {
	return pp.member(pp.l.packeter.Leave, group, ifname)
}

func (pp *packetPort) member(f func(poll.Handle, netip.Addr, string) error, group netip.Addr, ifname string) error {
	if pp.h == 0 {
		return net.ErrClosed
	}
	if !group.IsMulticast() {
		return fmt.Errorf("reactor: group %v: want a multicast address", group)
	}
	return f(pp.h, group, ifname)
}

// SetMulticast implements twistor.MulticastTuner.
func (pp *packetPort) SetMulticast(ttl int, ifname string, loopback bool) error {
	if pp.h == 0 {
		return net.ErrClosed
	}
	if ttl < 0 || ttl > 255 {
		return fmt.Errorf("reactor: ttl %d: want a number from 0 to 255", ttl)
	}
	return pp.l.packeter.SetMulticast(pp.h, poll.Multicast{TTL: ttl, Interface: ifname, Loopback: loopback})
}

// Addr implements twistor.Port.
func (pp *packetPort) Addr() net.Addr {
	if strings.HasPrefix(pp.network, "unix") {
		return &net.UnixAddr{Name: pp.addr.Path, Net: "unixgram"}
	}
	return net.UDPAddrFromAddrPort(pp.addr.AddrPort)
}

// Loop implements twistor.PacketTransport.
func (pp *packetPort) Loop() twistor.Loop { return pp.l }

// Pause implements twistor.Port.
func (pp *packetPort) Pause() { pp.paused = true; pp.wanted() }

// Resume implements twistor.Port.
func (pp *packetPort) Resume() { pp.paused = false; pp.wanted() }

// Close implements twistor.Port: what is queued is sent if the system takes it
// at once.
func (pp *packetPort) Close() *deferred.Signal {
	pp.end(net.ErrClosed)
	return deferred.Succeeded(struct{}{})
}

func (pp *packetPort) end(err error) {
	if pp.h == 0 {
		return
	}
	l := pp.l
	if !pp.blocked {
		pp.flush()
	}
	l.unregister(pp.h)
	l.poller.Close(pp.h, false)
	pp.h = 0
	l.packetPorts = without(l.packetPorts, pp)
	l.deeds = append(l.deeds, func() { pp.p.Unbound(err) })
}

package sim

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Datagram is one that a PacketTransport sent.
type Datagram struct {
	To    twistor.Peer
	Bytes string
}

// A PacketTransport is a twistor.PacketTransport in memory, for tests of one
// PacketProtocol. Loop-only.
type PacketTransport struct {
	Config twistor.ListenConfig

	clock    *Clock
	protocol twistor.PacketProtocol
	local    net.Addr
	sent     []Datagram
	groups   []netip.Addr
	full     bool
	paused   bool
	inbox    []packet
	over     bool
}

// A packet is a datagram that a paused PacketTransport holds back.
type packet struct {
	bytes []byte
	from  twistor.Peer
}

var _ twistor.PacketTransport = (*PacketTransport)(nil)

// ListenPacket records a PacketTransport; p has heard Bound when it returns.
func (c *Clock) ListenPacket(config twistor.ListenConfig, p twistor.PacketProtocol) (twistor.Port, error) {
	addr, err := c.bind(config, "udp", "unixgram")
	if err != nil {
		return nil, err
	}
	t := &PacketTransport{Config: config, clock: c, protocol: p, local: addr}
	c.packets = append(c.packets, t)
	c.call(func() { p.Bound(t) })
	c.rest(false)
	return t, nil
}

// PacketPorts are the open PacketTransports, in the order of their making.
func (c *Clock) PacketPorts() (open []*PacketTransport) {
	for _, t := range c.packets {
		if !t.over {
			open = append(open, t)
		}
	}
	return open
}

func (t *PacketTransport) Send(p []byte, to twistor.Peer) error {
	switch {
	case t.over:
		return net.ErrClosed
	case t.full:
		return twistor.ErrOverflow
	}
	t.sent = append(t.sent, Datagram{to, string(p)})
	return nil
}

func (t *PacketTransport) Join(group netip.Addr, ifname string) error {
	if !group.IsMulticast() {
		return errors.New("sim: join: " + group.String() + " is no multicast group")
	}
	if !slices.Contains(t.groups, group) {
		t.groups = append(t.groups, group)
	}
	return nil
}

func (t *PacketTransport) Leave(group netip.Addr, ifname string) error {
	i := slices.Index(t.groups, group)
	if i < 0 {
		return errors.New("sim: leave: not in " + group.String())
	}
	t.groups = slices.Delete(t.groups, i, i+1)
	return nil
}

func (t *PacketTransport) Addr() net.Addr     { return t.local }
func (t *PacketTransport) Loop() twistor.Loop { return t.clock }

// Pause keeps packets back; they are received when Resume is called.
func (t *PacketTransport) Pause() { t.paused = true }

func (t *PacketTransport) Resume() {
	t.paused = false
	t.clock.Post(t.drain)
}

// Close makes Unbound follow at the next Advance.
func (t *PacketTransport) Close() *deferred.Signal {
	d := deferred.New[struct{}](t.clock)
	first := !t.over
	t.over = true
	t.clock.Post(func() {
		if first {
			t.protocol.Unbound(net.ErrClosed)
		}
		d.Succeed(struct{}{})
	})
	return d
}

// Take returns what was sent since the last Take.
func (t *PacketTransport) Take() []Datagram {
	sent := t.sent
	t.sent = nil
	return sent
}

// Groups are those joined, in order.
func (t *PacketTransport) Groups() []netip.Addr { return slices.Clone(t.groups) }

// Fill makes Send answer ErrOverflow from now on; Empty ends that.
func (t *PacketTransport) Fill()  { t.full = true }
func (t *PacketTransport) Empty() { t.full = false }

// Receive delivers one packet, now or when t is resumed.
func (t *PacketTransport) Receive(p string, from twistor.Peer) {
	t.inbox = append(t.inbox, packet{[]byte(p), from})
	t.clock.Post(t.drain)
	t.clock.rest(false)
}

// drain delivers what is there.
func (t *PacketTransport) drain() {
	for len(t.inbox) > 0 && !t.paused && !t.over {
		in := t.inbox[0]
		t.inbox = t.inbox[1:]
		t.protocol.PacketReceived(in.bytes, in.from)
		copy(in.bytes, bytes.Repeat([]byte{0xdb}, len(in.bytes))) // who kept it will notice
	}
}

// Refuse says that nobody listens at Config.Remote.
func (t *PacketTransport) Refuse() {
	t.clock.call(func() {
		if r, ok := t.protocol.(twistor.Refuser); ok && !t.over {
			r.Refused()
		}
	})
	t.clock.rest(false)
}

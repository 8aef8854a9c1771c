package dns

import (
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
)

// maxBinds is how many ports are tried, if others have them already.
const maxBinds = 20

// maxStrangeBytes is how long datagrams are taken that servers should not send.
const maxStrangeBytes = 8 << 10

// A socket is where one query leaves from. It is connected, so that the system
// drops what comes from elsewhere, and says when nobody is there.
type socket struct {
	x *inquiry // nil: it is closed
	t twistor.PacketTransport
}

// bind opens a socket at a port that is ours by chance.
func (c *Client) bind(x *inquiry, port uint16) (*socket, error) {
	s := &socket{x: x}
	to := x.up.addr()
	config := twistor.ListenConfig{Network: "udp4", Remote: to}
	if c.MaxUDPBytes > 0 {
		config.MaxPacketBytes = max(c.MaxUDPBytes, maxStrangeBytes)
	}
	local := netip.IPv4Unspecified()
	if to.Addr().Is6() {
		config.Network, local = "udp6", netip.IPv6Unspecified()
	}
	if c.Local.IsValid() {
		local = c.Local
	}
	for range maxBinds {
		config.Address = netip.AddrPortFrom(local, port).String()
		_, err := c.Loop.ListenPacket(config, s)
		if err == nil {
			return s, nil
		}
		if !errors.Is(err, syscall.EADDRINUSE) && !errors.Is(err, syscall.EACCES) {
			return nil, err
		}
		d, err := drawn(c.Loop.Rand())
		if err != nil {
			return nil, err
		}
		port = d.port
	}
	return nil, &net.OpError{Op: "listen", Net: config.Network, Err: syscall.EADDRINUSE}
}

// Bound implements twistor.PacketProtocol.
func (s *socket) Bound(t twistor.PacketTransport) { s.t = t }

// PacketReceived implements twistor.PacketProtocol.
func (s *socket) PacketReceived(p []byte, from twistor.Peer) {
	if s.x == nil {
		return
	}
	if from.Addr != s.x.up.addr() {
		s.x.mistrust()
		return
	}
	s.x.received(p)
}

// Refused implements twistor.Refuser.
func (s *socket) Refused() { s.gone(syscall.ECONNREFUSED) }

// Unbound implements twistor.PacketProtocol.
func (s *socket) Unbound(err error) { s.gone(err) }

func (s *socket) gone(err error) {
	if x := s.x; x != nil {
		to := x.up.addr()
		var op *net.OpError
		if !errors.As(err, &op) {
			err = &net.OpError{Op: "read", Net: "udp", Addr: net.UDPAddrFromAddrPort(to), Err: err}
		}
		x.refused(err)
	}
}

// give hands out sockets to those who wait for one: first those that never had
// any. If there are too many, they take that of a query which should have been
// answered by now: names that nobody answers for cannot hold up the others. It
// asks again when there is room.
func (c *Client) give() {
	if c.giving {
		return
	}
	c.giving = true
	for !c.closed {
		var x *inquiry
		switch {
		case c.fresh.Len() > 0:
			x = c.fresh.Front().Value.(*inquiry)
		case c.parked.Len() > 0:
			x = c.parked.Front().Value.(*inquiry)
		}
		if x == nil || c.sockets >= positive(c.MaxSockets, DefaultMaxSockets) && (x.had || !c.take()) {
			break
		}
		x.queue(nil)
		x.open()
	}
	c.giving = false
}

// take takes the oldest socket away, if it is old enough.
func (c *Client) take() bool {
	oldest := c.tries.Front()
	if oldest == nil {
		return false
	}
	x := oldest.Value.(*inquiry)
	if left := c.patience() - c.Loop.Now().Sub(x.began); left > 0 {
		c.giver.Stop()
		c.giver = c.Loop.CallLater(left, c.give)
		return false
	}
	c.stats.TookAway++
	x.release()
	x.queue(&c.parked)
	return true
}

// patience is how long a query keeps its socket if others want it: four times
// as long as most are.
func (c *Client) patience() time.Duration {
	if c.roundTrip == 0 {
		return maxRoundTrip
	}
	return max(minPatience, 4*min(c.roundTrip, maxRoundTrip))
}

const (
	minPatience = 10 * time.Millisecond
	// maxRoundTrip is the most that the wait for a socket is counted by.
	maxRoundTrip = 250 * time.Millisecond
)

// measure notes how long an answer took.
func (c *Client) measure(d time.Duration) {
	if c.roundTrip == 0 {
		c.roundTrip = d
		return
	}
	c.roundTrip += (d - c.roundTrip) / 16
}

package sim

import (
	"net/netip"
	"slices"
	"syscall"

	"github.com/twistor-go/twistor/internal/poll"
)

// packets finds the packet socket of a handle.
func (p *poller) packets(h poll.Handle) (*packets, error) {
	at := p.find(h)
	if at == nil {
		return nil, poll.ErrClosed
	}
	o, ok := at.socket.(*packets)
	if !ok {
		return nil, failedCall("recvmsg", syscall.ENOTSOCK)
	}
	return o, nil
}

func (p *poller) ReadBatch(h poll.Handle, b []poll.Packet) (int, error) {
	o, err := p.packets(h)
	if err != nil {
		return 0, err
	}
	return o.take(b)
}

func (p *poller) WriteBatch(h poll.Handle, b []poll.Packet) (int, error) {
	o, err := p.packets(h)
	if err != nil {
		return 0, err
	}
	for i := range b {
		if err := o.send(b[i]); err != nil {
			return i, err
		}
	}
	return len(b), nil
}

func (p *poller) Join(h poll.Handle, group netip.Addr, ifname string) error {
	o, err := p.packets(h)
	switch {
	case err != nil:
		return err
	case !group.IsMulticast():
		return failedCall("setsockopt", syscall.EINVAL)
	case slices.Contains(o.groups, group):
		return failedCall("setsockopt", syscall.EADDRINUSE)
	}
	o.groups = append(o.groups, group)
	return nil
}

func (p *poller) Leave(h poll.Handle, group netip.Addr, ifname string) error {
	o, err := p.packets(h)
	if err != nil {
		return err
	}
	i := slices.Index(o.groups, group)
	if i < 0 {
		return failedCall("setsockopt", syscall.EADDRNOTAVAIL)
	}
	o.groups = slices.Delete(o.groups, i, i+1)
	return nil
}

func (p *poller) SetMulticast(h poll.Handle, m poll.Multicast) error {
	o, err := p.packets(h)
	if err != nil {
		return err
	}
	o.deaf = !m.Loopback
	return nil
}

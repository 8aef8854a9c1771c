package reactor

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// Send implements twistor.PacketTransport.
func (pp *packetPort) Send(p []byte, to twistor.Peer) error {
	if pp.h == 0 {
		return net.ErrClosed
	}
	switch {
	case pp.network == "unixgram":
		if to.Path == "" {
			return errors.New("reactor: Send: want Peer.Path")
		}
	case pp.remote.IsValid():
		if to.Addr.IsValid() && to.Addr != pp.remote {
			return fmt.Errorf("reactor: Send to %v: this port talks to %v only", to.Addr, pp.remote)
		}
	case !to.Addr.IsValid() || to.Addr.Port() == 0:
		return errors.New("reactor: Send: want Peer.Addr with a port")
	case !fitsFamily(pp.network, to.Addr.Addr()) || pp.addr.AddrPort.Addr().Is4() && !to.Addr.Addr().Unmap().Is4():
		return fmt.Errorf("reactor: Send to %v: this port is %s on %v", to.Addr, pp.network, pp.addr.AddrPort)
	}
	if len(p) > maxPacketSize-28 && pp.network != "unixgram" {
		return &net.OpError{Op: "write", Net: pp.network, Addr: net.UDPAddrFromAddrPort(to.Addr), Err: syscall.EMSGSIZE}
	}
	// A whole batch need not wait: one after another use the same memory.
	if len(pp.out) >= packetBatch || len(pp.slab)+len(p) > maxQueuedBytes {
		if !pp.blocked {
			pp.flush()
			pp.wanted()
		}
		if len(pp.out) >= maxQueuedPackets || len(pp.slab)+len(p) > maxQueuedBytes {
			return twistor.ErrOverflow
		}
	}
	pp.out = append(pp.out, outPacket{len(pp.slab), len(p), to})
	pp.slab = append(pp.slab, p...)
	if !pp.listed && !pp.blocked {
		pp.listed = true
		pp.l.senders = append(pp.l.senders, pp)
	}
	return nil
}

// sendPackets sends what this turn queued.
func (l *loop) sendPackets() {
	for i := 0; i < len(l.senders); i++ {
		pp := l.senders[i]
		pp.listed = false
		if !pp.blocked {
			pp.flush()
			pp.wanted()
		}
	}
	clear(l.senders)
	l.senders = l.senders[:0]
}

// flush sends what is queued, in batches.
func (pp *packetPort) flush() {
	l := pp.l
	if l.packets == nil {
		l.packets = new(packetBuffers)
	}
	batch := &l.packets.out
	done, used := 0, 0
	for done < len(pp.out) && pp.h != 0 {
		n := min(len(pp.out)-done, packetBatch)
		used = max(used, n)
		for i := range n {
			o := &pp.out[done+i]
			batch[i] = poll.Packet{B: pp.slab[o.at : o.at+o.n], N: o.n, Peer: o.to.Addr, Via: o.to.Via, Path: o.to.Path}
			if pp.remote.IsValid() {
				batch[i].Peer = netip.AddrPort{}
			}
		}
		sent, err := l.packeter.WriteBatch(pp.h, batch[:n])
		done += sent
		if err == poll.ErrAgain {
			pp.blocked = true
			break
		}
		if err != nil {
			done++ // that one is lost, as packets may be
			l.deeds = append(l.deeds, func() { pp.failed("write", err) })
		}
	}
	clear(batch[:used])
	pp.out = pp.out[:copy(pp.out, pp.out[done:])]
	if len(pp.out) == 0 {
		pp.out, pp.slab = pp.out[:0], pp.slab[:0]
		if cap(pp.slab) > keptPacketBytes {
			pp.out, pp.slab = nil, nil // a burst is over
		}
	} else if at := pp.out[0].at; at > 0 {
		pp.slab = pp.slab[:copy(pp.slab, pp.slab[at:])]
		for i := range pp.out {
			pp.out[i].at -= at
		}
	}
}

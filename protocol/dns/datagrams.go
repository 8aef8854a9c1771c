package dns

import (
	"errors"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Packets is the protocol of a UDP port: one for each port.
func (s *Server) Packets() twistor.PacketProtocol { return &datagrams{s: s} }

// A datagrams is a UDP port.
type datagrams struct {
	s    *Server
	t    twistor.PacketTransport
	port uint16
}

// Bound implements twistor.PacketProtocol.
func (d *datagrams) Bound(t twistor.PacketTransport) {
	d.t, d.s.loop = t, t.Loop()
	if a, ok := addrPort(t.Addr()); ok {
		d.port = a.Port()
	}
}

// PacketReceived implements twistor.PacketProtocol.
func (d *datagrams) PacketReceived(p []byte, from twistor.Peer) {
	if d.loops(from) {
		d.s.stats.Ignored++
		return
	}
	if d.s.pending >= d.s.maxPending() {
		d.s.stats.Dropped++
		return
	}
	d.s.serve(p, from, OverUDP, d)
}

// loops reports whether from is no client but a server, which would answer our
// answer, or ourselves.
//
// See CVE-2024-2169, application-layer loops.
func (d *datagrams) loops(from twistor.Peer) bool {
	switch from.Addr.Port() {
	case 0, 7, 17, 19, 53, 520:
		return true
	case d.port:
		return from.Addr.Addr() == from.Via
	}
	return false
}

// Unbound implements twistor.PacketProtocol.
func (d *datagrams) Unbound(error) {}

// send is the sink's. A datagram that has no room is lost, as those are.
func (d *datagrams) send(w *ResponseWriter, p []byte, more bool) {
	if !more {
		d.t.Send(p, w.q.From)
	}
}

// room is the sink's: there is no answer in several messages.
func (d *datagrams) room() *deferred.Signal {
	return deferred.Failed[struct{}](d.t.Loop(), errors.New("dns: an answer in several messages over UDP: want a stream"))
}

func (d *datagrams) completed(*exchange) {}

package service

import (
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// ListenPacket is the Service that has p serve the datagrams of a place, such as
// "udp:53". When it stops, p hears Dismissed, if it is a twistor.Dismisser, and
// may still send; then the port closes, and p hears Unbound. Groups of multicast
// are p's to join, when it hears Bound.
//
// One loop reads the port. There is no ListenPacketEach: datagrams of one peer
// would come to different loops.
func ListenPacket(endpoint string, p twistor.PacketProtocol) Service {
	return &receiver{endpoint: endpoint, protocol: p}
}

type receiver struct {
	// Immutable.
	endpoint string
	protocol twistor.PacketProtocol

	// Owned by the loop.
	port twistor.Port // nil: it does not run
}

// Bind implements Binder.
func (r *receiver) Bind(h Host) error {
	if heir, ok := h.(Heir); ok {
		return heir.Reserve(r.endpoint)
	}
	return nil
}

func (r *receiver) Start(_ *deferred.Co, h Host) error {
	if r.port != nil {
		return ErrRunning
	}
	port, err := h.ListenPacket(r.endpoint, r.protocol)
	if err != nil {
		return err
	}
	r.port = port
	h.Loop().Log().Info("listening", "at", r.endpoint, "addr", port.Addr())
	return nil
}

func (r *receiver) Stop(co *deferred.Co) error {
	if r.port == nil {
		return nil
	}
	if d, ok := r.protocol.(twistor.Dismisser); ok {
		d.Dismissed()
	}
	_, err := r.port.Close().Await(co)
	r.port = nil
	co.Yield() // Unbound comes at the end of the turn
	return err
}

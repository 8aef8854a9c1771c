package service

import (
	"errors"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// ListenPacket is the Service that has p serve the datagrams of a place, such as
// "udp:514". When it stops, p hears Dismissed, if it is a twistor.Dismisser, and
// may still send; then the port closes, and p hears Unbound. Groups of multicast
// are p's to join, when it hears Bound. One loop reads the port.
func ListenPacket(endpoint string, p twistor.PacketProtocol) Service {
	return &receiver{endpoint: endpoint, build: func(twistor.Loop) twistor.PacketProtocol { return p }}
}

// ListenPacketEach is the Service that has all loops read the datagrams of a
// place, such as "udp:53": build makes, when the Service starts, a
// PacketProtocol for each loop. It is for protocols in which every packet stands
// alone: what one peer sends may come to different loops. build is called on the
// Service's home. When it stops, each hears what ListenPacket's p does.
func ListenPacketEach(endpoint string, build func(at twistor.Loop) twistor.PacketProtocol) Service {
	return &receiver{endpoint: endpoint, build: build, each: true}
}

// A receiver is a packet port that one loop reads, or each.
type receiver struct {
	// Immutable.
	endpoint string
	build    func(at twistor.Loop) twistor.PacketProtocol
	each     bool

	// Owned by the loop.
	port twistor.Port // nil: it does not run
	home twistor.Loop
	on   *twistor.Each[twistor.PacketProtocol] // nil: home alone
	p    twistor.PacketProtocol                // home's
}

// Bind implements Binder.
func (r *receiver) Bind(h Host) error {
	if heir, ok := h.(Heir); ok {
		return heir.Reserve(r.endpoint)
	}
	return nil
}

func (r *receiver) Start(_ *deferred.Co, h Host) (err error) {
	if r.port != nil {
		return ErrRunning
	}
	r.home = h.Loop()
	if r.each {
		missing := false
		r.on = twistor.NewEach(r.home, func(_ *twistor.Each[twistor.PacketProtocol], at twistor.Loop) twistor.PacketProtocol {
			p := r.build(at)
			missing = missing || p == nil
			return p
		})
		if missing {
			return errors.New("service: ListenPacketEach: want a PacketProtocol for each loop, not nil")
		}
		r.p = r.on.On(r.home)
		r.port, err = h.ListenPacketEach(r.endpoint, r.on.On)
	} else {
		r.p = r.build(r.home)
		r.port, err = h.ListenPacket(r.endpoint, r.p)
	}
	if err != nil {
		r.port = nil
		return err
	}
	r.home.Log().Info("listening", "at", r.endpoint, "addr", r.port.Addr())
	return nil
}

func (r *receiver) Stop(co *deferred.Co) error {
	if r.port == nil {
		return nil
	}
	var told []*deferred.Signal
	if r.on != nil {
		for _, at := range r.home.Siblings() {
			if p := r.on.On(at); at != r.home {
				told = append(told, deferred.Ask(r.home, at, func() *deferred.Signal { dismiss(p); return deferred.Succeeded(struct{}{}) }))
			}
		}
	}
	dismiss(r.p)
	deferred.Settle(told...).Await(co)
	_, err := r.port.Close().Await(co)
	r.port = nil
	co.Yield() // Unbound comes at the end of the turn
	return err
}

func dismiss(p twistor.PacketProtocol) {
	if d, ok := p.(twistor.Dismisser); ok {
		d.Dismissed()
	}
}

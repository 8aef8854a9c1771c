package service

import (
	"errors"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Listen is the Service that has f serve at a place, such as "tcp:8888". When
// it stops, the port closes and every connection hears Dismissed; those that
// are not over when Stop is cancelled, as StopWithin and a Group do when the time
// is up, are aborted. Peers
// that have been told everything have a second to close, and are left then.
func Listen(endpoint string, f twistor.Factory) Service { return ListenAll([]string{endpoint}, f) }

// ListenAll is Listen at several places: f hears Opened before the first of
// them accepts, and Closed after the last. An f given to several Services is
// opened by each.
func ListenAll(endpoints []string, f twistor.Factory) Service {
	return &listener{endpoints: slices.Clone(endpoints), factory: f}
}

// A listener is the factory of its ports, too: it knows who is connected.
type listener struct {
	// Immutable.
	endpoints []string
	factory   twistor.Factory

	// Owned by the loop.
	heir   Heir // nil: the Host is none
	ports  []twistor.Port
	opened int // places
	hall
}

// Bind implements Binder.
func (n *listener) Bind(h Host) error {
	heir, ok := h.(Heir)
	if !ok {
		return nil
	}
	for _, endpoint := range n.endpoints {
		if err := heir.Reserve(endpoint); err != nil {
			return err
		}
	}
	return nil
}

func (n *listener) Start(co *deferred.Co, h Host) error {
	n.heir, _ = h.(Heir)
	n.open()
	for _, endpoint := range n.endpoints {
		port, err := h.Listen(endpoint, place{n, endpoint})
		if err != nil {
			return errors.Join(err, n.close(co))
		}
		n.ports = append(n.ports, port)
		h.Loop().Log().Info("listening", "at", endpoint, "addr", port.Addr())
	}
	if n.heir != nil {
		for _, endpoint := range n.endpoints {
			n.heir.Inherit(endpoint, func(c Connection) { n.restore(h.Loop(), endpoint, c) })
		}
	}
	return nil
}

func (n *listener) Stop(co *deferred.Co) error {
	ports := n.ports
	err := n.close(co)
	if n.heir != nil && n.heir.Bequeaths() {
		n.bequeath(co)
	}
	n.seeOut(co, ports)
	return err
}

// close closes the ports.
func (n *listener) close(co *deferred.Co) (err error) {
	for _, port := range n.ports {
		_, failed := port.Close().Await(co)
		err = errors.Join(err, failed)
	}
	n.ports = nil
	return err
}

// A place is the factory of one endpoint.
type place struct {
	*listener
	endpoint string
}

// Opened passes to the factory before the first place accepts.
func (p place) Opened(l twistor.Loop) error {
	if o, ok := p.factory.(twistor.Opener); ok && p.opened == 0 {
		if err := o.Opened(l); err != nil {
			return err
		}
	}
	p.opened++
	return nil
}

// Closed passes after the last.
func (p place) Closed() {
	p.opened--
	if o, ok := p.factory.(twistor.Opener); ok && p.opened == 0 {
		o.Closed()
	}
}

// NextProtos are the factory's.
func (p place) NextProtos() []string { return twistor.NextProtos(p.factory) }

func (p place) Build(t twistor.Transport) twistor.Protocol { return p.build(t, p.endpoint) }

func (n *listener) build(t twistor.Transport, endpoint string) twistor.Protocol {
	return n.seat(t, n.factory, endpoint)
}

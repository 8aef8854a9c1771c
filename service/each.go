package service

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// ListenEach is the Service that serves a place on all loops: build makes, when
// the Service starts and before the port accepts, a Factory for each loop, and a
// new connection goes to the loop with the fewest. What a Factory and its
// protocols share lives on one loop; nothing is shared between loops, but by
// twistor.Each and deferred.Ask. build is called on the Service's home.
//
// When it stops, the port closes, and then the connections of all loops are
// dismissed at the same time, as Listen does it.
func ListenEach(endpoint string, build func(at twistor.Loop) twistor.Factory) Service {
	return &spread{endpoint: endpoint, build: build}
}

// A spread is a port on home and a listener on each loop, for its connections.
type spread struct {
	// Immutable.
	endpoint string
	build    func(at twistor.Loop) twistor.Factory

	// Owned by home; what is on a loop is that loop's.
	home twistor.Loop
	heir Heir // nil: the Host is none
	port twistor.Port
	on   *twistor.Each[*listener]
	next int // loop for a connection of the former process
}

// Bind implements Binder.
func (n *spread) Bind(h Host) error {
	if heir, ok := h.(Heir); ok {
		return heir.Reserve(n.endpoint)
	}
	return nil
}

func (n *spread) Start(_ *deferred.Co, h Host) error {
	if n.port != nil {
		return ErrRunning
	}
	n.home = h.Loop()
	n.heir, _ = h.(Heir)
	var missing error
	n.on = twistor.NewEach(n.home, func(_ *twistor.Each[*listener], at twistor.Loop) *listener {
		l := &listener{factory: n.build(at)}
		if l.factory == nil {
			missing = errNoFactory
		}
		l.open()
		return l
	})
	if missing != nil {
		return missing
	}
	port, err := h.ListenEach(n.endpoint, func(at twistor.Loop) twistor.Factory {
		return place{n.on.On(at), n.endpoint}
	})
	if err != nil {
		return err
	}
	n.port = port
	n.home.Log().Info("listening", "at", n.endpoint, "addr", port.Addr(), "loops", len(n.home.Siblings()))
	if n.heir != nil {
		n.heir.Inherit(n.endpoint, n.restore)
	}
	return nil
}

var errNoFactory = errors.New("service: ListenEach: want a Factory for each loop, not nil")

// restore has the loops in turn go on with connections of the former process.
func (n *spread) restore(c Connection) {
	loops := n.home.Siblings()
	at := loops[n.next%len(loops)]
	n.next++
	l, endpoint := n.on.On(at), n.endpoint
	if !at.Post(func() { l.restore(at, endpoint, c) }) {
		c.File.Close()
		n.home.Log().Warn("cannot go on with a connection", "at", endpoint, "err", deferred.ErrUnreachable)
	}
}

func (n *spread) Stop(co *deferred.Co) error {
	if n.port == nil {
		return nil
	}
	ports := []twistor.Port{n.port}
	_, err := n.port.Close().Await(co)
	n.port = nil
	bequeaths := n.heir != nil && n.heir.Bequeaths()
	var gone []*deferred.Signal
	for i, at := range n.home.Siblings() {
		l := n.on.On(at)
		d := deferred.Ask(n.home, at, func() *deferred.Signal {
			return deferred.Inline(at, func(co *deferred.Co) (struct{}, error) {
				if bequeaths {
					l.heir = messenger{n.home, n.heir}
					l.bequeath(co)
				}
				l.seeOut(co, ports)
				return struct{}{}, nil
			})
		})
		d.Done(func(_ struct{}, failed error) {
			if failed != nil && !errors.Is(failed, deferred.ErrCanceled) {
				err = errors.Join(err, fmt.Errorf("loop %d: %w", i, failed))
			}
		})
		gone = append(gone, d)
	}
	deferred.Settle(gone...).Await(co) // cancelled, they abort
	return err
}

// A messenger is the Heir of another loop than home: it sends home what is to be
// bequeathed, at once, since its peer waits.
type messenger struct {
	home twistor.Loop
	Heir
}

func (m messenger) Bequeath(endpoint string, c Connection) {
	if !m.home.Post(func() { m.Heir.Bequeath(endpoint, c) }) {
		c.File.Close()
	}
}

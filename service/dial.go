package service

import (
	"errors"
	"fmt"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
)

// Dial is the Service that has one connection to a place, such as
// "tcp:irc.example.com:6667", with a protocol of f. Start returns when it is
// connected, and fails when it cannot be. When the Service stops the connection
// is dismissed, as one of Listen is. When the connection ends by itself the
// Service fails, but not when its own protocol closes it, who has finished then.
// To keep a connection up use a Dialer.
func Dial(endpoint string, f twistor.Factory) Service {
	return &dialed{endpoint: endpoint, factory: f}
}

type dialed struct {
	// Immutable.
	endpoint string
	factory  twistor.Factory

	// Owned by the loop.
	hall    hall
	started bool
}

func (d *dialed) Start(co *deferred.Co, h Host) error {
	if d.started {
		return ErrRunning
	}
	d.hall.open()
	_, err := endpoint.Dial(h.Loop(), d.endpoint, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return d.hall.seatThen(t, d.factory, d.endpoint, func(err error) { d.ended(h, err) })
	})).Await(co)
	if err != nil {
		return err
	}
	d.started = true
	h.Loop().Log().Info("connected", "service", Name(h), "to", d.endpoint)
	return nil
}

// ended hears that the connection is over.
func (d *dialed) ended(h Host, err error) {
	ours := errors.Is(err, net.ErrClosed) && !errors.Is(err, twistor.ErrOverflow)
	if d.hall.doors && !ours {
		Fail(h, fmt.Errorf("connection to %s ended: %w", d.endpoint, err))
	}
}

func (d *dialed) Stop(co *deferred.Co) error {
	d.started = false
	d.hall.seeOut(co, nil)
	return nil
}

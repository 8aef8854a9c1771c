package service

import (
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// bequeath hands the connections over that can live on in the next process. It
// returns when none of them is left here.
func (n *listener) bequeath(co *deferred.Co) {
	going := 0
	for _, s := range slices.Clone(n.seats) {
		detacher, ok := s.Transport.(twistor.Detacher)
		if !ok || s.closed {
			continue
		}
		state, ok := s.HandedOver()
		if !ok {
			continue
		}
		detached, err := detacher.Detach()
		if err != nil {
			co.Loop().Report(err)
			continue
		}
		n.heir.Bequeath(s.endpoint, Connection{detached, state})
		going++
	}
	if going > 0 {
		co.Yield() // Disconnected comes at the end of the turn
	}
}

// restore goes on with a connection of the former process.
func (n *listener) restore(l twistor.Loop, endpoint string, c Connection) {
	defer c.File.Close() // Dial has a duplicate
	revived := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		t.Write(c.Unsent)
		p := n.build(t, endpoint)
		if p == nil {
			return nil
		}
		return &arrival{t, p, c}
	})
	l.Dial(twistor.DialConfig{File: c.File}, revived).Done(func(_ twistor.Protocol, err error) {
		if err != nil {
			l.Log().Warn("cannot go on with a connection", "at", endpoint, "err", err)
		}
	})
}

// An arrival is a connection that comes from the former process. It makes way
// for the seat, to which what nobody has read is then delivered.
type arrival struct {
	twistor.Transport
	seat twistor.Protocol
	from Connection
}

func (a *arrival) Connected() {
	a.Switch(&revived{a.seat.(*seat), a.from.State}, a.from.Unread)
}
func (a *arrival) Received([]byte)    {}
func (a *arrival) Disconnected(error) {}

// A revived seat hears Restored where others hear Connected.
type revived struct {
	*seat
	state []byte
}

func (r *revived) Connected() { r.Restored(r.state) }

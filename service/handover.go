package service

import (
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// bequeath hands the connections over that can live on in the next process.
// Nothing more is read of them meanwhile, so that those with work to finish come
// to rest; it returns when none is left that could go, or after Patience.
func (n *listener) bequeath(co *deferred.Co) {
	var waiting []*seat
	for _, s := range n.seats {
		if s.canGo() {
			s.Hold()
			waiting = append(waiting, s)
		}
	}
	for began := co.Loop().Now(); len(waiting) > 0; {
		waiting = slices.DeleteFunc(waiting, func(s *seat) bool { return s.place < 0 || n.handOver(s) })
		if len(waiting) == 0 || co.Loop().Now().Sub(began) >= Patience || co.Sleep(time.Millisecond) != nil {
			break
		}
	}
	for _, s := range waiting {
		s.Release()
	}
	co.Yield() // Disconnected comes at the end of the turn
}

// canGo tells whether the connection is one that another process can take. A
// layer is a Survivor for whoever is above it, so only the highest says.
func (s *seat) canGo() bool {
	p := s.Above()
	for {
		layer, ok := p.(interface{ Above() twistor.Protocol })
		if !ok {
			break
		}
		p = layer.Above()
	}
	_, survivor := p.(twistor.Survivor)
	_, detacher := s.Transport.(twistor.Detacher)
	return survivor && detacher && !s.closed
}

// handOver reports whether s is out of our hands.
func (n *listener) handOver(s *seat) bool {
	state, ok := s.HandedOver()
	if !ok {
		return false
	}
	detached, err := s.Transport.(twistor.Detacher).Detach()
	if err != nil {
		s.Loop().Log().Debug("a connection stays", "conn", s, "err", err)
		s.Release()
		return true
	}
	n.heir.Bequeath(s.endpoint, Connection{detached, state})
	return true
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

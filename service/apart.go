package service

import (
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/persist"
)

// Apart is the Service that gives s a home of its own: another loop of the
// program, chosen when it first starts, in turn with the others that live apart.
// s shares nothing with those at home, and speaks with them by deferred.Ask and
// Post; whoever else calls its methods does so on its loop. In a program of one
// loop it lives where the others do.
//
// Its Host has no Store, for the program's memory belongs to its first home, and
// is no Heir: ports of s are opened when it starts, not while the program has
// its privileges, and an upgrade does not hand them over; ListenEach has both.
// What s says to its Host by Fail is heard at home.
func Apart(s Service) Service { return &apart{service: s} }

type apart struct {
	// Immutable.
	service Service

	// Owned by home.
	home, there twistor.Loop // nil: it was never started
}

// Start, Stop and Reload go there and wait for the answer.

func (a *apart) Start(co *deferred.Co, h Host) error {
	if a.home != h.Loop() {
		a.home, a.there = h.Loop(), h.Loop()
		if others := slices.DeleteFunc(slices.Clone(a.home.Siblings()), func(l twistor.Loop) bool {
			return l == a.home
		}); len(others) > 0 {
			a.there = others[(lend(h)-1)%len(others)]
		}
	}
	away := away{a.there, a.home, h, Name(h)}
	return a.ask(co, func(co *deferred.Co) error { return a.service.Start(co, away) })
}

func (a *apart) Stop(co *deferred.Co) error { return a.stopWithin(co, StopTimeout) }

func (a *apart) stopWithin(co *deferred.Co, limit time.Duration) error {
	if a.home == nil {
		return nil
	}
	limit -= limit / 10 // for the way back
	return a.ask(co, func(co *deferred.Co) error { return StopWithin(co, a.service, limit) })
}

// Reload implements Reloader.
func (a *apart) Reload(co *deferred.Co) error {
	if r, ok := a.service.(Reloader); ok {
		return a.ask(co, r.Reload)
	}
	return nil
}

func (a *apart) ask(co *deferred.Co, f func(co *deferred.Co) error) error {
	_, err := deferred.Ask(a.home, a.there, func() *deferred.Signal {
		return deferred.Inline(a.there, func(co *deferred.Co) (struct{}, error) { return struct{}{}, f(co) })
	}).Await(co)
	return err
}

// lend is the number of the next one that lives apart below h, from 1.
func lend(h Host) int {
	if l, ok := h.(lender); ok {
		return l.lend()
	}
	return 1
}

// away is the Host of who lives apart. Immutable after first use.
type away struct {
	loop  twistor.Loop
	home  twistor.Loop
	above Host // home's own
	name  string
}

func (h away) Loop() twistor.Loop    { return h.loop }
func (h away) Store() *persist.Store { return nil }
func (h away) Name() string          { return h.name }

func (h away) Listen(at string, f twistor.Factory) (twistor.Port, error) {
	return On(h.loop).Listen(at, f)
}

func (h away) ListenEach(at string, build func(twistor.Loop) twistor.Factory) (twistor.Port, error) {
	return On(h.loop).ListenEach(at, build)
}

func (h away) ListenPacket(at string, p twistor.PacketProtocol) (twistor.Port, error) {
	return On(h.loop).ListenPacket(at, p)
}

// Fail implements Guardian: home hears of it.
func (h away) Fail(err error) {
	if !h.home.Post(func() { Fail(h.above, err) }) {
		h.loop.Log().Error("service failed", "service", h.name, "err", err)
	}
}

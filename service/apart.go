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

	// Owned by there.
	turn deferred.Lock // one of Start, Stop and Reload at a time
	up   bool          // service runs
}

// Start has s start there, and waits for the answer. When it is cancelled
// before that comes, s is stopped again if it has started after all.
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
	_, err := a.ask(func(co *deferred.Co) error {
		err := a.service.Start(co, away)
		a.up = err == nil
		return err
	}).Await(co)
	if co.Err() != nil {
		a.hurry()
		return co.Err()
	}
	return err
}

// Reload implements Reloader.
func (a *apart) Reload(co *deferred.Co) error {
	r, ok := a.service.(Reloader)
	if !ok || a.home == nil {
		return nil
	}
	_, err := a.ask(r.Reload).Await(co)
	return err
}

func (a *apart) Stop(co *deferred.Co) error { return a.stopWithin(co, StopTimeout) }

func (a *apart) stopWithin(co *deferred.Co, limit time.Duration) error {
	if a.home == nil {
		return nil
	}
	limit -= limit / 10 // for the way back
	_, err := a.ask(func(co *deferred.Co) error { return a.end(co, limit) }).Await(co)
	if co.Err() != nil {
		a.hurry() // s may not have been asked yet
	}
	return err
}

// hurry has s stopped at once, if it runs, and does not wait for it.
func (a *apart) hurry() {
	a.ask(func(co *deferred.Co) error { return a.end(co, 0) }).Done(nil)
}

// end runs there.
func (a *apart) end(co *deferred.Co, limit time.Duration) error {
	if !a.up {
		return nil
	}
	a.up = false
	return StopWithin(co, a.service, limit)
}

// ask has f run there, after those that were asked before.
func (a *apart) ask(f func(co *deferred.Co) error) *deferred.Signal {
	return deferred.Ask(a.home, a.there, func() *deferred.Signal {
		return deferred.Inline(a.there, func(co *deferred.Co) (struct{}, error) {
			done, err := a.turn.Acquire(a.there).Await(co)
			if err != nil {
				return struct{}{}, err
			}
			defer done()
			return struct{}{}, f(co)
		})
	})
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

func (h away) ListenPacketEach(at string, build func(twistor.Loop) twistor.PacketProtocol) (twistor.Port, error) {
	return On(h.loop).ListenPacketEach(at, build)
}

// Fail implements Guardian: home hears of it.
func (h away) Fail(err error) {
	if !h.home.Post(func() { Fail(h.above, err) }) {
		h.loop.Log().Error("service failed", "service", h.name, "err", err)
	}
}

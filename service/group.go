package service

import (
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A Group is a Service of several, each with a name. They start in the order in
// which they were added and stop in reverse; they may come and go while it
// runs. It is a Binder and a Reloader for those of them that are. Its zero is
// ready. Loop-only.
type Group struct {
	members []*member
	phase   phase
	host    Host             // nil: it does not run
	over    *deferred.Signal // fires when the Start or Stop in progress is over
	begins  *member          // the one that Start waits for
	quit    bool             // Stop came while it starts
	forced  bool             // that Stop was cancelled
	lent    int              // loops to those that live apart
}

// ErrRunning is what Start says of a Service that runs already.
var ErrRunning = errors.New("service: it runs already")

// Add adds s, to be started after those that are there. A Group that runs binds
// and starts it at once: the Signal fires when it has started, or fails when it
// could not, and s is out again. If the Group is starting its Start comes to s;
// if it gives up before, the Signal is cancelled. Else the Signal has fired, and
// s starts when the Group does. A name that is taken, or a nil s, panics.
func (g *Group) Add(name string, s Service) *deferred.Signal {
	if s == nil {
		panic(fmt.Sprintf("service: Add of %q: want a Service, not nil", name))
	}
	if g.find(name) != nil {
		panic(fmt.Sprintf("service: Add: there is a %q already", name))
	}
	m := &member{tenant: tenant{Service: s}, name: name, group: g}
	g.members = append(g.members, m)
	if g.phase != starting && g.phase != running {
		return deferred.Succeeded(struct{}{})
	}
	added := deferred.New[struct{}](g.host.Loop())
	m.added = added
	if g.phase == running {
		m.begin()
		added.OnCancel(func() { m.now.Cancel() })
	}
	return added
}

// Remove stops the Service of that name, if it runs, within StopTimeout, and
// takes it out; until then its name is taken. The Signal fires when it is out,
// or fails, out all the same, as its Stop did. To cancel the Signal cancels that
// Stop. There being no such Service is a failure too.
func (g *Group) Remove(name string) *deferred.Signal {
	m := g.find(name)
	switch {
	case m == nil:
		return deferred.Failed[struct{}](nil, fmt.Errorf("service: Remove: there is no %q", name))
	case m.leaves != nil:
		return m.leaves.Shield()
	case m.phase == idle:
		g.drop(m)
		m.added.Cancel()
		return deferred.Succeeded(struct{}{})
	}
	loop := g.host.Loop()
	leaves := deferred.New[struct{}](loop)
	m.leaves = leaves
	ended := deferred.Inline(loop, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, m.end(co, StopTimeout)
	})
	leaves.OnCancel(ended.Cancel)
	ended.Done(func(_ struct{}, err error) {
		g.drop(m)
		if err != nil {
			leaves.Fail(err)
		} else {
			leaves.Succeed(struct{}{})
		}
	})
	return leaves
}

// Get returns the Service of that name; nil: none.
func (g *Group) Get(name string) Service {
	if m := g.find(name); m != nil {
		return m.Service
	}
	return nil
}

// All yields the names and Services that are there when it is called, in order.
func (g *Group) All() iter.Seq2[string, Service] {
	members := slices.Clone(g.members)
	return func(yield func(string, Service) bool) {
		for _, m := range members {
			if !yield(m.name, m.Service) {
				return
			}
		}
	}
}

func (g *Group) find(name string) *member {
	for _, m := range g.members {
		if m.name == name {
			return m
		}
	}
	return nil
}

func (g *Group) drop(m *member) {
	g.members = slices.DeleteFunc(g.members, func(other *member) bool { return other == m })
}

// Bind implements Binder: it asks the members that were not asked yet, in
// order, and ends with the first that fails.
func (g *Group) Bind(h Host) error {
	for _, m := range g.members {
		if err := m.bind(h); err != nil {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return nil
}

// Reload implements Reloader: it asks every member that runs, in order, also
// when some fail. The error has all theirs, with their names.
func (g *Group) Reload(co *deferred.Co) (err error) {
	for _, m := range slices.Clone(g.members) {
		r, ok := m.Service.(Reloader)
		if !ok || m.phase != running {
			continue
		}
		if failed := inside(co, r.Reload); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", m.name, failed))
		}
	}
	return err
}

// Start binds the members that were not bound, and starts all in order. If one
// fails, those before it are stopped; the error says which it was. A Group that
// is stopping stops first; one that runs or is starting returns ErrRunning.
func (g *Group) Start(co *deferred.Co, h Host) error {
	for g.phase == stopping {
		if _, err := g.over.Shield().Await(co); err != nil {
			return err
		}
	}
	if g.phase != idle {
		return ErrRunning
	}
	g.host, g.phase, g.over = h, starting, deferred.New[struct{}](h.Loop())
	g.quit, g.forced = false, false
	err := inside(co, func(*deferred.Co) error { return g.Bind(h) })
	if err == nil {
		err = g.startAll(co)
	}
	if err != nil {
		err = errors.Join(err, g.stopAll(co, StopTimeout))
		g.settle(idle)
		return err
	}
	g.settle(running)
	return nil
}

// startAll starts the members, also those that come meanwhile.
func (g *Group) startAll(co *deferred.Co) error {
	for !g.quit && co.Err() == nil {
		i := slices.IndexFunc(g.members, func(m *member) bool { return m.phase != running && m.leaves == nil })
		if i < 0 {
			return nil
		}
		m := g.members[i]
		if m.phase != idle { // left behind by a Stop that was cancelled
			m.over.Shield().Await(co)
			continue
		}
		g.begins = m
		_, err := m.begin().Await(co)
		g.begins = nil
		if err != nil && m.leaves == nil && !g.quit {
			return fmt.Errorf("%s: %w", m.name, err)
		}
	}
	return errQuit
}

var errQuit = fmt.Errorf("service: told to stop while it started: %w", deferred.ErrCanceled)

// Stop is StopWithin of StopTimeout. While the Group is starting it cancels the
// Start of the member whose turn it is, and stops those before; a Group that is
// stopping is waited for. It may be called in any state.
func (g *Group) Stop(co *deferred.Co) error { return g.stopWithin(co, StopTimeout) }

func (g *Group) stopWithin(co *deferred.Co, limit time.Duration) error {
	switch g.phase {
	case idle:
		return nil
	case starting:
		g.quit = true
		if g.begins != nil {
			g.begins.now.Cancel()
		}
		fallthrough // Start returns what goes wrong
	case stopping:
		_, err := g.over.Shield().Await(co)
		if co.Err() != nil {
			g.hurry()
		}
		return err
	}
	g.phase, g.over = stopping, deferred.New[struct{}](co.Loop())
	g.forced = false
	err := g.stopAll(co, limit)
	g.settle(idle)
	return err
}

// stopAll stops the members, the last first. Each may take the time that is
// left when its turn comes, but for what is kept for those after it: ports, whose
// clients take long, are not cut short for members that need an instant.
func (g *Group) stopAll(co *deferred.Co, limit time.Duration) (err error) {
	now := co.Loop().Now
	until := now().Add(limit)
	kept := min(keptToStop, limit/time.Duration(4*max(1, len(g.members))))
	for members := slices.Clone(g.members); len(members) > 0; {
		last := len(members) - 1
		left := slices.DeleteFunc(members[:last:last], func(m *member) bool { return m.phase == idle })
		err = errors.Join(err, members[last].end(co, until.Sub(now())-kept*time.Duration(len(left))))
		members = left
	}
	return err
}

// hurry cancels the Stop that is going on, and those to come.
func (g *Group) hurry() {
	g.forced = true
	for _, m := range g.members {
		m.hurry()
	}
}

// settle ends a Start or a Stop.
func (g *Group) settle(p phase) {
	g.phase = p
	if p == idle {
		g.host = nil
		for _, m := range g.members {
			m.added.Cancel()
		}
	}
	g.over.Succeed(struct{}{})
}

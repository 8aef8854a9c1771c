package service

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
)

// A Group is a Service of several, each with a name. Its zero is ready.
// Loop-only.
type Group struct {
	members []member
	running bool
}

type member struct {
	name string
	Service
}

// Add adds s, to be started after those that are there. A name that is taken,
// or a Group that runs, panics.
func (g *Group) Add(name string, s Service) {
	if g.Get(name) != nil {
		panic(fmt.Sprintf("service: Add: there is a %q already", name))
	}
	if g.running {
		panic(fmt.Sprintf("service: Add of %q: the Group runs", name))
	}
	g.members = append(g.members, member{name, s})
}

// Get returns the Service of that name; nil: none.
func (g *Group) Get(name string) Service {
	for _, m := range g.members {
		if m.name == name {
			return m.Service
		}
	}
	return nil
}

// Start starts each in order. If one fails, those before it are stopped; the
// error says which it was.
func (g *Group) Start(co *deferred.Co, h Host) error {
	g.running = true
	for i, m := range g.members {
		if err := m.Start(co, below(h, m.name)); err != nil {
			err = fmt.Errorf("%s: %w", m.name, err)
			return errors.Join(err, g.stop(co, i))
		}
	}
	return nil
}

// Stop stops each in reverse, also when some fail.
func (g *Group) Stop(co *deferred.Co) error { return g.stop(co, len(g.members)) }

// stop stops the first n.
func (g *Group) stop(co *deferred.Co, n int) (err error) {
	for i := n - 1; i >= 0; i-- {
		if failed := g.members[i].Stop(co); failed != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", g.members[i].name, failed))
		}
	}
	g.running = false
	return err
}

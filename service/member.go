package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A phase is where a Service is in its life.
type phase uint8

const (
	idle phase = iota
	starting
	running
	stopping
)

func (p phase) String() string {
	return [...]string{"stopped", "starting", "running", "stopping"}[p]
}

// A member is a Service of a Group, and its life there.
type member struct {
	name string
	Service
	group *Group

	bound  bool
	phase  phase
	life   int              // counts Starts
	host   Host             // its room, in this life
	now    *deferred.Signal // its Start or Stop in progress: Cancel hurries it
	over   *deferred.Signal // fires when that is over
	added  *deferred.Signal // what Add returned while the Group ran
	leaves *deferred.Signal // what Remove returned
	broken error            // what it told its Host
}

// bind asks a Binder, once.
func (m *member) bind(h Host) error {
	b, ok := m.Service.(Binder)
	if !ok || m.bound {
		return nil
	}
	if err := b.Bind(m.room(h)); err != nil {
		return err
	}
	m.bound = true
	return nil
}

// start begins to start m, and returns how that ends.
func (m *member) start() *deferred.Signal {
	h := m.group.host
	over := deferred.New[struct{}](h.Loop())
	m.phase, m.over, m.now, m.broken = starting, over, nil, nil
	m.life++
	m.host = m.room(h)
	begun := deferred.Inline(h.Loop(), func(co *deferred.Co) (struct{}, error) {
		if err := m.bind(h); err != nil {
			return struct{}{}, err
		}
		return struct{}{}, m.Start(co, m.host)
	})
	m.now = begun
	begun.Done(func(_ struct{}, err error) { m.started(err) })
	return begun
}

func (m *member) started(err error) {
	g, added := m.group, m.added
	m.added = nil
	if m.phase = running; err != nil {
		m.phase = idle
	}
	switch {
	case added == nil:
	case err == nil:
		added.Succeed(struct{}{})
	case g.begins == m || m.leaves != nil:
		added.Cancel() // Start, or Remove, has the error
	default:
		g.drop(m)
		added.Fail(fmt.Errorf("%s: %w", m.name, err))
	}
	m.over.Succeed(struct{}{})
}

// stop stops m, or waits until whoever is stopping it has.
func (m *member) stop(co *deferred.Co, limit time.Duration) (err error) {
	if m.phase == starting {
		m.now.Cancel()
		if _, err := m.over.Shield().Await(co); err != nil {
			return fmt.Errorf("%s: it still starts: %w", m.name, err)
		}
	}
	switch m.phase {
	case stopping:
		hurry := co.Loop().CallLater(limit, m.now.Cancel)
		defer hurry.Stop()
		if _, err := m.over.Shield().Await(co); err != nil {
			m.now.Cancel()
		}
		return nil // who began it has the error
	case running:
	default:
		return nil
	}
	over := deferred.New[struct{}](co.Loop())
	m.phase, m.over, m.now = stopping, over, nil
	defer func() {
		m.phase = idle
		over.Succeed(struct{}{})
	}()
	late, err := stopWithin(co, m.Service, limit, func(d *deferred.Signal) {
		if m.now = d; m.group.forced {
			d.Cancel()
		}
	})
	if err != nil {
		err = fmt.Errorf("%s: %w", m.name, err)
	}
	if late {
		m.host.Loop().Log().Warn("service was slow to stop", "service", Name(m.host), "err", err)
	}
	return err
}

// room returns the Host that m lives on, within its Group's.
func (m *member) room(h Host) Host {
	r := room{below(h, m.name), h, m, m.life}
	if heir, ok := h.(Heir); ok {
		return heirRoom{r, heir}
	}
	return r
}

// A room is the Host of one member, for one life.
type room struct {
	Host
	above  Host
	member *member
	life   int
}

// Fail implements Guardian: what a member says goes up, with its name.
func (r room) Fail(err error) {
	m := r.member
	if m.life != r.life || m.phase != starting && m.phase != running {
		return // that life is over
	}
	m.broken = errors.Join(m.broken, err)
	Fail(r.above, fmt.Errorf("%s: %w", m.name, err))
}

// Name implements Named.
func (r room) Name() string {
	if above := Name(r.above); above != "" {
		return above + "/" + r.member.name
	}
	return r.member.name
}

// lend implements lender: the outermost Group counts.
func (r room) lend() int {
	if up, ok := r.above.(lender); ok {
		return up.lend()
	}
	r.member.group.lent++
	return r.member.group.lent
}

type heirRoom struct {
	room
	Heir
}

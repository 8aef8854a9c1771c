package service

import (
	"errors"
	"fmt"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A member is a Service of a Group, and its life there.
type member struct {
	tenant
	name  string
	group *Group

	bound  bool
	life   int              // counts Starts
	host   Host             // its room, in this life
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

// begin begins to start m, and returns how that ends.
func (m *member) begin() *deferred.Signal {
	h := m.group.host
	m.life++
	m.host, m.broken = m.room(h), nil
	return m.start(h.Loop(), func(co *deferred.Co) error {
		if err := m.bind(h); err != nil {
			return err
		}
		return m.Start(co, m.host)
	}, m.begun)
}

func (m *member) begun(err error) {
	g, added := m.group, m.added
	m.added = nil
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
}

// end stops m, and names it in the error, and in the log if it was late.
func (m *member) end(co *deferred.Co, limit time.Duration) error {
	late, err := m.stop(co, limit)
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

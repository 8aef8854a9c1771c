package service

import (
	"fmt"
	"time"
)

// ward returns the Host of Service, for one life.
func (v *Supervisor) ward() Host {
	w := ward{v.host, v, v.life}
	if heir, ok := v.host.(Heir); ok {
		return heirWard{w, heir}
	}
	return w
}

// A ward is the Host of what a Supervisor watches over.
type ward struct {
	Host
	of   *Supervisor
	life int
}

// Fail implements Guardian.
func (w ward) Fail(err error) { w.of.hear(w.life, err) }

// Name implements Named.
func (w ward) Name() string { return Name(w.Host) }

// lend implements lender.
func (w ward) lend() int { return lend(w.Host) }

type heirWard struct {
	ward
	Heir
}

// Status is that of the members of Service, if it is a Group.
func (v *Supervisor) Status() []Status {
	if g, ok := v.Service.(interface{ Status() []Status }); ok {
		return g.Status()
	}
	return nil
}

// State implements Stater.
func (v *Supervisor) State() string {
	switch {
	case v.host == nil || v.failed == nil:
	case !v.due.IsZero():
		in := v.due.Sub(v.host.Loop().Now()).Round(time.Millisecond)
		return fmt.Sprintf("starts anew in %v after %d restarts: %v", in, v.restarts, v.failed)
	case v.repair != nil:
		return fmt.Sprintf("starts anew after %d restarts: %v", v.restarts, v.failed)
	default:
		state := fmt.Sprintf("started anew %d times, last because of: %v", v.restarts, v.failed)
		if inner := v.state(); inner != "" {
			return inner + ", " + state
		}
		return state
	}
	return v.state()
}

// state is what Service itself says.
func (v *Supervisor) state() string {
	if s, ok := v.Service.(Stater); ok && v.up() {
		return s.State()
	}
	return ""
}

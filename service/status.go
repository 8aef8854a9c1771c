package service

// A Stater is a Service that can say in a line how it is doing while it runs:
// "connected to tcp:db:5432". "": nothing to add.
type Stater interface {
	State() string
}

// A Status says how one Service is doing. Immutable after first use.
type Status struct {
	// Name is that of the Service in its Groups, from the one that was asked:
	// "web/port".
	Name string
	// Phase is stopped, starting, running, stopping, or failed: then it told its
	// Host that it cannot go on.
	Phase string
	// State is what the Service says, or why it failed. "": nothing.
	State string
}

// String is one line of it.
func (s Status) String() string {
	if s.State == "" {
		return s.Name + ": " + s.Phase
	}
	return s.Name + ": " + s.Phase + ", " + s.State
}

// Status says how every member is doing, in order; after each Group come those
// in it.
func (g *Group) Status() []Status {
	all := make([]Status, 0, len(g.members))
	for _, m := range g.members {
		s := Status{Name: m.name, Phase: m.phase.String()}
		if m.broken != nil && m.phase == running {
			s.Phase, s.State = "failed", m.broken.Error()
		} else if r, ok := m.Service.(Stater); ok && m.phase == running {
			s.State = r.State()
		}
		all = append(all, s)
		if inner, ok := m.Service.(interface{ Status() []Status }); ok {
			for _, s := range inner.Status() {
				s.Name = m.name + "/" + s.Name
				all = append(all, s)
			}
		}
	}
	return all
}

package service

// A Guardian is a Host that wants to hear of a Service that cannot go on: a
// Supervisor's, a Group's, a program's. Loop-only.
type Guardian interface {
	// Fail says that the Service it was given to is broken, and why. Its Stop
	// is called still, later. Of a Service that does not run it is ignored.
	Fail(err error)
}

// Fail is how a Service that has started says that it cannot go on: h is what
// its Start was given. A Supervisor that it is in starts it anew; else the whole
// Group, or the program, fails. None of its methods is called before Fail has
// returned. On a Host that does not mind it is logged as an error. A nil err
// panics. Loop-only.
func Fail(h Host, err error) {
	if err == nil {
		panic("service: Fail: want an error, not nil")
	}
	if g, ok := h.(Guardian); ok {
		g.Fail(err)
		return
	}
	h.Loop().Log().Error("service failed", "err", err)
}

// Named is a Host that knows what its Service is called.
type Named interface {
	Name() string
}

// Name returns what the Service that lives on h is called in its Groups, from
// the outermost, such as "web/port"; "": it has no name.
func Name(h Host) string {
	if n, ok := h.(Named); ok {
		return n.Name()
	}
	return ""
}

// A lender is a Host that counts the loops that services apart were given.
type lender interface {
	lend() int
}

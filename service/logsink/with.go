package logsink

import "log/slog"

// A with is what was done to a handler by WithAttrs and WithGroup, to be done
// again to another. Nil: nothing. Immutable.
type with struct {
	before *with
	name   string // of a group, or
	list   []slog.Attr
}

func (w *with) attrs(list []slog.Attr) *with {
	if len(list) == 0 {
		return w
	}
	all := make([]slog.Attr, len(list))
	for i, a := range list {
		all[i] = settled(a, 0)
	}
	return &with{before: w, list: all}
}

func (w *with) group(name string) *with {
	if name == "" {
		return w
	}
	return &with{before: w, name: name}
}

// apply does to h what was done, in order.
func (w *with) apply(h slog.Handler) slog.Handler {
	if w == nil {
		return h
	}
	h = w.before.apply(h)
	if w.name != "" {
		return h.WithGroup(w.name)
	}
	return h.WithAttrs(w.list)
}

package logsink

import (
	"context"
	"log/slog"
	"slices"
	"sync"
)

// A History is a handler that keeps the last records, whatever their level, for
// those who come later: a status command, a sink that is opened late, a test.
// What a record's values are is asked at once, so that they read as they were,
// and so that nothing is kept alive; those without a kind of their own are kept
// as text. Its zero is ready. Safe for concurrent use.
type History struct {
	// MaxRecords is how many are kept; then the oldest go. 0: 200.
	MaxRecords int

	mu      sync.Mutex
	records []kept // a ring
	first   int    // its oldest
	dropped uint64
}

// A kept record is one with what With made of its handler.
type kept struct {
	slog.Record
	with *with
}

// Enabled implements slog.Handler: all are.
func (h *History) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (h *History) Handle(_ context.Context, r slog.Record) error {
	h.keep(settledRecord(r), nil)
	return nil
}

// WithAttrs implements slog.Handler.
func (h *History) WithAttrs(attrs []slog.Attr) slog.Handler {
	return historian{h, (*with)(nil).attrs(attrs)}
}

// WithGroup implements slog.Handler.
func (h *History) WithGroup(name string) slog.Handler { return historian{h, (*with)(nil).group(name)} }

// A historian keeps records in a History, with its attributes.
type historian struct {
	*History
	with *with
}

func (h historian) Handle(_ context.Context, r slog.Record) error {
	h.keep(settledRecord(r), h.with)
	return nil
}

func (h historian) WithAttrs(attrs []slog.Attr) slog.Handler {
	return historian{h.History, h.with.attrs(attrs)}
}

func (h historian) WithGroup(name string) slog.Handler {
	return historian{h.History, h.with.group(name)}
}

// keep keeps r, which is settled.
func (h *History) keep(r slog.Record, w *with) {
	h.mu.Lock()
	defer h.mu.Unlock()
	most := h.MaxRecords
	if most <= 0 {
		most = 200
	}
	if len(h.records) < most {
		h.records = append(h.records, kept{r, w})
		return
	}
	h.records[h.first] = kept{r, w}
	h.first = (h.first + 1) % most
	h.dropped++
}

// Replay gives to the records that are kept, the oldest first, as far as it
// wants their level; they remain. It returns how many there were before them,
// which are gone, and what to said.
func (h *History) Replay(ctx context.Context, to slog.Handler) (dropped uint64, err error) {
	h.mu.Lock()
	all := slices.Concat(h.records[h.first:], h.records[:h.first])
	dropped = h.dropped
	h.mu.Unlock()
	for _, r := range all {
		if to.Enabled(ctx, r.Level) {
			if failed := r.with.apply(to).Handle(ctx, r.Clone()); err == nil {
				err = failed
			}
		}
	}
	return dropped, err
}

// settledRecord is r without anything that could change later.
func settledRecord(r slog.Record) slog.Record {
	c := slog.NewRecord(r.Time, r.Level, cut(r.Message, maxValueBytes), r.PC)
	r.Attrs(func(a slog.Attr) bool {
		c.AddAttrs(settled(a, 0))
		return true
	})
	return c
}

// settled is a without anything that could change later.
func settled(a slog.Attr, depth int) slog.Attr {
	v := a.Value.Resolve()
	switch v.Kind() {
	case slog.KindGroup:
		if depth == maxGroupDepth {
			return slog.String(a.Key, "…")
		}
		group := make([]slog.Attr, len(v.Group()))
		for i, inner := range v.Group() {
			group[i] = settled(inner, depth+1)
		}
		return slog.Attr{Key: a.Key, Value: slog.GroupValue(group...)}
	case slog.KindString, slog.KindAny:
		if a.Key == "" && v.Equal(slog.Value{}) {
			return a
		}
		most := maxValueBytes
		if a.Key == stackKey {
			most = maxStackBytes
		}
		return slog.String(a.Key, cut(text(v), most))
	}
	return slog.Attr{Key: a.Key, Value: v}
}

package logsink

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Fanout returns a handler that gives each record to all of handlers that want
// it, in order. One that fails or panics does not keep it from the others; they
// are told when that begins and when it ends, once a minute at most. Safe for
// concurrent use.
func Fanout(handlers ...slog.Handler) slog.Handler {
	f := make(fanout, len(handlers))
	for i, h := range handlers {
		f[i] = branch{h, &health{name: fmt.Sprintf("%d of %d", i+1, len(handlers))}}
	}
	return f
}

type fanout []branch

// A branch is one of the handlers, or what With made of it.
type branch struct {
	slog.Handler
	health *health
}

// tellInterval is how long the others hear no more of a handler that fails again
// and again.
const tellInterval = time.Minute

// health is how the handler of a branch is.
type health struct {
	name string
	bad  atomic.Bool // its last record failed

	mu     sync.Mutex
	told   time.Time // when the others heard last that it fails
	open   bool      // they have not heard yet that it works again
	failed uint64    // records since then
}

// fails notes a record that failed, and says whether to tell the others.
func (h *health) fails(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bad.Store(true)
	h.failed++
	if h.open || !h.told.IsZero() && now.Sub(h.told) < tellInterval {
		return false
	}
	h.open, h.told = true, now
	return true
}

// works notes a record that did not fail, after one that did. It returns how
// many did since the others heard of it, if they are to be told.
func (h *health) works() (failed uint64, tell bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.bad.Store(false)
	if !h.open {
		return 0, false
	}
	failed, h.failed, h.open = h.failed, 0, false
	return failed, true
}

func (f fanout) Enabled(ctx context.Context, l slog.Level) bool {
	return slices.ContainsFunc(f, func(b branch) bool { return b.Enabled(ctx, l) })
}

func (f fanout) Handle(ctx context.Context, r slog.Record) (failed error) {
	for i, b := range f {
		if !b.Enabled(ctx, r.Level) {
			continue
		}
		err := b.handle(ctx, r.Clone())
		if err != nil {
			failed = errors.Join(failed, err)
			if b.health.fails(time.Now()) {
				f.tell(ctx, i, "log sink fails", slog.Any("err", err))
			}
		} else if b.health.bad.Load() {
			if n, tell := b.health.works(); tell {
				f.tell(ctx, i, "log sink works again", slog.Uint64("failed", n))
			}
		}
	}
	return failed
}

// handle makes a panic an error.
func (b branch) handle(ctx context.Context, r slog.Record) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("logsink: panic of a handler: %v", v)
		}
	}()
	return b.Handler.Handle(ctx, r)
}

// tell tells all but the i-th what became of it. Whether they fail with this
// their next record shows.
func (f fanout) tell(ctx context.Context, i int, what string, a slog.Attr) {
	r := slog.NewRecord(time.Now(), slog.LevelWarn, what, 0)
	r.AddAttrs(slog.String("sink", f[i].health.name), a)
	for j, b := range f {
		if j != i && b.Enabled(ctx, r.Level) {
			b.handle(ctx, r.Clone())
		}
	}
}

func (f fanout) WithAttrs(attrs []slog.Attr) slog.Handler {
	return f.each(func(h slog.Handler) slog.Handler { return h.WithAttrs(slices.Clone(attrs)) })
}

func (f fanout) WithGroup(name string) slog.Handler {
	return f.each(func(h slog.Handler) slog.Handler { return h.WithGroup(name) })
}

func (f fanout) each(with func(slog.Handler) slog.Handler) slog.Handler {
	c := make(fanout, len(f))
	for i, b := range f {
		c[i] = branch{with(b.Handler), b.health}
	}
	return c
}

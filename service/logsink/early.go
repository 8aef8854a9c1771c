package logsink

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Early is a handler for the time before it is known where records go: it keeps
// the last 200, until Begin says where; then it passes everything on. Loggers
// that were derived before that follow. Its zero is ready. Safe for concurrent
// use.
type Early struct {
	mu      sync.Mutex
	history History
	to      atomic.Pointer[target]
}

// A target is where records go; its address is its identity.
type target struct{ slog.Handler }

// Begin gives the records that were kept to h, and from now on all that come.
// If some were dropped, h is told how many. Called again it only changes where
// records go.
func (e *Early) Begin(h slog.Handler) {
	e.mu.Lock() // those who log meanwhile wait, so that the order stays
	defer e.mu.Unlock()
	if e.to.Load() == nil {
		ctx := context.Background()
		if n := e.history.dropped; n > 0 && h.Enabled(ctx, slog.LevelWarn) {
			r := slog.NewRecord(time.Now(), slog.LevelWarn, "early log records dropped", 0)
			r.AddAttrs(slog.Uint64("lost", n))
			h.Handle(ctx, r)
		}
		e.history.Replay(ctx, h)
		e.history = History{}
	}
	e.to.Store(&target{h})
}

// Enabled implements slog.Handler: all are until Begin.
func (e *Early) Enabled(ctx context.Context, l slog.Level) bool {
	to := e.to.Load()
	return to == nil || to.Enabled(ctx, l)
}

// Handle implements slog.Handler.
func (e *Early) Handle(ctx context.Context, r slog.Record) error {
	return (&follower{early: e}).Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (e *Early) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &follower{early: e, with: (*with)(nil).attrs(attrs)}
}

// WithGroup implements slog.Handler.
func (e *Early) WithGroup(name string) slog.Handler {
	return &follower{early: e, with: (*with)(nil).group(name)}
}

// A follower is what With makes of Early.
type follower struct {
	early *Early
	with  *with
	made  atomic.Pointer[made]
}

// made is what with makes of a target.
type made struct {
	of *target
	slog.Handler
}

func (f *follower) Enabled(ctx context.Context, l slog.Level) bool { return f.early.Enabled(ctx, l) }

func (f *follower) Handle(ctx context.Context, r slog.Record) error {
	to := f.early.to.Load()
	if to == nil {
		settled := settledRecord(r) // before the lock: it may run code that logs
		f.early.mu.Lock()
		if to = f.early.to.Load(); to == nil {
			f.early.history.keep(settled, f.with)
		}
		f.early.mu.Unlock()
		if to == nil {
			return nil
		}
	}
	if f.with == nil {
		return to.Handle(ctx, r)
	}
	m := f.made.Load()
	if m == nil || m.of != to {
		m = &made{to, f.with.apply(to.Handler)}
		f.made.Store(m)
	}
	return m.Handle(ctx, r)
}

func (f *follower) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &follower{early: f.early, with: f.with.attrs(attrs)}
}

func (f *follower) WithGroup(name string) slog.Handler {
	return &follower{early: f.early, with: f.with.group(name)}
}

package follow

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
)

// What a Follower does when its fields are zero.
const (
	DefaultEvery        = time.Second
	DefaultGrace        = 2 * time.Second
	DefaultMaxLineBytes = 64 << 10
	DefaultChunkBytes   = 256 << 10
)

// leastPause is how far apart two looks are at least when there is nothing left
// to read: so that a writer of single lines does not cost a look for each.
const leastPause = 10 * time.Millisecond

// A Follower is the service that follows one file. Loop-only.
type Follower struct {
	// Immutable after first use.

	// Name is the file's path. It may not exist yet.
	Name string
	// Lines is called on the loop with new lines, without their newlines, in
	// order; they are valid only during the call. Never with none.
	Lines func(lines [][]byte)
	// FromStart: a file that exists already is read from its start, instead of
	// from its end.
	FromStart bool
	// Resume is where a former life of the program was, its Position; FromStart
	// does not count then. Nil: it begins. If no file has it any more, the one of
	// the name is read from its start.
	Resume *Position
	// Every is the time between two looks. 0: one second; negative is an error.
	Every time.Duration
	// Grace is how long a file that was replaced must not have grown before it
	// is left for its successor. 0: two seconds; negative: it is left at once.
	Grace time.Duration
	// MaxLineBytes is where a line is cut. 0: 64 KiB; negative is an error.
	MaxLineBytes int
	// ChunkBytes is how much is read, and delivered, at a time. 0: 256 KiB;
	// negative is an error.
	ChunkBytes int
	// Log hears what becomes of the file. Nil: the loop's.
	Log *slog.Logger

	// Owned by the loop.

	loop     twistor.Loop
	reader   reader
	position Position  // behind the last line that was delivered
	watch    io.Closer // nil: not watched
	changed  bool      // the watch has said so since the last look began
	looked   time.Time // when that was
	due      *deferred.Signal
	timer    twistor.Timer // fires due
	stopping bool
	ended    *deferred.Signal
}

// Start takes the first look: what is written after it has returned will be
// delivered. It fails if the file exists and cannot be read.
func (f *Follower) Start(co *deferred.Co, h service.Host) error {
	if f.Every < 0 || f.MaxLineBytes < 0 || f.ChunkBytes < 0 {
		return fmt.Errorf("follow: %q: Every %v, MaxLineBytes %d, ChunkBytes %d: want none of them negative",
			f.Name, f.Every, f.MaxLineBytes, f.ChunkBytes)
	}
	if f.Resume != nil {
		if err := f.Resume.check(); err != nil {
			return fmt.Errorf("follow: %q: %w", f.Name, err)
		}
	}
	f.loop, f.stopping = h.Loop(), false
	if f.Log == nil {
		f.Log = f.loop.Log()
	}
	f.reader = reader{fsys: f.loop.FS(), name: f.Name, fromStart: f.FromStart, from: f.Resume, grace: orDefault(f.Grace, DefaultGrace)}
	f.reader.buf = make([]byte, tailBytes+orDefault(f.ChunkBytes, DefaultChunkBytes))
	f.reader.split.maxLineBytes = orDefault(f.MaxLineBytes, DefaultMaxLineBytes)
	f.timer = f.loop.CallLater(0, func() { f.due.Succeed(struct{}{}) })
	f.timer.Stop()
	f.watchDirectory()

	more, err := f.look(co)
	if err != nil {
		f.unwatch()
		return fmt.Errorf("follow: %w", err)
	}
	f.ended = deferred.Inline(f.loop, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, f.run(co, more)
	}).Catch(func(err error) (struct{}, error) {
		if !errors.Is(err, deferred.ErrStopped) && !errors.Is(err, deferred.ErrCanceled) {
			f.Log.Error("follow: ended", "file", f.Name, "err", err)
		}
		return struct{}{}, nil
	})
	return nil
}

// Stop ends following. Lines that were not read yet are not delivered.
func (f *Follower) Stop(co *deferred.Co) error {
	f.stopping = true
	f.unwatch()
	f.hurry(0)
	_, err := f.ended.Await(co)
	return err
}

// Position is behind the last line that Lines was called with, that call going
// on included; before there was one, it is where reading has begun. It is known
// from Start on. Whoever remembers it when Lines returns, and gives it to a later
// Follower as Resume, gets every line once.
func (f *Follower) Position() Position { return f.position }

// run looks until it is stopped.
func (f *Follower) run(co *deferred.Co, more bool) (err error) {
	for !f.stopping {
		if !more {
			if err := f.pause(co); err != nil {
				return err
			}
			if f.stopping {
				break
			}
		}
		more, err = f.look(co)
		if errors.Is(err, deferred.ErrPoolFull) {
			f.Log.Warn("follow: cannot look now", "file", f.Name, "err", err)
		} else if err != nil {
			return err
		}
	}
	_, err = deferred.Go(f.loop, func(context.Context) (struct{}, error) {
		f.reader.close()
		return struct{}{}, nil
	}).Await(co)
	return err
}

// look takes one look on the pool, and delivers what it brought.
func (f *Follower) look(co *deferred.Co) (more bool, err error) {
	now := f.loop.Now()
	f.looked, f.changed = now, false
	got, err := deferred.Go(f.loop, func(context.Context) (haul, error) {
		return f.reader.look(now)
	}).Await(co)
	if err != nil {
		return false, err
	}
	for _, n := range got.notes {
		f.Log.Log(context.Background(), n.level, "follow: "+n.text, append([]any{"file", f.Name}, n.attrs...)...)
	}
	f.position = got.position
	if len(got.lines) > 0 {
		f.Lines(got.lines)
	}
	return got.more, nil
}

// pause waits for the next look: Every, or less when something has changed.
func (f *Follower) pause(co *deferred.Co) error {
	f.due = deferred.New[struct{}](f.loop)
	f.timer.Reset(orDefault(f.Every, DefaultEvery))
	if f.changed {
		f.hurry(leastPause - f.loop.Now().Sub(f.looked))
	}
	_, err := f.due.Await(co)
	f.timer.Stop()
	return err
}

// hurry makes a pause, if there is one, end in d at the latest.
func (f *Follower) hurry(d time.Duration) {
	if due := f.timer.When(); !due.IsZero() && due.Sub(f.loop.Now()) > d {
		f.timer.Reset(max(0, d))
	}
}

// watchDirectory asks to be told of changes, if the loop can. A directory that
// cannot be watched, because it does not exist yet or lies on a file system
// without such news, is looked at from time to time as any other.
func (f *Follower) watchDirectory() {
	notifier, ok := f.loop.(twistor.Notifier)
	if !ok {
		return
	}
	dir, base := filepath.Split(f.Name)
	watch, err := notifier.Notify(filepath.Clean(dir), func(name string, op twistor.FileOp) {
		if (name == base || op&twistor.FileLost != 0) && !f.changed {
			f.changed = true
			f.hurry(leastPause - f.loop.Now().Sub(f.looked))
		}
	})
	if err != nil {
		f.Log.Debug("follow: directory is not watched", "dir", dir, "err", err)
		return
	}
	f.watch = watch
}

func (f *Follower) unwatch() {
	if f.watch != nil {
		f.watch.Close()
		f.watch = nil
	}
}

// orDefault resolves a field: zero is the default, negative zero.
func orDefault[T int | time.Duration](v, zero T) T {
	if v == 0 {
		return zero
	}
	return max(0, v)
}

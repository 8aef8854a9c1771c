package logsink

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"
)

// ErrFull is what Write of a Queue says when there is no room.
var ErrFull = errors.New("logsink: queue is full")

// A Queue stands between those who log, such as a loop, and a sink that may be
// slow or broken, such as a file or a terminal: Write takes a line and never
// waits. Lines go out in order, one Write each, on a goroutine that is there
// while there are any. When there is no room, new lines are dropped; when the
// sink fails, the line that it failed with is. Both are counted, and a record in
// their place says how many, when writing works again. What waits when the
// process ends is lost: Close before. Its fields are immutable after first use.
// Safe for concurrent use.
type Queue struct {
	// To is the sink. A Write of it is one line, or one record; a line counts as
	// written if it took all of it. It remains the caller's, to be closed after
	// the Queue.
	To io.Writer
	// MaxLines is how many lines may wait. 0: 8,192; negative: any number.
	MaxLines int
	// MaxBytes is how much they may have together. 0: 1 MiB; negative: anything.
	MaxBytes int
	// Format is how the Queue writes its own records; nil: NewText.
	Format Format

	mu      sync.Mutex
	lines   []byte // that wait for the next turn
	marks   []mark
	spares  turn // the slices of the last turn, to be used again
	stats   Stats
	bytes   int    // of the lines that wait, those of this turn too
	dropped uint64 // since the last line that got a place
	settled uint64 // lines that got a place and are written or lost
	running bool
	closed  bool
	moved   chan struct{} // closed when settled grows; nil: nobody waits

	unsaid  uint64 // lines lost that no record tells of yet
	reason  error  // why the last of them was
	trouble error  // what the sink said of a line that it took; not said yet
	broken  error  // what the sink said last; nil: it works
}

// A mark is where a line ends, and how many were dropped just before it.
type mark struct {
	end     int
	dropped uint64
}

// Stats are the counters of a Queue. Each line given to Write is in one of
// Written, Dropped and Failed, or Waiting.
type Stats struct {
	Written uint64 // the sink took it
	Dropped uint64 // there was no room, or the Queue was closed
	Failed  uint64 // the sink did not take it
	Waiting int
}

// Write takes one line, or one record of several, and copies it; a newline that
// is missing at its end is added. The error is ErrFull or os.ErrClosed if the
// line is dropped, or that of the sink if it does not work now.
func (q *Queue) Write(p []byte) (int, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	size := len(p)
	if size == 0 {
		return 0, nil
	}
	ended := p[size-1] == '\n'
	if !ended {
		size++
	}
	if q.closed || over(q.stats.Waiting+1, q.MaxLines, 8192) || over(q.bytes+size, q.MaxBytes, 1<<20) {
		q.dropped++
		q.stats.Dropped++
		if q.closed {
			return 0, os.ErrClosed
		}
		return 0, ErrFull
	}
	q.lines = append(q.lines, p...)
	if !ended {
		q.lines = append(q.lines, '\n')
	}
	q.marks = append(q.marks, mark{len(q.lines), q.dropped})
	q.dropped = 0
	q.stats.Waiting++
	q.bytes += size
	q.wake()
	return len(p), q.broken
}

// over says whether n is more than a limit, whose zero is def.
func over(n, limit, def int) bool {
	if limit == 0 {
		limit = def
	}
	return limit > 0 && n > limit
}

// Stats returns the counters.
func (q *Queue) Stats() Stats {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.stats
}

// Flush waits until the lines that are there now are written or lost, but not
// longer than ctx: the sink may hang.
func (q *Queue) Flush(ctx context.Context) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.stats.Waiting > 0 || q.unsaid+q.dropped > 0 || q.trouble != nil {
		q.wake() // perhaps the sink works again
	}
	for until := q.settled + uint64(q.stats.Waiting); q.settled < until || q.running && q.stats.Waiting == 0; {
		if q.moved == nil {
			q.moved = make(chan struct{})
		}
		moved := q.moved
		q.mu.Unlock()
		select {
		case <-moved:
		case <-ctx.Done():
		}
		q.mu.Lock()
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// Close refuses all that comes later, and flushes.
func (q *Queue) Close(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	return q.Flush(ctx)
}

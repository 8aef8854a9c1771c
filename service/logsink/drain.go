package logsink

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// maxSpareBytes is how large the slices of a turn may be to be kept.
const maxSpareBytes = 256 << 10

// A turn is what a Queue writes while the next lines gather.
type turn struct {
	lines []byte
	marks []mark
}

// wake has the lines written. All here is called with mu held.
func (q *Queue) wake() {
	if !q.running {
		q.running = true
		go q.run()
	}
}

// run writes until there is nothing left.
func (q *Queue) run() {
	q.mu.Lock()
	defer q.mu.Unlock()
	for {
		for len(q.marks) > 0 {
			q.drain()
		}
		q.lose(q.dropped, ErrFull)
		q.dropped = 0
		if q.say(); len(q.marks) == 0 && q.dropped == 0 {
			break
		}
	}
	q.running = false
	q.progress()
}

// drain writes the lines that are there.
func (q *Queue) drain() {
	t := turn{q.lines, q.marks}
	q.lines, q.marks = q.spares.lines[:0], q.spares.marks[:0]
	start := 0
	for _, m := range t.marks {
		q.lose(m.dropped, ErrFull)
		if q.say() && q.put(t.lines[start:m.end]) {
			q.stats.Written++
		} else {
			q.stats.Failed++
			q.lose(1, q.broken)
		}
		q.bytes -= m.end - start
		q.stats.Waiting--
		q.settled++
		q.progress()
		start = m.end
	}
	q.spares = turn{}
	if cap(t.lines) <= maxSpareBytes {
		q.spares = t
	}
}

func (q *Queue) progress() {
	if q.moved != nil {
		close(q.moved)
		q.moved = nil
	}
}

func (q *Queue) lose(n uint64, reason error) {
	if n > 0 {
		q.unsaid += n
		q.reason = reason
	}
}

// put writes p to the sink, and says whether all of it got there. It gives up
// mu meanwhile: only run calls it, so nobody else writes.
func (q *Queue) put(p []byte) bool {
	q.mu.Unlock()
	n, err := write(q.To, p)
	q.mu.Lock()
	if n < len(p) && err == nil {
		err = io.ErrShortWrite
	}
	q.broken = err
	if n < len(p) {
		return false
	}
	q.trouble = err
	return true
}

// write makes a panic of w an error: the sink is somebody else's.
func write(w io.Writer, p []byte) (n int, err error) {
	defer func() {
		if v := recover(); v != nil {
			n, err = 0, fmt.Errorf("logsink: panic of %T: %v", w, v)
		}
	}()
	return w.Write(p)
}

// say writes a record about what was lost, or about trouble, if there was any.
// It says whether the sink is good for more.
func (q *Queue) say() bool {
	if q.unsaid == 0 && q.trouble == nil {
		return true
	}
	r := slog.NewRecord(time.Now(), slog.LevelWarn, "log lines lost", 0)
	if q.unsaid > 0 {
		r.AddAttrs(slog.Uint64("lost", q.unsaid), slog.Any("err", q.reason))
	} else {
		r.Message = "log sink has trouble"
		r.AddAttrs(slog.Any("err", q.trouble))
	}
	format := q.Format
	if format == nil {
		format = NewText
	}
	var b bytes.Buffer
	format(&b, nil).Handle(context.Background(), r)
	if !q.put(b.Bytes()) {
		return false
	}
	q.unsaid = 0
	return true
}

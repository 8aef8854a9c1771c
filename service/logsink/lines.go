package logsink

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
)

// Lines is a writer that makes a record of each line: for what others print,
// such as a child process or a library. A line that is not ended yet waits for
// its end, or for Close; empty ones are left out. Its fields are immutable after
// first use. Safe for concurrent use.
type Lines struct {
	// Log is where the records go; nil: slog.Default().
	Log *slog.Logger
	// Level is that of the records; 0 is slog.LevelInfo.
	Level slog.Level
	// MaxLineBytes is where longer lines are broken in two. 0: 16 KiB.
	MaxLineBytes int

	mu   sync.Mutex
	rest []byte
}

// Write takes any piece of what is printed. It never fails.
func (w *Lines) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n := len(p)
	most := w.MaxLineBytes
	if most <= 0 {
		most = maxValueBytes
	}
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		ended := end >= 0
		if !ended {
			end = len(p)
		}
		if room := most - len(w.rest); end > room {
			end, ended = room, false
			w.rest = append(w.rest, p[:end]...)
			w.log()
		} else {
			w.rest = append(w.rest, p[:end]...)
		}
		if p = p[end:]; ended {
			p = p[1:]
			w.log()
		}
	}
	return n, nil
}

// Close logs a line that was not ended.
func (w *Lines) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.log()
	return nil
}

// log makes a record of the line that is there. Called with mu held.
func (w *Lines) log() {
	log := w.Log
	if log == nil {
		log = slog.Default()
	}
	if line := bytes.TrimSuffix(w.rest, []byte("\r")); len(line) > 0 {
		log.Log(context.Background(), w.Level, string(line))
	}
	w.rest = w.rest[:0]
}

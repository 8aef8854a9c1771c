package reactor

import (
	"bytes"
	"runtime"
	"strings"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
)

// introduce notes which goroutine runs the loop, so that the watchdog finds its
// stack among all.
func (l *loop) introduce() {
	buf := make([]byte, 64)
	head, _, _ := bytes.Cut(buf[:runtime.Stack(buf, false)], []byte(" ["))
	name := string(head)
	l.goroutine.Store(&name)
}

// watch logs the stack of a loop whose turn takes too long: once for each
// place, because a callback that blocks once blocks again.
func (r *Reactor) watch(stop <-chan struct{}) {
	limit := r.config.SlowTurn
	tick := time.NewTicker(max(limit/2, time.Millisecond))
	defer tick.Stop()
	seen := make(map[string]bool)
	reported := make([]int64, len(r.loops))
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
		}
		_, now := poll.Now()
		for i, l := range r.loops {
			beat := l.beat.Load()
			if beat == 0 || beat == reported[i] || now-beat < int64(limit) {
				continue
			}
			reported[i] = beat
			stack := l.stack()
			if l.beat.Load() != beat {
				continue // it went on meanwhile
			}
			if at := site(stack); at != "" && !seen[at] && len(seen) < 1000 {
				seen[at] = true
				r.log.Warn("a callback blocks the loop", "op", "turn", "loop", i, "dur", time.Duration(now-beat), "at", at, "stack", stack)
			}
		}
	}
}

// stack is what the loop's goroutine does now.
func (l *loop) stack() string {
	name := l.goroutine.Load()
	if name == nil {
		return ""
	}
	buf := make([]byte, 256<<10)
	all := string(buf[:runtime.Stack(buf, true)])
	i := strings.Index(all, *name+" [")
	if i < 0 {
		return ""
	}
	one, _, _ := strings.Cut(all[i:], "\n\n")
	return one
}

// site is the place in a stack that called into the runtime or the innermost
// function that is not part of it.
func site(stack string) string {
	lines := strings.Split(stack, "\n")
	for i := 1; i+1 < len(lines); i += 2 {
		f := lines[i]
		if strings.HasPrefix(f, "runtime.") || strings.HasPrefix(f, "time.Sleep") || strings.HasPrefix(f, "sync.") ||
			strings.HasPrefix(f, "internal/") || strings.HasPrefix(f, "syscall.") {
			continue
		}
		place, _, _ := strings.Cut(strings.TrimSpace(lines[i+1]), " +")
		return place
	}
	return ""
}

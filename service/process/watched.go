package process

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A watched is one program of a Monitor, and the protocol of its lives, one
// after another.
type watched struct {
	m       *Monitor
	name    string
	command twistor.Command
	gone    *deferred.Signal // it was removed

	process  twistor.Process // nil: it does not run
	since    time.Time       // of this life, or the last
	lived    time.Duration
	last     error
	failures int
	restarts int
	asked    bool // to end
	again    bool // to be started then, at once
	gaveUp   bool
	timer    twistor.Timer // of the next life
	killer   twistor.Timer
	out      [2]lines // of 1 and 2
}

// start begins a life.
func (w *watched) start() {
	m := w.m
	w.timer.Stop()
	w.asked, w.again, w.lived, w.out = false, false, 0, [2]lines{}
	w.since = m.loop.Now()
	c := w.command
	if c.Linger == 0 {
		c.Linger = orDefault(m.KillTime, DefaultKillTime)
	}
	if !c.PTY && !has(c, 0) {
		files := map[int]*os.File{0: nil} // it reads nothing
		maps.Copy(files, c.Files)
		c.Files = files
	}
	if _, err := spawn(m.loop, c, w); err != nil {
		w.last = fmt.Errorf("%w: %w", errSpawn, err)
		w.next()
	}
}

// Spawned implements twistor.ProcessProtocol.
func (w *watched) Spawned(p twistor.Process) {
	w.process = p
	w.m.log.Info("process: started", "process", w.name, "pid", p.PID())
}

// OutputReceived logs lines.
func (w *watched) OutputReceived(fd int, p []byte) {
	if fd == 1 || fd == 2 {
		w.out[fd-1].take(p, w.tell(fd))
	}
}

// OutputClosed implements twistor.ProcessProtocol.
func (w *watched) OutputClosed(fd int) {
	if fd == 1 || fd == 2 {
		w.out[fd-1].flush(w.tell(fd))
	}
}

func (w *watched) tell(fd int) func([]byte) {
	return func(line []byte) {
		if fd == 1 {
			w.m.log.Info(string(line), "process", w.name)
		} else {
			w.m.log.Info(string(line), "process", w.name, "output", "errors")
		}
	}
}

// Exited implements twistor.ProcessProtocol.
func (w *watched) Exited(err error) {
	w.killer.Stop() // what is left of the group has its Linger
	w.lived, w.last = w.m.loop.Now().Sub(w.since), err
}

// Ended is the end of a life.
func (w *watched) Ended(err error) {
	w.killer.Stop()
	w.process = nil
	if errors.Is(err, twistor.ErrStopped) {
		w.asked, w.again = true, false // the loop will not start anything
	}
	w.next()
}

// next decides what comes after a life.
func (w *watched) next() {
	m := w.m
	switch {
	case w.asked && !w.again || m.stopping || w.gone != nil:
		w.leave()
	case w.asked:
		w.failures = 0
		w.revive(0, slog.LevelInfo)
	case w.lived >= orDefault(m.Threshold, DefaultThreshold) && !errors.Is(w.last, errSpawn):
		w.failures = 0
		w.revive(0, slog.LevelInfo)
	case m.MaxFailures > 0 && w.failures+1 >= m.MaxFailures:
		w.failures++
		w.gaveUp = true
		m.log.Error("process: given up", "process", w.name, "failures", w.failures, "err", w.last)
		if m.GaveUp != nil {
			m.GaveUp(w.name, w.last)
		}
	default:
		w.failures++
		w.revive(m.delay(w.failures), slog.LevelWarn)
	}
}

// revive begins the next life after d.
func (w *watched) revive(d time.Duration, level slog.Level) {
	w.restarts++
	w.m.log.Log(context.Background(), level, "process: ended", "process", w.name, "lived", w.lived, "again in", d, "err", w.last)
	w.timer = w.m.loop.CallLater(d, w.start)
}

// leave is the end of the last life.
func (w *watched) leave() {
	m := w.m
	m.log.Info("process: stopped", "process", w.name, "err", w.last)
	if w.gone != nil {
		m.leaving = slices.DeleteFunc(m.leaving, func(o *watched) bool { return o == w })
		w.gone.Succeed(struct{}{})
	}
	if m.quiet != nil && m.running() == 0 {
		m.quiet.Succeed(struct{}{})
	}
}

// stop asks the program to end, and kills it if it has not in time; again
// starts it when it is gone.
func (w *watched) stop(again bool) {
	w.timer.Stop()
	if w.process == nil {
		switch {
		case again:
			w.failures, w.gaveUp = 0, false
			w.restarts++
			w.start()
		case w.gone != nil:
			w.leave()
		}
		return
	}
	w.again = again
	if w.asked {
		return
	}
	w.asked = true
	w.signal(syscall.SIGTERM)
	w.killer = w.m.loop.CallLater(orDefault(w.m.KillTime, DefaultKillTime), func() { w.signal(os.Kill) })
}

// signal sends s to the program's group, unless it is gone.
func (w *watched) signal(s os.Signal) {
	if w.process == nil {
		return
	}
	if err := w.process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		w.m.log.Warn("process: cannot signal", "process", w.name, "signal", s, "err", err)
	}
}

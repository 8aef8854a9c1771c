package reactor

import (
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A timer is one call to come. Its deadline stands here; its key in the queue
// may be earlier than that, because a Reset to a later time leaves the key alone.
type timer struct {
	l  *loop
	f  func()
	at int64  // when to call, on the loop's monotonic clock
	no uint32 // order among equal times; another one after each Reset
	id int32  // in the queue's tables, -1: not armed
}

// CallLater implements deferred.Loop.
func (l *loop) CallLater(d time.Duration, f func()) deferred.Timer {
	if f == nil {
		panic("reactor: CallLater of a nil function")
	}
	t := &timer{l: l, f: f, id: -1}
	t.Reset(d)
	return deferred.TimerOf(t)
}

// Reset implements deferred.Alarm.
func (t *timer) Reset(d time.Duration) {
	l := t.l
	if !l.turning {
		l.readClock()
	}
	at := l.mono + int64(d)
	switch {
	case d <= 0 && l.firing:
		at = l.mono + 1 // the next turn, not this stage again
	case d <= 0:
		at = l.mono
	case at < l.mono:
		at = 1<<63 - 1 // beyond the end of time
	}
	l.timers.no++
	t.at, t.no = at, l.timers.no
	if t.id < 0 {
		l.timers.add(t, l.mono)
	} else {
		l.timers.moved(t, l.mono)
	}
}

// Stop implements deferred.Alarm.
func (t *timer) Stop() bool {
	if t.id < 0 {
		return false
	}
	t.l.timers.remove(t.id)
	return true
}

// When implements deferred.Alarm.
func (t *timer) When() time.Time {
	if t.id < 0 {
		return time.Time{}
	}
	return t.l.now.Add(time.Duration(t.at - t.l.mono))
}

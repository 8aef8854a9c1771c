package reactor

import (
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A timer is one call to come. Its deadline stands here; the heap's key may be
// earlier than that, because a Reset to a later time does not touch the heap.
type timer struct {
	l  *loop
	f  func()
	at int64  // when to call, on the loop's monotonic clock
	no uint32 // order among equal times
	id int32  // place in the tables, -1: not armed
}

// A timers is the queue of a loop's timers: a heap with four children a node,
// whose keys stand in the heap itself so that comparing them touches nothing
// else, and a table that says where each timer's key is.
type timers struct {
	heap []timerKey
	pos  []int32  // by id: index in heap; of a free id: the next free one
	by   []*timer // by id
	free int32    // first free id, -1: none
	no   uint32
}

type timerKey struct {
	at int64
	no uint32
	id int32
}

func (a timerKey) before(b timerKey) bool {
	return a.at < b.at || a.at == b.at && int32(a.no-b.no) < 0
}

func (q *timers) add(t *timer) {
	id := q.free
	if id >= 0 {
		q.free = q.pos[id]
	} else {
		id = int32(len(q.pos))
		q.pos = append(q.pos, 0)
		q.by = append(q.by, nil)
	}
	q.by[id] = t
	t.id = id
	q.heap = append(q.heap, timerKey{})
	q.up(len(q.heap)-1, timerKey{t.at, t.no, id})
}

// remove takes the key at heap index i out.
func (q *timers) remove(i int) {
	id := q.heap[i].id
	t := q.by[id]
	t.id = -1
	q.by[id] = nil
	q.pos[id] = q.free
	q.free = id
	last := len(q.heap) - 1
	key := q.heap[last]
	q.heap = q.heap[:last]
	if i < last {
		q.fix(i, key)
	}
	if last == 0 {
		q.shrink()
	} else if cap(q.heap) > 4096 && last < cap(q.heap)/8 {
		q.heap = append(make([]timerKey, 0, cap(q.heap)/4), q.heap...)
	}
}

// shrink gives back what a storm of timers grew, once none is left.
func (q *timers) shrink() {
	if cap(q.pos) > 4096 {
		*q = timers{free: -1, no: q.no}
	}
}

func (q *timers) fix(i int, key timerKey) {
	if i > 0 && key.before(q.heap[(i-1)/4]) {
		q.up(i, key)
	} else {
		q.down(i, key)
	}
}

func (q *timers) up(i int, key timerKey) {
	for i > 0 {
		parent := (i - 1) / 4
		if !key.before(q.heap[parent]) {
			break
		}
		q.heap[i] = q.heap[parent]
		q.pos[q.heap[i].id] = int32(i)
		i = parent
	}
	q.heap[i] = key
	q.pos[key.id] = int32(i)
}

func (q *timers) down(i int, key timerKey) {
	n := len(q.heap)
	for {
		child := 4*i + 1
		if child >= n {
			break
		}
		least := child
		for k := child + 1; k < min(child+4, n); k++ {
			if q.heap[k].before(q.heap[least]) {
				least = k
			}
		}
		if !q.heap[least].before(key) {
			break
		}
		q.heap[i] = q.heap[least]
		q.pos[q.heap[i].id] = int32(i)
		i = least
	}
	q.heap[i] = key
	q.pos[key.id] = int32(i)
}

// next is the earliest deadline; ok is false when there is none. It settles
// keys that a later Reset left behind.
func (q *timers) next() (at int64, ok bool) {
	for len(q.heap) > 0 {
		key := q.heap[0]
		t := q.by[key.id]
		if t.at == key.at && t.no == key.no {
			return key.at, true
		}
		q.down(0, timerKey{t.at, t.no, key.id})
	}
	return 0, false
}

// due takes the next timer out that is due at now, or returns nil.
func (q *timers) due(now int64) *timer {
	if len(q.heap) == 0 || q.heap[0].at > now {
		return nil
	}
	at, _ := q.next()
	if at > now {
		return nil
	}
	t := q.by[q.heap[0].id]
	q.remove(0)
	return t
}

// CallLater implements deferred.Loop.
func (l *loop) CallLater(d time.Duration, f func()) deferred.Timer {
	if f == nil {
		panic("reactor: CallLater of a nil function")
	}
	t := &timer{l: l, f: f, id: -1}
	t.arm(d)
	return deferred.TimerOf(t)
}

// arm sets the deadline and puts t into the queue, or leaves its key there if
// that comes early enough.
func (t *timer) arm(d time.Duration) {
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
		l.timers.add(t)
		return
	}
	if i := l.timers.pos[t.id]; at < l.timers.heap[i].at {
		l.timers.fix(int(i), timerKey{t.at, t.no, t.id})
	}
}

// Stop implements deferred.Alarm.
func (t *timer) Stop() bool {
	if t.id < 0 {
		return false
	}
	t.l.timers.remove(int(t.l.timers.pos[t.id]))
	return true
}

// Reset implements deferred.Alarm.
func (t *timer) Reset(d time.Duration) { t.arm(d) }

// When implements deferred.Alarm.
func (t *timer) When() time.Time {
	if t.id < 0 {
		return time.Time{}
	}
	return t.l.now.Add(time.Duration(t.at - t.l.mono))
}

package reactor

import "math/bits"

// A timers is the queue of a loop's timers: a heap with four children a node,
// whose keys stand in the heap itself so that comparing them touches nothing
// else, and a table that says where each timer's key is.
//
// A heap of many thousands no longer fits the processor's caches. Beyond
// spillAt keys, those that are not due soon go to a wheel of unsorted buckets
// instead, by the time at which they are due, and come to the heap when that
// time comes: it stays small, and the order exact.
type timers struct {
	heap []timerKey
	by   []place // by id
	free int32   // first free id, -1: none
	n    int     // timers in all
	no   uint32  // the last one's
	far  *wheel  // nil: nothing was spilled yet
}

type timerKey struct {
	at int64
	no uint32
	id int32
}

// A place is where a timer's key is: all that moving keys needs to touch.
type place struct {
	t      *timer
	at     int32 // index in the heap or the bucket; of a free id: the next free one
	bucket int16 // of the wheel, or inHeap
	late   bool  // t was reset to a later time than the key's
}

const (
	inHeap  = -1
	spillAt = 4096

	tickBits   = 20 // a bucket of the lowest level is 2^20 ns wide, about a millisecond
	levelBits  = 8
	perLevel   = 1 << levelBits
	levels     = (63 - tickBits + levelBits - 1) / levelBits
	keepBucket = 256 // keys that an empty bucket keeps room for
)

// A wheel has buckets on levels: those of level 0 are one tick wide, those of
// the next as wide as all of level 0 together, and so on. A key's level is that
// of the highest byte in which its tick differs from done, and its bucket there
// is that byte. So every key of a level is due before all of the next level.
type wheel struct {
	done    int64 // ticks up to this one are in the heap
	n       int
	buckets [levels * perLevel][]timerKey
	full    [levels][perLevel / 64]uint64 // a bit for each bucket with keys
}

func (a timerKey) before(b timerKey) bool {
	return a.at < b.at || a.at == b.at && int32(a.no-b.no) < 0
}

// add queues t, at time now.
func (q *timers) add(t *timer, now int64) {
	id := q.free
	if id >= 0 {
		q.free = q.by[id].at
	} else {
		id = int32(len(q.by))
		q.by = append(q.by, place{})
	}
	q.by[id].t = t
	t.id = id
	q.n++
	q.insert(timerKey{t.at, t.no, id}, now)
}

// insert puts a key where it belongs.
func (q *timers) insert(key timerKey, now int64) {
	if len(q.heap) >= spillAt {
		if q.far == nil {
			q.far = &wheel{done: now >> tickBits}
		}
		if key.at>>tickBits > q.far.done {
			q.throw(key)
			return
		}
	}
	q.heap = append(q.heap, timerKey{})
	q.up(len(q.heap)-1, key)
}

// throw puts a key into the wheel: it must be due after done.
func (q *timers) throw(key timerKey) {
	w := q.far
	tick := key.at >> tickBits
	level := (bits.Len64(uint64(tick^w.done)) - 1) / levelBits
	at := int(tick>>(level*levelBits)) & (perLevel - 1)
	w.full[level][at/64] |= 1 << (at % 64)
	w.n++
	bucket := level*perLevel + at
	p := &q.by[key.id]
	p.bucket, p.at = int16(bucket), int32(len(w.buckets[bucket]))
	w.buckets[bucket] = append(w.buckets[bucket], key)
}

// earliest is the bucket whose keys are due first, and the tick at which its
// time begins.
func (w *wheel) earliest() (bucket int, tick int64) {
	for level := range w.full {
		for i, word := range w.full[level] {
			if word != 0 {
				at := i*64 + bits.TrailingZeros64(word)
				shift := level * levelBits
				tick = w.done&^(1<<(shift+levelBits)-1) | int64(at)<<shift
				return level*perLevel + at, tick
			}
		}
	}
	panic("reactor: internal error: no key in a wheel that has some")
}

// pour brings the wheel's first bucket, which begins at tick, nearer: keys of
// level 0 to the heap, others to lower levels.
func (q *timers) pour(bucket int, tick int64) {
	w := q.far
	keys := w.buckets[bucket]
	w.empty(bucket)
	w.n -= len(keys)
	w.done = tick
	for _, key := range keys {
		if p := &q.by[key.id]; p.late {
			key.at, key.no, p.late = p.t.at, p.t.no, false
		}
		if key.at>>tickBits > w.done {
			q.throw(key)
		} else {
			q.heap = append(q.heap, timerKey{})
			q.up(len(q.heap)-1, key)
		}
	}
	if cap(keys) <= keepBucket {
		w.buckets[bucket] = keys[:0]
	}
}

func (w *wheel) empty(bucket int) {
	w.buckets[bucket] = nil
	at := bucket % perLevel
	w.full[bucket/perLevel][at/64] &^= 1 << (at % 64)
}

// remove forgets an armed timer.
func (q *timers) remove(id int32) {
	p := &q.by[id]
	q.n--
	q.take(p)
	p.t.id = -1
	*p = place{at: q.free}
	q.free = id
	if q.n == 0 {
		q.shrink()
	}
}

// take takes the key at p out of the heap or the wheel.
func (q *timers) take(p *place) {
	if p.bucket == inHeap {
		last := len(q.heap) - 1
		key := q.heap[last]
		q.heap = q.heap[:last]
		if i := int(p.at); i < last {
			q.fix(i, key)
		}
		return
	}
	w := q.far
	keys := w.buckets[p.bucket]
	last := len(keys) - 1
	if int(p.at) < last {
		keys[p.at] = keys[last]
		q.by[keys[last].id].at = p.at
	}
	w.buckets[p.bucket] = keys[:last]
	if w.n--; last == 0 {
		w.empty(int(p.bucket))
	}
}

// shrink gives back what a storm of timers grew, once none is left.
func (q *timers) shrink() {
	if cap(q.by) > spillAt {
		*q = timers{free: -1, no: q.no}
	}
}

// moved tells that the time of an armed timer has changed. A later one is left
// for when the key's time comes: most timers are reset before they fire.
func (q *timers) moved(t *timer, now int64) {
	p := &q.by[t.id]
	var key timerKey
	if p.bucket == inHeap {
		key = q.heap[p.at]
	} else {
		key = q.far.buckets[p.bucket][p.at]
	}
	if p.late = t.at >= key.at; p.late {
		return
	}
	key.at, key.no = t.at, t.no
	if p.bucket == inHeap {
		q.fix(int(p.at), key)
	} else {
		q.take(p)
		q.insert(key, now)
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
		q.put(i, q.heap[parent])
		i = parent
	}
	q.put(i, key)
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
		q.put(i, q.heap[least])
		i = least
	}
	q.put(i, key)
}

func (q *timers) put(i int, key timerKey) {
	q.heap[i] = key
	p := &q.by[key.id]
	p.bucket, p.at = inHeap, int32(i)
}

// next is when to look again: the earliest deadline, or a little before if
// that timer is far off and there are many; ok is false when there is none.
func (q *timers) next() (at int64, ok bool) {
	if q.far != nil && q.far.n > 0 {
		_, tick := q.far.earliest()
		at, ok = tick<<tickBits, true
	}
	if first, some := q.first(); some && (!ok || first < at) {
		return first, true
	}
	return at, ok
}

// first is the earliest deadline in the heap. It settles keys that a later
// Reset left behind.
func (q *timers) first() (at int64, ok bool) {
	for len(q.heap) > 0 {
		key := q.heap[0]
		p := &q.by[key.id]
		if !p.late {
			return key.at, true
		}
		p.late = false
		q.down(0, timerKey{p.t.at, p.t.no, key.id})
	}
	return 0, false
}

// due takes the next timer out that is due at now, or returns nil. The wheel's
// buckets are poured one by one, so that the heap stays small even when
// everything is due.
func (q *timers) due(now int64) *timer {
	for {
		at, ok := q.first()
		if w := q.far; w != nil && w.done < now>>tickBits {
			if w.n == 0 {
				w.done = now >> tickBits
			} else if bucket, tick := w.earliest(); tick > now>>tickBits {
				// No bucket begins between done and now: keys keep their level.
				w.done = now >> tickBits
			} else if !ok || at >= tick<<tickBits {
				q.pour(bucket, tick)
				continue
			}
		}
		if !ok || at > now {
			return nil
		}
		id := q.heap[0].id
		t := q.by[id].t
		q.remove(id)
		return t
	}
}

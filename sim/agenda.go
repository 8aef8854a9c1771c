package sim

import "container/heap"

// An entry is one call to come, in an agenda or in none.
type entry struct {
	at   int64 // monotonic nanoseconds of the agenda's world
	tie  uint64
	seq  uint64
	call func()
	pos  int // place in the heap plus one; 0: in none
}

// An agenda is what is to happen, in order: earlier first; of what is due at
// one time, smaller ties first, which are all 0 unless ties is set; then as
// added.
type agenda struct {
	heap entries
	seq  uint64
	ties func() uint64 // shuffles what is due at one time; nil: as added
}

// add puts e in at the given time; it must be in no agenda.
func (a *agenda) add(e *entry, at int64) {
	a.seq++
	e.at, e.seq, e.tie = at, a.seq, 0
	if a.ties != nil {
		e.tie = a.ties()
	}
	heap.Push(&a.heap, e)
}

// remove takes e out, and reports whether it was in.
func (a *agenda) remove(e *entry) bool {
	if e.pos == 0 {
		return false
	}
	heap.Remove(&a.heap, e.pos-1)
	return true
}

// next is the time of the earliest entry.
func (a *agenda) next() (at int64, ok bool) {
	if len(a.heap) == 0 {
		return 0, false
	}
	return a.heap[0].at, true
}

// pop takes out the earliest entry; there must be one.
func (a *agenda) pop() *entry { return heap.Pop(&a.heap).(*entry) }

// entries is a heap.Interface.
type entries []*entry

func (h entries) Len() int { return len(h) }
func (h entries) Less(i, j int) bool {
	a, b := h[i], h[j]
	if a.at != b.at {
		return a.at < b.at
	}
	if a.tie != b.tie {
		return a.tie < b.tie
	}
	return a.seq < b.seq
}
func (h entries) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i+1, j+1
}
func (h *entries) Push(x any) {
	e := x.(*entry)
	*h = append(*h, e)
	e.pos = len(*h)
}
func (h *entries) Pop() any {
	last := len(*h) - 1
	e := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	e.pos = 0
	return e
}

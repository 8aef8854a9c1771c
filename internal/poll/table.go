package poll

// A table gives out Handles and finds what is behind them by slot, not by a
// map. A closed slot is used again with the next generation, so that an old
// Handle finds nothing: neither an event nor a call of it can reach the slot's
// new owner. After 2^32-1 closes of one slot its generations begin anew at 1.
// The zero table is empty. Loop-only.
type table[T any] struct {
	entries []entry[T]
	free    []int32 // slots to use again, last closed first
	open    int
}

type entry[T any] struct {
	generation uint32 // of the open handle, or of the next one
	open       bool
	it         T
}

// add opens a slot for it. The pointers that get returned before are stale.
func (t *table[T]) add(it T) Handle {
	t.open++
	if last := len(t.free) - 1; last >= 0 {
		slot := t.free[last]
		t.free = t.free[:last]
		e := &t.entries[slot]
		e.open, e.it = true, it
		return MakeHandle(int(slot), e.generation)
	}
	t.entries = append(t.entries, entry[T]{generation: 1, open: true, it: it})
	return MakeHandle(len(t.entries)-1, 1)
}

// get finds what is behind h, or nil if h is not open. The pointer is good
// until the next add or remove.
func (t *table[T]) get(h Handle) *T {
	slot := uint(uint32(h))
	if slot >= uint(len(t.entries)) {
		return nil
	}
	e := &t.entries[slot]
	if !e.open || e.generation != h.Generation() {
		return nil
	}
	return &e.it
}

// remove closes h's slot, which must be open: from now on h finds nothing.
func (t *table[T]) remove(h Handle) {
	e := &t.entries[h.Slot()]
	e.generation++
	if e.generation == 0 {
		e.generation = 1 // Handle 0 is no handle
	}
	e.open, e.it = false, *new(T)
	t.free = append(t.free, int32(h.Slot()))
	t.open--
}

// handles returns the open handles, by slot.
func (t *table[T]) handles() []Handle {
	all := make([]Handle, 0, t.open)
	for slot := range t.entries {
		if e := &t.entries[slot]; e.open {
			all = append(all, MakeHandle(slot, e.generation))
		}
	}
	return all
}

package resolver

// A table remembers up to max values; the one used least recently goes first.
// Loop-only.
type table[V any] struct {
	max         int
	byKey       map[string]*row[V]
	first, last *row[V] // the first was used last
}

type row[V any] struct {
	key        string
	value      V
	prev, next *row[V]
}

// get is the value of key, and uses it.
func (t *table[V]) get(key string) (v V, ok bool) {
	r := t.byKey[key]
	if r == nil {
		return v, false
	}
	t.unlink(r)
	t.link(r)
	return r.value, true
}

// put gives key a value.
func (t *table[V]) put(key string, v V) {
	if t.byKey == nil {
		t.byKey = map[string]*row[V]{}
	}
	r := t.byKey[key]
	if r == nil {
		r = &row[V]{key: key}
		t.byKey[key] = r
	} else {
		t.unlink(r)
	}
	r.value = v
	t.link(r)
	for len(t.byKey) > t.max {
		t.remove(t.last.key)
	}
}

// remove forgets key.
func (t *table[V]) remove(key string) {
	if r := t.byKey[key]; r != nil {
		delete(t.byKey, key)
		t.unlink(r)
	}
}

func (t *table[V]) link(r *row[V]) {
	r.prev, r.next = nil, t.first
	if t.first != nil {
		t.first.prev = r
	} else {
		t.last = r
	}
	t.first = r
}

func (t *table[V]) unlink(r *row[V]) {
	if r.prev != nil {
		r.prev.next = r.next
	} else {
		t.first = r.next
	}
	if r.next != nil {
		r.next.prev = r.prev
	} else {
		t.last = r.prev
	}
}

package tlslayer

// A list has handshakes in the order in which they were added.
type list struct{ first, last *handshake }

// add puts h at the end.
func (l *list) add(h *handshake) {
	h.prev, h.next = l.last, nil
	if l.last != nil {
		l.last.next = h
	} else {
		l.first = h
	}
	l.last = h
}

// remove takes h out; it may be out already.
func (l *list) remove(h *handshake) {
	if h.prev == nil && l.first != h {
		return
	}
	if h.prev != nil {
		h.prev.next = h.next
	} else {
		l.first = h.next
	}
	if h.next != nil {
		h.next.prev = h.prev
	} else {
		l.last = h.prev
	}
	h.prev, h.next = nil, nil
}

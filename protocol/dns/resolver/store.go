package resolver

// A store keeps answers up to a number of bytes. Those that were used more than
// once are protected from those that were used once: a flood of questions
// for random names drives out itself. Loop-only.
type store struct {
	maxBytes  int
	byKey     map[string]*answer
	bytes     int
	protected int  // bytes of those in often
	once      list // used once: the first to go
	often     list // used again: at most four fifths of maxBytes
}

// A list is of answers, the one used last first.
type list struct{ first, last *answer }

func (l *list) push(a *answer) {
	a.prev, a.next = nil, l.first
	if l.first != nil {
		l.first.prev = a
	} else {
		l.last = a
	}
	l.first = a
}

func (l *list) remove(a *answer) {
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		l.first = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	} else {
		l.last = a.prev
	}
	a.prev, a.next = nil, nil
}

// find is the answer with the key k, or nil. It does not count as a use.
func (s *store) find(k []byte) *answer { return s.byKey[string(k)] }

// use says that a, which is kept, was of use.
func (s *store) use(a *answer) {
	if a.often {
		if s.often.first != a {
			s.often.remove(a)
			s.often.push(a)
		}
		return
	}
	s.once.remove(a)
	a.often = true
	s.often.push(a)
	s.protected += a.bytes
	for s.protected > s.maxBytes/5*4 && s.often.last != a {
		old := s.often.last
		s.often.remove(old)
		s.protected -= old.bytes
		old.often = false
		s.once.push(old)
	}
}

// put keeps a, in the place of one with its key, and drops what has no room
// any more.
func (s *store) put(a *answer) {
	if s.byKey == nil {
		s.byKey = map[string]*answer{}
	}
	was := false
	if old := s.byKey[a.key]; old != nil {
		was = old.often
		s.drop(old)
	}
	if a.bytes > s.maxBytes {
		return
	}
	s.byKey[a.key] = a
	s.bytes += a.bytes
	s.once.push(a)
	if was {
		s.use(a)
	}
	for s.bytes > s.maxBytes {
		old := s.once.last
		if old == nil || old == a && s.often.last != nil {
			old = s.often.last
		}
		s.drop(old)
	}
}

// drop forgets a.
func (s *store) drop(a *answer) {
	delete(s.byKey, a.key)
	s.bytes -= a.bytes
	if a.often {
		s.often.remove(a)
		s.protected -= a.bytes
		return
	}
	s.once.remove(a)
}

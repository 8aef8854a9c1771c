package reactor

import (
	"sync"
	"sync/atomic"
)

// A mailbox is the one door into a loop: functions from any goroutine, in the
// order of each. Safe for concurrent use.
type mailbox struct {
	sleeping atomic.Bool // the loop waits, or is about to: wake it
	filled   atomic.Bool // calls is not empty, so that a turn need not lock

	mu     sync.Mutex
	calls  []func() // Guarded by mu.
	max    int
	closed bool

	// Owned by the loop.
	taken []func() // being run
	done  int      // of taken
}

// put appends f; false: full or closed.
func (m *mailbox) put(f func()) bool {
	m.mu.Lock()
	ok := !m.closed && len(m.calls) < m.max
	if ok {
		m.calls = append(m.calls, f)
		m.filled.Store(true)
	}
	m.mu.Unlock()
	return ok
}

// putAlways is put for what was promised before: results of the pool, whose
// number the pool itself bounds.
func (m *mailbox) putAlways(f func()) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return false
	}
	m.calls = append(m.calls, f)
	m.filled.Store(true)
	return true
}

// take returns the next call to run, or nil.
func (m *mailbox) take() func() {
	if m.done == len(m.taken) {
		if !m.filled.Load() {
			return nil
		}
		clear(m.taken)
		spare := m.taken[:0]
		if cap(spare) > 1<<14 {
			spare = nil // a storm is over: give its memory back
		}
		m.mu.Lock()
		m.taken, m.calls = m.calls, spare
		m.filled.Store(false)
		m.mu.Unlock()
		m.done = 0
		if len(m.taken) == 0 {
			return nil
		}
	}
	f := m.taken[m.done]
	m.taken[m.done] = nil
	m.done++
	return f
}

// empty reports whether no call waits.
func (m *mailbox) empty() bool { return m.done == len(m.taken) && !m.filled.Load() }

// shut refuses what comes from now on; open accepts it again.
func (m *mailbox) shut() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock()
}

func (m *mailbox) open() {
	m.mu.Lock()
	m.closed = false
	m.mu.Unlock()
}

// Post implements deferred.Loop.
func (l *loop) Post(f func()) bool {
	if f == nil {
		panic("reactor: Post of a nil function")
	}
	if !l.mail.put(f) {
		return false
	}
	l.rouse()
	return true
}

// rouse wakes the loop if it sleeps: one system call for a burst.
func (l *loop) rouse() {
	if l.mail.sleeping.Load() && l.mail.sleeping.CompareAndSwap(true, false) {
		l.wake()
	}
}

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poll

import (
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A queue is a kqueue, and a pipe that wakes its Wait.
//
// It waits in the system call, of which Go's scheduler is told: whether a kqueue
// can be parked in Go's own poller differs between these systems.
//
// Its events name descriptors, not Handles. That is no danger: the kernel drops
// a closed descriptor's filters, and a batch is translated before anything of
// it can be closed.
type queue struct {
	kq      int
	wakeFD  int      // the pipe's reading end
	owners  []Handle // by descriptor
	raw     []unix.Kevent_t
	changes [4]unix.Kevent_t

	pending atomic.Bool // a Wake is on its way: a storm of them costs one write
	mu      sync.Mutex
	wakerFD int // -1 once shut. Guarded by mu.
}

func (q *queue) open() error {
	kq, err := unix.Kqueue()
	if err != nil {
		return wrap("kqueue", err)
	}
	unix.CloseOnExec(kq)
	reading, writing, err := wakePipe()
	if err != nil {
		closeFD(kq)
		return wrap("pipe2", err)
	}
	q.kq, q.wakeFD, q.wakerFD = kq, reading, writing
	unix.SetKevent(&q.changes[0], reading, unix.EVFILT_READ, unix.EV_ADD)
	if err := q.apply(1); err != nil {
		q.shut()
		return err
	}
	return nil
}

func (q *queue) wait(d *descriptors, ev []Event, until int64) (int, error) {
	if cap(q.raw) < len(ev) {
		q.raw = make([]unix.Kevent_t, len(ev))
	}
	q.raw = q.raw[:len(ev)]
	var look unix.Timespec
	n, err := q.kevent(&look)
	for n == 0 && err == nil && until > 0 {
		_, now := Now()
		if until <= now {
			break
		}
		var timeout *unix.Timespec // nil: without end
		if until != Never {
			at := unix.NsecToTimespec(min(until-now, int64(time.Hour)))
			timeout = &at
		}
		if n, err = q.kevent(timeout); err == unix.EINTR {
			err = nil // again, with what is left of the time
		}
	}
	if err != nil {
		return 0, wrap("kevent", err)
	}
	return q.translate(d, ev, n), nil
}

func (q *queue) kevent(timeout *unix.Timespec) (int, error) {
	n, err := unix.Kevent(q.kq, nil, q.raw, timeout)
	if err == unix.EINTR && timeout != nil && *timeout == (unix.Timespec{}) {
		return 0, nil
	}
	return max(n, 0), err
}

func (q *queue) translate(d *descriptors, ev []Event, n int) int {
	told := 0
	for i := range q.raw[:n] {
		raw := &q.raw[i]
		fd := int(raw.Ident)
		if fd == q.wakeFD {
			q.drain()
			continue
		}
		h := q.owners[fd]
		it := d.table.get(h)
		if it == nil || it.quiet {
			continue
		}
		over := raw.Flags&unix.EV_EOF != 0
		var r Ready
		if raw.Filter == unix.EVFILT_WRITE {
			r = Out
			if over {
				r |= Hup
			}
		} else {
			r = In
			if over && raw.Fflags != 0 {
				r |= Hup
			}
			if it.want&In == 0 {
				r &^= In // this filter is only there to hear of the end
			}
		}
		if r == 0 {
			continue
		}
		if r&Hup != 0 && it.want == 0 {
			d.hush(it)
		}
		ev[told] = Event{Handle: h, Ready: r}
		told++
	}
	return told
}

// drain takes the wake's byte, and only then lets the next Wake write one.
func (q *queue) drain() {
	var p [16]byte
	readRaw(q.wakeFD, p[:])
	q.pending.Store(false)
}

// wake is safe for concurrent use, also with shut.
func (q *queue) wake() {
	if q.pending.Load() || q.pending.Swap(true) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.wakerFD >= 0 {
		writeRaw(q.wakerFD, []byte{0})
	}
}

// add begins with both filters. The reading one is always there: level-triggered
// if reading is wanted, else telling once of each change, so that an error is
// heard of (Hup).
func (q *queue) add(fd int, h Handle, want Ready) error {
	for len(q.owners) <= fd {
		q.owners = append(q.owners, 0)
	}
	q.owners[fd] = h
	unix.SetKevent(&q.changes[0], fd, unix.EVFILT_READ, readFlags(want))
	n := 1
	if want&Out != 0 {
		unix.SetKevent(&q.changes[n], fd, unix.EVFILT_WRITE, unix.EV_ADD)
		n++
	}
	return q.apply(n)
}

func (q *queue) change(fd int, _ Handle, old, want Ready) error {
	n := 0
	if (old^want)&In != 0 {
		// Adding a filter again does not change how it triggers.
		unix.SetKevent(&q.changes[0], fd, unix.EVFILT_READ, unix.EV_DELETE)
		unix.SetKevent(&q.changes[1], fd, unix.EVFILT_READ, readFlags(want))
		n = 2
	}
	if (old^want)&Out != 0 {
		flags := unix.EV_ADD
		if want&Out == 0 {
			flags = unix.EV_DELETE
		}
		unix.SetKevent(&q.changes[n], fd, unix.EVFILT_WRITE, flags)
		n++
	}
	return q.apply(n)
}

func readFlags(want Ready) int {
	if want&In != 0 {
		return unix.EV_ADD
	}
	return unix.EV_ADD | unix.EV_CLEAR
}

func (q *queue) remove(fd int, want Ready) {
	unix.SetKevent(&q.changes[0], fd, unix.EVFILT_READ, unix.EV_DELETE)
	q.apply(1)
	if want&Out != 0 {
		unix.SetKevent(&q.changes[0], fd, unix.EVFILT_WRITE, unix.EV_DELETE)
		q.apply(1)
	}
}

// apply makes the first n changes.
func (q *queue) apply(n int) error {
	for {
		_, err := unix.Kevent(q.kq, q.changes[:n], nil, nil)
		if err != syscall.EINTR {
			return wrap("kevent", err)
		}
	}
}

func (q *queue) shut() error {
	q.mu.Lock()
	closeFD(q.wakerFD)
	q.wakerFD = -1
	q.mu.Unlock()
	closeFD(q.wakeFD)
	return closeFD(q.kq)
}

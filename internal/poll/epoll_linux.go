package poll

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// A queue is an epoll descriptor and an eventfd that wakes its Wait.
//
// Waiting does not block in a system call: the epoll descriptor is parked in
// Go's own poller, as one more descriptor of the program's. A blocked system
// call keeps a processor until the runtime takes it away, which delays every
// other goroutine, and this loop's start as well.
type queue struct {
	epfd int
	file *os.File // epfd, known to Go's poller
	park syscall.RawConn
	look func(uintptr) bool // made once: Wait allocates nothing

	raw   []unix.EpollEvent
	n     int           // what look found
	errno syscall.Errno // what look failed with
	until int64         // of file's read deadline
	idle  bool          // the last wait found nothing at once and slept

	pending atomic.Bool // a Wake is on its way: a storm of them costs one write
	mu      sync.Mutex
	eventfd int // -1 once shut. Guarded by mu.
}

// wakeSlot stands for the eventfd, where other events have their slot.
const wakeSlot = -1

func (q *queue) open() error {
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return wrap("epoll_create1", err)
	}
	eventfd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		closeFD(epfd)
		return wrap("eventfd2", err)
	}
	// Edge-triggered: each Wake is reported once, and nobody needs to read the
	// counter, which overflows after 2^64 wakes.
	wake := unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: wakeSlot}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, eventfd, &wake); err != nil {
		closeFD(epfd)
		closeFD(eventfd)
		return wrap("epoll_ctl", err)
	}
	unix.SetNonblock(epfd, true) // or os.NewFile would not give it to the poller
	q.epfd, q.eventfd, q.until = epfd, eventfd, Never
	q.file = os.NewFile(uintptr(epfd), "epoll")
	if q.park, err = q.file.SyscallConn(); err == nil {
		err = q.file.SetReadDeadline(time.Time{})
	}
	if err != nil {
		q.shut()
		return err
	}
	q.look = func(uintptr) bool {
		q.n, q.errno = q.poll()
		found := q.n != 0 || q.errno != 0
		q.idle = q.idle || !found
		return found
	}
	return nil
}

// poll looks once, without blocking, into q.raw.
func (q *queue) poll() (int, syscall.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(q.epfd),
			uintptr(unsafe.Pointer(&q.raw[0])), uintptr(len(q.raw)), 0, 0, 0)
		if errno == 0 {
			return int(n), 0
		}
		if errno != unix.EINTR {
			return 0, errno
		}
	}
}

func (q *queue) wait(d *descriptors, ev []Event, until int64) (int, error) {
	if cap(q.raw) < len(ev) {
		q.raw = make([]unix.EpollEvent, len(ev))
	}
	q.raw = q.raw[:len(ev)]
	// A loop that slept will often sleep again: sleep looks before it does, and
	// a look that finds nothing costs a system call.
	var n int
	var errno syscall.Errno
	if !q.idle || until <= 0 {
		n, errno = q.poll()
	}
	q.idle = false
	if n == 0 && errno == 0 && until > 0 {
		if until == Never || untilLater(until) {
			if err := q.sleep(until); err != nil {
				return 0, err
			}
			n, errno = q.n, q.errno
		} else {
			n, errno = q.poll()
		}
	}
	if errno != 0 {
		return 0, failed("epoll_pwait", errno)
	}
	return q.translate(d, ev, n), nil
}

func untilLater(until int64) bool {
	_, now := Now()
	return until > now
}

// sleep parks the loop's goroutine until look finds something or until comes.
func (q *queue) sleep(until int64) error {
	if until != q.until {
		var at time.Time
		if until != Never {
			at = start.Add(time.Duration(until))
		}
		if err := q.file.SetReadDeadline(at); err != nil {
			return err
		}
		q.until = until
	}
	q.n, q.errno = 0, 0
	err := q.park.Read(q.look)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		return err
	}
	return nil
}

// translate turns raw events into ev and returns how many were for somebody.
func (q *queue) translate(d *descriptors, ev []Event, n int) int {
	told := 0
	for i := range q.raw[:n] {
		raw := &q.raw[i]
		if raw.Fd == wakeSlot {
			// Before the reactor looks at what it was woken for: a Wake after
			// this writes again.
			q.pending.Store(false)
			continue
		}
		h := MakeHandle(int(raw.Fd), uint32(raw.Pad))
		it := d.table.get(h)
		if it == nil {
			continue // of a handle closed meanwhile
		}
		var r Ready
		if raw.Events&(unix.EPOLLIN|unix.EPOLLPRI|unix.EPOLLRDHUP) != 0 {
			r |= In
		}
		if raw.Events&unix.EPOLLOUT != 0 {
			r |= Out
		}
		if raw.Events&(unix.EPOLLHUP|unix.EPOLLERR) != 0 {
			r |= Hup
			if it.sort == sortPacket {
				r |= In // the error is read like a packet
			}
			if it.want == 0 {
				d.hush(it)
			}
		}
		ev[told] = Event{Handle: h, Ready: r}
		told++
	}
	return told
}

// wake is safe for concurrent use, also with shut.
func (q *queue) wake() {
	if q.pending.Load() || q.pending.Swap(true) {
		return
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.eventfd >= 0 {
		one := uint64(1)
		writeRaw(q.eventfd, (*[8]byte)(unsafe.Pointer(&one))[:])
	}
}

func (q *queue) control(op, fd int, h Handle, want Ready) error {
	raw := unix.EpollEvent{Fd: int32(h.Slot()), Pad: int32(h.Generation())}
	if want&In != 0 {
		raw.Events |= unix.EPOLLIN
	}
	if want&Out != 0 {
		raw.Events |= unix.EPOLLOUT
	}
	if want&shared != 0 {
		raw.Events |= unix.EPOLLEXCLUSIVE
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(q.epfd), uintptr(op), uintptr(fd),
		uintptr(unsafe.Pointer(&raw)), 0, 0)
	if errno != 0 {
		return failed("epoll_ctl", errno)
	}
	return nil
}

func (q *queue) add(fd int, h Handle, want Ready) error {
	return q.control(unix.EPOLL_CTL_ADD, fd, h, want)
}

func (q *queue) change(fd int, h Handle, _, want Ready) error {
	if want&shared != 0 {
		// What is woken exclusively cannot be modified (epoll_ctl(2)).
		q.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
		return q.control(unix.EPOLL_CTL_ADD, fd, h, want)
	}
	return q.control(unix.EPOLL_CTL_MOD, fd, h, want)
}

// remove comes before close: a descriptor that was inherited or passed on
// would stay in the set for ever (epoll(7), question 6).
func (q *queue) remove(fd int, _ Ready) {
	q.control(unix.EPOLL_CTL_DEL, fd, 0, 0)
}

func (q *queue) shut() error {
	q.mu.Lock()
	closeFD(q.eventfd)
	q.eventfd = -1
	q.mu.Unlock()
	return q.file.Close()
}

// Slept implements Sleeper.
func (d *descriptors) Slept() bool { return d.queue.idle }

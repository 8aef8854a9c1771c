//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"os"
	"syscall"
)

// Open makes the system's best Poller: epoll on Linux, kqueue on macOS and the
// BSDs. It holds up to four descriptors of its own, all close-on-exec.
func Open() (Poller, error) {
	d := &descriptors{reserve: -1}
	if err := d.queue.open(); err != nil {
		return nil, err
	}
	d.keepReserve()
	return d, nil
}

// descriptors is a Poller over file descriptors: what epoll and kqueue have in
// common. The queue, which differs, says which of them are ready.
type descriptors struct {
	table table[descriptor]
	queue queue
	zones zones
	room  room // for system calls: they allocate nothing

	rights []byte // control data of ReadRights
	// foreign finds watched descriptors. They are closed by others, whose numbers
	// then may come back as ours: see add.
	foreign map[int32]Handle
	reserve int // a descriptor to spare for TurnAway; -1: none
	shut    bool
}

// shared, beside what is wanted, says to the queue that other pollers watch the
// same socket.
const shared Ready = 1 << 7

// A descriptor is one slot's content.
type descriptor struct {
	fd     int32
	family uint8 // AF_INET, AF_INET6, AF_UNIX
	sort   sort
	want   Ready
	// quiet: it has hung up and nobody wants to read or write, so that the
	// queue does not know it until Want changes: else Wait would spin.
	quiet   bool
	dialing bool
	tcp     bool
	share   Ready      // shared: other pollers watch the same socket; else 0
	bound   *boundPath // of a UNIX socket whose file Close removes
}

func (d *descriptors) Wait(ev []Event, until int64) (int, error) {
	if d.shut {
		return 0, ErrClosed
	}
	if len(ev) == 0 {
		panic("poll: internal error: Wait without room for events")
	}
	return d.queue.wait(d, ev, until)
}

func (d *descriptors) Wake() { d.queue.wake() }

// add takes fd into the table and the queue.
func (d *descriptors) add(it descriptor) (Handle, error) {
	if d.shut {
		return 0, ErrClosed
	}
	h := d.table.add(it)
	if err := d.queue.add(int(it.fd), h, it.want); err != nil {
		d.table.remove(h)
		return 0, err
	}
	if old := d.table.get(d.foreign[it.fd]); old != nil {
		// The number has a new owner, so the watched descriptor was closed: what
		// is done to it from now on must not reach the new one.
		old.fd, old.quiet = -1, true
		delete(d.foreign, it.fd)
	}
	if it.sort == sortForeign {
		if d.foreign == nil {
			d.foreign = make(map[int32]Handle)
		}
		d.foreign[it.fd] = h
	}
	return h, nil
}

func (d *descriptors) Want(h Handle, r Ready) error {
	it := d.table.get(h)
	if it == nil {
		return ErrClosed
	}
	r &= In | Out
	if it.want == r && !(it.quiet && r != 0) {
		return nil
	}
	if it.quiet {
		if r == 0 {
			it.want = 0
			return nil
		}
		if err := d.queue.add(int(it.fd), h, r|it.share); err != nil {
			return err
		}
		it.quiet = false
	} else if err := d.queue.change(int(it.fd), h, it.want, r|it.share); err != nil {
		return err
	}
	it.want = r
	return nil
}

// Share implements Sharer.
func (d *descriptors) Share(h Handle) error {
	it := d.table.get(h)
	if it == nil {
		return ErrClosed
	}
	it.share = shared
	if it.quiet {
		return nil
	}
	return d.queue.change(int(it.fd), h, it.want, it.want|shared)
}

// hush takes a descriptor that has hung up out of the queue: it stays over for
// ever, and nobody wants to read or write it now.
func (d *descriptors) hush(it *descriptor) {
	d.queue.remove(int(it.fd), it.want)
	it.quiet = true
}

func (d *descriptors) Close(h Handle, reset bool) error {
	it := d.table.get(h)
	if it == nil {
		return ErrClosed
	}
	gone := *it
	// In this order: no event of h can be believed any more, none is made any
	// more, and only then may the number have a new owner.
	d.table.remove(h)
	if !gone.quiet {
		d.queue.remove(int(gone.fd), gone.want)
	}
	if gone.sort == sortForeign {
		if d.foreign[gone.fd] == h {
			delete(d.foreign, gone.fd)
		}
		return nil
	}
	if gone.bound != nil {
		gone.bound.remove()
	}
	return closeSocket(int(gone.fd), reset && gone.tcp && gone.sort == sortStream)
}

func (d *descriptors) Detach(h Handle) (Socket, error) {
	it := d.table.get(h)
	if it == nil || it.sort == sortForeign {
		return nil, ErrClosed
	}
	gone := *it
	d.table.remove(h)
	if !gone.quiet {
		d.queue.remove(int(gone.fd), gone.want)
	}
	return FD(gone.fd), nil
}

// Watch implements Watcher. A descriptor must not be watched twice (EEXIST); it
// should be closed after its Handle, but may be closed before.
func (d *descriptors) Watch(fd int) (Handle, error) {
	return d.add(descriptor{fd: int32(fd), sort: sortForeign})
}

func (d *descriptors) Shut() error {
	if d.shut {
		return nil
	}
	for _, h := range d.table.handles() {
		d.Close(h, false)
	}
	d.shut = true
	if d.reserve >= 0 {
		closeFD(d.reserve)
		d.reserve = -1
	}
	return d.queue.shut()
}

func (d *descriptors) LocalAddr(h Handle) Addr {
	it := d.table.get(h)
	if it == nil || it.sort == sortForeign {
		return Addr{}
	}
	return d.zones.localAddr(int(it.fd))
}

func (d *descriptors) RemoteAddr(h Handle) Addr {
	it := d.table.get(h)
	if it == nil || it.sort == sortForeign {
		return Addr{}
	}
	return d.zones.remoteAddr(int(it.fd))
}

// failed wraps a system call's errno as this package's errors are.
func failed(call string, errno syscall.Errno) error {
	if errno == syscall.EAGAIN {
		return ErrAgain
	}
	return &os.SyscallError{Syscall: call, Err: errno}
}

// wrap is failed for calls that return an error.
func wrap(call string, err error) error {
	if errno, ok := err.(syscall.Errno); ok {
		return failed(call, errno)
	}
	return err
}

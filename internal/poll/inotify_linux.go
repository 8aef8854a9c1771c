package poll

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// ChangeOp says what happened to a file of a watched directory.
type ChangeOp uint8

const (
	Written ChangeOp = 1 << iota // its content or size changed
	Created                      // it came to be, also by a rename
	Removed                      // it is gone, also by a rename; Name "": the directory is
	Lost                         // the system's queue ran over: changes were missed
)

// A Change is what happened to one file. Name has no directory part.
type Change struct {
	Watch int // what Add returned; of Lost: -1, for it concerns all
	Name  string
	Op    ChangeOp
}

// An Inotify tells of changes in directories: the descriptor that twistor's
// Notifier Watches. Loop-only.
//
// The system limits how many of them a user has (fs.inotify.max_user_instances,
// 128 most often), how many directories, and how many changes wait to be read.
type Inotify struct {
	fd  int
	buf [16 << 10]byte
}

// OpenInotify makes one; EMFILE says that the user has too many.
func OpenInotify() (*Inotify, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, wrap("inotify_init1", err)
	}
	return &Inotify{fd: fd}, nil
}

// FD is the descriptor to Watch: it is ready In when there is something to Read.
func (n *Inotify) FD() int { return n.fd }

// Add watches the files of dir, but not those of directories in it. The same
// directory gives the same number again.
func (n *Inotify) Add(dir string) (int, error) {
	watch, err := unix.InotifyAddWatch(n.fd, dir, unix.IN_ONLYDIR|unix.IN_MODIFY|unix.IN_CREATE|unix.IN_MOVED_TO|
		unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF)
	if err != nil {
		return 0, fmt.Errorf("poll: watch %q: %w", dir, wrap("inotify_add_watch", err))
	}
	return watch, nil
}

// Remove ends a watch. Changes from before may still be read.
func (n *Inotify) Remove(watch int) error {
	_, err := unix.InotifyRmWatch(n.fd, uint32(watch))
	return wrap("inotify_rm_watch", err)
}

// Read calls told for some changes, in their order, and returns ErrAgain if
// there are none.
func (n *Inotify) Read(told func(Change)) error {
	size, errno := readRaw(n.fd, n.buf[:])
	if errno != 0 {
		return failed("read", errno)
	}
	parseChanges(n.buf[:size], told)
	return nil
}

// Close ends all watches.
func (n *Inotify) Close() error { return closeFD(n.fd) }

// parseChanges reads inotify_event records. The system writes whole ones only;
// what is cut is left out.
func parseChanges(p []byte, told func(Change)) {
	for len(p) >= unix.SizeofInotifyEvent {
		watch := int32(binary.NativeEndian.Uint32(p))
		mask := binary.NativeEndian.Uint32(p[4:])
		length := binary.NativeEndian.Uint32(p[12:])
		p = p[unix.SizeofInotifyEvent:]
		if uint64(length) > uint64(len(p)) {
			return
		}
		name, _, _ := bytes.Cut(p[:length], []byte{0}) // padded with NULs
		p = p[length:]
		if op := opOf(mask); op != 0 {
			told(Change{Watch: int(watch), Name: string(name), Op: op})
		}
	}
}

func opOf(mask uint32) (op ChangeOp) {
	if mask&unix.IN_MODIFY != 0 {
		op |= Written
	}
	if mask&(unix.IN_CREATE|unix.IN_MOVED_TO) != 0 {
		op |= Created
	}
	if mask&(unix.IN_DELETE|unix.IN_MOVED_FROM|unix.IN_DELETE_SELF|unix.IN_MOVE_SELF|unix.IN_UNMOUNT) != 0 {
		op |= Removed
	}
	if mask&unix.IN_Q_OVERFLOW != 0 {
		op |= Lost
	}
	return op
}

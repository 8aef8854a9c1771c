package sim

import (
	"os"
	"syscall"

	"github.com/twistor-go/twistor/internal/poll"
)

// A socket is one open socket of a Host: a connection, a port or a packet
// socket. It may be watched by a poller, or be on its way between two.
type socket interface {
	base() *watched
	ready() poll.Ready
	close(reset bool)
}

// watched is what all sockets have.
type watched struct {
	id            uint64
	host          *Host
	spec          poll.Spec
	local, remote poll.Addr
	counted       bool // against the host's limit of open files
	poller        *poller
	slot          int
	shut          bool // the host's program has closed it
}

func (b *watched) base() *watched { return b }

// changed has the poller look whether the socket is ready.
func (b *watched) changed() {
	if b.poller != nil {
		b.poller.mark(b.slot)
	}
}

// count takes one of the host's open files.
func (b *watched) count() error {
	if b.host.open >= b.host.maxOpen() {
		return syscall.EMFILE
	}
	b.counted = true
	b.host.open++
	return nil
}

// uncount gives it back.
func (b *watched) uncount() {
	if b.counted {
		b.counted = false
		b.host.open--
	}
}

// failedCall is errno as poll's Pollers report it.
func failedCall(call string, errno error) error {
	if errno == syscall.EAGAIN {
		return poll.ErrAgain
	}
	return &os.SyscallError{Syscall: call, Err: errno}
}

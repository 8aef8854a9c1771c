//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"golang.org/x/sys/unix"
)

// An arrival is the Socket that Accept gives: a connection whose nature is
// known, so that Adopt need not ask the system.
type arrival struct {
	fd     int32
	family uint8
	tcp    bool
}

func (d *descriptors) Accept(h Handle) (Socket, Addr, error) {
	it := d.table.get(h)
	if it == nil {
		return nil, Addr{}, ErrClosed
	}
	fd, from, err := d.accept(int(it.fd))
	if err != nil {
		return nil, Addr{}, err
	}
	if it.tcp {
		finishAccepted(fd)
	}
	return arrival{fd: int32(fd), family: it.family, tcp: it.tcp}, from, nil
}

func (d *descriptors) Drop(sock Socket, reset bool) {
	switch s := sock.(type) {
	case FD:
		closeSocket(int(s), reset)
	case arrival:
		closeSocket(int(s.fd), reset && s.tcp)
	}
}

// TurnAway implements Reserver.
func (d *descriptors) TurnAway(h Handle) error {
	it := d.table.get(h)
	if it == nil {
		return ErrClosed
	}
	if d.reserve >= 0 {
		closeFD(d.reserve)
		d.reserve = -1
	}
	fd, _, err := d.accept(int(it.fd))
	if err == nil {
		closeSocket(fd, it.tcp)
	}
	d.keepReserve()
	return err
}

// keepReserve opens the descriptor that TurnAway lives on, if it can be had.
func (d *descriptors) keepReserve() {
	if d.reserve < 0 {
		if fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0); err == nil {
			d.reserve = fd
		}
	}
}

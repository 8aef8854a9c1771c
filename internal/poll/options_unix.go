//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"net"

	"golang.org/x/sys/unix"
)

// prepareDialed sets what a TCP connection of ours is to have.
func prepareDialed(fd int) error {
	if err := setNoDelay(fd, true); err != nil {
		return err
	}
	if err := setKeepAlive(fd, net.KeepAliveConfig{Enable: true}); err != nil {
		return err
	}
	return setUserTimeout(fd, userTimeout)
}

func setNoDelay(fd int, on bool) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, number(on))
}

// setKeepAlive takes zero for our defaults, and leaves alone what is negative.
func setKeepAlive(fd int, c net.KeepAliveConfig) error {
	if err := setInt(fd, unix.SOL_SOCKET, unix.SO_KEEPALIVE, number(c.Enable)); err != nil || !c.Enable {
		return err
	}
	return setKeepAliveTimes(fd, keepDefaults(c))
}

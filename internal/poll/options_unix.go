//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// How dead peers are found: F-03. Keep-alive asks an idle one after a minute,
// every 10 s, 3 times; data that nobody acknowledges is given up after 30 s.
const (
	keepIdle     = 60 * time.Second
	keepInterval = 10 * time.Second
	keepCount    = 3
	userTimeout  = 30 * time.Second
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
	if c.Idle == 0 {
		c.Idle = keepIdle
	}
	if c.Interval == 0 {
		c.Interval = keepInterval
	}
	if c.Count == 0 {
		c.Count = keepCount
	}
	return setKeepAliveTimes(fd, c)
}

// seconds rounds up, so that 1 ms does not become never.
func seconds(d time.Duration) int {
	return int((d + time.Second - 1) / time.Second)
}

func number(on bool) int {
	if on {
		return 1
	}
	return 0
}

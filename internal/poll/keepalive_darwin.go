package poll

import (
	"net"
	"time"

	"golang.org/x/sys/unix"
)

func setKeepAliveTimes(fd int, c net.KeepAliveConfig) error {
	for _, o := range [...]struct{ option, value int }{
		{unix.TCP_KEEPALIVE, seconds(c.Idle)},
		{unix.TCP_KEEPINTVL, seconds(c.Interval)},
		{unix.TCP_KEEPCNT, c.Count},
	} {
		if o.value > 0 {
			if err := setInt(fd, unix.IPPROTO_TCP, o.option, o.value); err != nil {
				return err
			}
		}
	}
	return nil
}

// setUserTimeout sets how long bytes are sent again before the connection is
// given up.
func setUserTimeout(fd int, d time.Duration) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_RXT_CONNDROPTIME, seconds(d))
}

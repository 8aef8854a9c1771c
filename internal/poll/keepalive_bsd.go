//go:build dragonfly || freebsd || netbsd

package poll

import (
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

func setKeepAliveTimes(fd int, c net.KeepAliveConfig) error {
	unit := 1
	if runtime.GOOS == "dragonfly" {
		unit = 1000 // it counts milliseconds
	}
	for _, o := range [...]struct{ option, value int }{
		{unix.TCP_KEEPIDLE, seconds(c.Idle) * unit},
		{unix.TCP_KEEPINTVL, seconds(c.Interval) * unit},
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

// setUserTimeout: there is no such thing here.
func setUserTimeout(int, time.Duration) error { return nil }

package poll

import (
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// prepareAccepted sets a listening socket's options for the connections it
// will give: Linux copies all of ours to them, which saves six system calls
// for each connection.
func prepareAccepted(fd int) error { return prepareDialed(fd) }

// finishAccepted has nothing left to do for a new connection.
func finishAccepted(int) {}

func setKeepAliveTimes(fd int, c net.KeepAliveConfig) error {
	for _, o := range [...]struct{ option, value int }{
		{unix.TCP_KEEPIDLE, seconds(c.Idle)},
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

func setUserTimeout(fd int, d time.Duration) error {
	return setInt(fd, unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(d/time.Millisecond))
}

// laterPort lets the system choose a dial's port when it connects, not when it
// binds, so that one address can have more than 28,000 dials at once.
func laterPort(fd int) {
	unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
}

// maxBacklog is how many connections may wait to be accepted, at most.
var maxBacklog = sync.OnceValue(func() int {
	text, err := os.ReadFile("/proc/sys/net/core/somaxconn")
	if err != nil {
		return unix.SOMAXCONN
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || n <= 0 {
		return unix.SOMAXCONN
	}
	return n
})

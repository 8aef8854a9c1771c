package poll

import (
	"net"
	"time"
)

// How dead peers are found: F-03. Keep-alive asks an idle one after a minute,
// every 10 s, 3 times; data that nobody acknowledges is given up after 30 s.
const (
	keepIdle     = 60 * time.Second
	keepInterval = 10 * time.Second
	keepCount    = 3
	userTimeout  = 30 * time.Second
)

// keepDefaults puts ours where c is zero.
func keepDefaults(c net.KeepAliveConfig) net.KeepAliveConfig {
	if c.Idle == 0 {
		c.Idle = keepIdle
	}
	if c.Interval == 0 {
		c.Interval = keepInterval
	}
	if c.Count == 0 {
		c.Count = keepCount
	}
	return c
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

package poll

import (
	"net"
	"time"
)

// OpenBSD has these times for the whole system only (sysctl net.inet.tcp).

func setKeepAliveTimes(int, net.KeepAliveConfig) error { return nil }

func setUserTimeout(int, time.Duration) error { return nil }

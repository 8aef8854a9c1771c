package twistor

import (
	"net"
	"os"
)

// As finds a T in t or below its wrappers (Unwrap() Transport), such as a Tuner.
func As[T any](t Transport) (T, bool) {
	for t != nil {
		if v, ok := t.(T); ok {
			return v, true
		}
		u, _ := t.(interface{ Unwrap() Transport })
		if u == nil {
			break
		}
		t = u.Unwrap()
	}
	return *new(T), false
}

type (
	Tuner interface { // TCP
		SetNoDelay(bool) error
		SetKeepAlive(net.KeepAliveConfig) error
	}
	FileSender interface {
		WriteFiles(p []byte, files ...*os.File) error
	} // UNIX; p has a byte or more
	FileReceiver interface{ FileReceived(f *os.File) } // of a Protocol: before its bytes; else: closed
)

package twistor

import (
	"net"
	"os"
)

// As finds a T in t or below its wrappers (Unwrap() Transport), such as a Tuner.
// It is for what concerns the connection itself, not the bytes on it.
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

// A Sharer is a Transport that can queue bytes without copying them: for what
// is sent to many, or is large. p must not change until it is sent, which
// nobody tells: it is for bytes that never change again. They count against
// Limits like those of Write, and the errors are Write's.
//
// Assert it of the Transport at hand, never by As: a layer that transforms
// bytes would be passed by.
type Sharer interface {
	WriteShared(p []byte) error
}

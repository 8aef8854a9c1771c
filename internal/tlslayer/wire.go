package tlslayer

import (
	"io"
	"net"
	"time"
)

// wire is a layer as crypto/tls sees it: a connection whose Read waits during
// the handshake, and never afterwards.
type wire layer

var _ net.Conn = (*wire)(nil)

// Read reads what came from below.
func (w *wire) Read(p []byte) (int, error) {
	c := (*layer)(w)
	if c.shake != nil {
		return c.shake.read(p)
	}
	if len(c.in) == 0 {
		if c.eofBelow {
			c.cut = true
			return 0, io.EOF
		}
		return 0, errAgain
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// Write sends ciphertext.
func (w *wire) Write(p []byte) (int, error) {
	if w.gone {
		return 0, net.ErrClosed
	}
	return w.below.Write(p)
}

// Close does nothing: crypto/tls does not decide when a connection ends.
func (w *wire) Close() error { return nil }

func (w *wire) LocalAddr() net.Addr              { return w.below.LocalAddr() }
func (w *wire) RemoteAddr() net.Addr             { return w.below.RemoteAddr() }
func (w *wire) SetDeadline(time.Time) error      { return nil }
func (w *wire) SetReadDeadline(time.Time) error  { return nil }
func (w *wire) SetWriteDeadline(time.Time) error { return nil }

// errAgain says that no bytes are there. Because it is temporary, crypto/tls
// keeps all its state, also in the middle of a record.
var errAgain net.Error = again{}

type again struct{}

func (again) Error() string   { return "tlslayer: no bytes yet" }
func (again) Timeout() bool   { return true }
func (again) Temporary() bool { return true }

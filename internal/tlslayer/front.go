package tlslayer

import (
	"crypto/tls"
	"errors"
	"net"

	"github.com/twistor-go/twistor"
)

// A front is what the protocol above a layer holds. It stands for the topmost
// layer, so that a protocol which starts TLS within TLS goes on writing to the
// same Transport. Loop-only.
type front struct {
	twistor.Transport // top, as an interface
	top               *layer
}

func newFront(c *layer) *front { return &front{c, c} }

// StartTLS puts one more layer on top. The protocol's Pause moves up with it.
func (f *front) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	c := f.top
	switch {
	case c.mute() || c.closing:
		return net.ErrClosed
	case c.shake != nil:
		return errors.New("tlslayer: StartTLS during a handshake: want it after Secured")
	case c.next != nil:
		return errors.New("tlslayer: StartTLS and Switch in one callback: want Switch first, StartTLS in Connected")
	}
	over, err := start(c, config, as, c.protocol, unread)
	if err != nil {
		return err
	}
	c.protocol = (*events)(over)
	f.Transport, f.top = over, over
	if c.paused {
		over.paused = true
		c.Resume()
	}
	return nil
}

// Unwrap lets twistor.As find the layers and what is below them.
func (f *front) Unwrap() twistor.Transport { return f.Transport }

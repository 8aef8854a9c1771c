package tlslayer

import (
	"io"

	"github.com/twistor-go/twistor"
)

// read delivers plaintext as long as there is any and the protocol above wants
// it, and then the end, if there is one.
func (c *layer) read() {
	c.gate.enter()
	defer c.gate.leave()
	for c.reads() {
		switch {
		case len(c.plain) > 0:
			p := c.plain
			c.plain = nil
			c.event(func() { c.protocol.Received(p) })
		case c.readErr != nil:
			err := c.readErr
			c.readErr = nil
			c.ended(err)
		case c.more || len(c.in) > 0:
			c.decrypt()
		default:
			return
		}
	}
}

// decrypt delivers one block of plaintext, from as many records as it holds.
func (c *layer) decrypt() {
	block := c.gate.take()
	n, err := 0, error(nil)
	for n < len(block) && err == nil {
		var m int
		m, err = c.session.Read(block[n:])
		n += m
	}
	c.more = err == nil
	if err != nil && err != errAgain {
		c.readErr = err
	}
	if n > 0 {
		c.event(func() { c.protocol.Received(block[:n]) })
	}
	c.gate.give(block)
}

// backlog reports whether read would find something.
func (c *layer) backlog() bool {
	return c.more || len(c.in) > 0 || len(c.plain) > 0 || c.readErr != nil
}

// ended tells the protocol above why there is no more to read.
//
// "Any data received after a closure alert has been received MUST be ignored":
// https://www.rfc-editor.org/rfc/rfc8446#section-6.1. crypto/tls says io.EOF also
// when the connection ends between two records, which is how an attacker cuts
// a message short; only with the alert it is one here.
func (c *layer) ended(err error) {
	switch {
	case err != io.EOF:
		c.fail(err) // the session has written its alert
	case c.cut:
		c.flush() // what the protocol answered to the rest may still arrive
		c.fail(io.ErrUnexpectedEOF)
	default:
		c.eof = true
		c.in = nil
		if h, ok := c.protocol.(twistor.HalfCloser); ok {
			c.event(h.ReadClosed)
			if c.sealed {
				c.Close() // both directions are over
			}
			return
		}
		if c.Close(); c.err == nil {
			c.err = io.EOF
		}
	}
}

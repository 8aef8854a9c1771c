package tlslayer

import (
	"io"

	"github.com/twistor-go/twistor"
)

// events is a layer as the Transport below sees it: a Protocol with every
// optional event.
type events layer

var (
	_ twistor.Protocol   = (*events)(nil)
	_ twistor.HalfCloser = (*events)(nil)
	_ twistor.Drainer    = (*events)(nil)
	_ twistor.Dismisser  = (*events)(nil)
)

func (e *events) Connected() { e.shake.begin() }

// Received takes ciphertext. What the protocol above does not want yet is kept;
// meanwhile below is paused.
func (e *events) Received(p []byte) {
	c := (*layer)(e)
	switch {
	case c.shake != nil:
		c.shake.received(p) // also after Close: what was written waits for it
	case c.deaf():
	case len(c.in) > 0:
		c.in = append(c.in, p...)
	default:
		c.in = p
		c.read()
		c.borrowed()
	}
}

// ReadClosed is the end below. It is a clean one only if the session ended
// before it.
func (e *events) ReadClosed() {
	c := (*layer)(e)
	c.eofBelow = true
	switch {
	case c.shake != nil:
		c.shake.received(nil)
	case c.deaf():
	default:
		c.more = true
		c.read()
	}
}

// Drained says that below has room.
func (e *events) Drained() {
	c := (*layer)(e)
	if c.queue != nil && c.shake == nil {
		c.guard(c.send)
	}
	c.drained()
}

// drained tells the protocol above, once it was Full, that it is not any more.
// Below being less than full is enough, because only at its own Low, and only if
// it was Full, below calls again.
func (c *layer) drained() {
	if !c.full || c.Full() || c.gone || c.err != nil {
		return
	}
	c.full = false
	if d, ok := c.protocol.(twistor.Drainer); ok {
		c.event(d.Drained)
	}
}

// Dismissed passes the word on. A handshake has nothing to finish.
func (e *events) Dismissed() {
	c := (*layer)(e)
	if c.shake != nil {
		c.abort(twistor.ErrStopped)
	} else if d, ok := c.protocol.(twistor.Dismisser); ok {
		c.event(d.Dismissed)
	} else {
		c.Close()
	}
}

// Disconnected ends everything, once.
func (e *events) Disconnected(err error) {
	c := (*layer)(e)
	switch {
	case c.gone:
		return
	case c.err != nil:
		err = c.err
	case err == io.EOF && !c.eof && !c.closing:
		err = io.ErrUnexpectedEOF // nobody told us before, and without close_notify
	}
	c.gate.enter()
	defer c.gate.leave()
	c.change() // who was to come hears Connected before Disconnected
	c.drop(err)
	c.gone = true
	if c.shake != nil {
		c.shake.report(nil, err)
	}
	if c.protocol != nil {
		c.protocol.Disconnected(err)
		c.protocol = nil
	}
}

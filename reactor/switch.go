package reactor

import (
	"github.com/twistor-go/twistor"
)

// switchTo makes p the Protocol when the running callback returns.
func (c *conn) switchTo(p twistor.Protocol, unread []byte, quiet bool) {
	if p == nil {
		panic("reactor: Switch to a nil Protocol")
	}
	if c.is(doomed) {
		return
	}
	x := c.extra()
	x.next, x.bare = p, quiet
	x.unread = append([]byte(nil), unread...)
	c.state |= switching
	c.l.later(c)
}

// doSwitch is what Switch announced.
func (c *conn) doSwitch() {
	x := c.x
	c.state &^= switching
	c.p, x.next = x.next, nil
	unread := x.unread
	x.unread = nil
	c.receives()
	if len(unread) > 0 {
		x.held = append(unread, x.held...)
	}
	if !x.bare {
		c.p.Connected()
	}
}

// deliverHeld gives the bytes that waited for a Switch or a Resume.
func (c *conn) deliverHeld() {
	held := c.x.held
	c.x.held = nil
	if !c.is(closing) {
		c.p.Received(held)
	}
}

// receives looks up what c's Protocol can hear.
func (c *conn) receives() {
	c.state &^= files
	if c.is(local) && c.l.rights != nil {
		if _, ok := c.p.(twistor.FileReceiver); ok {
			c.state |= files
		}
	}
}

package tlslayer

import (
	"io"

	"github.com/twistor-go/twistor"
)

// end makes the handshake fail with err, if it goes on still: its connection is
// being closed. The coroutine hears when it is resumed; one that waits for a
// signature, when that is made.
func (h *handshake) end(err error) {
	if h.stop != nil {
		return
	}
	h.stop = err
	h.in = nil
	h.deadline.Stop()
	g := h.layer.gate
	g.stalled.remove(h)
	if h.outside {
		h.outside = false
		g.crowd--
	}
	if !h.started {
		g.release(h)
	}
	h.wake()
}

// report calls done, once.
func (h *handshake) report(p twistor.Protocol, err error) {
	if done := h.done; done != nil {
		h.done = nil
		done(p, err)
	}
}

// ended is called when the coroutine has.
func (h *handshake) ended(err error) {
	c := h.layer
	c.gate.release(h)
	if h.stop != nil {
		return // everybody knows
	}
	h.deadline.Stop()
	c.guard(func() {
		c.gate.enter()
		defer c.gate.leave()
		if err != nil {
			h.failed(err)
			return
		}
		c.shake = nil
		c.in, c.more = h.in, true
		c.eofBelow = h.eof
		if c.stopped = c.paused; c.stopped {
			h.hold()
		} else {
			h.unhold()
		}
		if h.factory != nil {
			h.build()
		} else {
			h.secured()
		}
		c.read()
	})
	if c.shake == nil {
		h.report(nil, c.err) // nothing has been reported only if something panicked
	}
}

// failed ends the connection with what crypto/tls says, which has written its
// alert.
func (h *handshake) failed(err error) {
	c := h.layer
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if h.role == twistor.AsServer {
		answerClear(c.below, err)
	}
	c.fail(err)
}

// build asks the factory for the protocol above, which is connected now.
func (h *handshake) build() {
	c := h.layer
	var p twistor.Protocol
	c.event(func() {
		if p = h.factory.Build(newFront(c)); p != nil {
			c.protocol = p
			p.Connected()
		}
	})
	if p == nil {
		c.Close()
		h.report(nil, twistor.ErrRefused)
		return
	}
	h.report(p, nil)
}

// secured sends what the protocol above wrote meanwhile, and tells it.
func (h *handshake) secured() {
	c := h.layer
	c.send()
	if s, ok := c.protocol.(twistor.Securer); ok && !c.closing && !c.gone && c.err == nil {
		c.event(s.Secured)
	}
	h.report(c.protocol, nil)
}

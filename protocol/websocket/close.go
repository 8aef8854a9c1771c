package websocket

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"time"
	"unicode/utf8"

	"github.com/twistor-go/twistor"
)

const (
	maxCloseTextBytes = maxControlBytes - 2 // of a close frame's text
	lingerTime        = 2 * time.Second     // for our last words, and for the peer to close first
)

// Close closes with Normal; it returns nil.
func (c *Conn) Close() error {
	c.CloseWith(Normal, "")
	return nil
}

// CloseWith tells the peer that the conversation ends, and why; the peer's
// answer ends the connection, or its silence for CloseTimeout. No message is
// delivered any more, and none can be written. A text beyond 123 bytes is cut
// between two characters. A code that no close frame may hold panics: 1000 to
// 1014 but 1004, 1005 and 1006 may be, and 3000 to 4999. After the first time
// it does nothing.
func (c *Conn) CloseWith(code Code, text string) {
	if !code.sendable() {
		panic(fmt.Sprintf("websocket: CloseWith(%d): want a code from 1000 to 1014, but 1004, 1005 and 1006, or from 3000 to 4999", code))
	}
	if !c.open || c.closeSent {
		return
	}
	c.sendClose(code, text)
	c.stop(net.ErrClosed)
	if c.closeGot {
		return
	}
	c.arm(c.pool.closeTimeout)
	if c.paused { // the peer's close frame may stand behind what was held
		c.Resume()
	}
}

// Abort drops what is queued and cuts the connection.
func (c *Conn) Abort() {
	c.stop(twistor.ErrAborted)
	c.open, c.over = false, true
	if c.below != nil {
		c.below.Abort()
	}
}

// sendClose sends a close frame: the last one.
func (c *Conn) sendClose(code Code, text string) {
	var buf [maxControlBytes]byte
	p := buf[:0]
	if code != NoCode {
		for len(text) > maxCloseTextBytes || !utf8.ValidString(text) {
			cut := min(len(text)-1, maxCloseTextBytes)
			for cut > 0 && !utf8.RuneStart(text[cut]) {
				cut--
			}
			text = text[:cut]
		}
		p = binary.BigEndian.AppendUint16(p, uint16(code))
		p = append(p, text...)
	}
	c.control(opClose, p)
	c.closeSent, c.open, c.pong = true, false, nil
}

// closeReceived heeds the peer's close frame, the last that is read.
//
// "If an endpoint receives a Close frame and did not previously send a Close
// frame, the endpoint MUST send a Close frame in response. (When sending a
// Close frame in response, the endpoint typically echos the status code it
// received.)" https://www.rfc-editor.org/rfc/rfc6455#section-5.5.1
func (c *Conn) closeReceived(p []byte) {
	e := &Error{Code: NoCode}
	switch {
	case len(p) == 1:
		c.fail(broken("a code of 2 bytes in a close frame", string(p)))
		return
	case len(p) > 1:
		e.Code, e.Text = Code(binary.BigEndian.Uint16(p)), string(p[2:])
		if !e.Code.sendable() {
			c.fail(broken("a code that a close frame may hold", fmt.Sprint(uint16(e.Code))))
			return
		}
		if !utf8.ValidString(e.Text) {
			c.fail(errNotText)
			return
		}
	}
	c.closeGot, c.over = true, true
	if !c.closeSent {
		c.stop(e)
		c.sendClose(e.Code, "")
	}
	if c.client {
		// "the underlying TCP connection … SHOULD be closed by the server first":
		// https://www.rfc-editor.org/rfc/rfc6455#section-7.1.1
		c.arm(lingerTime)
		return
	}
	c.timer.Stop()
	c.below.Close()
}

// fail tells the peer why its input is refused, and closes.
// https://www.rfc-editor.org/rfc/rfc6455#section-7.1.7
func (c *Conn) fail(err error) {
	code := Broken
	var p *ProtocolError
	var long *TooLongError
	switch {
	case errors.As(err, &p):
		code = p.Code
	case errors.As(err, &long):
		code = TooBig
	}
	c.over = true
	c.timer.Stop()
	if c.end == nil || c.end == net.ErrClosed {
		c.end = err
	}
	if !c.closeSent {
		c.sendClose(code, "")
	}
	c.below.Close()
}

// stop ends the conversation; why is what Disconnected will say, unless it is
// known already.
func (c *Conn) stop(why error) {
	c.open = false
	if c.end == nil {
		c.end = why
	}
	if c.talk != nil {
		c.talk.stop(c.end)
	}
}

// reason is what the Protocol hears when the transport ended with err.
func (c *Conn) reason(err error) error {
	switch {
	case c.end == nil && err == io.EOF:
		return io.ErrUnexpectedEOF // no close frame
	case c.end == nil:
		return err
	case c.end == net.ErrClosed && errors.Is(err, net.ErrClosed):
		return err // ErrAborted, ErrStopped, ErrOverflow say more
	}
	return c.end
}

// arm makes tick come after d; not positive: never.
func (c *Conn) arm(d time.Duration) {
	switch {
	case d <= 0:
		c.timer.Stop()
	case c.timer == twistor.Timer{}:
		c.timer = c.Loop().CallLater(d, c.tick)
	default:
		c.timer.Reset(d)
	}
}

// tick sees whether the peer is still there: it is asked when nothing has come
// for an interval, and given up when nothing comes in the next one. A frame
// counts when it is whole, and a piece of a long one: a byte now and then does
// not. A Conn that pauses does not judge its peer.
func (c *Conn) tick() {
	switch {
	case c.closeGot:
		c.below.Close()
		return
	case c.closeSent:
		c.end = ErrSilent
		c.over = true
		c.below.Abort()
		return
	case c.paused:
	case c.alive:
		c.alive, c.pinged = false, false
	case c.pinged:
		c.stop(ErrSilent)
		c.over = true
		c.below.Abort()
		return
	default:
		c.pinged = true
		if !c.below.Full() {
			c.control(opPing, nil)
		}
	}
	c.timer.Reset(c.pool.pingInterval)
}

package tlslayer

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

var (
	_ twistor.Transport  = (*layer)(nil)
	_ twistor.Sharer     = (*layer)(nil)
	_ twistor.FileSender = (*layer)(nil)
)

// Write collects the plaintext of one event, up to a record's worth, so that
// many small writes become one record. Before the handshake is done, and behind
// a file, it waits in the queue instead.
func (c *layer) Write(p []byte) (int, error) {
	if c.mute() {
		return 0, net.ErrClosed
	}
	if len(p) == 0 {
		return 0, nil
	}
	if c.max >= 0 && c.Buffered()+len(p) > c.max {
		c.abort(twistor.ErrOverflow)
		return 0, twistor.ErrOverflow
	}
	if c.queue != nil {
		c.queue.write(p)
	} else if err := c.collect(p); err != nil {
		return 0, err
	}
	if c.Full() {
		c.full = true
	}
	return len(p), nil
}

// collect adds p to the plaintext of this event, and encrypts what is a whole
// block.
func (c *layer) collect(p []byte) error {
	for len(p) > 0 {
		if len(c.out) == 0 && len(p) >= blockBytes {
			n := len(p) - len(p)%blockBytes
			if err := c.encrypt(p[:n]); err != nil {
				return err
			}
			p = p[n:]
			continue
		}
		if c.out == nil {
			c.out = c.gate.lend(c)
		}
		n := min(len(p), blockBytes-len(c.out))
		c.out = append(c.out, p[:n]...)
		p = p[n:]
		if len(c.out) == blockBytes {
			if err := c.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// flush encrypts what was collected.
func (c *layer) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	err := c.encrypt(c.out)
	c.gate.giveBack(&c.out)
	return err
}

// encrypt hands p to the session, and its records to below. An error of below's
// ends the connection: a record is missing now.
func (c *layer) encrypt(p []byte) error {
	_, err := c.session.Write(p)
	if err != nil && !c.gone {
		c.abort(err)
	}
	return err
}

// Close flushes, sends close_notify and closes below, which waits for the peer
// within Limits.Linger. During a handshake, or behind a file, that comes later:
// within Linger, but a file has as much again for each piece it sends.
func (c *layer) Close() error {
	if c.closing || c.gone || c.err != nil {
		return nil
	}
	c.closing = true
	c.in, c.plain, c.readErr = nil, nil, nil
	if c.queue == nil {
		c.finish()
	} else if c.linger >= 0 {
		c.queue.linger = c.Loop().CallLater(c.linger, c.Abort)
	}
	return nil
}

// CloseWrite flushes and sends close_notify; reading goes on. Below stays open
// in both directions, because TLS answers, such as a KeyUpdate, may still be due.
func (c *layer) CloseWrite() {
	if c.mute() {
		return
	}
	c.shut = true
	if c.queue == nil {
		c.seal()
	}
}

// finish ends the connection in order; nothing is queued.
func (c *layer) finish() {
	c.seal()
	c.resume() // or it would not see the peer's end
	c.below.Close()
}

// seal sends close_notify, once: "Each party MUST send a "close_notify" alert
// before closing its write side of the connection, unless it has already sent
// some error alert." https://www.rfc-editor.org/rfc/rfc8446#section-6.1
func (c *layer) seal() {
	if c.sealed || c.gone || c.session == nil || c.shake != nil {
		return
	}
	c.flush()
	c.sealed = true
	c.session.CloseWrite()
	if c.eof && !c.closing {
		c.Close() // both directions are over
	}
}

func (c *layer) Abort() { c.abort(twistor.ErrAborted) }

// Pause holds plaintext back, and stops below.
func (c *layer) Pause() {
	if c.gone || c.paused {
		return
	}
	c.paused = true
	if c.shake == nil && !c.stopped {
		c.stopped = true
		c.below.Pause()
	}
}

// Resume delivers what was held back, in the next turn, before below goes on.
func (c *layer) Resume() {
	if c.gone || !c.paused {
		return
	}
	c.paused = false
	switch {
	case c.shake != nil:
	case c.backlog():
		c.gate.soon(c)
	default:
		c.resume()
	}
}

func (c *layer) Full() bool {
	if !c.below.Full() && (c.high < 0 || c.Buffered() <= c.high) {
		return false
	}
	// Whoever saw it waits for Drained, also without a Write after: below may
	// have become full when what was written before was encrypted.
	c.full = true
	return true
}

// Buffered counts plaintext and what below has.
func (c *layer) Buffered() int {
	n := len(c.out) + c.below.Buffered()
	if c.queue != nil {
		n += c.queue.bytes
	}
	return n
}

func (c *layer) SetLimits(l twistor.Limits) {
	c.limit(l)
	c.below.SetLimits(l)
}

// limit keeps what of l counts here.
func (c *layer) limit(l twistor.Limits) {
	l = l.Resolved()
	c.high, c.max, c.linger = l.High, l.Max, l.Linger
}

// StartTLS is the front's: a layer cannot know who writes to it.
func (c *layer) StartTLS(*tls.Config, twistor.Role, []byte) error {
	return errors.New("tlslayer: StartTLS below another layer: want that of the Transport given to Build")
}

// TLS is the state of the connection, nil before the handshake is done.
func (c *layer) TLS() *tls.ConnectionState {
	if c.session == nil || c.shake != nil {
		return nil
	}
	state := c.session.ConnectionState()
	return &state
}

func (c *layer) Switch(p twistor.Protocol, unread []byte) {
	if p == nil {
		panic("tlslayer: Switch to a nil Protocol")
	}
	if c.gone {
		return
	}
	if len(unread) > 0 && c.deaf() {
		unread = nil
	}
	c.next = &change{p, slices.Clone(unread)}
	if !c.inside {
		c.gate.soon(c)
	}
}

// SendFile reads s piece by piece on the pool of workers, as fast as the peer
// takes it. Cancelling ends it after the piece that is being read. A file that
// cannot be read ends the connection, since the peer must not take half of it
// for the whole; one that is shorter than s is sent as far as it goes.
func (c *layer) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	if c.mute() {
		return deferred.Failed[int64](c.Loop(), net.ErrClosed)
	}
	c.flush()
	if c.queue == nil {
		c.queue = &queue{layer: c}
	}
	return c.queue.file(s)
}

func (c *layer) LocalAddr() net.Addr  { return c.below.LocalAddr() }
func (c *layer) RemoteAddr() net.Addr { return c.below.RemoteAddr() }
func (c *layer) Loop() twistor.Loop   { return c.below.Loop() }

// WriteShared is Write: encryption copies. Without it twistor.As would find
// below's, and send plaintext.
func (c *layer) WriteShared(p []byte) error {
	_, err := c.Write(p)
	return err
}

// WriteFiles fails: files cannot be encrypted, and below's must not be found.
func (c *layer) WriteFiles([]byte, ...*os.File) error {
	return fmt.Errorf("tlslayer: files cannot pass through TLS: %w", errors.ErrUnsupported)
}

// Unwrap lets twistor.As find what is below.
func (c *layer) Unwrap() twistor.Transport { return c.below }

// LogValue is below's, with the protocol above instead of ourselves, and the
// version of TLS.
func (c *layer) LogValue() slog.Value {
	v := c.below.LogValue()
	if v.Kind() != slog.KindGroup {
		return v
	}
	attrs := slices.Clone(v.Group())
	for i, a := range attrs {
		if a.Key == "proto" && a.Value.String() == fmt.Sprintf("%T", (*events)(c)) {
			attrs[i].Value = slog.StringValue(fmt.Sprintf("%T", c.protocol))
		}
	}
	if state := c.TLS(); state != nil {
		attrs = append(attrs, slog.String("tls", tls.VersionName(state.Version)))
	}
	return slog.GroupValue(attrs...)
}

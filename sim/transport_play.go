package sim

import (
	"io"
	"net"
	"syscall"

	"github.com/twistor-go/twistor"
)

// What the test sees.

// Written is what the protocol has written since Clear, held or not.
func (t *Transport) Written() string { return string(t.written) }

// Clear forgets what was Written.
func (t *Transport) Clear() { t.written = nil }

// Take is Written, then Clear.
func (t *Transport) Take() string {
	s := t.Written()
	t.Clear()
	return s
}

// Paused says whether the protocol wants nothing to be received now.
func (t *Transport) Paused() bool { return t.paused }

// NoDelay is what SetNoDelay was last called with; true at first.
func (t *Transport) NoDelay() bool { return t.noDelay }

// Closed, WriteClosed and Aborted say what the protocol, or the default answer
// to an event, has asked; it may still be going on.
func (t *Transport) Closed() bool      { return t.closed }
func (t *Transport) WriteClosed() bool { return t.writeClosed }
func (t *Transport) Aborted() bool     { return t.aborted != nil }

// Err is what Disconnected said, or nil if the connection is not over.
func (t *Transport) Err() error { return t.err }

// What the test does.

// Receive delivers each part as one Received, now, or when the protocol
// resumes. After Close they are dropped, as a real loop would.
func (t *Transport) Receive(parts ...string) {
	for _, s := range parts {
		t.deliver([]byte(s))
	}
	t.clock.rest(false)
}

// deliver appends to the inbox; p is kept.
func (t *Transport) deliver(p []byte) {
	if t.over || t.closed || t.aborted != nil || t.end != nil || len(p) == 0 {
		return
	}
	t.inbox = append(t.inbox, p)
	t.wake()
}

// End says that the peer sends no more: ReadClosed, or else Disconnected with
// io.EOF, after what was received.
func (t *Transport) End() { t.lose(io.EOF) }

// Reset is Break with ECONNRESET.
func (t *Transport) Reset() {
	t.Break(&net.OpError{Op: "read", Net: t.proto, Source: t.local, Addr: t.remote,
		Err: syscall.ECONNRESET})
}

// Break ends the connection with err, after what was received.
func (t *Transport) Break(err error) { t.lose(err) }

func (t *Transport) lose(err error) {
	if !t.over && (t.end == nil || t.end == io.EOF) {
		t.end = err
		t.wake()
	}
	t.clock.rest(false)
}

// Dismiss says that the service stops: Dismissed, or else Close.
func (t *Transport) Dismiss() {
	t.clock.call(func() {
		if d, ok := t.protocol.(twistor.Dismisser); ok && !t.over {
			d.Dismissed()
		} else {
			t.Close()
		}
	})
	t.clock.rest(false)
}

// Hold makes the peer stop reading: what is written from now on stays Buffered.
func (t *Transport) Hold() { t.held = true }

// Drain lets the peer read n held bytes; negative: all, and no more holding.
func (t *Transport) Drain(n int) {
	if n < 0 {
		t.held = false
		n = t.buffered
	}
	t.take(min(n, t.buffered))
	t.clock.rest(false)
}

// take is the peer reading n buffered bytes.
func (t *Transport) take(n int) {
	t.buffered -= n
	if t.out != nil {
		t.out.free += n
	}
	t.wake()
}

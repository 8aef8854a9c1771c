package policy

import (
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Timeouts closes the connections of Factory that take too long, and resets
// them a second later if the peer has not closed by then. The four deadlines
// run independently; those of login and handshake are absolute: bytes do not
// move them, so that a peer that sends one byte at a time gains nothing. One
// loop; its fields are immutable after first use.
type Timeouts struct {
	Factory twistor.Factory
	// Idle is how long nothing may be received or written. 0: 60 s; negative:
	// for ever.
	Idle time.Duration
	// Login is how long a peer may take, from its connection, until the
	// protocol calls Admit. 0 and negative: for ever, for protocols that have
	// no login; those that have one want 30 s.
	Login time.Duration
	// Handshake is how long a StartTLS may take. 0: 10 s; negative: for ever.
	// That of a port with TLS is not seen here, and is limited by the reactor.
	Handshake time.Duration
	// Progress is how long written bytes may wait without one of them leaving,
	// before the connection is aborted, found out a quarter of it later at
	// most. 0: 30 s; negative: for ever.
	Progress time.Duration

	home home
}

// A TimeoutError is what Disconnected wraps when a policy closed because of
// time. It is also an os.ErrDeadlineExceeded. Immutable after first use.
type TimeoutError struct {
	Op    string // "idle", "login", "handshake" or "write"
	After time.Duration
}

func (e *TimeoutError) Error() string {
	return fmt.Sprintf("policy: %s for %v", e.Op, e.After)
}

// Is makes it an os.ErrDeadlineExceeded.
func (e *TimeoutError) Is(target error) bool { return target == os.ErrDeadlineExceeded }

// Timeout is true, as of a net.Error.
func (e *TimeoutError) Timeout() bool { return true }

// Build is twistor.Factory's.
func (f *Timeouts) Build(t twistor.Transport) twistor.Protocol {
	f.home.settle(t.Loop(), f)
	return Wrap(&timed{
		idle:      period(f.Idle, 60*time.Second),
		login:     max(f.Login, 0),
		handshake: period(f.Handshake, 10*time.Second),
		progress:  period(f.Progress, 30*time.Second),
	}, t, f.Factory)
}

// Opened and Closed pass to Factory.
func (f *Timeouts) Opened(l twistor.Loop) error { return opened(f.Factory, l) }
func (f *Timeouts) Closed()                     { closed(f.Factory) }

// NextProtos are those of the Factory inside.
func (f *Timeouts) NextProtos() []string { return twistor.NextProtos(f.Factory) }

// farewell is how long a connection may take to end after its time was up.
const farewell = time.Second

// period is d, or its default; 0 is for ever.
func period(d, whenZero time.Duration) time.Duration {
	if d == 0 {
		return whenZero
	}
	return max(d, 0)
}

// timed is the layer of Timeouts.
type timed struct {
	Wrapper
	idle, login, handshake, progress time.Duration

	idling, writing    alarm
	loggingIn, shaking twistor.Timer
	leaving            twistor.Timer // of a peer that was told to go

	written  int64 // bytes ever written
	left     int64 // of written, when look looked last
	files    int   // SendFiles going on
	stalled  int   // looks since a byte left
	watching bool  // look will come
}

func (w *timed) Connected() {
	if w.idle > 0 {
		w.idling.call = w.expireIdle
		w.idling.set(w.Loop(), w.idle)
	}
	if w.login > 0 {
		w.loggingIn = w.closeAfter(w.login, "login")
	}
	w.Wrapper.Connected()
}

func (w *timed) Received(p []byte) {
	w.touch()
	w.Wrapper.Received(p)
}

func (w *timed) Write(p []byte) (int, error) {
	n, err := w.Wrapper.Write(p)
	w.wrote(n)
	return n, err
}

func (w *timed) WriteShared(p []byte) error {
	err := w.share(p)
	if err == nil {
		w.wrote(len(p))
	}
	return err
}

func (w *timed) SendFile(s *io.SectionReader) *deferred.Deferred[int64] {
	w.files++
	w.wrote(0)
	return w.Wrapper.SendFile(s).Always(func() {
		w.files--
		w.touch()
	})
}

func (w *timed) Drained() {
	w.touch()
	w.Wrapper.Drained()
}

func (w *timed) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	err := w.Wrapper.StartTLS(config, as, unread)
	if err == nil && w.handshake > 0 {
		w.shaking = w.closeAfter(w.handshake, "handshake")
	}
	return err
}

func (w *timed) Secured() {
	w.shaking.Stop()
	w.Wrapper.Secured()
}

func (w *timed) admitted() {
	w.login = 0
	w.loggingIn.Stop()
}

func (w *timed) Disconnected(err error) {
	w.idle, w.progress = 0, 0 // what is written from now on arms nothing
	w.idling.stop()
	w.loggingIn.Stop()
	w.shaking.Stop()
	w.leaving.Stop()
	w.writing.stop()
	w.Wrapper.Disconnected(err)
}

func (w *timed) closeAfter(d time.Duration, op string) twistor.Timer {
	return w.Loop().CallLater(d, func() { w.expire(op, d) })
}

// expire closes, and does not wait long for the peer to close too: one that
// made us wait already would only keep the connection a while longer.
func (w *timed) expire(op string, after time.Duration) {
	w.CloseFor(&TimeoutError{op, after})
	w.leaving = w.Loop().CallLater(farewell, w.Abort)
}

func (w *timed) touch() {
	if w.idle > 0 && w.idling.made { // not before Connected
		w.idling.timer.Reset(w.idle)
	}
}

func (w *timed) expireIdle() {
	if w.files > 0 {
		w.touch() // a long download is not idle
		return
	}
	w.expire("idle", w.idle)
}

// wrote begins to look whether what was written leaves.
func (w *timed) wrote(n int) {
	w.written += int64(n)
	w.touch()
	if w.progress == 0 || w.watching {
		return
	}
	w.watching, w.stalled, w.left = true, 0, w.written-int64(w.Buffered())
	if w.writing.call == nil {
		w.writing.call = w.look
	}
	w.writing.set(w.Loop(), w.progress/4)
}

// look looks, four times in each progress, whether a byte left. How much of a
// file did nobody tells; the system's own timeout has to guard that.
func (w *timed) look() {
	left := w.written - int64(w.Buffered())
	switch {
	case w.Buffered() == 0 && w.files == 0:
		w.watching = false
		return
	case left != w.left || w.files > 0:
		w.left, w.stalled = left, 0
		w.touch() // a slow download is not idle
	default:
		if w.stalled++; w.stalled == 4 {
			w.AbortFor(&TimeoutError{"write", w.progress})
			return
		}
	}
	w.writing.set(w.Loop(), w.progress/4)
}

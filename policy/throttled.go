package policy

import (
	"crypto/tls"
	"net"
	"os"
	"time"

	"github.com/twistor-go/twistor"
)

// throttled is the layer of Throttle. What the protocol writes waits in its
// queue for leave; what it receives it pays for afterwards.
type throttled struct {
	Wrapper
	in, out shape
	limits  twistor.Limits

	holding alarm // until bytes may be received again
	waiting alarm // until the next portion may leave
	linger  twistor.Timer

	queue    []*parcel
	queued   int  // bytes of queue, those of files not counted
	booked   int  // bytes of the next portion: leave was taken for them
	waits    bool // waiting is set
	sending  bool // a portion of a file is on its way
	pumping  bool
	full     bool // Drained is owed
	endWrite bool // CloseWrite, when the queue is empty
	closing  bool // Close, when the queue is empty
	over     bool
}

func newThrottled() *throttled {
	w := &throttled{limits: twistor.Limits{}.Resolved()}
	w.holding.call, w.waiting.call = w.Release, w.waited
	return w
}

// passes reports whether writing is not limited at all.
func (w *throttled) passes() bool { return w.out.slowest == 0 }

// Received takes leave for p, in advance if it must, and then holds until it
// would have had it.
func (w *throttled) Received(p []byte) {
	if w.closing {
		return
	}
	if wait := w.in.take(w.Loop().Now(), len(p)); wait > 0 {
		w.Hold()
		w.holding.set(w.Loop(), wait)
	}
	w.Wrapper.Received(p)
}

func (w *throttled) ReadClosed() {
	if !w.closing {
		w.Wrapper.ReadClosed()
	}
}

func (w *throttled) Write(p []byte) (int, error) {
	if w.passes() {
		return w.Wrapper.Write(p)
	}
	if err := w.mayWrite(); err != nil || len(p) == 0 {
		return 0, err
	}
	if w.limits.Max >= 0 && w.Buffered()+len(p) > w.limits.Max {
		w.AbortFor(twistor.ErrOverflow)
		return 0, twistor.ErrOverflow
	}
	if !w.pass(p) {
		w.append(p)
		w.pump()
	}
	w.full = w.full || w.Full()
	return len(p), nil
}

// pass writes p without a queue, if it is small and there is leave for it.
func (w *throttled) pass(p []byte) bool {
	if len(w.queue) > 0 || w.waits || w.sending || len(p) > w.out.portion() || w.Transport.Full() {
		return false
	}
	if wait := w.out.take(w.Loop().Now(), len(p)); wait > 0 {
		w.booked = len(p) // of the queue that it is about to begin
		w.wait(wait)
		return false
	}
	w.Transport.Write(p)
	return true
}

// mayWrite is nil as long as the connection can be written to.
func (w *throttled) mayWrite() error {
	if w.closing || w.endWrite || w.over {
		return net.ErrClosed
	}
	_, err := w.Transport.Write(nil)
	return err
}

func (w *throttled) WriteShared(p []byte) error {
	if w.passes() {
		return w.share(p)
	}
	_, err := w.Write(p)
	return err
}

// WriteFiles lets what waits leave, and p with the files behind it at once:
// descriptors cannot wait.
func (w *throttled) WriteFiles(p []byte, files ...*os.File) error {
	w.flush()
	w.out.take(w.Loop().Now(), len(p))
	return w.Wrapper.WriteFiles(p, files...)
}

func (w *throttled) Full() bool {
	return w.limits.High >= 0 && w.queued > w.limits.High || w.Transport.Full()
}

func (w *throttled) Buffered() int { return w.queued + w.Transport.Buffered() }

func (w *throttled) SetLimits(l twistor.Limits) {
	w.limits = l.Resolved()
	w.Transport.SetLimits(l)
}

func (w *throttled) Drained() {
	w.pump()
	w.drained()
}

// drained says Drained above, if it is owed and due.
func (w *throttled) drained() {
	switch {
	case w.passes():
		w.Wrapper.Drained()
	case w.full && !w.closing && !w.over && w.queued <= max(w.limits.Low, 0) && !w.Transport.Full():
		w.full = false
		w.Wrapper.Drained()
	}
}

// CloseWrite ends our direction behind what waits.
func (w *throttled) CloseWrite() {
	if len(w.queue) == 0 {
		w.Transport.CloseWrite()
		return
	}
	w.endWrite = true
}

// Close closes behind what waits, within Limits.Linger.
func (w *throttled) Close() error {
	if w.closing || w.over {
		return nil
	}
	if len(w.queue) == 0 {
		return w.Wrapper.Close()
	}
	w.closing, w.closed = true, true
	if w.limits.Linger >= 0 {
		w.linger = w.Loop().CallLater(w.limits.Linger, w.Abort)
	}
	return nil
}

func (w *throttled) Abort() {
	w.Wrapper.Abort()
	w.drop(twistor.ErrAborted)
}

// StartTLS lets what waits leave before the handshake.
func (w *throttled) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	w.flush()
	return w.Wrapper.StartTLS(config, as, unread)
}

func (w *throttled) Disconnected(err error) {
	w.drop(err)
	w.leave(w.Loop().Now())
	w.Wrapper.Disconnected(err)
}

// leave ends the use of the hosts' buckets.
func (w *throttled) leave(now time.Time) {
	w.in.leave(now)
	w.out.leave(now)
}

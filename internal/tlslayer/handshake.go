package tlslayer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

const (
	// handshakeTimeout is absolute: no byte resets it.
	handshakeTimeout = 10 * time.Second
	// maxHandshakeBytes is what a peer may send until it is done, its
	// certificates included: crypto/tls alone would take 256 KiB of these.
	maxHandshakeBytes = 64 << 10
	// maxWaitingBytes is what of it may wait for us; then below is paused.
	maxWaitingBytes = 16 << 10
)

// ErrHandshakeTimeout ends a handshake that was not done within 10 s. It wraps
// deferred.ErrTimeout.
var ErrHandshakeTimeout = fmt.Errorf("tls: handshake not done within %v: %w", handshakeTimeout, deferred.ErrTimeout)

var (
	errCrowded = errors.New("tls: handshake gave way: its peer stalled while others waited")
	errTooLong = fmt.Errorf("tls: peer sent more than %d bytes of handshake", maxHandshakeBytes)
)

// A handshake is what a layer needs until its handshake is done, and nothing of
// it afterwards. crypto/tls runs in a coroutine, whose reads wait. Loop-only.
type handshake struct {
	layer    *layer
	engine   Engine
	security *security
	role     twistor.Role    // AsServer or AsClient
	factory  twistor.Factory // nil: StartTLS
	done     func(p twistor.Protocol, err error)
	deadline twistor.Timer
	co       *deferred.Co

	in   []byte // came from below, and crypto/tls has not read it
	took int    // bytes crypto/tls has read
	eof  bool   // no more will come
	stop error  // it has failed for a reason of ours
	held bool   // below is paused

	hello    hello
	admitted bool // was given to the gate
	outside  bool // waits for it
	running  bool // counts among the gate's handshakes
	queued   bool // in gate.ready
	late     bool // no step is for this turn
	started  bool // has a coroutine

	waiting    *deferred.Signal // for bytes
	since      time.Time        // of waiting
	prev, next *handshake       // in gate.stalled
}

// begin starts the clock. A client goes on at once, a server when it has its
// client's hello: a peer that sends less costs little.
func (h *handshake) begin() {
	l := h.layer.below.Loop()
	h.deadline = l.CallLater(handshakeTimeout, func() { h.layer.abort(ErrHandshakeTimeout) })
	h.advance()
}

// received takes bytes from below, or, if there are none, the end.
func (h *handshake) received(p []byte) {
	if h.stop != nil {
		return
	}
	if len(p) == 0 {
		if h.eof = true; !h.started {
			h.layer.fail(io.ErrUnexpectedEOF)
			return
		}
	}
	h.in = append(h.in, p...)
	if len(h.in) >= maxWaitingBytes {
		h.hold()
	}
	h.advance()
}

// advance makes a step, if there is one to make.
func (h *handshake) advance() {
	g := h.layer.gate
	switch {
	case h.stop != nil:
	case h.waiting != nil:
		g.step(h)
	case !h.admitted && h.complete():
		h.admitted = true
		g.admit(h)
	}
}

// complete reports whether the coroutine would have something to do.
func (h *handshake) complete() bool {
	if h.role == twistor.AsClient {
		return true
	}
	if _, ok := h.engine.(standard); !ok {
		return len(h.in) > 0
	}
	return h.hello.complete(h.in)
}

// hold pauses below, and unhold resumes it.
func (h *handshake) hold() {
	if !h.held {
		h.held = true
		h.layer.below.Pause()
	}
}

func (h *handshake) unhold() {
	if h.held {
		h.held = false
		h.layer.below.Resume()
	}
}

// step is one step, called by the gate: the coroutine begins, or goes on.
func (h *handshake) step() {
	switch {
	case h.stop != nil && !h.started:
		h.layer.gate.release(h)
	case !h.started:
		h.start()
	default:
		h.wake()
	}
}

func (h *handshake) start() {
	h.started = true
	c := h.layer
	config := h.security.config()
	if h.role == twistor.AsServer {
		c.session = h.engine.Server((*wire)(c), config)
	} else {
		c.session = h.engine.Client((*wire)(c), config)
	}
	ended := deferred.Inline(c.below.Loop(), func(co *deferred.Co) (struct{}, error) {
		h.co = co
		if s, ok := c.session.(interface{ HandshakeContext(context.Context) error }); ok {
			return struct{}{}, s.HandshakeContext(h.context())
		}
		return struct{}{}, c.session.Handshake()
	})
	ended.Done(func(_ struct{}, err error) { h.ended(err) })
}

// read is wire.Read during the handshake, in its coroutine.
func (h *handshake) read(p []byte) (int, error) {
	g := h.layer.gate
	for len(h.in) == 0 || h.stop != nil {
		if h.stop != nil {
			return 0, h.stop
		}
		if h.eof {
			return 0, io.EOF
		}
		h.waiting = deferred.New[struct{}](h.layer.below.Loop())
		h.since = g.loop.Now()
		g.stalled.add(h)
		_, err := h.waiting.Await(h.co)
		g.stalled.remove(h)
		if err != nil {
			return 0, err
		}
	}
	n := copy(p, h.in)
	h.in = h.in[n:]
	if h.took += n; h.took > maxHandshakeBytes {
		return 0, errTooLong
	}
	if len(h.in) == 0 {
		h.unhold()
	}
	return n, nil
}

// wake lets the waiting coroutine go on.
func (h *handshake) wake() {
	if w := h.waiting; w != nil {
		h.waiting = nil
		w.Succeed(struct{}{})
	}
}

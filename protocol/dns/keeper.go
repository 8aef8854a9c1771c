package dns

import (
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
)

// messageTimeout is how long a message may take from its first byte to its
// last: more bytes do not move it.
const messageTimeout = 10 * time.Second

// A keeper closes a connection that takes too long: to send a message, or to
// send another one. It stands below the framing, and so sees bytes that are no
// message yet.
type keeper struct {
	policy.Wrapper
	s       *Server
	c       *stream
	timer   twistor.Timer
	made    bool // the timer
	op      string
	after   time.Duration
	waiting int       // bytes that came, and were not delivered
	begun   time.Time // when the first of these came, or could be delivered
}

// Connected begins to wait for a message.
func (k *keeper) Connected() {
	k.Wrapper.Connected()
	k.set()
}

// Received notes that bytes came.
func (k *keeper) Received(p []byte) {
	if k.waiting == 0 {
		k.begun = k.Loop().Now()
	}
	k.waiting += len(p)
	k.Wrapper.Received(p)
	k.set()
}

// took notes that a message of n bytes is delivered.
func (k *keeper) took(n int) {
	k.waiting -= 2 + n
	k.begun = k.Loop().Now()
}

// set says until when the client has time: none while it waits for us, or we
// for it to read.
func (k *keeper) set() {
	k.op, k.after = "idle", k.s.idleTimeout()
	left := k.after
	if k.waiting > 0 {
		k.op, k.after = "message", messageTimeout
		left = k.begun.Add(k.after).Sub(k.Loop().Now())
	}
	switch {
	case k.c.gone, k.c.paused, k.after <= 0, k.waiting == 0 && len(k.c.inFlight) > 0:
		k.timer.Stop()
	case k.made:
		k.timer.Reset(left)
	default:
		k.made = true
		k.timer = k.Loop().CallLater(left, k.expire)
	}
}

func (k *keeper) expire() {
	k.CloseFor(&policy.TimeoutError{Op: k.op, After: k.after})
}

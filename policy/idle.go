package policy

import (
	"time"

	"github.com/twistor-go/twistor"
)

// An Idle is a timeout that a protocol moves by itself, and so can answer
// politely; embed it beside the Transport. It counts what the protocol thinks
// counts: bytes, or whole commands. Its zero value is stopped.
//
//	func (c *client) Connected() { c.SetTimeout(c, time.Minute, c.timedOut) }
//	func (c *client) LineReceived(line []byte) { c.ResetTimeout() ... }
//	func (c *client) Disconnected(err error) { c.SetTimeout(c, 0, nil) ... }
//
// Loop-only.
type Idle struct {
	timeout time.Duration
	alarm   alarm
	expired func()
	t       twistor.Transport
}

// SetTimeout has expired called once, d from now, unless ResetTimeout moves
// it; a nil expired closes t. A d of zero or less stops the timeout; so must a
// protocol when it is Disconnected. It returns the former d, 0 if there was
// none.
func (i *Idle) SetTimeout(t twistor.Transport, d time.Duration, expired func()) (former time.Duration) {
	former, i.timeout = i.timeout, max(d, 0)
	i.t, i.expired = t, expired
	if d <= 0 {
		i.alarm.stop()
		return former
	}
	if i.alarm.call == nil {
		i.alarm.call = i.expire
	}
	i.alarm.set(t.Loop(), d)
	return former
}

// ResetTimeout begins the timeout anew. It does nothing if there is none, or
// if it has expired.
func (i *Idle) ResetTimeout() {
	if i.timeout > 0 {
		i.alarm.timer.Reset(i.timeout)
	}
}

func (i *Idle) expire() {
	i.timeout = 0
	if i.expired != nil {
		i.expired()
		return
	}
	i.t.Close()
}

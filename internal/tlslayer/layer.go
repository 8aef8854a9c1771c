package tlslayer

import (
	"runtime/debug"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A layer is TLS over one Transport. It has three faces, which are the same
// struct under three names: layer itself is the Transport that the protocol
// above writes to, events is the Protocol that the Transport below speaks to,
// and wire is the net.Conn that crypto/tls reads and writes. Loop-only.
type layer struct {
	below    twistor.Transport
	protocol twistor.Protocol // above; nil before Build and after Disconnected
	session  Session          // nil before the handshake began
	gate     *Gate
	shake    *handshake // nil when it is over
	queue    *queue     // writes that cannot be encrypted yet; nil: none
	next     *change    // a Switch to come; nil: none

	in    []byte // ciphertext that session has not read
	plain []byte // plaintext to deliver before more is read: a Switch's unread
	out   []byte // plaintext of this event, in a block of the gate; nil: none

	err     error // why the connection ends, when we know better than below
	readErr error // what ended reading, to be told when the protocol resumes

	high, max int // of twistor.Limits
	linger    time.Duration

	inside   bool // the protocol above is being called
	pending  bool // in gate.later
	dirty    bool // in gate.dirty
	paused   bool
	stopped  bool // below is paused, by us
	more     bool // reading stopped before session had given everything
	full     bool // Drained is owed
	shut     bool // CloseWrite was called
	closing  bool // Close was called
	sealed   bool // close_notify was sent
	eof      bool // close_notify came
	eofBelow bool // below sends no more
	cut      bool // session was told so
	gone     bool // Disconnected was called
}

// A change is a Switch to come.
type change struct {
	protocol twistor.Protocol
	unread   []byte
}

// closeLinger is how long a peer that broke TLS has to read our alert.
const closeLinger = 2 * time.Second

func newLayer(below twistor.Transport, g *Gate) *layer {
	c := &layer{below: below, gate: g}
	c.limit(twistor.Limits{})
	return c
}

// event calls f, which calls the protocol above, once; then it does what the
// protocol left to be done: a Switch, and the encryption of what it wrote.
func (c *layer) event(f func()) {
	c.gate.enter()
	defer c.gate.leave()
	c.inside = true
	f()
	c.inside = false
	c.change()
}

// change makes the protocol of a Switch the protocol above.
func (c *layer) change() {
	for c.next != nil && !c.gone {
		n := c.next
		c.next, c.protocol = nil, n.protocol
		c.plain = append(n.unread, c.plain...)
		c.inside = true
		n.protocol.Connected()
		c.inside = false
	}
	if len(c.plain) > 0 && c.reads() {
		c.gate.soon(c) // for nothing, if we are called while reading
	}
}

// guard calls f where no Transport below contains the panics of a protocol.
func (c *layer) guard(f func()) {
	defer func() {
		if v := recover(); v != nil {
			c.inside = false
			err := &deferred.PanicError{Value: v, Stack: debug.Stack()}
			c.below.Loop().Report(err)
			c.abort(err)
		}
	}()
	f()
}

// again does in a turn of its own what could not be done at once.
func (c *layer) again() {
	c.guard(func() {
		c.gate.enter()
		defer c.gate.leave()
		c.change()
		c.drained()
		c.read()
		if !c.paused && !c.backlog() {
			c.resume()
		}
	})
}

// resume lets below go on, if we have stopped it.
func (c *layer) resume() {
	if c.stopped && !c.gone {
		c.stopped = false
		c.below.Resume()
	}
}

// deaf reports whether the protocol above hears of no more bytes.
func (c *layer) deaf() bool { return c.closing || c.eof || c.err != nil || c.gone }

// reads reports whether plaintext can be delivered, if there is any.
func (c *layer) reads() bool { return !c.paused && c.shake == nil && !c.deaf() }

// mute reports whether the protocol above can write no more.
func (c *layer) mute() bool { return c.closing || c.shut || c.err != nil || c.gone }

// fail ends the connection with err after what has been encrypted, an alert
// most often, was sent. Who dials hears of it in the next turn: his answer may be
// to abort, and the alert would be lost.
func (c *layer) fail(err error) {
	if c.err != nil || c.gone {
		return
	}
	c.drop(err)
	if h := c.shake; h != nil {
		c.gate.after(func() { h.report(nil, err) })
	}
	c.below.SetLimits(twistor.Limits{Linger: closeLinger})
	c.below.Close()
}

// abort ends the connection with err at once.
func (c *layer) abort(err error) {
	if c.gone {
		return
	}
	if c.err == nil {
		c.drop(err)
	}
	c.below.Abort()
	if c.shake != nil {
		c.shake.report(nil, err)
	}
}

// drop forgets what is neither sent nor delivered, because of err.
func (c *layer) drop(err error) {
	c.err = err
	c.in, c.plain, c.readErr, c.more = nil, nil, nil, false
	c.gate.giveBack(&c.out)
	if c.queue != nil {
		c.queue.fail(err)
	}
	if c.shake != nil {
		c.shake.end(err)
	}
}

// borrowed makes c.in our own, because the caller's bytes end with its call.
func (c *layer) borrowed() {
	if len(c.in) == 0 {
		c.in = nil
		return
	}
	c.in = slices.Clone(c.in)
}

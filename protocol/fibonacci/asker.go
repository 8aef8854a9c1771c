package fibonacci

import (
	"bytes"
	"encoding/json"
	"math/big"

	"github.com/twistor-go/twistor"
)

const (
	// maxPending is how many numbers of one client may be on their way to the
	// disk, and maxPendingDigits how long all but the last of them together.
	maxPending       = 64
	maxPendingDigits = 64 << 10
	// maxScratchBytes is how long an answer may be for its memory to be kept for
	// the next one.
	maxScratchBytes = 64 << 10
)

// An asker is the server's side of one connection: lines that it counts, and
// numbers on their way. Of a line it keeps nothing but its length. Loop-only.
type asker struct {
	twistor.Transport
	server *Server

	line  int           // bytes of the line that has begun
	late  twistor.Timer // when that must have ended
	asked int           // whole lines whose numbers are not on their way yet

	pending       []*answer // on their way, oldest first
	pendingDigits int       // of all of them
	given         uint64

	answering bool   // answer is running
	leaving   bool   // another process is to go on: nothing new is begun
	last      bool   // no more lines are taken: after the answers it closes
	lastWord  []byte // what is said before that
	over      bool   // closed, or gone
}

// An answer is a number that waits to be durable.
type answer struct {
	n      *big.Int
	digits int
	known  bool // what became of it
	err    error
}

// maxBytes is what may wait to be sent before Full is heeded: what there is room
// for below it, and then all that is pending.
func (c *asker) maxBytes() int {
	return 128<<10 + maxPendingDigits + 2*c.server.maxDigits()
}

func (c *asker) Connected() {
	s := c.server
	s.clients++
	s.stats.Served++
	c.SetLimits(twistor.Limits{Max: max(1<<20, c.maxBytes())})
	c.late = c.Loop().CallLater(0, c.lineIsLate)
	c.late.Stop()
	s.log().Info("fibonacci: client connected", "conn", c.Transport)
}

// Received counts lines.
func (c *asker) Received(p []byte) {
	limit := orDefault(c.server.MaxLineBytes, DefaultMaxLineBytes)
	for !c.last && len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		n := end
		if end < 0 {
			n = len(p)
		}
		if n > limit-c.line {
			c.refuse(errLong(limit))
			return
		}
		if end < 0 {
			c.begin(n)
			break
		}
		c.begin(-c.line)
		c.asked++
		p = p[end+1:]
	}
	c.answer()
}

// begin counts n bytes more, or -n less, of the line that has begun.
func (c *asker) begin(n int) {
	timeout := c.server.lineTimeout()
	switch c.line += n; {
	case c.line == 0:
		c.late.Stop()
	case c.late.When().IsZero() && timeout > 0:
		c.late.Reset(timeout)
	}
}

// lineIsLate ends the connection of a client that holds its place by beginning a
// line. While it is not heard, that is not its fault.
func (c *asker) lineIsLate() {
	if c.asked > 0 || len(c.pending) > 0 {
		c.late.Reset(c.server.lineTimeout())
		return
	}
	c.refuse(errLate)
}

// refuse ends the connection of a client that does not keep to the rules.
func (c *asker) refuse(why *Error) {
	c.server.log().Warn("fibonacci: client broke the protocol", "conn", c.Transport, "err", why)
	c.finish(why.line())
}

// answer sets as many numbers on their way as there is room for. Until all
// lines have theirs, no more are read.
func (c *asker) answer() {
	if c.answering {
		return // a number was remembered at once
	}
	c.answering = true
	for c.asked > 0 && !c.over && c.room() {
		c.asked--
		c.give()
	}
	c.answering = false
	switch {
	case c.over:
	case c.last && c.asked == 0 && len(c.pending) == 0:
		c.over = true
		c.Write(c.lastWord)
		c.Close()
	case c.asked > 0 || c.leaving:
		c.Pause()
	default:
		c.Resume()
	}
}

// room reports whether another number may be set on its way.
func (c *asker) room() bool {
	return !c.leaving && !c.Full() && len(c.pending) < maxPending && c.pendingDigits < maxPendingDigits
}

// give sets one number on its way.
func (c *asker) give() {
	n, saved := c.server.next()
	switch {
	case n == nil:
		c.asked = 0
		c.finish(errExhausted.line())
	case saved == nil:
		c.write(n)
	default:
		a := &answer{n: n, digits: digits(n.BitLen())}
		c.pending = append(c.pending, a)
		c.pendingDigits += a.digits
		saved.Done(func(_ struct{}, err error) {
			a.known, a.err = true, err
			c.server.remembered(err)
			c.send()
			c.answer()
		})
	}
}

// send sends what is known, in the order of the questions: a refusal is known
// sooner than what was written before it.
func (c *asker) send() {
	for len(c.pending) > 0 && c.pending[0].known {
		a := c.pending[0]
		c.pending[0] = nil
		c.pending = c.pending[1:]
		c.pendingDigits -= a.digits
		switch {
		case a.err != nil:
			c.server.stats.Lost++
			c.Write(errUnsaved.line())
		case c.over:
			c.server.stats.Lost++
		default:
			c.write(a.n)
		}
	}
}

func (c *asker) write(n *big.Int) {
	s := c.server
	// Taken out of the server while in use: Write may, through a policy below,
	// lead to another one.
	line := append(n.Append(s.scratch, 10), '\n')
	s.scratch = nil
	_, err := c.Write(line)
	if cap(line) <= maxScratchBytes {
		s.scratch = line[:0]
	}
	if err != nil {
		c.server.stats.Lost++
		return
	}
	c.given++
	c.server.stats.Given++
}

// finish takes no more lines; when those that came are answered, it closes.
func (c *asker) finish(lastWord []byte) {
	if !c.last {
		c.last, c.lastWord, c.leaving = true, lastWord, false
		c.late.Stop()
		c.answer()
	}
}

// ReadClosed: what was asked is answered still.
func (c *asker) ReadClosed() { c.finish(nil) }

// Drained goes on where Full had stopped.
func (c *asker) Drained() { c.answer() }

// Dismissed: what was asked is answered, as long as the service waits for it.
func (c *asker) Dismissed() { c.finish(nil) }

func (c *asker) Disconnected(err error) {
	c.over = true
	c.late.Stop()
	c.server.clients--
	c.server.log().Info("fibonacci: client left", "conn", c.Transport, "numbers", c.given, "err", err)
}

// A survival is what goes along with a connection into another process. A field
// that is missing is zero.
type survival struct {
	Line  int `json:"line,omitempty"`
	Asked int `json:"asked,omitempty"`
}

// HandedOver agrees when no number is on its way; until then it begins nothing.
func (c *asker) HandedOver() (state []byte, ok bool) {
	if c.last || c.over {
		return nil, false
	}
	c.leaving = true
	c.Pause()
	if len(c.pending) > 0 {
		return nil, false
	}
	state, err := json.Marshal(survival{c.line, c.asked})
	return state, err == nil
}

// Restored goes on with what was asked. Of a state that makes no sense nothing
// is asked.
func (c *asker) Restored(state []byte) {
	c.Connected()
	var s survival
	if err := json.Unmarshal(state, &s); err != nil || s.Line < 0 || s.Asked < 0 {
		c.server.log().Warn("fibonacci: a connection of the former process has a state that is none", "conn", c.Transport, "err", err)
		s = survival{}
	}
	c.begin(s.Line)
	c.asked = s.Asked
	c.answer()
}

package sim

import (
	"io"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
)

// A Peer is one end of a connection without a protocol, for a test to play: an
// honest client, a slow one, a rude one. What it expects makes the World run;
// what does not come within the World's Patience fails the test. Loop-only.
type Peer struct {
	host   *Host
	conn   *conn
	server bool // accepted, not dialed

	queue []byte // to be sent
	rate  int    // bytes a second; 0: at once
	timed bool   // the next piece is to come
	ends  bool   // CloseWrite after queue
	left  bool

	got     []byte // received, and not yet expected
	total   int64
	stalled bool
	atEnd   bool
	err     error // how it ended: io.EOF in order

	secure *secured
}

// serve moves what the socket has and takes; the socket calls it.
func (p *Peer) serve() {
	p.push()
	for !p.stalled && p.err == nil && !p.left {
		var b [4096]byte
		n, err := p.conn.read(b[:])
		p.got = append(p.got, b[:n]...)
		p.total += int64(n)
		if err == poll.ErrAgain {
			return
		}
		if err != nil {
			p.err = err
			p.atEnd = err == io.EOF
		}
	}
}

// push sends as much of the queue as the rate and the socket allow.
func (p *Peer) push() {
	c := p.conn
	for len(p.queue) > 0 && c.dialed && !p.timed {
		b := p.queue
		if p.rate > 0 {
			b = b[:min(len(b), max(1, p.rate/10))]
		}
		n, err := c.write("write", b)
		if err != nil && err != poll.ErrAgain {
			p.queue = nil
			return // the reads will tell
		}
		if n == 0 {
			return
		}
		p.queue = p.queue[n:]
		if p.rate > 0 {
			p.timed = true
			p.host.world.after(time.Duration(n)*time.Second/time.Duration(p.rate), func() {
				p.timed = false
				p.push()
			})
		}
	}
	if p.ends && len(p.queue) == 0 && !c.ended && !p.timed {
		c.closeWrite()
	}
}

// Send sends s, as fast as Rate and the other side let it; it does not wait.
func (p *Peer) Send(s string) {
	b := []byte(s)
	if p.secure != nil {
		b = p.secure.seal(b)
	}
	p.queue = append(p.queue, b...)
	p.push()
}

// Rate makes Send dribble: at most so many bytes a second; 0: at once.
func (p *Peer) Rate(bytesPerSecond int) { p.rate = bytesPerSecond }

// Stall makes the Peer stop reading; its socket fills up, and then what the
// other side writes waits there. Resume ends that.
func (p *Peer) Stall() { p.stalled = true }

func (p *Peer) Resume() {
	p.stalled = false
	p.serve()
}

// Unacked is how many bytes of Send the other side's system has not taken yet.
func (p *Peer) Unacked() int { return len(p.queue) + len(p.conn.out) }

// CloseWrite ends our direction after what was sent; in TLS, it says so first.
func (p *Peer) CloseWrite() {
	if p.secure != nil && !p.ends {
		p.queue = append(p.queue, p.secure.notify()...)
	}
	p.Cut()
}

// Cut is CloseWrite without TLS's closing message: to the other side it looks
// like an attacker's.
func (p *Peer) Cut() {
	p.ends = true
	p.push()
}

// Close closes the connection: what was sent goes first, unless the Rate holds
// it back.
func (p *Peer) Close() {
	if p.secure != nil && !p.ends && !p.left {
		p.queue = append(p.queue, p.secure.notify()...)
	}
	p.push()
	p.gone()
}

// gone closes the socket.
func (p *Peer) gone() {
	if !p.left {
		p.left = true
		p.conn.in = nil // a Peer that leaves is polite unless it Resets
		p.conn.close(false)
	}
}

// Reset drops the connection with an RST.
func (p *Peer) Reset() {
	p.left = true
	p.conn.close(true)
}

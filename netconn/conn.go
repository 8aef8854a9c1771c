package netconn

import (
	"io"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	"crypto/tls"

	"github.com/twistor-go/twistor"
)

// blockBytes is how much a Conn buffers in each direction: beyond it what
// comes is held back by Transport.Pause, and Write blocks. One read of the
// loop, up to 256 KiB, may come on top.
const blockBytes = 64 << 10

// A Conn is a twistor.Transport as a net.Conn: its methods block, and are for
// any goroutine but the loop's. Reads and writes are handed to the loop by
// Post, many at once. Deadlines are kept by the loop's clock. Safe for
// concurrent use.
type Conn struct {
	// Immutable.
	t             twistor.Transport
	loop          twistor.Loop
	local, remote net.Addr
	work          func() // turn, made once, for Post

	mu                 sync.Mutex
	readable, writable sync.Cond // something has changed
	// Guarded by mu.
	in        []byte // received and not yet read; its first unread byte is in[read]
	read      int
	out       []byte // written and not yet with the transport
	writing   bool   // a Write is in progress: others wait, so that none is torn
	eof       bool   // the peer sends no more
	err       error  // the connection is over; never nil then
	closed    bool   // by Close
	aborted   bool   // by abort
	halfway   bool   // by CloseWrite
	posted    bool   // turn will run
	full      bool   // the transport is, or was when it was last asked
	paused    bool   // we asked the transport to
	now       time.Time
	readLimit deadline
	sendLimit deadline
	tls       *tls.ConnectionState

	// Owned by the loop.
	closing bool // the transport was told to close
	ending  bool // or to end its direction
}

var (
	_ net.Conn                        = (*Conn)(nil)
	_ interface{ CloseWrite() error } = (*Conn)(nil)
)

// newConn returns the Conn of t; the loop must tell its events of what happens.
func newConn(t twistor.Transport) *Conn {
	l := t.Loop()
	c := &Conn{t: t, loop: l, local: t.LocalAddr(), remote: t.RemoteAddr(), now: l.Now(), tls: t.TLS()}
	c.work = c.turn
	c.readable.L, c.writable.L = &c.mu, &c.mu
	c.readLimit.wake, c.sendLimit.wake = &c.readable, &c.writable
	return c
}

// LocalAddr is the transport's.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr is the transport's.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// TLS is the state of TLS as it was when the connection was handed over; nil:
// it is not encrypted.
func (c *Conn) TLS() *tls.ConnectionState { return c.tls }

// Read blocks until there is something. The error is io.EOF after the peer's
// last byte, net.ErrClosed after Close, os.ErrDeadlineExceeded after the
// deadline, or what ended the connection, in a *net.OpError but for io.EOF.
func (c *Conn) Read(p []byte) (int, error) {
	c.mu.Lock()
	for {
		switch {
		case c.closed:
			c.mu.Unlock()
			return 0, c.opError("read", net.ErrClosed)
		case c.readLimit.passed:
			c.mu.Unlock()
			return 0, c.opError("read", os.ErrDeadlineExceeded)
		case len(p) == 0:
			c.mu.Unlock()
			return 0, nil
		case c.read < len(c.in):
			n := copy(p, c.in[c.read:])
			c.read += n
			if c.read == len(c.in) {
				c.in, c.read = releaseBlock(c.in), 0
			}
			c.request(c.paused && c.unread() <= blockBytes/2)
			return n, nil
		case c.eof || c.err == io.EOF:
			c.mu.Unlock()
			return 0, io.EOF
		case c.err != nil:
			err := c.err
			c.mu.Unlock()
			return 0, c.opError("read", err)
		}
		c.readable.Wait()
	}
}

// unread is how much of in waits.
func (c *Conn) unread() int { return len(c.in) - c.read }

// Write returns when p is with the loop, or buffered to be so soon; it blocks
// while the peer reads too slowly. Writes of several goroutines are not mixed.
// On an error n bytes of p may still be sent.
func (c *Conn) Write(p []byte) (n int, err error) {
	c.mu.Lock()
	mine := false // the turn to write
	for {
		if n == 0 || len(p) > 0 {
			err = c.writeError()
		}
		switch {
		case err != nil || len(p) == 0:
			if mine {
				c.writing = false
				c.writable.Broadcast()
			}
			c.mu.Unlock()
			if err != nil {
				err = c.opError("write", err)
			}
			return n, err
		case c.writing && !mine, len(c.out) == blockBytes:
			c.writable.Wait()
		default:
			mine, c.writing = true, true
			if c.out == nil {
				c.out = takeBlock()
			}
			part := p[:min(len(p), blockBytes-len(c.out))]
			c.out = append(c.out, part...)
			n += len(part)
			p = p[len(part):]
			c.request(!c.full)
			c.mu.Lock()
		}
	}
}

// writeError says why nothing can be written; nil: it can.
func (c *Conn) writeError() error {
	switch {
	case c.closed, c.halfway:
		return net.ErrClosed
	case c.sendLimit.passed:
		return os.ErrDeadlineExceeded
	case c.err == io.EOF:
		return syscall.EPIPE
	}
	return c.err
}

// Close ends the connection: what was written is sent, what comes is dropped,
// and who waits in Read or Write returns. It does not wait for the peer.
func (c *Conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return c.opError("close", net.ErrClosed)
	}
	c.closed = true
	c.in, c.read = releaseBlock(c.in), 0
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.request(true)
	return nil
}

// CloseWrite ends our direction after what was written; Read goes on.
func (c *Conn) CloseWrite() error {
	c.mu.Lock()
	if err := c.writeError(); err != nil && err != os.ErrDeadlineExceeded {
		c.mu.Unlock()
		return c.opError("close", err)
	}
	c.halfway = true
	c.writable.Broadcast()
	c.request(true)
	return nil
}

// abort ends the connection rudely: its goroutine has panicked.
func (c *Conn) abort() {
	c.mu.Lock()
	c.aborted, c.closed = true, true
	c.readable.Broadcast()
	c.writable.Broadcast()
	c.request(true)
}

// opError is err as package net would have it.
func (c *Conn) opError(op string, err error) error {
	network := ""
	if c.remote != nil {
		network = c.remote.Network()
	}
	return &net.OpError{Op: op, Net: network, Source: c.local, Addr: c.remote, Err: err}
}

// blocks are buffers of blockBytes; idle connections have none.
var blocks = sync.Pool{New: func() any { return new([blockBytes]byte) }}

func takeBlock() []byte { return blocks.Get().(*[blockBytes]byte)[:0] }

// releaseBlock gives b back, if it is still a block, and returns nil.
func releaseBlock(b []byte) []byte {
	if cap(b) == blockBytes {
		blocks.Put((*[blockBytes]byte)(b[:blockBytes]))
	}
	return nil
}

package framing

import (
	"crypto/tls"
	"io"
	"iter"
	"net"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// maxUnreadBytes is how much of its input a conversation may leave unread
// before the transport pauses; a longer line may be gathered all the same.
const maxUnreadBytes = 64 << 10

// A Conn is a conversation's transport: what twistor.Transport has, and reads
// that wait. Write, WriteLine and fmt.Fprintf queue and never wait; Flush waits
// for a slow peer. One coroutine reads at a time; two panic. Loop-only.
type Conn struct {
	twistor.Transport
	talk func(co *deferred.Co, c *Conn) error
	task *deferred.Signal

	split     splitter
	in        []byte           // came, and is not read
	wait      *deferred.Signal // of the reader
	paused    bool
	end       error // why nothing more will come
	failed    error // what the last read that failed said
	lost      error // Disconnected's
	dismissed bool
	switched  bool

	drained, secured *deferred.Signal
}

// SetMaxLineBytes limits lines; 0, as at the beginning: 16,384.
func (c *Conn) SetMaxLineBytes(n int) {
	c.split.setMax(n)
	c.split.scanned = 0
}

// SetDelimiter says what ends a line, as Lines.Delimiter does; "", as at the
// beginning: LF or CRLF.
func (c *Conn) SetDelimiter(d string) {
	c.split.delimiter, c.split.scanned = d, 0
}

// Lines are the lines to come, without their delimiters. The sequence ends
// where ReadLine would fail; Err says why.
func (c *Conn) Lines(co *deferred.Co) iter.Seq[string] {
	return func(yield func(string) bool) {
		for {
			line, err := c.ReadLine(co)
			if err != nil || !yield(line) {
				return
			}
		}
	}
}

// Err is why the last read failed: nil if none has, or if the peer, or our own
// service, came to an orderly end (io.EOF). So a loop over Lines is followed
// by `return c.Err()`.
func (c *Conn) Err() error {
	if c.failed == io.EOF {
		return nil
	}
	return c.failed
}

// ReadLine returns the next line without its delimiter. Its errors are io.EOF
// where the peer ended between lines, io.ErrUnexpectedEOF within one, a
// *TooLongError, a *ProtocolError, why the connection was lost, or why co was
// cancelled. After the last one it may be called again: nothing is lost.
func (c *Conn) ReadLine(co *deferred.Co) (string, error) {
	for {
		line, n, err := c.split.next(c.in)
		if err != nil {
			c.failed = err
			return "", err
		}
		if n > 0 {
			s := string(line)
			c.took(n)
			return s, nil
		}
		if err := c.more(co); err != nil {
			return "", c.fail(err, len(c.in) > 0)
		}
	}
}

// DotLines are the lines of one text that ends with a line of one dot, without
// that line and without the dots put before lines that begin with one. The
// sequence must be read to its end, which is an error's if the last value's
// second is not nil.
func (c *Conn) DotLines(co *deferred.Co) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		for {
			line, err := c.ReadLine(co)
			switch {
			case err != nil:
				yield("", c.fail(err, true))
				return
			case line == ".":
				return
			case len(line) > 0 && line[0] == '.':
				line = line[1:]
			}
			if !yield(line, nil) {
				return
			}
		}
	}
}

// ReadFull fills p. Its errors are as ReadLine's: io.EOF only if p got nothing.
func (c *Conn) ReadFull(co *deferred.Co, p []byte) error {
	for n := 0; n < len(p); {
		if len(c.in) == 0 {
			if err := c.more(co); err != nil {
				return c.fail(err, n > 0)
			}
		}
		k := copy(p[n:], c.in)
		c.took(k)
		n += k
	}
	return nil
}

// Reader is what comes, as an io.Reader whose Read waits: for encoding/xml and
// all else that pulls. Only the coroutine of co may use it.
func (c *Conn) Reader(co *deferred.Co) io.Reader { return &reader{c, co} }

type reader struct {
	c  *Conn
	co *deferred.Co
}

func (r *reader) Read(p []byte) (int, error) {
	c := r.c
	for len(c.in) == 0 && len(p) > 0 {
		if err := c.more(r.co); err != nil {
			return 0, c.fail(err, false)
		}
	}
	n := copy(p, c.in)
	c.took(n)
	return n, nil
}

// WriteLine writes line and the delimiter, CRLF unless SetDelimiter says
// otherwise. Its errors are ErrLineBreak, if line holds a line break, and
// Write's.
func (c *Conn) WriteLine(line string) error {
	if err := checkLine(line, c.split.delimiter); err != nil {
		return err
	}
	_, err := c.Write(append([]byte(line), c.split.end()...))
	return err
}

// Flush waits while the transport is Full, until it is Drained: who writes
// much calls it from time to time, so that a slow peer slows him down instead
// of ending in twistor.ErrOverflow. What is written leaves without it. Its
// error says why the connection was lost, or co cancelled.
func (c *Conn) Flush(co *deferred.Co) error {
	for c.lost == nil && c.Full() {
		if c.drained == nil {
			c.drained = deferred.New[struct{}](co.Loop())
		}
		if _, err := c.drained.Shield().Await(co); err != nil && c.lost == nil {
			return err
		}
	}
	return c.lost
}

// Secure begins TLS and waits for the end of the handshake. It is refused with
// a *ProtocolError if the peer has sent more than was read: see
// LineTransport.StartTLS.
func (c *Conn) Secure(co *deferred.Co, config *tls.Config, as twistor.Role) error {
	if err := c.StartTLS(config, as, nil); err != nil {
		return err
	}
	c.secured = deferred.New[struct{}](co.Loop())
	if _, err := c.secured.Await(co); err != nil {
		if c.lost != nil {
			return c.lost
		}
		return err
	}
	return nil
}

// StartTLS is Secure that does not wait.
func (c *Conn) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	if len(c.in) > 0 {
		return &ProtocolError{"nothing before the TLS handshake", "bytes in clear"}
	}
	return c.Transport.StartTLS(config, as, unread)
}

// Close flushes and closes; reads fail with net.ErrClosed.
func (c *Conn) Close() error {
	c.stop(net.ErrClosed)
	return c.Transport.Close()
}

// Abort drops what is queued and resets; reads fail with twistor.ErrAborted.
func (c *Conn) Abort() {
	c.stop(twistor.ErrAborted)
	c.Transport.Abort()
}

// Switch hands the connection, with unread and what was not read, to p. The
// conversation is over: reads fail with net.ErrClosed, and its end closes
// nothing.
func (c *Conn) Switch(p twistor.Protocol, unread []byte) {
	rest := slices.Concat(unread, c.in)
	c.switched = true
	c.stop(net.ErrClosed)
	if c.paused {
		c.paused = false
		c.Transport.Resume()
	}
	c.Transport.Switch(p, rest)
}

// Unwrap is for twistor.As.
func (c *Conn) Unwrap() twistor.Transport { return c.Transport }

// stop ends reading.
func (c *Conn) stop(why error) {
	c.in = nil
	if c.end == nil || c.end == io.EOF {
		c.end = why
	}
	c.wake()
}

// more waits for more than there is.
func (c *Conn) more(co *deferred.Co) error {
	switch {
	case c.end != nil:
		return c.end
	case c.dismissed:
		return io.EOF
	case c.wait != nil:
		if _, over := c.wait.Result(); !over { // one that was cancelled is
			panic("framing: a Conn is read by two coroutines at once")
		}
	}
	c.resume()
	wait := deferred.New[struct{}](co.Loop())
	c.wait = wait
	_, err := wait.Await(co)
	if c.wait == wait {
		c.wait = nil
	}
	if err != nil && c.lost != nil {
		return c.lost
	}
	return err
}

// took notes that n bytes were read.
func (c *Conn) took(n int) {
	c.in, c.split.scanned = c.in[n:], 0
	if len(c.in) == 0 {
		c.in = nil // an idle conversation owns no buffer
	}
	if len(c.in) <= maxUnreadBytes/4 {
		c.resume()
	}
}

func (c *Conn) fail(err error, within bool) error {
	if err == io.EOF && within && c.end == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	c.failed = err
	return err
}

func (c *Conn) wake() {
	if c.wait != nil {
		c.wait.Succeed(struct{}{})
	}
}

func (c *Conn) pause() {
	if !c.paused {
		c.paused = true
		c.Transport.Pause()
	}
}

func (c *Conn) resume() {
	if c.paused {
		c.paused = false
		c.Transport.Resume()
	}
}

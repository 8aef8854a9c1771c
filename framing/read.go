package framing

import (
	"io"
	"iter"

	"github.com/twistor-go/twistor/deferred"
)

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

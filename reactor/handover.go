package reactor

import (
	"errors"
	"fmt"
	"os"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

var (
	_ twistor.Detacher = (*conn)(nil)
	_ twistor.Filer    = (*port)(nil)
	_ twistor.Filer    = (*packetPort)(nil)
)

// Detach implements twistor.Detacher.
func (c *conn) Detach() (twistor.Detached, error) {
	var none twistor.Detached
	switch {
	case c.is(connecting | doomed | closing):
		return none, fmt.Errorf("reactor: detach: %w", errClosing)
	case c.x != nil && c.x.over != nil:
		return none, errors.New("reactor: detach: it is under TLS, which lives in one process")
	case c.is(endWrite | writeEnded | writeFailed | readEnded | switching):
		return none, errors.New("reactor: detach: one direction has ended, or its protocol is changing")
	case c.x != nil && len(c.x.rights) > 0:
		return none, errors.New("reactor: detach: files are to be sent")
	}
	unsent := make([]byte, 0, c.out.n)
	for b := c.out.head; b != nil; b = b.next {
		if b.file != nil {
			return none, errors.New("reactor: detach: a file is to be sent")
		}
		unsent = append(unsent, b.b[b.r:b.w]...)
	}
	f, err := c.l.file(c.h)
	if err != nil {
		return none, fmt.Errorf("reactor: detach: %w", err)
	}
	d := twistor.Detached{File: f, Unsent: unsent}
	if c.x != nil {
		d.Unread = append(d.Unread, c.x.held...)
	}
	c.doom(twistor.ErrHandedOver)
	return d, nil
}

var errClosing = errors.New("the connection is not open, or closing")

// file duplicates the socket of h.
func (l *loop) file(h poll.Handle) (*os.File, error) {
	filer, ok := l.poller.(poll.Filer)
	if !ok {
		return nil, fmt.Errorf("sockets of this backend have no descriptor: %w", errors.ErrUnsupported)
	}
	return filer.File(h)
}

// keepPath has the file of h's UNIX socket stay.
func (l *loop) keepPath(h poll.Handle) {
	if filer, ok := l.poller.(poll.Filer); ok {
		filer.KeepPath(h)
	}
}

// File implements twistor.Filer.
func (p *port) File() (*os.File, error) { return p.l.file(p.h) }

// KeepPath implements twistor.Filer.
func (p *port) KeepPath() { p.l.keepPath(p.h) }

// File implements twistor.Filer.
func (p *packetPort) File() (*os.File, error) { return p.l.file(p.h) }

// KeepPath implements twistor.Filer.
func (p *packetPort) KeepPath() { p.l.keepPath(p.h) }

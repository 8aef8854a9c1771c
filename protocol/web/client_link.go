package web

import (
	"io"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A link is a connection to a server, as the pool sees it. It carries hops: of HTTP/1 one at a
// time, of HTTP/2 many. It tells its origin by arrived, freed and lost.
type link interface {
	// room is how many more hops it can take now; 0 for ever once it is to end.
	room() int
	// takes says whether x can go by it at all. It may say no of an Upgrade only,
	// which then goes by a connection of HTTP/1.1.
	takes(x *hop) bool
	// busy says whether it carries one.
	busy() bool
	// begin sends the head of x, sets x.wire, and lets x send its content at once or later by
	// x.send. From then on it tells x what comes: informed, answered, x.deliver and x.ended, or
	// failed, and drained. After x.ended, failed, and outlet.cancel it tells x nothing more.
	begin(x *hop)
	// retire closes it when what it carries has ended.
	retire()
}

// An outlet is what a hop does to its exchange on a link.
type outlet interface {
	source
	data(p []byte) error // copies p
	file(s *io.SectionReader) *deferred.Deferred[int64]
	end(trailer *Header) error // the request is whole; nil: no trailer
	full() bool
	cancel() // at any time: nobody wants the rest
	transport() twistor.Transport
}

// A fate is what may have become of a request that failed.
type fate int

const (
	answered   fate = iota // bytes of an answer came
	unanswered             // none came: the server may have done it all the same
	unheard                // the server says, or it is certain, that it was not heard
)

// freed hears that l can take another hop, or carries none any more.
func (o *origin) freed(l link) {
	for len(o.waiting) > 0 && l.room() > 0 {
		x := o.waiting[0]
		o.waiting = o.waiting[1:]
		x.queued = false
		if !l.takes(x) {
			o.takeAlone(x)
			continue
		}
		o.give(l, x)
	}
	if !l.busy() && l.room() > 0 {
		o.c.idles(l)
	}
}

// give has l carry x.
func (o *origin) give(l link, x *hop) {
	o.c.busy(l)
	x.reused = o.carried[l]
	o.carried[l] = true
	l.begin(x)
}

// lost hears that l carries nothing more.
func (o *origin) lost(l link) {
	o.c.busy(l)
	for i, k := range o.links {
		if k == l {
			o.links = slices.Delete(o.links, i, i+1)
			break
		}
	}
	delete(o.carried, l)
	o.want()
	o.forget()
}

// idles keeps l for the next question, if there is place.
func (c *Client) idles(l link) {
	most := count(c.MaxIdle, DefaultMaxIdle, 0)
	if c.closed || c.KeepAlive < 0 || most == 0 {
		l.retire()
		return
	}
	c.busy(l) // it may be told twice
	c.idle = append(c.idle, l)
	if len(c.idle) > most {
		oldest := c.idle[0]
		c.busy(oldest)
		oldest.retire()
	}
}

// busy takes l from those that wait.
func (c *Client) busy(l link) {
	for i, k := range c.idle {
		if k == l {
			c.idle = slices.Delete(c.idle, i, i+1)
			return
		}
	}
}

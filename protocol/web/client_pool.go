package web

import (
	"math"
	"net/url"
	"slices"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// An originKey names connections that can stand for each other.
type originKey struct {
	scheme, address string
	endpoint        string // "": address
	proxy           string // its URL; "": none
	alone           bool   // for an Upgrade that goes by HTTP/1.1 only
}

// An origin is where some connections lead, and who waits for one of them.
type origin struct {
	c       *Client
	key     originKey
	name    string // for TLS
	proxy   *url.URL
	links   []link
	carried map[link]bool // has it carried a hop before?
	dialing []*connector
	waiting []*hop
	known   bool // whether it speaks HTTP/2
}

// originOf finds where r goes.
func (c *Client) originOf(r *Request, alone bool) (*origin, error) {
	u := r.url
	k := originKey{scheme: u.Scheme, address: hostport(u), alone: alone}
	if c.Endpoint != nil {
		k.endpoint = c.Endpoint(u)
	}
	var proxy *url.URL
	if c.Proxy != nil && k.endpoint == "" {
		var err error
		if proxy, err = c.Proxy(u); err != nil {
			return nil, err
		}
		if proxy != nil {
			k.proxy = proxy.String()
			if k.scheme == "http" && !alone && speaksHTTP(proxy) {
				k.address = "" // one connection to the proxy serves all hosts
			}
		}
	}
	if o := c.origins[k]; o != nil {
		return o, nil
	}
	o := &origin{c: c, key: k, name: u.Hostname(), proxy: proxy, carried: map[link]bool{}}
	o.known = k.scheme != "https" || c.DisableHTTP2 || alone
	if c.origins == nil {
		c.origins = map[originKey]*origin{}
	}
	c.origins[k] = o
	return o, nil
}

// forget lets go of an origin that nobody needs.
func (o *origin) forget() {
	if len(o.links)+len(o.dialing)+len(o.waiting) == 0 {
		delete(o.c.origins, o.key)
	}
}

// take has a link carry x, now or later. The one that was used last is taken first: the others may
// grow old, and go.
func (o *origin) take(x *hop) {
	x.origin = o
	for i := len(o.links) - 1; i >= 0; i-- {
		l := o.links[i]
		if !l.takes(x) {
			o.takeAlone(x)
			return
		}
		if l.room() > 0 {
			o.links = append(slices.Delete(o.links, i, i+1), l)
			o.give(l, x)
			return
		}
	}
	if len(o.waiting) >= count(o.c.MaxWaiting, DefaultMaxWaiting, 0)+o.places() {
		x.failed("connect", ErrBusy, unheard)
		o.forget()
		return
	}
	x.queued = true
	o.waiting = append(o.waiting, x)
	o.want()
}

// takeAlone has a connection of HTTP/1.1 carry x: the server's HTTP/2 does not
// offer extended CONNECT. That is remembered, so that the next Upgrade does not
// have to connect twice.
func (o *origin) takeAlone(x *hop) {
	c := o.c
	if len(c.plain) >= maxPlain {
		clear(c.plain)
	}
	if c.plain == nil {
		c.plain = map[originKey]bool{}
	}
	c.plain[o.key] = true
	alone, err := c.originOf(x.r, true)
	if err != nil {
		x.failed("connect", err, unheard)
		return
	}
	alone.take(x)
}

// maxPlain is how many origins are remembered as such.
const maxPlain = 1000

// places is how many more connections there can be.
func (o *origin) places() int {
	return count(o.c.MaxConnections, DefaultMaxConnections, math.MaxInt32) - len(o.links)
}

// want dials for those who wait. Where HTTP/2 may be spoken it waits for what the first connection
// says: one may do for all.
func (o *origin) want() {
	for len(o.dialing) < len(o.waiting) && len(o.dialing) < o.places() && (o.known || len(o.dialing) == 0) {
		k := &connector{o: o, parser: http1.Parser{Limits: o.c.Heads}}
		o.dialing = append(o.dialing, k)
		k.dial()
	}
}

// arrived hears that l is ready.
func (o *origin) arrived(k *connector, l link) {
	o.undial(k)
	o.known = true
	o.links = append(o.links, l)
	if h, ok := l.(*h2link); ok && h.h2.OffersConnect() {
		delete(o.c.plain, o.key) // it did not before
	}
	o.freed(l)
	o.want()
}

// missed hears that no connection came of k: the hop that has waited longest fails.
func (o *origin) missed(k *connector, err error) {
	o.undial(k)
	if len(o.waiting) > len(o.dialing) {
		x := o.waiting[0]
		o.waiting = o.waiting[1:]
		x.queued = false
		x.failed("connect", err, unheard)
	}
	o.want()
	o.forget()
}

func (o *origin) undial(k *connector) {
	for i, d := range o.dialing {
		if d == k {
			o.dialing = slices.Delete(o.dialing, i, i+1)
			return
		}
	}
}

// leave takes x from those who wait; a connection that nobody waits for any more is not dialed to
// its end.
func (o *origin) leave(x *hop) {
	for i, w := range o.waiting {
		if w == x {
			o.waiting = slices.Delete(o.waiting, i, i+1)
			break
		}
	}
	x.queued = false
	if n := len(o.dialing); n > len(o.waiting) {
		o.dialing[n-1].fail(deferred.ErrCanceled)
	}
	o.forget()
}

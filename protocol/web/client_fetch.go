package web

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A fetch is what Do began: hops, one after another, until an answer is one.
type fetch struct {
	c        *Client
	r        *Request
	upgrade  func(*Response) twistor.Factory // nil: an ordinary one
	done     *deferred.Deferred[*Response]
	timer    deferred.Timer // Client.Timeout
	hop      *hop
	previous *Response
	decoding *decoding // of the answer; nil: none
	hops     int
	retried  bool
	over     bool
}

// fetch begins one.
func (c *Client) fetch(r *Request, upgrade func(*Response) twistor.Factory) *deferred.Deferred[*Response] {
	f := &fetch{c: c, r: r, upgrade: upgrade, done: deferred.New[*Response](c.Loop)}
	f.done.OnCancel(func() { f.stop(deferred.ErrCanceled) })
	switch {
	case r.url == nil || r.scheme == "" || r.w != nil:
		f.fail("parse", errors.New("want a Request of NewRequest"))
	case c.closed:
		f.fail("connect", ErrClientClosed)
	case upgrade != nil && r.Method != "CONNECT" && (!r.Header.Has("Upgrade") || r.Content != nil):
		f.fail("parse", errors.New("upgrade: want an Upgrade field and no content"))
	default:
		if d := within(c.Timeout, DefaultTimeout); d > 0 {
			f.timer = c.Loop.CallLater(d, func() { f.stop(deferred.ErrTimeout) })
		}
		f.begin()
	}
	return f.done
}

// begin makes the next hop.
func (f *fetch) begin() {
	x := &hop{fetch: f, r: f.r}
	f.hop = x
	x.prepare()
	o, err := f.c.originOf(f.r, f.upgrade != nil && !f.c.mayTunnel(f.r))
	if err == nil && f.upgrade != nil && f.c.plain[o.key] {
		o.forget()
		o, err = f.c.originOf(f.r, true)
	}
	if err != nil {
		f.fail("connect", err)
		return
	}
	o.take(x)
}

// wrap names what failed.
func (f *fetch) wrap(op string, err error) error {
	var already *RequestError
	if err == nil || errors.As(err, &already) {
		return err
	}
	return &RequestError{Method: f.r.Method, URL: describe("", f.r.url), Op: op, Err: err}
}

// fail ends it without an answer.
func (f *fetch) fail(op string, err error) {
	f.finish()
	f.done.Fail(f.wrap(op, err))
}

// finish ends what it does.
func (f *fetch) finish() {
	f.over = true
	f.timer.Stop()
}

// stop ends it at any stage, because of err.
func (f *fetch) stop(err error) {
	if f.over {
		return
	}
	x := f.hop
	if x.resp != nil && !x.detached {
		f.drop(x.resp, f.wrap("body", err))
		return
	}
	f.finish()
	x.drop()
	op := "head"
	switch {
	case x.wire == nil:
		op = "connect"
	case !x.sent:
		op = "send"
	}
	f.done.Fail(f.wrap(op, err))
}

// drop ends the answer p.
func (f *fetch) drop(p *Response, err error) {
	x := p.hop
	if !x.over {
		x.drop()
		x.in.finish(err, nil)
	}
	if d := f.decoding; d != nil && d.x == x {
		d.stop(err)
	}
	if f.hop == x {
		f.finish()
	}
}

// answered hears the head of an answer.
func (f *fetch) answered(x *hop, p *Response) {
	f.c.keepCookies(x.r.url, &p.Header)
	if isRedirect(p.Status) && f.upgrade == nil && f.c.MaxRedirects >= 0 {
		follows, err := f.follow(x, p)
		if err != nil {
			x.drop()
			f.fail("redirect", err)
			return
		}
		if follows {
			return
		}
	}
	f.decode(x, p)
	f.done.Succeed(p)
}

// follow follows a redirect; false: it is the answer.
func (f *fetch) follow(x *hop, p *Response) (bool, error) {
	u, err := p.redirect()
	if u == nil || err != nil {
		return false, err
	}
	if most := count(f.c.MaxRedirects, DefaultMaxRedirects, 0); f.hops >= most {
		return false, fmt.Errorf("more than %d redirects", most)
	}
	if u.Fragment == "" {
		u.Fragment = x.r.url.Fragment
	}
	next := f.c.redirected(x.r, u, p.Status)
	if f.c.Redirect != nil {
		if err := f.c.Redirect(next, p); errors.Is(err, ErrNoRedirect) {
			return false, nil
		} else if err != nil {
			return false, err
		}
		if f.over {
			return true, nil
		}
	}
	if next.Content != nil && sendsOnce(next.Content) {
		return false, ErrUsed
	}
	f.hops++
	f.previous, f.r, f.retried = p, next, false
	// The rest of the redirect is read first, so that its connection can be used for the next hop;
	// but not much of it.
	x.detached = true
	x.halt()
	x.in.Limit(maxDiscard)
	x.in.Each(func([]byte) {}).Done(func(_ struct{}, err error) {
		if err != nil {
			x.drop()
		}
		f.c.Loop.CallLater(0, func() { // when its link is free
			if !f.over {
				f.begin()
			}
		})
	})
	return true, nil
}

// redirected is the request that follows r. Methods change as browsers do it:
// https://fetch.spec.whatwg.org/#http-redirect-fetch, which RFC 9110, section 15.4 allows.
func (c *Client) redirected(r *Request, u *url.URL, status int) *Request {
	next := &Request{Method: r.Method, Content: r.Content, major: 1, minor: 1}
	next.Header.CopyFrom(&r.Header)
	if status == 303 && r.Method != "HEAD" && r.Method != "GET" || (status == 301 || status == 302) && r.Method == "POST" {
		next.Method, next.Content = "GET", nil
		for _, name := range []string{"Content-Type", "Content-Encoding", "Content-Language", "Content-Location", "Expect"} {
			next.Header.Del(name)
		}
	}
	next.setURL(u)
	if !sameOrigin(r.url, u) {
		for _, name := range secretFields {
			next.Header.Del(name)
		}
		for _, name := range c.Secrets {
			next.Header.Del(name)
		}
	}
	return next
}

// secretFields are those that no redirect takes elsewhere; what is gone does not come back if a
// later one leads home.
var secretFields = []string{"Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "WWW-Authenticate"}

func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(hostport(a), hostport(b))
}

// upgraded hears that another Protocol has the connection.
func (f *fetch) upgraded(p *Response) {
	f.finish()
	// It is Connected when the callback that we are in has returned.
	f.c.Loop.CallLater(0, func() { f.done.Succeed(p) })
}

// hopEnded hears that an answer is whole.
func (f *fetch) hopEnded(x *hop) {
	if x == f.hop && !x.detached && f.decoding == nil {
		f.finish()
	}
}

// hopFailed hears that x ends before its time. One more try is made if it can do no harm.
func (f *fetch) hopFailed(x *hop, op string, err error, fate fate) {
	if x != f.hop || x.detached || f.over {
		return
	}
	if x.resp != nil && op != "head" {
		if f.decoding == nil {
			f.finish()
		}
		return
	}
	if x.wire != nil && !f.retried && f.mayRetry(x, err, fate) {
		f.retried = true
		f.begin()
		return
	}
	f.fail(op, err)
}

// mayRetry says whether x can be sent again: the server was certainly not asked, or the connection
// was an old one that ended before it said a word, as servers end those that wait, and the method
// does the same if it is done twice. https://www.rfc-editor.org/rfc/rfc9110#section-9.2.2
func (f *fetch) mayRetry(x *hop, err error, fate fate) bool {
	if x.r.Content != nil && sendsOnce(x.r.Content) && x.out.sent > 0 {
		return false
	}
	switch fate {
	case unheard:
		return !errors.Is(err, ErrBusy)
	case unanswered:
		ours := errors.Is(err, deferred.ErrTimeout) || errors.Is(err, ErrLength) || errors.Is(err, twistor.ErrStopped)
		return x.reused && !ours && idempotent(x.r.Method)
	}
	return false
}

// idempotent says whether to do it twice is to do it once.
func idempotent(method string) bool {
	return slices.Contains([]string{"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"}, method)
}

// unexpectedEnd is err, or that the peer left, where it may not.
func unexpectedEnd(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

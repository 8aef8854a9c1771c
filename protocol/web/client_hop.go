package web

import (
	"errors"
	"io"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A hop is one request on its way and its answer: a fetch makes one, and one more for each redirect
// and retry. It stands between its fetch and its link.
type hop struct {
	fetch  *fetch
	origin *origin
	r      *Request
	head   Header // what is sent of r.Header, and what we add
	length int64  // of the content; -1: unknown; 0: none

	wire     outlet // nil: no link yet
	out      outgoing
	sending  *deferred.Signal
	timer    deferred.Timer
	in       Body // what comes, as it is on the wire
	resp     *Response
	queued   bool // it waits for a link
	reused   bool // its link had carried another before
	holding  bool // the content waits for 100 (Continue)
	sent     bool // the request is whole
	paused   bool
	over     bool
	detached bool // a redirect whose body is only read to its end
}

// prepare makes the head. Fields of one hop are ours to say
// (https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1).
func (x *hop) prepare() {
	r, c := x.r, x.fetch.c
	for i := range r.Header.Len() {
		if name, value := r.Header.At(i); !ofOneHop(name) {
			x.head.AddBytes(name, value)
		}
	}
	if x.fetch.upgrade != nil {
		if v := r.Header.Value("Upgrade"); v != nil {
			x.head.AddBytes([]byte("Upgrade"), v)
		}
	}
	if !r.Header.Has("User-Agent") && !c.Raw {
		agent := c.UserAgent
		if agent == "" {
			agent = "twistor"
		}
		x.head.Add("User-Agent", agent)
	}
	if x.decodes() {
		x.head.Add("Accept-Encoding", c.codings())
	}
	if t, ok := r.Content.(interface{ ContentType() string }); ok && t.ContentType() != "" && !r.Header.Has("Content-Type") {
		x.head.Add("Content-Type", t.ContentType())
	}
	c.addCookies(x)
	if r.Content != nil {
		x.length = r.Content.Length()
	}
	x.out = outgoing{x: x, declared: x.length}
	x.holding = x.length != 0 && r.Header.HasToken("Expect", "100-continue")
}

// ofOneHop says whether a field is between two neighbours only, or made by the link.
func ofOneHop(name []byte) bool {
	switch len(name) {
	case 4:
		return foldEqual(name, "host")
	case 7:
		return foldEqual(name, "upgrade")
	case 10:
		return foldEqual(name, "connection") || foldEqual(name, "keep-alive")
	case 14:
		return foldEqual(name, "content-length")
	case 16:
		return foldEqual(name, "proxy-connection")
	case 17:
		return foldEqual(name, "transfer-encoding")
	}
	return false
}

// within arms the timer for what is due next; 0: nothing is.
func (x *hop) within(d time.Duration) {
	switch {
	case d <= 0:
		x.timer.Stop()
	case x.timer == (deferred.Timer{}):
		x.timer = x.fetch.c.Loop.CallLater(d, x.late)
	default:
		x.timer.Reset(d)
	}
}

func (x *hop) reading() { x.within(within(x.fetch.c.ReadTimeout, DefaultReadTimeout)) }

// late hears that the server took too long.
func (x *hop) late() {
	switch {
	case x.over:
	case x.holding && x.resp == nil:
		x.send()
	case x.paused && (x.in.err == nil || errors.Is(x.in.err, io.EOF)):
		x.reading() // it is we who take too long; Client.Timeout bounds that
	default:
		op := "head"
		switch {
		case x.resp != nil:
			op = "body"
		case !x.sent:
			op = "send"
		}
		x.fail(op, deferred.ErrTimeout)
	}
}

// begun is the link's: the head has left.
func (x *hop) begun() {
	if x.holding {
		x.within(within(x.fetch.c.ContinueTimeout, DefaultContinueTimeout))
		return
	}
	x.send()
}

// send sends the content.
func (x *hop) send() {
	x.holding = false
	x.timer.Stop()
	c := x.r.Content
	if c == nil {
		x.contentSent(nil)
		return
	}
	done := c.Send(x.fetch.c.Loop, &x.out)
	if done == nil {
		x.contentSent(nil)
		return
	}
	x.sending = done
	done.Done(func(_ struct{}, err error) {
		x.sending = nil
		x.contentSent(err)
	})
}

// contentSent ends the request.
func (x *hop) contentSent(err error) {
	if x.over || x.out.halted {
		return
	}
	if err == nil && x.out.declared >= 0 && x.out.sent != x.out.declared {
		err = ErrLength
	}
	if err != nil {
		x.fail("send", err)
		return
	}
	x.sent = true
	var trailer *Header
	if t, ok := x.r.Content.(interface{ Trailer() *Header }); ok {
		trailer = t.Trailer()
	}
	if err := x.wire.end(trailer); err != nil {
		return // the link tells
	}
	if x.resp == nil {
		x.within(within(x.fetch.c.HeadTimeout, DefaultHeadTimeout))
	}
}

// halt stops sending: the server has answered, and wants no more of it.
func (x *hop) halt() {
	if x.sent || x.out.halted {
		return
	}
	x.out.halted = true
	x.out.wake(ErrEnded)
	if s := x.sending; s != nil {
		x.sending = nil
		s.Cancel()
	}
}

// informed is the link's: an interim answer.
func (x *hop) informed(status int, h *Header) {
	c := x.fetch.c
	if c.Informed != nil {
		c.Informed(x.r, status, h)
	}
	switch {
	case x.over:
	case status == 100 && x.holding:
		x.send()
	case x.sent:
		x.within(within(c.HeadTimeout, DefaultHeadTimeout))
	}
}

// response makes the Response of a head.
func (x *hop) response(major, minor, status int, reason string, h *Header) *Response {
	p := &Response{Status: status, Reason: reason, Request: x.r, Previous: x.fetch.previous, major: major, minor: minor, hop: x}
	p.Header.CopyFrom(h)
	p.Body = &x.in
	x.resp = p
	return p
}

// answered is the link's: the head of the answer, and how long its body will be; -1: nobody knows.
func (x *hop) answered(major, minor, status int, reason string, h *Header, length int64) {
	x.in.start(x.fetch.c.Loop, x, length, x.fetch.c.maxBody())
	p := x.response(major, minor, status, reason, h)
	if x.holding || status >= 400 {
		x.holding = false
		x.halt()
	}
	x.reading()
	x.fetch.answered(x, p)
}

// switched is the link's: the server agrees to speak something else.
func (x *hop) switched(major, minor, status int, reason string, h *Header) twistor.Factory {
	x.over = true
	x.timer.Stop()
	x.in.start(x.fetch.c.Loop, x, 0, 0)
	return x.fetch.upgrade(x.response(major, minor, status, reason, h))
}

// gaveAway is the link's: the other Protocol has the connection when this callback returns.
func (x *hop) gaveAway() { x.fetch.upgraded(x.resp) }

// deliver is the link's: bytes of the body.
func (x *hop) deliver(p []byte) {
	if x.over {
		return
	}
	x.in.deliver(p)
	if x.over {
		return
	}
	if x.in.err != nil {
		x.drop() // it is too large
		x.fetch.hopEnded(x)
		return
	}
	if !x.paused {
		x.reading()
	}
}

// ended is the link's: the answer is whole.
func (x *hop) ended(err error, trailer *Header) {
	if x.over {
		return
	}
	x.finish()
	x.in.finish(err, trailer)
	x.fetch.hopEnded(x)
}

// failed is the link's: there will be no more of the answer.
func (x *hop) failed(op string, err error, f fate) {
	if x.over && x.resp == nil {
		return
	}
	x.finish()
	if x.resp != nil {
		err = x.fetch.wrap(op, err)
		x.in.finish(err, nil)
	}
	x.fetch.hopFailed(x, op, err, f)
}

// drained is the link's: it is not full any more.
func (x *hop) drained() {
	if !x.sent && x.resp == nil {
		x.timer.Stop()
	}
	x.out.wake(nil)
}

// finish ends what the hop does.
func (x *hop) finish() {
	x.over = true
	x.timer.Stop()
	x.halt()
}

// drop ends it without a word to the fetch.
func (x *hop) drop() {
	if x.over {
		return
	}
	x.finish()
	switch {
	case x.queued:
		x.origin.leave(x)
	case x.wire != nil:
		x.wire.cancel()
	}
}

// fail ends it by ourselves.
func (x *hop) fail(op string, err error) {
	if x.over {
		return
	}
	x.drop()
	x.over = false
	x.failed(op, err, answered)
}

// A hop is the source of its Body.

func (x *hop) bodyWanted() { x.wire.bodyWanted() }

func (x *hop) bodyPaused() {
	x.paused = true
	x.wire.bodyPaused()
}

func (x *hop) bodyResumed() {
	x.paused = false
	if !x.over {
		x.reading()
		x.wire.bodyResumed()
	}
}

func (x *hop) bodyConsumed(n int) {
	if !x.over {
		x.wire.bodyConsumed(n)
	}
}

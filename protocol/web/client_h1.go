package web

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// maxInterim is how many interim answers one request may have.
const maxInterim = 16

// An h1link is a connection of HTTP/1 as the client has it: one hop at a time. It is used again
// only if both sides have said all that they announced, and not a byte more.
type h1link struct {
	o      *origin
	t      twistor.Transport
	ready  func(link)
	x      *hop // nil: it waits
	parser http1.Parser
	head   http1.Response
	body   http1.BodyReader
	timer  deferred.Timer // while it waits

	interim  int
	headDone bool // of the answer
	heard    bool // bytes of an answer have come
	sent     bool // the request is whole
	early    bool // the answer came before that
	chunked  bool // the request's body is
	last     bool // no other hop comes after this one
	gone     bool
}

func (l *h1link) Connected() { l.ready(l) }

func (l *h1link) busy() bool { return l.x != nil }

func (l *h1link) takes(*hop) bool { return true }

func (l *h1link) room() int {
	if l.x != nil || l.last || l.gone {
		return 0
	}
	return 1
}

func (l *h1link) retire() {
	l.last = true
	if l.x == nil {
		l.end()
	}
}

// end closes what is of no more use; what was said arrives.
func (l *h1link) end() {
	if !l.gone {
		l.quit()
		l.t.Close()
	}
}

// quit ends its life as a link.
func (l *h1link) quit() {
	l.gone = true
	l.timer.Stop()
	l.o.lost(l)
}

// begin sends the head of x.
func (l *h1link) begin(x *hop) {
	l.timer.Stop()
	l.x = x
	l.headDone, l.heard, l.sent, l.early, l.chunked, l.interim = false, false, false, false, false, 0
	x.wire = (*h1outlet)(l)
	dst, err := l.appendHead(l.o.c.out[:0], x)
	if err != nil {
		l.x = nil
		x.failed("send", err, unheard)
		l.o.freed(l)
		return
	}
	_, err = l.t.Write(dst)
	if cap(dst) <= 64<<10 {
		l.o.c.out = dst[:0]
	}
	if err != nil {
		l.broken("send", err)
		return
	}
	x.begun()
}

func (l *h1link) Received(p []byte) {
	x := l.x
	if x == nil {
		// An answer to nothing: whoever asked next would get it.
		if !l.gone {
			l.quit()
			l.t.Abort()
		}
		return
	}
	l.heard = true
	for len(p) > 0 && l.x == x && !l.gone {
		if !l.headDone {
			n, done, err := l.parser.Response(p, x.r.Method, &l.head)
			if err != nil {
				l.broken("head", fmt.Errorf("%w: %w", ErrAnswer, err))
				return
			}
			p = p[n:]
			if done {
				l.readHead(x, p)
			}
			continue
		}
		data, n, done, err := l.body.Next(p)
		if err != nil {
			l.broken("body", fmt.Errorf("%w: %w", ErrAnswer, err))
			return
		}
		p = p[n:]
		if len(data) > 0 {
			x.deliver(data)
		}
		if done && l.x == x {
			l.finish(len(p) == 0, l.body.Trailer())
		}
	}
}

// readHead takes the head of an answer; rest is what came behind it.
func (l *h1link) readHead(x *hop, rest []byte) {
	h := &l.head
	switch {
	case h.Status == 101 && (x.fetch.upgrade == nil || !h.Upgrade):
		l.broken("head", fmt.Errorf("%w: 101 that nobody asked for", ErrAnswer))
		return
	case h.Status == 101 || x.r.Method == "CONNECT" && h.Status/100 == 2:
		l.give(x, rest)
		return
	case h.Status < 200:
		if l.interim++; l.interim > maxInterim {
			l.broken("head", fmt.Errorf("%w: more than %d interim answers", ErrAnswer, maxInterim))
			return
		}
		x.informed(h.Status, &h.Header)
		return
	}
	l.headDone = true
	l.early = !l.sent
	length := h.Length
	if h.Framing == http1.NoBody {
		length = 0
	}
	l.body.Start(h.Framing, h.Length, &l.o.c.Heads)
	x.answered(1, h.Minor, h.Status, string(h.Reason), &h.Header, length)
	if l.x != x || l.gone {
		return
	}
	if _, _, done, _ := l.body.Next(nil); done {
		l.finish(len(rest) == 0, nil)
	}
}

// give hands the connection over to the Protocol that was asked for.
func (l *h1link) give(x *hop, rest []byte) {
	h := &l.head
	f := x.switched(1, h.Minor, h.Status, string(h.Reason), &h.Header)
	l.x = nil
	if l.gone {
		return
	}
	l.quit()
	var p twistor.Protocol
	if f != nil {
		p = f.Build(l.t)
	}
	if p == nil {
		l.t.Abort()
		x.failed("head", twistor.ErrRefused, answered)
		return
	}
	l.t.Switch(p, rest)
	x.gaveAway()
}

// finish ends the hop whose answer is whole; clean: nothing came behind it.
func (l *h1link) finish(clean bool, trailer *Header) {
	x := l.x
	l.x = nil
	l.t.Resume() // what its Body holds back is here
	if l.head.Close || !clean || !l.sent || l.early {
		l.last = true
	}
	switch {
	case l.last && !l.sent:
		l.abort()
	case l.last:
		l.end()
	default:
		l.wait()
	}
	x.ended(nil, trailer)
}

// wait waits for the next hop.
func (l *h1link) wait() {
	d := within(l.o.c.KeepAlive, DefaultKeepAlive)
	// A server that says how long it waits is believed, less a second for the way.
	if _, text, ok := strings.Cut(strings.ToLower(l.head.Header.Get("Keep-Alive")), "timeout="); ok {
		text, _, _ = strings.Cut(text, ",")
		if n, err := strconv.Atoi(strings.TrimSpace(text)); err == nil && n >= 0 && n < 1<<20 {
			d = min(d, time.Duration(n)*time.Second-time.Second)
		}
	}
	if d <= 0 {
		l.last = true
		l.end()
		return
	}
	if l.timer == (deferred.Timer{}) {
		l.timer = l.t.Loop().CallLater(d, l.retire)
	} else {
		l.timer.Reset(d)
	}
	l.o.freed(l)
}

// abort drops the connection.
func (l *h1link) abort() {
	if !l.gone {
		l.quit()
		l.t.Abort()
	}
}

// broken ends the hop because of what the server did, or what we could not do.
func (l *h1link) broken(op string, err error) {
	x := l.x
	l.x = nil
	l.abort()
	if x == nil {
		return
	}
	fate := answered
	if !l.heard {
		fate = unanswered
	}
	x.failed(op, err, fate)
}

// ReadClosed hears that the server says no more.
func (l *h1link) ReadClosed() { l.closed(io.EOF) }

func (l *h1link) Disconnected(err error) {
	l.closed(err)
	l.abort()
}

// closed hears that nothing more comes: for some bodies that is their end.
func (l *h1link) closed(err error) {
	switch {
	case l.x == nil:
		l.end()
	case l.headDone && errors.Is(err, io.EOF) && l.body.Closed() == nil:
		l.last = true
		l.finish(true, nil)
	default:
		op := "head"
		switch {
		case l.headDone:
			op = "body"
		case !l.sent:
			op = "send"
		}
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		l.broken(op, err)
	}
}

func (l *h1link) Drained() {
	if l.x != nil {
		l.x.drained()
	}
}

// Dismissed lets the answer under way be the last.
func (l *h1link) Dismissed() { l.retire() }

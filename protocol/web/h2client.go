package web

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// clientProtos is what a Client offers by ALPN.
var clientProtos = []string{"h2", "http/1.1"}

// What a server may send of answers that nobody has taken yet: of one, and of
// all on a connection.
const (
	clientStreamWindow = 1 << 20
	clientConnWindow   = 4 << 20
)

// clientSend is how much of all requests may wait for a server: no more are
// begun at half of it.
const clientSend = 2 << 20

// http2 is what the HTTP/2 connections of c share, made once.
func (c *Client) http2() *h2shared {
	if c.h2 == nil {
		idle := within(c.KeepAlive, DefaultKeepAlive)
		if idle == 0 {
			idle = forever
		}
		c.h2 = &h2shared{config: h2.Config{
			MaxHeaderBytes:    c.Heads.MaxHead,
			MaxFields:         c.Heads.MaxFields,
			StreamWindowBytes: clientStreamWindow,
			ConnWindowBytes:   clientConnWindow,
			SendBytes:         clientSend,
			IdleTimeout:       idle,
			StallTimeout:      forever, // Client.ReadTimeout is for that
		}}
	}
	return c.h2
}

// An h2link is a connection of HTTP/2 as the client has it: many hops at a time.
type h2link struct {
	o     *origin
	t     twistor.Transport
	h2    *h2.Conn
	ready func(link) // nil: it was called
	hops  int
	timer deferred.Timer // of a PING that is not answered
	err   error          // of Disconnected
	asked bool           // is there life? See probe
	gone  bool
}

// probeTime is how long the answer to a PING may take.
const probeTime = 10 * time.Second

// buildHTTP2Client makes the link of a connection that agreed on HTTP/2. Hops
// may begin when the server has said how many.
func (c *Client) buildHTTP2Client(o *origin, t twistor.Transport, ready func(link)) twistor.Protocol {
	return &h2link{o: o, t: t, ready: ready}
}

func (l *h2link) Connected() {
	shared := l.o.c.http2()
	l.h2 = h2.NewConn(h2.Client, shared.config, &shared.pool, l.t, l.t.Loop(), l)
	l.h2.Start()
}

// arrive tells the origin, once.
func (l *h2link) arrive() {
	if ready := l.ready; ready != nil {
		l.ready = nil
		ready(l)
	}
}

func (l *h2link) Received(p []byte) { l.h2.Receive(p) }
func (l *h2link) Drained()          { l.h2.Drained() }

// Dismissed lets the answers under way be the last.
func (l *h2link) Dismissed() {
	l.retire()
	for stream := range l.h2.Each() {
		if u, ok := stream.Owner.(*h2outlet); ok && u.tunnel != nil {
			u.tunnel.dismissed()
		}
	}
}

func (l *h2link) Disconnected(err error) {
	l.err = err
	l.h2.Disconnected()
}

func (l *h2link) busy() bool { return l.hops > 0 }
func (l *h2link) retire()    { l.h2.Shutdown() }

func (l *h2link) room() int {
	if l.asked || l.h2.Congested() {
		return 0
	}
	return l.h2.Room()
}

// probe asks for a sign of life, since somebody gave up waiting: a connection
// that has died without a word would swallow all that follows. Until it comes
// nobody else is given to it, and without it all is lost.
func (l *h2link) probe() {
	if l.asked || l.gone {
		return
	}
	l.asked = true
	l.h2.Ping([8]byte{'a', 'l', 'i', 'v', 'e', '?'})
	if l.timer == (deferred.Timer{}) {
		l.timer = l.t.Loop().CallLater(probeTime, l.t.Abort)
	} else {
		l.timer.Reset(probeTime)
	}
}

// PongReceived is the sign.
func (l *h2link) PongReceived([8]byte) {
	if l.asked {
		l.asked = false
		l.timer.Stop()
		l.o.freed(l)
	}
}

// takes: an Upgrade only if the server offers extended CONNECT.
func (l *h2link) takes(x *hop) bool { return x.fetch.upgrade == nil || l.h2.OffersConnect() }

// begin opens a stream for x.
func (l *h2link) begin(x *hop) {
	r := x.r
	u := &h2outlet{link: l, x: x}
	x.wire = u
	length := x.length
	if length == 0 && r.Content == nil && r.Method != "POST" && r.Method != "PUT" && r.Method != "PATCH" {
		length = -1
	}
	u.sent = r.Content == nil
	l.hops++
	q := h2.Question{
		Method: r.Method, Scheme: r.scheme, Authority: string(r.host), Path: string(r.target),
		Length: length, Header: &x.head, End: u.sent,
	}
	if x.fetch.upgrade != nil {
		askTunnel(&q, r)
	}
	stream, err := l.h2.Open(q, u)
	if err != nil {
		l.hops--
		x.failed("send", err, unheard)
		l.o.freed(l)
		return
	}
	u.h2out = h2out{h2: l.h2, stream: stream, loop: l.t.Loop(), memory: l.o.c.http2(), owner: u}
	x.begun()
}

// HeaderReceived brings the head of an answer, or an interim one.
func (l *h2link) HeaderReceived(stream *h2.Stream, head *h2.Head, end bool) {
	u := stream.Owner.(*h2outlet)
	u.heard = true
	switch {
	case head.TooLarge:
		l.broken(u, "head", fmt.Errorf("%w: its head is too large", ErrAnswer))
		return
	case head.Status < 200:
		if u.interim++; u.interim > maxInterim {
			l.broken(u, "head", fmt.Errorf("%w: more than %d interim answers", ErrAnswer, maxInterim))
			return
		}
		u.x.informed(head.Status, &head.Header)
		return
	}
	u.answered = true
	if u.x.fetch.upgrade != nil && head.Status/100 == 2 {
		l.give(u, head, end)
		return
	}
	length := head.Length
	if end || u.x.r.Method == "HEAD" || !allowsBody(head.Status) {
		length = 0
	}
	u.x.answered(2, 0, head.Status, "", &head.Header, length)
	if end {
		l.finish(u, nil)
	}
}

// DataReceived brings a piece of a body.
func (l *h2link) DataReceived(stream *h2.Stream, p []byte, end bool) {
	u := stream.Owner.(*h2outlet)
	if u.tunnel != nil {
		u.tunnel.received(p, end)
		return
	}
	if len(p) > 0 {
		u.x.deliver(p)
	}
	if end {
		l.finish(u, nil)
	}
}

// TrailerReceived ends a body.
func (l *h2link) TrailerReceived(stream *h2.Stream, h *http1.Header) {
	u := stream.Owner.(*h2outlet)
	if u.tunnel != nil {
		u.tunnel.received(nil, true)
		return
	}
	trailer := new(Header)
	trailer.CopyFrom(h)
	l.finish(u, trailer)
}

// finish ends the hop of an answer that is whole. What is left of its request
// nobody wants: the stream is reset.
func (l *h2link) finish(u *h2outlet, trailer *Header) {
	x := u.x
	if x == nil {
		return // it was cancelled by what came
	}
	l.part(u)
	x.ended(nil, trailer)
}

// broken ends a hop for what the server did.
func (l *h2link) broken(u *h2outlet, op string, err error) {
	x := u.x
	l.part(u)
	x.failed(op, err, answered)
}

// part takes u from its hop, and makes room for another.
func (l *h2link) part(u *h2outlet) {
	u.x = nil
	u.loseFiles()
	l.ended()
}

// ended makes room for another hop.
func (l *h2link) ended() {
	l.hops--
	l.o.freed(l)
}

// StreamReset hears that there will be no answer, or no more of it.
func (l *h2link) StreamReset(stream *h2.Stream, why h2.Cause) {
	u := stream.Owner.(*h2outlet)
	x, op, f := u.x, "head", unanswered
	switch {
	case why.Unprocessed:
		f = unheard
	case u.answered:
		op, f = "body", answered
	case u.heard:
		f = answered
	}
	err := error(why)
	if u.tunnel != nil {
		if l.err != nil {
			err = unexpectedEnd(l.err)
		}
		u.tunnel.lost(err)
		return
	}
	if l.err != nil {
		err = unexpected(l.err)
	} else if !why.Remote {
		err = fmt.Errorf("%w: %w", ErrAnswer, err)
	}
	l.part(u)
	if x != nil {
		x.failed(op, err, f)
	}
}

// StreamDrained hears that more may be sent.
func (l *h2link) StreamDrained(stream *h2.Stream) { stream.Owner.(*h2outlet).drained() }

// SettingsReceived and Relieved may mean that there is more room.
func (l *h2link) SettingsReceived() {
	l.arrive()
	l.roomier()
}
func (l *h2link) Relieved() { l.roomier() }

func (l *h2link) roomier() {
	if len(l.o.waiting) > 0 {
		l.o.freed(l)
	}
}

// GoAwayReceived asks for nothing: room says it.
func (l *h2link) GoAwayReceived(*h2.Error) {}

// Ended closes the connection.
func (l *h2link) Ended(why *h2.Error) {
	if l.gone {
		return
	}
	l.gone = true
	l.timer.Stop()
	l.arrive() // without room
	l.o.lost(l)
	if why != nil && why.Abort {
		l.t.Abort()
		return
	}
	l.t.Close()
}

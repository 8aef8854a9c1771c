package web

import (
	"net/http"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// An h2conn is a connection of HTTP/2 as the server has it: the engine tells it
// events, and it makes exchanges of them.
type h2conn struct {
	t       twistor.Transport
	s       *Server
	h2      *h2.Conn
	waiting []*h2exchange // not begun, since too much waits to be sent
	timer   deferred.Timer
	names   *names // of the two ends, for those who ask
	err     error  // of Disconnected
	served  int
	counted bool // among the accepted ones: HTTP/1 has not

	dismissed bool // before the preface was whole
}

// buildHTTP2 serves a connection of HTTP/2; its first bytes are the preface.
func (s *Server) buildHTTP2(t twistor.Transport) twistor.Protocol {
	state := t.TLS()
	return &h2conn{t: t, s: s, counted: state != nil && state.NegotiatedProtocol == "h2"}
}

func (c *h2conn) Connected() {
	c.s.stats.Connections++
	if c.counted {
		c.s.stats.Accepted++
	}
	shared := c.s.http2()
	c.h2 = h2.NewConn(h2.Server, shared.config, &shared.pool, c.t, c.t.Loop(), c)
	c.h2.Start()
	if c.dismissed {
		c.Dismissed()
	}
}

func (c *h2conn) Received(p []byte) { c.h2.Receive(p) }

func (c *h2conn) Drained() { c.h2.Drained() }

// ReadClosed hears that the client asks nothing more: it may still read.
func (c *h2conn) ReadClosed() {
	if c.h2.Streams() == 0 {
		c.t.Close()
		return
	}
	c.h2.Shutdown()
}

// Dismissed lets the answers under way be the last.
func (c *h2conn) Dismissed() {
	c.h2.Shutdown()
	for stream := range c.h2.Each() {
		if e, ok := stream.Owner.(*h2exchange); ok && e.tunnel != nil {
			e.tunnel.dismissed()
		}
	}
}

func (c *h2conn) Disconnected(err error) {
	c.s.stats.Connections--
	c.timer.Stop()
	c.err = err
	c.h2.Disconnected()
}

// Ended closes the connection: what was said arrives, since the end lingers.
func (c *h2conn) Ended(why *h2.Error) {
	c.timer.Stop()
	if why != nil {
		c.s.stats.Refused++
		c.s.log(c.t.Loop()).Debug("web: connection refused", "conn", c.t, "err", why)
		if why.Abort {
			c.t.Abort()
			return
		}
	}
	c.t.SetLimits(twistor.Limits{Linger: DefaultLinger})
	c.t.Close()
}

// HeaderReceived makes an exchange of a request.
func (c *h2conn) HeaderReceived(stream *h2.Stream, head *h2.Head, end bool) {
	if status := refusal(head); status != 0 {
		c.refuse(stream, status)
		return
	}
	e := c.exchange(stream, head, end)
	if c.served++; c.s.MaxRequests > 0 && c.served >= c.s.MaxRequests {
		c.h2.Shutdown()
	}
	if len(c.waiting) > 0 || c.h2.Congested() {
		c.waiting = append(c.waiting, e) // as many as there may be streams
		return
	}
	c.begin(e)
}

// refusal is the status of a head that is not served; 0: it is.
func refusal(head *h2.Head) int {
	if head.TooLarge {
		return http.StatusRequestHeaderFieldsTooLarge
	}
	if v := head.Header.Value("expect"); v != nil && !strings.EqualFold(string(v), "100-continue") {
		return http.StatusExpectationFailed
	}
	return 0
}

// refuse answers a head that no Handler sees.
func (c *h2conn) refuse(stream *h2.Stream, status int) {
	c.s.stats.Refused++
	body := []byte(http1.StatusText(status) + "\n")
	c.h2.Answer(stream, h2.Answer{Status: status, Date: c.date(), Length: int64(len(body)), Body: body, End: true})
	c.h2.Release(stream)
}

// exchange fills an exchange with a request.
func (c *h2conn) exchange(stream *h2.Stream, head *h2.Head, end bool) *h2exchange {
	shared := c.s.http2()
	var e *h2exchange
	if n := len(shared.spare); n > 0 {
		e = shared.spare[n-1]
		shared.spare = shared.spare[:n-1]
	} else {
		e = new(h2exchange)
	}
	x := c.s.take()
	e.h2out = h2out{h2: c.h2, stream: stream, loop: c.t.Loop(), memory: shared, owner: e}
	e.conn, e.x = c, x
	stream.Owner = e
	x.reset(e)
	r := &x.req
	r.Method, r.major, r.minor = head.Method, 2, 0
	r.Header, head.Header = head.Header, r.Header
	r.upgrade = strings.ToLower(head.Protocol)
	target := head.Path
	if target == "" {
		target = head.Authority // of CONNECT
	}
	e.block = append(append(e.block[:0], target...), head.Authority...)
	r.target, r.host = e.block[:len(target):len(target)], e.block[len(target):]
	length := head.Length
	if end {
		length = 0
	}
	e.continues = !end && r.Header.Value("expect") != nil
	r.body.start(c.t.Loop(), e, length, c.s.maxBody())
	if r.Method == "CONNECT" {
		r.body.limit = -1 // it is a tunnel, and no body
	}
	if !end {
		c.watch()
	}
	return e
}

// begin serves it.
func (c *h2conn) begin(e *h2exchange) {
	e.begun = true
	e.x.begin()
}

// Relieved begins what has waited.
func (c *h2conn) Relieved() {
	for len(c.waiting) > 0 && !c.h2.Congested() {
		e := c.waiting[0]
		copy(c.waiting, c.waiting[1:])
		c.waiting[len(c.waiting)-1] = nil
		c.waiting = c.waiting[:len(c.waiting)-1]
		c.begin(e)
	}
}

// DataReceived brings a piece of a body.
func (c *h2conn) DataReceived(stream *h2.Stream, p []byte, end bool) {
	e := stream.Owner.(*h2exchange)
	defer e.contain()
	e.seen += int64(len(p))
	if e.tunnel != nil {
		e.tunnel.received(p, end)
		return
	}
	body := &e.x.req.body
	if len(p) > 0 {
		body.deliver(p)
	}
	if end && e.stream == stream {
		body.finish(nil, nil)
	}
}

// TrailerReceived ends a body.
func (c *h2conn) TrailerReceived(stream *h2.Stream, h *http1.Header) {
	e := stream.Owner.(*h2exchange)
	if e.tunnel != nil {
		e.tunnel.received(nil, true)
		return
	}
	defer e.contain()
	trailer := new(Header)
	trailer.CopyFrom(h)
	e.x.req.body.finish(nil, trailer)
}

// StreamReset hears that the client does not want the answer any more.
func (c *h2conn) StreamReset(stream *h2.Stream, why h2.Cause) {
	e := stream.Owner.(*h2exchange)
	err := error(why)
	if c.err != nil {
		err = c.err
	}
	c.h2.Release(stream)
	e.stream = nil
	switch {
	case e.tunnel != nil:
		e.tunnel.lost(err)
	case e.begun:
		e.x.left(err)
		e.loseFiles()
	default:
		for i := range c.waiting {
			if c.waiting[i] == e {
				c.waiting = append(c.waiting[:i], c.waiting[i+1:]...)
				break
			}
		}
	}
}

// StreamDrained hears that more may be sent.
func (c *h2conn) StreamDrained(stream *h2.Stream) {
	e := stream.Owner.(*h2exchange)
	defer e.contain()
	e.drained()
}

// SettingsReceived, PongReceived and GoAwayReceived are of no use to a server.
func (c *h2conn) SettingsReceived()            {}
func (c *h2conn) PongReceived([8]byte)         {}
func (c *h2conn) GoAwayReceived(why *h2.Error) {}

// date is the value of Date.
func (c *h2conn) date() []byte {
	c.s.appendDate(c.s.out[:0], c.t.Loop().Now())
	d := c.s.date
	return d[len("Date: ") : len(d)-len("\r\n")]
}

// watch looks every tick whether bodies come fast enough, as long as there are
// some.
func (c *h2conn) watch() {
	switch {
	case c.s.MinBodyRate < 0 || !c.timer.When().IsZero():
	case c.timer == deferred.Timer{}:
		c.timer = c.t.Loop().CallLater(tick, c.look)
	default:
		c.timer.Reset(tick)
	}
}

// look ends those whose bodies come too slowly.
func (c *h2conn) look() {
	least := c.s.MinBodyRate
	if least == 0 {
		least = DefaultMinBodyRate
	}
	var slow []*h2exchange
	bodies := false
	for stream := range c.h2.Each() {
		e, ok := stream.Owner.(*h2exchange)
		if !ok || !e.begun || e.tunnel != nil || e.x.req.body.whole() {
			continue
		}
		bodies = true
		if seen := e.seen; e.x.req.body.wanted && !e.x.req.body.full && !stream.Held() && seen < least*int64(tick/time.Second) {
			slow = append(slow, e)
		}
		e.seen = 0
	}
	if bodies {
		c.timer.Reset(tick)
	}
	for _, e := range slow {
		if e.stream != nil {
			e.tooSlow()
		}
	}
}

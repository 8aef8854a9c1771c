package web

import (
	"bytes"
	"errors"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// What is read, and dropped, of a body that nobody took, so that the
// connection can be used again.
const maxDiscard = 256 << 10

// What is long enough to be looked at before it is queued.
const flushed = 64 << 10

// How often a connection with an answer under way is looked at.
const tick = 10 * time.Second

// farewell is how long a connection that has nothing to answer stays open when its
// server stops.
const farewell = 500 * time.Millisecond

// An h1conn is a connection of HTTP/1 as the server has it. It serves one
// request at a time: what comes behind it waits, and the client with it. An
// idle one owns nothing but this struct.
type h1conn struct {
	t        twistor.Transport
	s        *Server
	x        *exchange     // the request that is served; nil: none
	parser   *http1.Parser // of a head that has come in part; nil: none
	unread   []byte        // what came behind the request
	timer    deferred.Timer
	next     twistor.Protocol // the one to switch to
	served   int
	written  int64         // bytes given to t
	progress int64         // what t had sent at the last tick
	stuck    time.Duration // how long that has not changed, while parting
	feeding  bool
	holding  bool // t is paused for what is unread
	stalled  bool // no request is served until the client takes its answers
	closing  bool // nothing that comes counts any more
	parting  bool // closing, and not all is sent
	last     bool // this answer is the last
	readOver bool // the client sends no more
	gone     bool
	names    *names // of the two ends, for those who ask
}

var preface = []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")

func (c *h1conn) Connected() {
	c.s.stats.Connections++
	c.s.stats.Accepted++
	if d := within(c.s.HeaderTimeout, DefaultHeaderTimeout); d > 0 {
		c.timer = c.t.Loop().CallLater(d, c.expired)
	} else {
		c.timer = c.t.Loop().CallLater(time.Hour, c.expired)
		c.timer.Stop()
	}
}

func (c *h1conn) Received(p []byte) {
	if c.closing {
		return
	}
	if c.holding {
		c.unread = append(c.unread, p...)
		return
	}
	if c.served == 0 && c.x == nil && c.parser == nil && !c.s.DisableHTTP2 && (p[0] == 'P' || len(c.unread) > 0) {
		if p = c.sniff(p); p == nil {
			return
		}
	}
	c.feed(p, false)
}

// sniff looks for the preface of HTTP/2 at the beginning of a connection; nil: it
// has what came.
func (c *h1conn) sniff(p []byte) []byte {
	if len(c.unread) > 0 {
		p = append(c.unread, p...)
		c.unread = nil
	}
	n := min(len(p), len(preface))
	if !bytes.Equal(p[:n], preface[:n]) {
		return p
	}
	if n < len(preface) {
		c.unread = append([]byte(nil), p...)
		return nil
	}
	c.leave()
	c.t.Switch(&h2conn{t: c.t, s: c.s, dismissed: c.last}, p)
	return nil
}

// feed reads requests from p, one at a time; ours: p is not the transport's.
func (c *h1conn) feed(p []byte, ours bool) {
	c.feeding = true
	for len(p) > 0 && !c.closing && c.next == nil {
		if c.x == nil && c.t.Full() {
			c.stall()
			break
		}
		if c.x == nil {
			n, ok := c.readHead(p)
			p = p[n:]
			if !ok {
				break
			}
			continue
		}
		if c.x.h1.bodyDone {
			break // the answer comes first
		}
		p = p[c.readBody(p):]
	}
	c.feeding = false
	switch {
	case c.next != nil:
		next := c.next
		c.next = nil
		c.switchNow(next, p)
	case c.closing:
	case len(p) > 0:
		if !ours {
			p = append([]byte(nil), p...)
		}
		c.unread = p
		if !c.holding {
			c.holding = true
			c.t.Pause()
		}
	case c.x == nil && c.readOver:
		c.close()
	case c.x == nil && c.served > 0 && !c.headBegun() && !c.last:
		c.idle()
	}
}

// idle waits for the next request.
func (c *h1conn) idle() {
	if d := within(c.s.IdleTimeout, DefaultIdleTimeout); d > 0 {
		c.timer.Reset(d)
	} else {
		c.timer.Stop()
	}
}

// stall serves nothing more until the client has taken of its answers, which it
// must do in time.
func (c *h1conn) stall() {
	c.stalled = true
	c.progress = c.sentSoFar()
	if d := within(c.s.WriteTimeout, DefaultWriteTimeout); d > 0 {
		c.timer.Reset(d)
	} else {
		c.timer.Stop()
	}
}

// readHead reads a head and serves it; ok is false if it is not whole, or is none.
func (c *h1conn) readHead(p []byte) (n int, ok bool) {
	s := c.s
	parser := c.parser
	if parser == nil {
		parser = s.parser
	}
	begun := parser.Started()
	x := s.take()
	n, done, err := parser.Request(p, &x.head)
	if err != nil {
		parser.Reset()
		c.parser = nil
		s.give(x)
		c.refuse(err)
		return n, false
	}
	if !done {
		s.give(x)
		if c.parser == nil && !parser.Idle() {
			c.parser = parser // what it has is of this connection
			s.parser = &http1.Parser{Limits: s.Heads}
		}
		if !begun && parser.Started() && c.served > 0 && !c.last {
			if d := within(s.HeaderTimeout, DefaultHeaderTimeout); d > 0 {
				c.timer.Reset(d)
			}
		}
		return n, false
	}
	c.parser = nil
	c.serve(x)
	return n, true
}

// serve begins the exchange whose head has come.
func (c *h1conn) serve(x *exchange) {
	head := &x.head
	c.x = x
	c.served++
	h := &x.h1
	*h = h1exchange{conn: c, x: x}
	x.reset(h)
	r := &x.req
	r.Method, r.Header, r.target, r.host = head.Method, head.Header, head.Target, head.Host
	if t := r.target; t[0] != '/' && r.Method != "CONNECT" {
		// A whole URI, as proxies get it: its host is in Host.
		if r.target = head.Origin(); r.target[0] == '?' {
			r.target = append([]byte("/"), r.target...)
		}
	}
	r.major, r.minor = 1, head.Minor
	if head.Upgrade && head.Minor > 0 {
		r.upgrade = strings.ToLower(head.Header.Get("Upgrade"))
	}
	length := head.Length
	if head.Framing == http1.NoBody {
		length = 0
	}
	h.bodyDone = head.Framing == http1.NoBody || length == 0
	h.continues = head.Expect && head.Minor > 0 && !h.bodyDone
	r.body.start(c.t.Loop(), h, length, c.s.maxBody())
	if !h.bodyDone {
		x.body.Start(head.Framing, head.Length, &c.s.Heads)
	}
	c.last = head.Close || c.s.MaxRequests > 0 && c.served >= c.s.MaxRequests || c.last
	x.begin()
	if c.x == x && !h.answered {
		c.progress, h.seen = c.sentSoFar(), 0
		c.timer.Reset(tick)
	}
}

// readBody takes what p has of the body, and returns how much that is.
func (c *h1conn) readBody(p []byte) int {
	x := c.x
	data, n, done, err := x.body.Next(p)
	if err != nil {
		c.badBody(err)
		return len(p)
	}
	h := &x.h1
	if len(data) > 0 {
		h.seen += int64(len(data))
		if h.answered {
			if h.discarded += len(data); h.discarded > maxDiscard {
				c.close()
				return n
			}
		} else {
			x.req.Body.deliver(data)
		}
	}
	if done && c.x == x {
		h.bodyDone = true
		if h.answered {
			c.finish(x, h.reusable)
		} else {
			x.req.Body.finish(nil, x.body.Trailer())
		}
	}
	return n
}

// badBody ends a request whose body breaks the grammar.
func (c *h1conn) badBody(err error) {
	x := c.x
	c.s.stats.Refused++
	c.last = true
	if x.h1.answered {
		c.close()
		return
	}
	pending := x.pending
	x.pending = nil
	x.fail(err)
	pending.Cancel()
}

// refuse answers what is no request, and closes.
func (c *h1conn) refuse(err error) {
	c.s.stats.Refused++
	status := statusOf(err)
	l := c.t.Loop()
	c.s.log(l).Debug("web: request refused", "conn", c.t, "err", err)
	body := strconv.Itoa(status) + " " + http1.StatusText(status) + "\n"
	dst := http1.AppendStatusLine(c.s.out[:0], status)
	dst = c.s.appendDate(dst, l.Now())
	dst = append(dst, "Connection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "...)
	dst = strconv.AppendInt(dst, int64(len(body)), 10)
	dst = append(append(dst, "\r\n\r\n"...), body...)
	c.write(dst)
	c.s.out = dst[:0]
	if log, ok := c.s.AccessLog.(RefusalLog); ok && c.x == nil {
		log.Refused(c.t, status, err)
	}
	c.part()
}

// close says no more and hears no more; what was said arrives, since the end
// lingers: a refusal needs little for that, and answers may still lie in a system's
// buffers when all has been sent.
func (c *h1conn) close() {
	if c.closing {
		return
	}
	linger := DefaultLinger
	if c.served > 0 {
		if linger = within(c.s.WriteTimeout, DefaultWriteTimeout); linger == 0 {
			linger = -1
		}
	}
	c.closing = true
	c.timer.Stop()
	c.unread = nil
	c.t.SetLimits(twistor.Limits{Linger: linger})
	c.holding = false
	c.t.Resume()
	c.t.Close()
}

// part says no more after the last answer. What waits to be sent has the time that
// answers have; from then on it is close.
func (c *h1conn) part() {
	if c.closing {
		return
	}
	if c.t.Buffered() == 0 {
		c.close()
		return
	}
	c.closing, c.parting = true, true
	c.unread = nil
	c.holding = false
	c.t.Resume()
	c.t.CloseWrite()
	c.progress, c.stuck = c.sentSoFar(), 0
	c.timer.Reset(DefaultLinger)
}

// parted looks whether all has been sent.
func (c *h1conn) parted() {
	sent := c.sentSoFar()
	limit := within(c.s.WriteTimeout, DefaultWriteTimeout)
	switch {
	case c.t.Buffered() == 0:
		c.closing, c.parting = false, false
		c.close()
		return
	case sent != c.progress:
		c.progress, c.stuck = sent, 0
	default:
		if c.stuck += DefaultLinger; limit > 0 && c.stuck >= limit {
			c.t.Abort()
			return
		}
	}
	c.timer.Reset(DefaultLinger)
}

// finish ends an exchange whose body has been read and whose answer is written.
func (c *h1conn) finish(x *exchange, reusable bool) {
	c.x = nil
	if x.h1.paused {
		x.h1.bodyResumed()
	}
	if reusable {
		c.s.give(x)
	}
	if c.last || c.gone {
		c.part()
		return
	}
	if !c.feeding {
		c.goOn()
	}
}

// goOn reads what waited for the answer.
func (c *h1conn) goOn() {
	p := c.unread
	c.unread = nil
	if c.holding {
		c.holding = false
		c.t.Resume()
	}
	c.feed(p, true)
}

func (c *h1conn) Drained() {
	switch {
	case c.x != nil:
		c.x.w.drained()
	case c.stalled:
		c.stalled = false
		c.goOn()
	}
}

// ReadClosed hears that the client sends no more. Most have left then, and some
// still read, such as a pipe into nc.
func (c *h1conn) ReadClosed() {
	c.readOver, c.last = true, true
	switch x := c.x; {
	case x == nil && !c.holding:
		if c.headBegun() {
			c.refuse(&http1.Error{Status: 400, Reason: "the connection ended within a head"})
			return
		}
		c.close()
	case x != nil && !x.h1.bodyDone && !c.holding:
		x.h1.bodyDone = true
		if x.h1.answered {
			c.finish(x, x.h1.reusable)
			return
		}
		x.req.Body.finish(errCut, nil)
		if c.x == x && !x.h1.answered && !x.req.Body.taken {
			x.halfLeft() // who reads the body knows
		}
	case x != nil && !x.h1.answered:
		x.halfLeft()
	}
}

// headBegun says whether something of a head has come.
func (c *h1conn) headBegun() bool {
	return len(c.unread) > 0 || c.parser != nil && c.parser.Started()
}

// Dismissed lets the answer under way be the last one. Where none is, a request may
// still be: it is awaited for a moment, so that a client that is busy is told by
// its answer, and loses nothing. RFC 9112, 9.5: to close at once is a race.
func (c *h1conn) Dismissed() {
	c.last = true
	if c.x == nil && !c.closing && !c.stalled {
		c.timer.Reset(farewell)
	}
}

func (c *h1conn) Disconnected(err error) {
	c.leave()
	c.gone, c.closing = true, true
	c.parser, c.unread = nil, nil
	if x := c.x; x != nil {
		c.x = nil
		x.left(err)
	}
}

// leave ends the account of this connection as one of HTTP/1.
func (c *h1conn) leave() {
	if !c.gone {
		c.s.stats.Connections--
	}
	c.timer.Stop()
}

// expired looks at a connection whose time is up.
func (c *h1conn) expired() {
	x := c.x
	switch {
	case c.parting:
		c.parted()
	case c.closing:
	case x == nil && c.stalled:
		if c.sentSoFar() == c.progress {
			c.t.Abort()
			return
		}
		c.stall()
	case x == nil && c.headBegun():
		c.refuse(&http1.Error{Status: 408, Reason: "the head took too long"})
	case x == nil:
		c.close()
	default:
		c.look(x)
	}
}

// look sees whether the client of x does its part: sends its body, takes its answer.
func (c *h1conn) look(x *exchange) {
	h := &x.h1
	least := c.s.MinBodyRate
	if least == 0 {
		least = DefaultMinBodyRate
	}
	sending := !h.bodyDone && !h.paused && !c.holding && (x.req.body.wanted || h.answered)
	excused := h.excused
	h.excused = false
	if sending && !excused && least > 0 && h.seen < least*int64(tick/time.Second) {
		if h.answered || x.w.headSent {
			c.last = true
			c.t.Abort()
			return
		}
		c.last = true
		pending := x.pending
		x.pending = nil
		x.fail(&Error{Status: 408, Err: errors.New("the body came too slowly")})
		pending.Cancel()
		return
	}
	h.seen = 0
	limit := within(c.s.WriteTimeout, DefaultWriteTimeout)
	if sent := c.sentSoFar(); sent != c.progress || c.t.Buffered() == 0 {
		c.progress, h.idle = sent, 0
	} else if h.idle += tick; limit > 0 && h.idle >= limit {
		c.t.Abort()
		return
	}
	c.timer.Reset(tick)
}

// sentSoFar is how much of what was written has left.
func (c *h1conn) sentSoFar() int64 { return c.written - int64(c.t.Buffered()) }

// write gives bytes to the connection.
func (c *h1conn) write(p []byte) error {
	if len(p) >= flushed && !c.t.Full() {
		// Whoever looks at Full may write a piece of any size: it is there
		// already, so holding it is no more than twice that.
		if n := c.t.Buffered() + len(p); n > (twistor.Limits{}).Resolved().Max {
			c.t.SetLimits(twistor.Limits{Max: n})
		}
	}
	n, err := c.t.Write(p)
	c.written += int64(n)
	if err != nil && !errors.Is(err, twistor.ErrOverflow) {
		return ErrEnded // the connection is over, which Disconnected will say
	}
	return err
}

// switchNow gives the connection away.
func (c *h1conn) switchNow(p twistor.Protocol, unread []byte) {
	c.leave()
	c.gone, c.closing = true, true
	if x := c.x; x != nil && x.h1.paused {
		c.t.Resume()
	}
	c.x = nil
	if c.holding {
		c.holding = false
		c.t.Resume()
	}
	c.t.Switch(p, unread)
}

// An h1exchange carries an exchange on a connection of HTTP/1.
type h1exchange struct {
	conn      *h1conn
	x         *exchange
	chunked   bool
	framed    bool // the answer's end is told by its framing
	bodyDone  bool // the request's
	answered  bool // only the rest of the body is still to come
	continues bool // the client waits for 100 Continue
	paused    bool // Body has enough
	excused   bool // the client could not send all of this tick
	reusable  bool
	discarded int
	seen      int64 // bytes of body since the last tick
	idle      time.Duration
}

func (h *h1exchange) transport() twistor.Transport { return h.conn.t }
func (h *h1exchange) protocol() (int, int)         { return 1, h.x.head.Minor }

func (h *h1exchange) remote() string {
	return namesOf(&h.conn.names, h.conn.t).remote
}

func (h *h1exchange) local() net.Addr {
	return namesOf(&h.conn.names, h.conn.t).local
}

// names are the two ends of a connection.
type names struct {
	remote string
	local  net.Addr
}

// namesOf is *n, made when it is first wanted.
func namesOf(n **names, t twistor.Transport) *names {
	if *n == nil {
		*n = &names{remote: t.RemoteAddr().String(), local: t.LocalAddr()}
	}
	return *n
}

func (h *h1exchange) full() bool    { return h.conn.t.Full() }
func (h *h1exchange) buffered() int { return h.conn.t.Buffered() }

func (h *h1exchange) bodyWanted() {
	h.excused = true
	if h.continues {
		h.continues = false
		if !h.x.w.headSent {
			h.conn.write([]byte("HTTP/1.1 100 Continue\r\n\r\n"))
		}
	}
}

func (h *h1exchange) bodyPaused() {
	h.paused = true
	h.conn.t.Pause()
}

func (h *h1exchange) bodyResumed() {
	if !h.paused {
		return // of an answer that is over
	}
	h.paused, h.excused = false, true
	if !h.conn.holding {
		h.conn.t.Resume()
	}
}

func (h *h1exchange) bodyConsumed(int) {}

// keep copies what points into the bytes that came.
func (h *h1exchange) keep() {
	r := &h.x.req
	x := h.x
	x.kept.CopyFrom(&r.Header)
	r.Header = x.kept
	n := len(r.target)
	x.line = append(append(x.line[:0], r.target...), r.host...)
	r.target, r.host = x.line[:n:n], x.line[n:]
}

func (h *h1exchange) inform(status int, hdr *Header) {
	if h.x.head.Minor == 0 {
		return
	}
	dst := http1.AppendStatusLine(h.conn.s.out[:0], status)
	if hdr != nil {
		dst = appendFields(dst, hdr)
	}
	dst = append(dst, "\r\n"...)
	h.conn.write(dst)
	h.conn.s.out = dst[:0]
}

func (h *h1exchange) head(status int, hdr *Header, length int64, body []byte, last bool) error {
	c := h.conn
	if h.continues || c.readOver || hdr.HasToken("Connection", "close") {
		// A client that was not told to go on may send its body or the next
		// request: there is no telling which.
		// https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1
		c.last = true
	}
	minor := h.x.head.Minor
	dst := http1.AppendStatusLine(c.s.out[:0], status)
	dst = c.s.appendDate(dst, c.t.Loop().Now())
	dst = appendFields(dst, hdr)
	h.framed = true
	switch {
	case length >= 0:
		dst = append(dst, "Content-Length: "...)
		dst = append(strconv.AppendInt(dst, length, 10), "\r\n"...)
	case last: // no body, and nothing to say of its length
	case minor > 0:
		h.chunked = true
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	default:
		c.last, h.framed = true, false // the end of the connection is that of the body
	}
	if c.last {
		dst = append(dst, "Connection: close\r\n"...)
	} else if minor == 0 {
		dst = append(dst, "Connection: keep-alive\r\n"...)
	}
	dst = append(dst, "\r\n"...)
	if h.chunked && len(body) > 0 {
		dst = http1.AppendChunkHead(dst, len(body))
		dst = append(append(dst, body...), "\r\n"...)
	} else {
		dst = append(dst, body...)
	}
	err := c.write(dst)
	if cap(dst) <= 64<<10 {
		c.s.out = dst[:0]
	}
	return err
}

func (h *h1exchange) data(p []byte) error {
	c := h.conn
	if !h.chunked {
		return c.write(p)
	}
	dst := http1.AppendChunkHead(c.s.out[:0], len(p))
	if len(p) < 16<<10 {
		dst = append(append(dst, p...), "\r\n"...)
		c.s.out = dst[:0]
		return c.write(dst)
	}
	c.s.out = dst[:0]
	return errors.Join(c.write(dst), c.write(p), c.write(crlf))
}

var crlf = []byte("\r\n")

func (h *h1exchange) shared(p []byte) error {
	c := h.conn
	sharer, ok := c.t.(twistor.Sharer)
	if !ok {
		return h.data(p)
	}
	if h.chunked {
		dst := http1.AppendChunkHead(c.s.out[:0], len(p))
		c.s.out = dst[:0]
		if err := c.write(dst); err != nil {
			return err
		}
	}
	if err := sharer.WriteShared(p); err != nil {
		return err
	}
	c.written += int64(len(p))
	if h.chunked {
		return c.write(crlf)
	}
	return nil
}

func (h *h1exchange) file(s *io.SectionReader) *deferred.Deferred[int64] {
	c := h.conn
	if h.chunked && s.Size() > 0 {
		dst := http1.AppendChunkHead(c.s.out[:0], int(s.Size()))
		c.s.out = dst[:0]
		c.write(dst)
	}
	sent := c.t.SendFile(s)
	if h.chunked && s.Size() > 0 {
		c.write(crlf)
	}
	return sent
}

func (h *h1exchange) end(trailer *Header) error {
	c := h.conn
	if !h.chunked {
		return nil
	}
	dst := append(c.s.out[:0], "0\r\n"...)
	if trailer != nil {
		dst = appendFields(dst, trailer)
	}
	dst = append(dst, "\r\n"...)
	c.s.out = dst[:0]
	return c.write(dst)
}

// abort ends the connection before its answer ends: in order where the client
// can tell by the missing chunk or bytes, else by a reset.
func (h *h1exchange) abort(error) {
	c := h.conn
	c.last = true
	if h.framed {
		c.close()
	} else {
		c.t.Abort()
	}
}

func (h *h1exchange) switchTo(status int, hdr *Header, f twistor.Factory) error {
	c := h.conn
	if !h.bodyDone && status != 0 {
		h.x.w.switched, h.x.w.status = false, 0
		return &Error{Status: 400, Public: "a request that switches has no body"}
	}
	if status != 0 {
		dst := http1.AppendStatusLine(c.s.out[:0], status)
		dst = c.s.appendDate(dst, c.t.Loop().Now())
		if status == 101 {
			dst = append(dst, "Connection: Upgrade\r\nUpgrade: "...)
			dst = append(append(dst, h.x.req.upgrade...), "\r\n"...)
		}
		dst = append(appendFields(dst, hdr), "\r\n"...)
		err := c.write(dst)
		c.s.out = dst[:0]
		if err != nil {
			return err
		}
	}
	h.x.done(nil)
	var p twistor.Protocol
	h.x.contain(func() { p = f.Build(c.t) })
	if p == nil {
		c.x = nil
		c.close()
		return twistor.ErrRefused
	}
	if c.feeding {
		c.next = p // with what is left of the bytes that came
		return nil
	}
	unread := c.unread
	c.unread = nil
	c.switchNow(p, unread)
	return nil
}

// ended hears that the answer is complete.
func (h *h1exchange) ended(x *exchange, reusable bool) {
	c := h.conn
	if c.x != x || x.w.switched {
		return
	}
	if h.bodyDone {
		c.finish(x, reusable)
		return
	}
	h.answered, h.reusable = true, reusable
	if c.last || h.continues || x.head.Framing == http1.ByLength && x.head.Length > maxDiscard {
		c.last = true
		c.finish(x, false)
		return
	}
	if h.paused {
		h.bodyResumed()
	}
	h.seen = 0
	c.timer.Reset(tick)
}

// appendFields appends the fields that a Handler may set by itself.
func appendFields(dst []byte, h *Header) []byte {
	for i := range h.Len() {
		name, value := h.At(i)
		switch len(name) {
		case 4:
			if foldEqual(name, "date") {
				continue
			}
		case 7:
			if foldEqual(name, "upgrade") {
				// "A sender of Upgrade MUST also send an Upgrade connection option".
				// https://www.rfc-editor.org/rfc/rfc9110#section-7.8
				dst = append(dst, "Connection: upgrade\r\n"...)
			}
		case 10:
			if foldEqual(name, "connection") || foldEqual(name, "keep-alive") {
				continue
			}
		case 14:
			if foldEqual(name, "content-length") {
				continue
			}
		case 17:
			if foldEqual(name, "transfer-encoding") {
				continue
			}
		}
		dst = append(append(dst, name...), ": "...)
		dst = append(append(dst, value...), "\r\n"...)
	}
	return dst
}

// foldEqual compares an ASCII name with one in lower case.
func foldEqual(name []byte, lower string) bool {
	for i := range name {
		b := name[i]
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		if b != lower[i] {
			return false
		}
	}
	return true
}

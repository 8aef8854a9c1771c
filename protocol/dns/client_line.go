package dns

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
)

const (
	// streamTimeout is how long a query over TCP or TLS may take, with the
	// connection that it may need.
	streamTimeout = 5 * time.Second
	// maxLines is how many connections are kept; more take the place of one that
	// is idle.
	maxLines = 256
	// maxSent is how many queries of one connection have no answer yet, those
	// that nobody waits for any more among them.
	maxSent = 20_000
	// maxSends is how often a query is sent again, if connections break.
	maxSends = 3
)

// A lineKey is what queries that share a connection have in common.
type lineKey struct {
	addr    netip.AddrPort
	network Network
	name    string
	tls     *tls.Config
}

// A line is the way to one server over TCP or TLS: one connection, kept while
// there are queries and some time longer, and made again when it is lost.
//
// See https://www.rfc-editor.org/rfc/rfc7766#section-6.2.
type line struct {
	c       *Client
	key     lineKey
	number  int                                  // in which they were made
	conn    *lineConn                            // nil: none
	dialing *deferred.Deferred[twistor.Protocol] // nil: none
	waiting []*request                           // to be sent
	// oneByOne says that the server ends connections after an answer, though
	// more queries are there.
	oneByOne bool
	idle     twistor.Timer
	called   bool // send will be
	ended    bool
}

// A request is a query on its way over a line.
type request struct {
	l       *line
	wire    []byte
	key     *TSIGKey // nil: it is not signed
	proof   *Signing // as it was sent last
	done    func(p []byte, err error)
	timer   twistor.Timer
	conn    *lineConn // on which it was sent last; nil: it waits
	at      int       // when it was, counted on conn
	sends   int
	id      uint16
	settled bool
}

// line is the one to a server; nil: there are too many others.
func (c *Client) line(u Upstream, network Network) *line {
	k := lineKey{addr: u.addr(), network: network}
	if network == OverTLS {
		k.name, k.tls = u.ServerName, u.TLS
	}
	l := c.lines[k]
	if l == nil {
		if c.lines == nil {
			c.lines = map[lineKey]*line{}
		}
		if len(c.lines) >= maxLines && !c.makeRoom() {
			return nil
		}
		c.made++
		l = &line{c: c, key: k, number: c.made}
		c.lines[k] = l
	}
	return l
}

// makeRoom ends the oldest line that is idle.
func (c *Client) makeRoom() bool {
	for _, l := range c.sortedLines() {
		if l.quiet() {
			l.end(net.ErrClosed)
			return true
		}
	}
	return false
}

// sortedLines are all lines, the oldest first.
func (c *Client) sortedLines() []*line {
	return slices.SortedFunc(maps.Values(c.lines), func(a, b *line) int { return cmp.Compare(a.number, b.number) })
}

// quiet reports whether nobody waits for anything.
func (l *line) quiet() bool {
	return len(l.waiting) == 0 && l.dialing == nil && (l.conn == nil || l.conn.wanted == 0)
}

// ask sends a query, signed if there is a key; done gets its answer, or why
// there is none, later.
func (l *line) ask(wire []byte, key *TSIGKey, done func(p []byte, err error)) *request {
	r := &request{l: l, wire: wire, key: key, done: done}
	r.timer = l.c.Loop.CallLater(streamTimeout, r.expire)
	l.waiting = append(l.waiting, r)
	l.idle.Stop()
	if !l.called {
		l.called = true // from the loop, so that the caller has r when done is called
		l.c.Loop.CallLater(0, func() { l.called = false; l.send() })
	}
	return r
}

// send sends what waits, as far as the connection takes it.
func (l *line) send() {
	if l.ended || len(l.waiting) == 0 {
		return
	}
	if l.conn == nil {
		if l.dialing == nil {
			l.dial()
		}
		return
	}
	if len(l.conn.sent) >= maxSent {
		l.conn.Abort() // most of them are given up: it answers too little
		return
	}
	for len(l.waiting) > 0 && !l.conn.Full() && len(l.conn.sent) < maxSent && !(l.oneByOne && l.conn.wanted > 0) {
		r := l.waiting[0]
		l.waiting = l.waiting[1:]
		l.conn.send(r)
	}
}

func (l *line) dial() {
	config := twistor.DialConfig{Network: "tcp", Address: l.key.addr.String(), Timeout: streamTimeout}
	if l.c.Local.IsValid() {
		config.Local = netip.AddrPortFrom(l.c.Local, 0).String()
	}
	if l.key.network == OverTLS {
		config.TLS = l.config()
	}
	f := framing.Prefixed16{Build: func(t *framing.MessageTransport) framing.MessageProtocol {
		return &lineConn{MessageTransport: t, l: l, sent: map[uint16]*request{}}
	}}
	l.dialing = l.c.Loop.Dial(config, f.Factory())
	l.dialing.Done(func(_ twistor.Protocol, err error) {
		l.dialing = nil
		if err != nil && !l.ended {
			l.failAll(err)
		}
	})
}

// config is how to speak TLS with the server. Its name, or its address, is
// verified: there is no going back to clear text (RFC 8310 section 5, strict).
func (l *line) config() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if l.key.tls != nil {
		config = l.key.tls.Clone()
	}
	if l.key.name != "" {
		config.ServerName = l.key.name
	}
	if config.NextProtos == nil {
		config.NextProtos = []string{"dot"}
	}
	if config.Time == nil {
		config.Time = l.c.Loop.Now
	}
	return config
}

// failAll fails who waits for a connection, and forgets the line.
func (l *line) failAll(err error) {
	l.forget()
	waiting := l.waiting
	l.waiting = nil
	for _, r := range waiting {
		r.settle(nil, err)
	}
}

// end closes the line.
func (l *line) end(err error) {
	l.ended = true
	if l.dialing != nil {
		l.dialing.Cancel()
	}
	if k := l.conn; k != nil {
		l.conn = nil
		if k.wanted == 0 {
			k.Close()
		} else {
			k.Abort()
		}
		for _, r := range k.outstanding() {
			r.settle(nil, err)
		}
	}
	l.failAll(err)
}

// forget has the next query make another line.
func (l *line) forget() {
	l.idle.Stop()
	if l.c.lines[l.key] == l {
		delete(l.c.lines, l.key)
	}
}

// rest is called when a query was settled.
func (l *line) rest() {
	if !l.quiet() || l.ended {
		return
	}
	if l.conn == nil {
		l.ended = true
		l.forget()
		return
	}
	switch d := l.c.IdleTimeout; {
	case d < 0:
		l.close()
	case d == 0:
		l.idle = l.c.Loop.CallLater(DefaultIdleTimeout, l.close)
	default:
		l.idle = l.c.Loop.CallLater(d, l.close)
	}
}

// close ends an idle line.
func (l *line) close() {
	if l.quiet() {
		l.ended = true
		l.forget()
		if l.conn != nil {
			l.conn.Close()
		}
	}
}

// lost is called when the connection is over. What has no answer is asked again
// on another one: servers may close at any time.
//
// See https://www.rfc-editor.org/rfc/rfc7766#section-6.2.4.
func (l *line) lost(k *lineConn, err error) {
	if l.conn != k {
		return
	}
	l.conn = nil
	l.idle.Stop()
	again := k.outstanding()
	if k.answered > 0 && len(again) > 0 {
		l.oneByOne = true
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	var keep []*request
	for _, r := range again {
		if r.sends >= maxSends && k.answered == 0 {
			r.settle(nil, fmt.Errorf("dns: connection to %s: %w", l.key.addr, err))
		} else {
			r.conn = nil
			keep = append(keep, r)
		}
	}
	l.waiting = append(keep, l.waiting...)
	if len(l.waiting) == 0 {
		l.ended = true
		l.forget()
		return
	}
	l.send()
}

// A lineConn is the connection of a line.
type lineConn struct {
	*framing.MessageTransport
	l        *line
	sent     map[uint16]*request // by id; those nobody waits for are settled
	wanted   int                 // of sent, those that somebody waits for
	count    int                 // sent, ever
	heard    int                 // count when the last answer came
	answered int
}

// Connected implements framing.MessageProtocol.
func (k *lineConn) Connected() {
	if k.l.ended {
		k.Abort()
		return
	}
	k.l.conn = k
	k.l.send()
	k.l.rest()
}

// Drained implements twistor.Drainer.
func (k *lineConn) Drained() { k.l.send() }

// Disconnected implements framing.MessageProtocol.
func (k *lineConn) Disconnected(err error) { k.l.lost(k, err) }

// send sends r with an id that is free.
func (k *lineConn) send(r *request) {
	var b [2]byte
	for {
		if _, err := io.ReadFull(k.l.c.Loop.Rand(), b[:]); err != nil {
			r.settle(nil, err)
			return
		}
		r.id = binary.BigEndian.Uint16(b[:])
		if k.sent[r.id] == nil {
			break
		}
	}
	k.count++
	r.conn, r.at = k, k.count
	r.sends++
	k.sent[r.id] = r
	k.wanted++
	copy(r.wire, b[:])
	if r.key == nil {
		k.WriteMessage(r.wire)
		return
	}
	p, proof, err := r.key.Sign(bytes.Clone(r.wire), k.l.c.Loop.Now())
	if err != nil {
		k.wanted--
		r.settle(nil, err)
		return
	}
	r.proof = proof
	k.WriteMessage(p)
}

// MessageReceived implements framing.MessageProtocol.
func (k *lineConn) MessageReceived(p []byte) {
	if len(p) < headerBytes {
		k.Abort()
		return
	}
	r := k.sent[binary.BigEndian.Uint16(p)]
	if r == nil || judge(r.wire, headerBytes+nameBytes(r.wire[headerBytes:])+4, p) == stray {
		k.l.c.stats.Wrong++
		return
	}
	k.answered++
	k.heard = k.count
	delete(k.sent, r.id)
	if r.settled {
		return
	}
	k.wanted--
	var err error
	if r.proof != nil {
		p, err = r.proof.Verify(p, k.l.c.Loop.Now())
	}
	r.settle(p, err)
	k.l.send()
	k.l.rest()
}

// outstanding is what somebody waits for, in the order in which it was sent.
func (k *lineConn) outstanding() []*request {
	all := slices.SortedFunc(maps.Values(k.sent), func(a, b *request) int { return cmp.Compare(a.at, b.at) })
	return slices.DeleteFunc(all, func(r *request) bool { return r.settled })
}

// settle is the end of r.
func (r *request) settle(p []byte, err error) {
	if r.settled {
		return
	}
	r.settled = true
	r.timer.Stop()
	r.done(p, err)
}

// cancel has nobody wait for r any more.
func (r *request) cancel() {
	if r.settled {
		return
	}
	r.settled = true
	r.timer.Stop()
	if r.conn != nil {
		r.conn.wanted--
	} else if i := slices.Index(r.l.waiting, r); i >= 0 {
		r.l.waiting = slices.Delete(r.l.waiting, i, i+1)
	}
	r.l.rest()
}

// expire is called when r has taken too long. If nothing at all has come since
// it was sent, the connection is dead, and others are to have another one.
func (r *request) expire() {
	l, k := r.l, r.conn
	r.l.c.stats.Timeouts++
	done := r.done
	r.cancel()
	if k != nil && k.heard < r.at && l.conn == k {
		k.Abort()
	}
	done(nil, &timeoutError{server: l.key.addr.String()})
}

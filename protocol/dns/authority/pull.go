package authority

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A pull is one question for a zone to one server, and its answer.
type pull struct {
	home  twistor.Loop
	local string
	peer  Peer
	in    *inbound
	// ours, if not nil, has the server asked for its SOA record first: nothing
	// is fetched that is not newer.
	ours *dns.SOA
	// The bounds: of the transfer in all, of the wait for a message, and for a
	// connection.
	maxBytes              int64
	timeout, idle, dialed time.Duration

	bytes int64
}

// errNoIXFR is a server that does not know of differences: ask for all.
var errNoIXFR = errors.New("no IXFR there")

// run asks, and takes what comes, until p.in is done.
func (p *pull) run(co *deferred.Co) error {
	done := deferred.New[struct{}](p.home)
	var conn *framing.Conn
	factory := framing.Conversation(func(co *deferred.Co, c *framing.Conn) error {
		conn = c
		if err := p.talk(co, c); err != nil {
			done.Fail(err)
		} else {
			done.Succeed(struct{}{})
		}
		return nil // it is told by done
	})
	dial := p.home.Dial(twistor.DialConfig{Network: "tcp", Address: p.peer.Addr.String(),
		Local: p.local, TLS: p.peer.tls(), Timeout: p.dialed}, factory)
	dial.Done(func(_ twistor.Protocol, err error) {
		if err != nil {
			done.Fail(err)
		}
	})
	_, err := done.OnCancel(func() {
		dial.Cancel()
		if conn != nil {
			conn.Abort()
		}
	}).Timeout(p.timeout).Await(co)
	return err
}

// talk is the conversation.
func (p *pull) talk(co *deferred.Co, c *framing.Conn) error {
	idle := p.home.CallLater(p.idle, c.Abort) // a message that dribbles does not live longer
	defer idle.Stop()
	x := exchange{p: p, c: c, idle: idle}
	if p.ours != nil {
		if err := x.ask(dns.TypeSOA); err != nil {
			return err
		}
		m, err := x.next(co)
		if err != nil {
			return err
		}
		if p.older(m) {
			return nil
		}
	}
	if err := x.ask(p.asked()); err != nil {
		return err
	}
	for !p.in.done() {
		m, err := x.next(co)
		if err == nil {
			err = p.take(m)
		}
		if err != nil {
			return err
		}
	}
	if x.signing != nil && !x.signing.Proven() {
		return errors.New("the last message is not signed")
	}
	return nil
}

// An exchange is one question of a pull.
type exchange struct {
	p       *pull
	c       *framing.Conn
	idle    deferred.Timer
	id, t   uint16
	signing *dns.Signing
	buffer  []byte
}

// ask sends the question.
func (x *exchange) ask(t uint16) error {
	q, signing, err := x.p.query(t)
	if err != nil {
		return err
	}
	x.id, x.t, x.signing = binary.BigEndian.Uint16(q), t, signing
	var size [2]byte
	binary.BigEndian.PutUint16(size[:], uint16(len(q)))
	_, err = x.c.Write(slices.Concat(size[:], q))
	return err
}

// next is the next message of the answer.
func (x *exchange) next(co *deferred.Co) (*dns.Message, error) {
	var size [2]byte
	if err := x.c.ReadFull(co, size[:]); err != nil {
		return nil, cutOff(err)
	}
	n := int(binary.BigEndian.Uint16(size[:]))
	if x.p.bytes += int64(n) + 2; x.p.bytes > x.p.maxBytes {
		return nil, fmt.Errorf("over %d bytes: want less, or Secondary.MaxBytes more", x.p.maxBytes)
	}
	x.buffer = slices.Grow(x.buffer[:0], n)[:n]
	if err := x.c.ReadFull(co, x.buffer); err != nil {
		return nil, cutOff(err)
	}
	x.idle.Reset(x.p.idle)
	b := x.buffer
	if x.signing != nil {
		var err error
		if b, err = x.signing.Verify(b, x.p.home.Now()); err != nil {
			return nil, err
		}
	}
	m, err := dns.ParseMessage(b)
	switch {
	case err != nil:
		return nil, err
	case m.Id != x.id || !m.Response || m.Opcode != dns.OpcodeQuery:
		return nil, fmt.Errorf("%w: a message with id %d, opcode %s, response %t", errUnasked, m.Id, dns.Opcode(m.Opcode), m.Response)
	case len(m.Question) > 1, len(m.Question) == 1 && m.Question[0].Qtype != x.t:
		return nil, fmt.Errorf("%w: a message with another question", errUnasked)
	case m.Rcode != dns.RcodeSuccess && !x.p.withoutIXFR(m):
		return nil, &dns.ResponseError{Question: dns.Question{Name: x.p.in.origin.String(), Qtype: x.t, Qclass: dns.ClassIN},
			Rcode: dns.Rcode(m.Rcode), Server: x.p.peer.Addr.String()}
	}
	return m, nil
}

// cutOff says that a connection has ended too early.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("in the midst of a transfer: %w", err)
}

// query is a question; IXFR says what we have.
func (p *pull) query(t uint16) ([]byte, *dns.Signing, error) {
	var id [2]byte
	if _, err := io.ReadFull(p.home.Rand(), id[:]); err != nil {
		return nil, nil, err
	}
	m := &dns.Message{Question: []dns.Question{{Name: p.in.origin.String(), Qtype: t, Qclass: dns.ClassIN}}}
	m.Id = binary.BigEndian.Uint16(id[:])
	if t == dns.TypeIXFR {
		m.Ns = []dns.RR{p.in.have}
	}
	q, err := m.Pack()
	if err != nil || p.peer.Key == nil {
		return q, nil, err
	}
	return p.peer.Key.Sign(q, p.home.Now())
}

// withoutIXFR reports whether m is of a server that does not know of differences.
func (p *pull) withoutIXFR(m *dns.Message) bool {
	return p.in.have != nil && p.in.stage == wantSOA && (m.Rcode != dns.RcodeSuccess || len(m.Answer) == 0)
}

// older reports whether the server has nothing newer than we, as its SOA record
// says.
func (p *pull) older(m *dns.Message) bool {
	for _, rr := range m.Answer {
		if soa, ok := rr.(*dns.SOA); ok && !newer(soa.Serial, p.ours.Serial) {
			p.in.soa, p.in.stage = soa, current
			return true
		}
	}
	return false
}

// take takes one message of the answer.
func (p *pull) take(m *dns.Message) error {
	if p.withoutIXFR(m) {
		return errNoIXFR
	}
	if len(m.Answer) == 0 {
		return fmt.Errorf("%w: a message without records", errUnasked)
	}
	for _, rr := range m.Answer {
		if err := p.in.take(rr); err != nil {
			return err
		}
	}
	p.in.messageEnded()
	return nil
}

// asked is the type of the question.
func (p *pull) asked() uint16 {
	if p.in.have != nil {
		return dns.TypeIXFR
	}
	return dns.TypeAXFR
}

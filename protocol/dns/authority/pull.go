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
		Local: p.local, TLS: p.peer.TLS, Timeout: p.dialed}, factory)
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
	q, signing, err := p.query()
	if err != nil {
		return err
	}
	id := binary.BigEndian.Uint16(q)
	idle := p.home.CallLater(p.idle, c.Abort) // a message that dribbles does not live longer
	defer idle.Stop()
	var size [2]byte
	binary.BigEndian.PutUint16(size[:], uint16(len(q)))
	c.Write(slices.Concat(size[:], q))
	buffer := make([]byte, 0, 16<<10)
	for !p.in.done() {
		if err := c.ReadFull(co, size[:]); err != nil {
			return cutOff(err)
		}
		n := int(binary.BigEndian.Uint16(size[:]))
		if p.bytes += int64(n) + 2; p.bytes > p.maxBytes {
			return fmt.Errorf("over %d bytes: want less, or Secondary.MaxBytes more", p.maxBytes)
		}
		buffer = slices.Grow(buffer[:0], n)[:n]
		if err := c.ReadFull(co, buffer); err != nil {
			return cutOff(err)
		}
		idle.Reset(p.idle)
		m := buffer
		if signing != nil {
			if m, err = signing.Verify(m, p.home.Now()); err != nil {
				return err
			}
		}
		if err := p.message(m, id); err != nil {
			return err
		}
	}
	if signing != nil && !signing.Proven() {
		return errors.New("the last message is not signed")
	}
	return nil
}

// cutOff says that a connection has ended too early.
func cutOff(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("in the midst of a transfer: %w", err)
}

// query is the question: IXFR with what we have, or AXFR.
func (p *pull) query() ([]byte, *dns.Signing, error) {
	var id [2]byte
	if _, err := io.ReadFull(p.home.Rand(), id[:]); err != nil {
		return nil, nil, err
	}
	m := &dns.Message{Question: []dns.Question{{Name: p.in.origin.String(), Qtype: dns.TypeAXFR, Qclass: dns.ClassIN}}}
	m.Id = binary.BigEndian.Uint16(id[:])
	if p.in.have != nil {
		m.Question[0].Qtype = dns.TypeIXFR
		m.Ns = []dns.RR{p.in.have}
	}
	q, err := m.Pack()
	if err != nil || p.peer.Key == nil {
		return q, nil, err
	}
	return p.peer.Key.Sign(q, p.home.Now())
}

// message takes one message of the answer.
func (p *pull) message(b []byte, id uint16) error {
	m, err := dns.ParseMessage(b)
	switch {
	case err != nil:
		return err
	case m.Id != id || !m.Response || m.Opcode != dns.OpcodeQuery:
		return fmt.Errorf("%w: a message with id %d, opcode %s, response %t", errUnasked, m.Id, dns.Opcode(m.Opcode), m.Response)
	case p.in.have != nil && p.in.stage == wantSOA && (m.Rcode == dns.RcodeNotImplemented || m.Rcode == dns.RcodeFormatError):
		return errNoIXFR
	case m.Rcode != dns.RcodeSuccess:
		return &dns.ResponseError{Question: dns.Question{Name: p.in.origin.String(), Qtype: p.asked(), Qclass: dns.ClassIN},
			Rcode: dns.Rcode(m.Rcode), Server: p.peer.Addr.String()}
	case len(m.Question) > 1, len(m.Question) == 1 && m.Question[0].Qtype != p.asked():
		return fmt.Errorf("%w: a message with another question", errUnasked)
	case len(m.Answer) == 0:
		if p.in.have != nil && p.in.stage == wantSOA {
			return errNoIXFR
		}
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

func (p *pull) asked() uint16 {
	if p.in.have != nil {
		return dns.TypeIXFR
	}
	return dns.TypeAXFR
}

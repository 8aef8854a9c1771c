package dns

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// compose writes m as it goes to one server: with our OPT record, its options,
// and id 0. end is where the question ends.
func (c *Client) compose(m *Message, network Network, edns bool, cookie []byte) (wire []byte, end int, err error) {
	if len(m.Question) != 1 || m.Response {
		return nil, 0, errors.New("dns: a query: want one question, and no response")
	}
	q := *m
	q.Id, q.Compress = 0, false
	var opt *dns.OPT
	q.Extra = slices.DeleteFunc(slices.Clone(m.Extra), func(rr RR) bool {
		o, ok := rr.(*dns.OPT)
		if ok {
			opt = o
		}
		return ok
	})
	if edns {
		own := &dns.OPT{Hdr: RecordHeader{Name: ".", Rrtype: TypeOPT}}
		own.SetUDPSize(uint16(positive(c.MaxUDPBytes, DefaultUDPBytes)))
		if opt != nil {
			own.Hdr, own.Option = opt.Hdr, slices.Clone(opt.Option)
		}
		if cookie != nil {
			own.Option = append(own.Option, &dns.EDNS0_LOCAL{Code: optionCookie, Data: cookie})
		}
		q.Extra = append(q.Extra, own)
		if network == OverTLS {
			pad(&q, own)
		}
	}
	wire, err = q.Pack()
	if err != nil {
		return nil, 0, fmt.Errorf("dns: cannot write the query for %q: %w", m.Question[0].Name, err)
	}
	return wire, headerBytes + nameBytes(wire[headerBytes:]) + 4, nil
}

// paddedTo is of what queries' lengths are multiples where nobody is to see
// what is asked: "Clients SHOULD pad queries to the closest multiple of 128
// octets."
//
// See https://www.rfc-editor.org/rfc/rfc8467#section-4.1.
const paddedTo = 128

func pad(q *Message, opt *dns.OPT) {
	n := (q.Len() + 4) % paddedTo
	opt.Option = append(opt.Option, &dns.EDNS0_PADDING{Padding: make([]byte, (paddedTo-n)%paddedTo)})
}

// A draw is what is random about a query.
type draw struct {
	id   uint16
	port uint16
	bits [32]byte // a letter's case each
}

// firstPort is the first that a query may come from: those below are the
// system's.
const firstPort = 1024

// drawn draws from r. All ids and all ports are equally likely.
//
// See https://www.rfc-editor.org/rfc/rfc5452#section-9.2.
func drawn(r io.Reader) (d draw, err error) {
	var p [36]byte
	for {
		if _, err := io.ReadFull(r, p[:]); err != nil {
			return d, fmt.Errorf("dns: no randomness: %w", err)
		}
		port := binary.BigEndian.Uint16(p[2:])
		if port >= firstPort {
			d.id, d.port = binary.BigEndian.Uint16(p[:]), port
			copy(d.bits[:], p[4:])
			return d, nil
		}
	}
}

// mix gives the letters of a name on the wire a random case: what the server
// repeats a forger would have to guess.
//
// See https://datatracker.ietf.org/doc/html/draft-vixie-dnsext-dns0x20-00.
func mix(name []byte, bits [32]byte) {
	letter := 0
	for i, c := range name {
		if c |= 0x20; c < 'a' || c > 'z' {
			continue // labels' lengths, too: they are below 64
		}
		if bits[letter/8%32]>>(letter%8)&1 != 0 {
			name[i] = c
		} else {
			name[i] = c - 'a' + 'A'
		}
		letter++
	}
}

// A verdict is what a message is to a query.
type verdict uint8

const (
	stray  verdict = iota // no answer to it
	folded                // its answer, but for the case of the name
	fits                  // its answer
)

// judge compares a message with the query to which it may be the answer, whose
// question ends at end.
func judge(query []byte, end int, p []byte) verdict {
	if len(p) < headerBytes || p[2]&0x80 == 0 || !bytes.Equal(p[:2], query[:2]) || (p[2]^query[2])&0x78 != 0 {
		return stray
	}
	if bytes.Equal(p[4:], []byte{0, 0, 0, 0, 0, 0, 0, 0}) {
		// Servers that cannot read a query leave the question out.
		if rcode := p[3] & 0xf; rcode == RcodeFormatError || rcode == RcodeNotImplemented {
			return fits
		}
		return stray
	}
	if len(p) < end || p[4] != 0 || p[5] != 1 {
		return stray
	}
	got, want := p[headerBytes:end], query[headerBytes:end]
	if bytes.Equal(got, want) {
		return fits
	}
	for i, c := range want[:len(want)-4] {
		if lower(c) != lower(got[i]) {
			return stray
		}
	}
	if !bytes.Equal(got[len(got)-4:], want[len(want)-4:]) {
		return stray
	}
	return folded
}

// explanation is what the server said in words, RFC 8914.
func explanation(m *Message) string {
	opt := m.IsEdns0()
	if opt == nil {
		return ""
	}
	for _, o := range opt.Option {
		if e, ok := o.(*dns.EDNS0_EDE); ok {
			s := dns.ExtendedErrorCodeToString[e.InfoCode]
			if e.ExtraText == "" {
				return s
			}
			text := fmt.Sprintf("%+q", e.ExtraText[:min(len(e.ExtraText), 128)])
			if s == "" {
				return text
			}
			return s + ": " + text
		}
	}
	return ""
}

// isAnswer reports whether m is an answer to query.
func isAnswer(m, query *Message) bool {
	if !m.Response || m.Opcode != query.Opcode || len(m.Question) != 1 {
		return false
	}
	got, want := m.Question[0], query.Question[0]
	return got.Qtype == want.Qtype && got.Qclass == want.Qclass && strings.EqualFold(dns.Fqdn(got.Name), dns.Fqdn(want.Name))
}

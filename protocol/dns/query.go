package dns

import (
	"encoding/binary"

	"github.com/twistor-go/twistor"
)

// A Network is how a query came.
type Network uint8

// The networks.
const (
	OverUDP   Network = iota
	OverTCP           // RFC 7766
	OverTLS           // RFC 7858
	OverHTTPS         // RFC 8484
)

// String is the network's name in logs.
func (n Network) String() string { return [...]string{"udp", "tcp", "tls", "https"}[n] }

// Stream reports whether an answer may be as long as a message can be.
func (n Network) Stream() bool { return n != OverUDP }

// Transfers reports whether an answer may be several messages.
func (n Network) Transfers() bool { return n == OverTCP || n == OverTLS }

// A Query is a message that a server got, read as far as every answer needs it
// and without allocating. It is valid until the answer is complete. Loop-only.
type Query struct {
	ID                uint16
	Opcode            Opcode
	RecursionDesired  bool
	AuthenticatedData bool // the client wants to know whether data are secure
	CheckingDisabled  bool // and validates by itself

	// The question. Name is in lower case; answers repeat it as it was written.
	Name  Name
	Type  Type
	Class Class

	// EDNS says whether there was an OPT record (RFC 6891): what follows is from it.
	EDNS     bool
	DNSSECOK bool   // the client wants signatures
	UDPSize  uint16 // bytes that it takes in a datagram, as it says: 512 or more
	Options  []byte // each a code, a length and data

	// Key names the TSIG key that signed the query, and was verified; nil: none.
	Key Name

	From    twistor.Peer
	Network Network

	raw      []byte
	question []byte // as it came: name, type, class
	options  int    // where Options begin
	version  uint8  // of EDNS
	tsig     int    // where the TSIG record begins; 0: none

	name    [MaxNameBytes]byte
	scratch [MaxNameBytes]byte
	kept    []byte // raw, of an answer that takes longer
}

// Wire is the whole message as it came.
func (q *Query) Wire() []byte { return q.raw }

// Message reads all of it: updates, notifies and transfers need more than a
// question.
func (q *Query) Message() (*Message, error) { return ParseMessage(q.raw) }

// Question is what is asked.
func (q *Query) Question() Question {
	return Question{Name: q.Name.String(), Qtype: uint16(q.Type), Qclass: uint16(q.Class)}
}

// Header is what a record that answers q begins with: the name that was asked
// for, its type and class, and ttl, in seconds.
func (q *Query) Header(ttl uint32) RecordHeader {
	return RecordHeader{Name: q.Name.String(), Rrtype: uint16(q.Type), Class: uint16(q.Class), Ttl: ttl}
}

// A refusal is how a message that is no good query is answered.
type refusal int

const (
	fine      refusal = iota
	drop              // no reply, ever: it is no query, or has no header
	formError         // FORMERR
	notImplemented
	badVersion // BADVERS
)

// parse reads the message p. The policy about the header comes first, so that
// nothing is done for counts that cannot be true.
func (q *Query) parse(p []byte) refusal {
	q.Name, q.Key, q.Options, q.question = nil, nil, nil, nil
	q.Type, q.Class = 0, 0
	q.EDNS, q.DNSSECOK, q.UDPSize, q.version, q.tsig = false, false, 512, 0, 0
	if len(p) < headerBytes || p[2]&0x80 != 0 {
		return drop
	}
	q.raw = p
	q.ID = binary.BigEndian.Uint16(p)
	q.Opcode = Opcode(p[2] >> 3 & 0xf)
	q.RecursionDesired = p[2]&0x01 != 0
	q.AuthenticatedData = p[3]&0x20 != 0
	q.CheckingDisabled = p[3]&0x10 != 0
	questions := binary.BigEndian.Uint16(p[4:])
	answers := int(binary.BigEndian.Uint16(p[6:]))
	authority := int(binary.BigEndian.Uint16(p[8:]))
	additional := int(binary.BigEndian.Uint16(p[10:]))
	switch q.Opcode {
	case OpcodeQuery:
		if questions != 1 || answers != 0 || authority > 1 || additional > 2 {
			return formError
		}
	case OpcodeNotify:
		if questions != 1 || answers > 1 || authority > 1 || additional > 2 {
			return formError
		}
	case OpcodeUpdate:
		if questions != 1 || answers+authority+additional > (len(p)-headerBytes)/11 {
			return formError
		}
	default:
		return notImplemented
	}
	if r := q.readQuestion(p); r != fine {
		return r
	}
	off := headerBytes + len(q.question)
	for i := answers + authority; i > 0; i-- {
		h, err := readHead(p, off, q.scratch[:])
		if err != nil || h.rtype == TypeOPT || h.rtype == TypeTSIG {
			return formError
		}
		off = h.end
	}
	for i := additional; i > 0; i-- {
		h, err := readHead(p, off, q.scratch[:])
		if err != nil {
			return formError
		}
		switch h.rtype {
		case TypeOPT:
			if q.EDNS || !h.name.IsRoot() || !wholeOptions(p[h.data:h.end]) {
				return formError
			}
			q.EDNS = true
			q.UDPSize = max(512, uint16(h.class))
			q.version = uint8(h.ttl >> 16)
			q.DNSSECOK = h.ttl&0x8000 != 0
			q.Options, q.options = p[h.data:h.end], h.data
		case TypeTSIG:
			if i != 1 {
				return formError
			}
			q.tsig = off
		}
		off = h.end
	}
	if off != len(p) {
		return formError
	}
	if q.version != 0 {
		return badVersion
	}
	return fine
}

// readQuestion reads the question, in which there is nothing to point to.
func (q *Query) readQuestion(p []byte) refusal {
	off, n := headerBytes, q.name[:0]
	for {
		if off >= len(p) {
			return formError
		}
		c := int(p[off])
		if c > MaxLabelBytes || len(n)+1+c > MaxNameBytes || off+1+c > len(p) {
			return formError
		}
		n = append(n, byte(c))
		for _, b := range p[off+1 : off+1+c] {
			n = append(n, lower(b))
		}
		off += 1 + c
		if c == 0 {
			break
		}
	}
	if off+4 > len(p) {
		return formError
	}
	q.Name = Name(n)
	q.Type = Type(binary.BigEndian.Uint16(p[off:]))
	q.Class = Class(binary.BigEndian.Uint16(p[off+2:]))
	q.question = p[headerBytes : off+4]
	return fine
}

// wholeOptions reports whether options fill p.
func wholeOptions(p []byte) bool {
	for len(p) >= 4 {
		n := 4 + int(binary.BigEndian.Uint16(p[2:]))
		if n > len(p) {
			return false
		}
		p = p[n:]
	}
	return len(p) == 0
}

// option is the data of the first EDNS option of a code; nil: there is none.
func (q *Query) option(code uint16) []byte {
	for p := q.Options; len(p) >= 4; {
		n := 4 + int(binary.BigEndian.Uint16(p[2:]))
		if binary.BigEndian.Uint16(p) == code {
			return p[4:n:n]
		}
		p = p[n:]
	}
	return nil
}

// keep has q own its bytes, for an answer that takes longer than the event that
// brought the message.
func (q *Query) keep() {
	q.kept = append(q.kept[:0], q.raw...)
	q.question = q.kept[headerBytes : headerBytes+len(q.question)]
	if q.EDNS {
		q.Options = q.kept[q.options : q.options+len(q.Options)]
	}
	q.raw = q.kept
}

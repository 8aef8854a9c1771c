package dns

import (
	"bytes"
	"encoding/binary"
	"fmt"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Section is where in a response a record stands.
type Section uint8

// The sections, in the order in which they are written.
const (
	Answer Section = iota
	Authority
	Additional
)

// An RRset is the records of one name and type, as zones keep them and the wire
// has them: no object, nothing to allocate. Immutable.
type RRset struct {
	Type Type
	TTL  uint32
	// Data is, for each record, the length of its data in two bytes, the high
	// one first, and the data, with names uncompressed.
	Data []byte
}

// Len is how many records there are.
func (s RRset) Len() int {
	n := 0
	for p := s.Data; len(p) >= 2; p = p[2+int(binary.BigEndian.Uint16(p)):] {
		n++
	}
	return n
}

// A ResponseWriter makes the answer to a Query. It begins as an empty one:
// NOERROR, not authoritative. Sections are written in order. An RRset that has no room in
// a datagram is left out as a whole: the answer says that it is truncated, or,
// if only additional records are missing, nothing. Valid until the answer is
// complete. Loop-only.
type ResponseWriter struct {
	q     *Query
	loop  twistor.Loop
	sink  sink
	b     []byte
	limit int // bytes of b, without what finish adds
	names compressor
	clean bool // names is empty

	rcode         Rcode
	authoritative bool
	recursive     bool
	authenticated bool
	truncated     bool
	dropped       bool
	section       Section
	counts        [3]uint16
	explained     []byte // EDNS options to send
	padded        bool
	signing       *Signing // signs the answer; nil: nobody does
	scratch       []byte
	err           error // of a record that cannot be written
}

// A sink takes whole messages.
type sink interface {
	// send hands over a whole message; more says that others follow.
	send(w *ResponseWriter, p []byte, more bool)
	// room fires when more may be sent.
	room() *deferred.Signal
	// completed says that the answer of x, sent or dropped, is complete.
	completed(x *exchange)
}

// begin makes w the empty answer to q.
func (w *ResponseWriter) begin(q *Query, s sink, limit int) {
	w.q, w.sink = q, s
	w.dropped, w.err = false, nil
	w.recursive, w.padded = false, false
	w.explained = w.explained[:0]
	w.limit = limit - w.overhead()
	w.Reset()
}

// Reset forgets the records, flags and code, for an answer that turns out to be
// another one.
func (w *ResponseWriter) Reset() {
	w.rcode, w.authoritative, w.authenticated, w.truncated = RcodeSuccess, false, false, false
	w.restart()
}

// restart begins a message.
func (w *ResponseWriter) restart() {
	w.section, w.counts = Answer, [3]uint16{}
	w.b = append(w.b[:0], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	w.b = append(w.b, w.q.question...)
	w.forget()
}

// forget empties the compressor.
func (w *ResponseWriter) forget() {
	if w.clean {
		return
	}
	w.names = compressor{}
	w.clean = true
}

// SetRcode says how it went.
func (w *ResponseWriter) SetRcode(r Rcode) { w.rcode = r }

// Rcode is what SetRcode said; zero: RcodeSuccess.
func (w *ResponseWriter) Rcode() Rcode { return w.rcode }

// SetAuthoritative says that the answer comes from who is responsible for the
// zone.
func (w *ResponseWriter) SetAuthoritative(on bool) { w.authoritative = on }

// SetRecursionAvailable says that who wants recursion gets it.
func (w *ResponseWriter) SetRecursionAvailable(on bool) { w.recursive = on }

// SetAuthenticated says that all of it was validated (RFC 4035 section 3.2.3).
// Clients that show no interest in that do not see it.
func (w *ResponseWriter) SetAuthenticated(on bool) { w.authenticated = on }

// SetTruncated has the client ask again over TCP.
func (w *ResponseWriter) SetTruncated(on bool) { w.truncated = on }

// Truncated reports whether something had no room.
func (w *ResponseWriter) Truncated() bool { return w.truncated }

// Drop has no answer sent.
func (w *ResponseWriter) Drop() { w.dropped = true }

// Explain adds an extended error, for people: a code of RFC 8914 and up to 128
// bytes of text. Clients without EDNS do not see it.
//
// See https://www.rfc-editor.org/rfc/rfc8914#section-4.
func (w *ResponseWriter) Explain(code uint16, text string) {
	if !w.q.EDNS || len(w.explained) > 256 {
		return
	}
	text = text[:min(len(text), 128)]
	w.addOption(optionExtendedError, binary.BigEndian.AppendUint16(nil, code), text)
}

// Answer adds records to the answer section. A record that cannot be written,
// such as a TXT of 300 bytes in one string, has the client told SERVFAIL, and
// the log why.
func (w *ResponseWriter) Answer(rrs ...RR) { w.Add(Answer, rrs...) }

// Add adds records to a section. Those of one name and type that follow each
// other are one RRset.
func (w *ResponseWriter) Add(s Section, rrs ...RR) {
	for len(rrs) > 0 {
		h, n := rrs[0].Header(), 1
		for n < len(rrs) && rrs[n].Header().Rrtype == h.Rrtype && rrs[n].Header().Name == h.Name {
			n++
		}
		w.addRecords(s, rrs[:n])
		rrs = rrs[n:]
	}
}

// addRecords adds an RRset of objects.
func (w *ResponseWriter) addRecords(s Section, rrs []RR) {
	if !w.open(s) {
		return
	}
	start := len(w.b)
	for _, rr := range rrs {
		if cap(w.scratch) == 0 {
			w.scratch = make([]byte, 512)
		}
		w.scratch = w.scratch[:cap(w.scratch)]
		end, err := packRR(rr, w.scratch, 0)
		if err != nil && len(w.scratch) < MaxMessageBytes {
			w.scratch = make([]byte, MaxMessageBytes)
			end, err = packRR(rr, w.scratch, 0)
		}
		if err != nil {
			w.err = fmt.Errorf("dns: cannot write the record %s: %w", rr, err)
			return
		}
		p := w.scratch[:end]
		size := 0
		for p[size] != 0 {
			size += 1 + int(p[size])
		}
		size++
		w.appendName(p[:size])
		w.b = append(w.b, p[size:size+8]...)
		w.appendData(Type(rr.Header().Rrtype), p[size+10:])
	}
	w.commit(s, start, len(rrs))
}

// AddRRset adds the set of owner, of class IN, to a section, and reports whether it had room.
func (w *ResponseWriter) AddRRset(s Section, owner Name, set RRset) bool {
	if !w.open(s) {
		return false
	}
	start, n := len(w.b), 0
	same := len(w.q.question) > 0 && bytes.Equal(owner, w.q.Name)
	for p := set.Data; len(p) >= 2; n++ {
		size := int(binary.BigEndian.Uint16(p))
		if same {
			w.b = append(w.b, 0xc0, headerBytes)
		} else {
			w.appendName(owner)
		}
		w.b = append(w.b, byte(set.Type>>8), byte(set.Type), 0, ClassIN,
			byte(set.TTL>>24), byte(set.TTL>>16), byte(set.TTL>>8), byte(set.TTL))
		w.appendData(set.Type, p[2:2+size])
		p = p[2+size:]
	}
	return w.commit(s, start, n)
}

// open reports whether records can still be added to s.
func (w *ResponseWriter) open(s Section) bool {
	if s < w.section {
		w.err = fmt.Errorf("dns: records of section %d behind those of section %d: want them in order", s, w.section)
	}
	if w.truncated || w.err != nil {
		return false
	}
	w.section = s
	return true
}

// commit counts the records that were written since start, or takes them back.
func (w *ResponseWriter) commit(s Section, start, n int) bool {
	if len(w.b) <= w.limit {
		w.counts[s] += uint16(n)
		return true
	}
	w.b = w.b[:start]
	w.forget()
	if s != Additional {
		w.truncated = true
	}
	return false
}

// appendName writes a name, and knows it afterwards.
func (w *ResponseWriter) appendName(n []byte) {
	if w.clean {
		w.clean = false
		if size := len(w.q.question) - 4; size > 1 {
			w.names.learn(headerBytes, w.q.question[:size])
		}
	}
	w.b = w.names.append(w.b, n)
}

// appendData writes a record's length and data. Names are compressed in the
// types in which everybody expects that.
//
// See https://www.rfc-editor.org/rfc/rfc3597#section-4.
func (w *ResponseWriter) appendData(t Type, p []byte) {
	at := len(w.b)
	w.b = append(w.b, 0, 0)
	skip, names := 0, 0
	switch t {
	case TypeNS, TypeCNAME, TypePTR, TypeMB, TypeMG, TypeMR, TypeMD, TypeMF:
		names = 1
	case TypeSOA, TypeMINFO:
		names = 2
	case TypeMX:
		skip, names = 2, 1
	}
	if skip > len(p) {
		skip, names = len(p), 0
	}
	w.b = append(w.b, p[:skip]...)
	p = p[skip:]
	for ; names > 0; names-- {
		size := nameBytes(p)
		if size == 0 {
			break
		}
		w.appendName(p[:size])
		p = p[size:]
	}
	w.b = append(w.b, p...)
	binary.BigEndian.PutUint16(w.b[at:], uint16(len(w.b)-at-2))
}

// nameBytes is how long the uncompressed name is with which p begins; 0: it
// begins with none.
func nameBytes(p []byte) int {
	for at := 0; at < len(p) && p[at] <= MaxLabelBytes; at += 1 + int(p[at]) {
		if p[at] == 0 {
			return at + 1
		}
	}
	return 0
}

// WriteMessage makes w the answer that m is: its code, its records, and whether
// it is authoritative and authenticated. The id and the question stay the
// query's, and OPT and TSIG records are left out.
func (w *ResponseWriter) WriteMessage(m *Message) {
	w.Reset()
	w.rcode, w.authoritative, w.authenticated = Rcode(m.Rcode), m.Authoritative, m.AuthenticatedData
	w.Add(Answer, m.Answer...)
	w.Add(Authority, m.Ns...)
	for _, rr := range m.Extra {
		if t := rr.Header().Rrtype; t != TypeOPT && t != TypeTSIG {
			w.Add(Additional, rr)
		}
	}
	w.truncated = w.truncated || m.Truncated
}

// Flush sends what there is as one message of several, and begins the next one,
// for transfers; records that were refused for want of room are to be added
// again. The Signal fires when there is room for more; it fails when the client
// is gone. Only over streams: see Network.
func (w *ResponseWriter) Flush() *deferred.Signal {
	w.truncated = false
	w.sink.send(w, w.finish(), true)
	w.restart()
	w.q.question = w.q.question[:0:0] // only the first has it
	w.b = w.b[:headerBytes]
	return w.sink.room()
}

// Size is how many bytes the message has by now, and Room how many records may
// still take.
func (w *ResponseWriter) Size() int { return len(w.b) }

// Room is how many bytes records may still take.
func (w *ResponseWriter) Room() int { return max(0, w.limit-len(w.b)) }

// finish completes the header and adds the OPT record, and signs it all.
func (w *ResponseWriter) finish() []byte {
	if w.err != nil {
		w.Reset()
		w.rcode = RcodeServerFailure
	}
	additional := w.counts[Additional]
	if w.q.EDNS {
		additional++
		w.appendOPT()
	}
	b, q := w.b, w.q
	binary.BigEndian.PutUint16(b, q.ID)
	b[2] = 0x80 | byte(q.Opcode&0xf)<<3
	b[3] = byte(w.rcode) & 0xf
	if w.authoritative {
		b[2] |= 0x04
	}
	if w.truncated {
		b[2] |= 0x02
	}
	if q.RecursionDesired {
		b[2] |= 0x01
	}
	if w.recursive {
		b[3] |= 0x80
	}
	if w.authenticated && (q.DNSSECOK || q.AuthenticatedData) {
		b[3] |= 0x20
	}
	if q.CheckingDisabled {
		b[3] |= 0x10
	}
	b[4], b[5] = 0, 0
	if len(q.question) > 0 {
		b[5] = 1
	}
	binary.BigEndian.PutUint16(b[6:], w.counts[Answer])
	binary.BigEndian.PutUint16(b[8:], w.counts[Authority])
	binary.BigEndian.PutUint16(b[10:], additional)
	if w.signing != nil {
		w.b = w.signing.Sign(b, w.loop.Now())
	}
	return w.b
}

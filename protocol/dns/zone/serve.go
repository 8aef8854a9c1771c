package zone

import (
	"encoding/binary"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// maxChain is how many CNAME records, given and made from DNAME records, an
// answer follows.
const maxChain = 16

// Serve implements dns.Handler: it answers at once. Names outside the zone,
// other classes and opcodes, and transfers, are refused.
//
// See https://www.rfc-editor.org/rfc/rfc1034#section-4.3.2.
func (z *Zone) Serve(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
	switch {
	case q.Opcode != dns.OpcodeQuery:
		w.SetRcode(dns.RcodeNotImplemented)
		return nil
	case q.Class != dns.ClassIN, q.Type == dns.TypeAXFR, q.Type == dns.TypeIXFR, !q.Name.In(z.origin):
		w.SetRcode(dns.RcodeRefused)
		return nil
	case q.Type != dns.TypeANY && isMeta(q.Type):
		w.SetRcode(dns.RcodeFormatError)
		return nil
	}
	a := answer{z: z, w: w, q: q, signatures: q.DNSSECOK, proofs: q.DNSSECOK && z.proves}
	w.SetAuthoritative(true)
	a.look(&step{name: q.Name})
	a.additional()
	return nil
}

// An answer is one that is being made.
type answer struct {
	z *Zone
	w *dns.ResponseWriter
	q *dns.Query

	signatures bool // the client wants them
	proofs     bool // it wants them, and there are some

	targets dns.RRset // whose names' addresses the client will want
	cut     entry     // that targets are of, of a referral
	denied  [maxDenied]*byte
}

// A step is a name on the way from the question to what answers it. It lives
// on the stack, as do those before it.
type step struct {
	name   dns.Name
	before *step // nil: this is the question's
	length int
	moved  *byte // the entry whose DNAME record leads on from here; nil: none does
}

// look answers what is asked about s's name.
func (a *answer) look(s *step) {
	f := a.z.find(s.name)
	switch f.kind {
	case exact:
		a.at(s, f.e, &f)
	case below:
		// "The DS resource record resides at a delegation's parent"
		// (https://www.rfc-editor.org/rfc/rfc4035#section-3.1.4.1).
		if a.q.Type == dns.TypeDS && len(f.e.name()) == len(s.name) {
			a.at(s, f.e, &f)
			return
		}
		a.refer(s, f.e)
	case moved:
		a.move(s, f.e)
	case absent:
		if f.wildcard != nil {
			a.at(s, f.wildcard, &f)
			return
		}
		a.w.SetRcode(dns.RcodeNameError)
		a.absence()
		if a.proofs {
			a.proveNoName(s.name, &f)
		}
	}
}

// at answers with what stands at e, under s's name: that may be one that a
// wildcard stands for.
func (a *answer) at(s *step, e entry, f *found) {
	switch a.q.Type {
	case dns.TypeANY:
		a.any(s, e, f)
		return
	case dns.TypeRRSIG:
		some := false
		for set := range e.signatures {
			some = true
			a.w.AddRRset(dns.Answer, s.name, set)
		}
		if some {
			a.proveExpansion(s.name, f)
			return
		}
	default:
		if set, sigs, ok := e.find(a.q.Type); ok {
			a.add(dns.Answer, s.name, set, sigs)
			a.targets = set
			a.proveExpansion(s.name, f)
			return
		}
	}
	if e.flags()&hasCNAME != 0 {
		set, sigs, _ := e.find(dns.TypeCNAME)
		a.add(dns.Answer, s.name, set, sigs)
		a.follow(s, set.Data[2:])
		a.proveExpansion(s.name, f)
		return
	}
	a.absence()
	if a.proofs {
		a.proveNoData(s.name, e, f)
	}
}

// any answers ANY with one set: enough for who wants to know whether there is
// something, and too little for who wants much sent elsewhere.
//
// See https://www.rfc-editor.org/rfc/rfc8482#section-4.1.
func (a *answer) any(s *step, e entry, f *found) {
	for p := e.sets(); len(p) > 0; {
		var set dns.RRset
		if set, p = nextSet(p); set.Type == dns.TypeRRSIG || set.Type == dns.TypeNSEC {
			continue
		}
		_, sigs, _ := e.find(set.Type)
		a.add(dns.Answer, s.name, set, sigs)
		a.proveExpansion(s.name, f)
		return
	}
	a.absence()
	if a.proofs {
		a.proveNoData(s.name, e, f)
	}
}

// follow looks for what a CNAME record points to, if that is in the zone and
// was not answered yet.
func (a *answer) follow(s *step, target []byte) {
	var b [dns.MaxNameBytes]byte
	next := step{name: lowerName(target, &b), before: s, length: s.length + 1}
	if next.length > maxChain || !next.name.In(a.z.origin) {
		return
	}
	for t := s; t != nil; t = t.before {
		if string(t.name) == string(next.name) {
			return
		}
	}
	a.look(&next)
}

// move answers a name below e, which has a DNAME record, with that and with the
// CNAME record that follows from it.
//
// See https://www.rfc-editor.org/rfc/rfc6672#section-3.2.
func (a *answer) move(s *step, e entry) {
	set, sigs, _ := e.find(dns.TypeDNAME)
	again := false
	for t := s.before; t != nil; t = t.before {
		again = again || t.moved == &e[0]
	}
	if s.moved = &e[0]; !again {
		a.add(dns.Answer, e.name(), set, sigs)
	}
	kept := s.name[:len(s.name)-len(e.name())]
	target := set.Data[2:]
	if len(kept)+len(target) > dns.MaxNameBytes {
		a.w.SetRcode(dns.RcodeYXDomain)
		return
	}
	var data [2 + dns.MaxNameBytes]byte
	size := 2 + copy(data[2:], kept)
	size += copy(data[size:], target)
	binary.BigEndian.PutUint16(data[:], uint16(size-2))
	a.w.AddRRset(dns.Answer, s.name, dns.RRset{Type: dns.TypeCNAME, TTL: set.TTL, Data: data[:size]})
	if a.q.Type != dns.TypeCNAME && a.q.Type != dns.TypeANY {
		a.follow(s, data[2:size])
	}
}

// refer says who is responsible for what is at and below the cut e.
func (a *answer) refer(s *step, e entry) {
	if s.before == nil {
		a.w.SetAuthoritative(false)
	}
	set, _, _ := e.find(dns.TypeNS)
	a.w.AddRRset(dns.Authority, e.name(), set)
	a.targets, a.cut = set, e
	if a.proofs {
		a.proveDelegation(e)
	}
}

// absence adds the SOA record, from which clients learn for how long they need
// not ask again.
//
// See https://www.rfc-editor.org/rfc/rfc2308#section-3.
func (a *answer) absence() { a.add(dns.Authority, a.z.origin, a.z.negative, a.z.signed) }

// add adds a set, and its signatures if they are wanted.
func (a *answer) add(s dns.Section, owner dns.Name, set, sigs dns.RRset) bool {
	return a.w.AddRRset(s, owner, set) && (!a.signatures || len(sigs.Data) == 0 || a.w.AddRRset(s, owner, sigs))
}

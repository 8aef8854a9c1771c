package authority

import (
	"encoding/binary"
	"fmt"
	"iter"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// transfer answers AXFR and IXFR: the policy first, which is the same on all
// networks.
func (h *handler) transfer(w *dns.ResponseWriter, q *dns.Query, v *version) *deferred.Signal {
	stream := q.Network.Transfers()
	switch {
	case !allowed(v.transfer, q):
		w.SetRcode(dns.RcodeRefused)
		w.Explain(explainProhibited, "")
		return nil
	case len(v.origin) != len(q.Name) || q.Class != dns.ClassIN:
		w.SetRcode(dns.RcodeNotAuth)
		return nil
	case v.source != nil:
		w.SetRcode(dns.RcodeNotImplemented)
		return nil
	case v.zone == nil:
		w.SetRcode(dns.RcodeServerFailure)
		w.Explain(explainNotReady, "")
		return nil
	case q.Type == dns.TypeAXFR && !stream:
		w.SetRcode(dns.RcodeRefused)
		w.Explain(explainNotSupported, transferWantsTCP)
		return nil
	}
	var steps []passage
	whole := q.Type == dns.TypeAXFR
	if !whole {
		serial, ok := theirSerial(q)
		if !ok {
			w.SetRcode(dns.RcodeFormatError)
			return nil
		}
		if !newer(v.zone.Serial(), serial) {
			// "If an IXFR query with the same or newer version number than that
			// of the server is received, it is replied to with a single SOA
			// record of the server's current version."
			// https://www.rfc-editor.org/rfc/rfc1995#section-2
			onlySOA(w, v.zone)
			return nil
		}
		steps, ok = v.since(serial)
		whole = !ok
	}
	if !stream {
		// "If the UDP reply does not fit, the query is responded to with a
		// single SOA record": the client comes again over TCP.
		if whole || !inOneMessage(w, v.zone, steps) {
			onlySOA(w, v.zone)
		}
		return nil
	}
	if h.transfers >= h.a.c.MaxTransfers {
		w.SetRcode(dns.RcodeServerFailure)
		w.Explain(explainOther, maxTransfersExplained)
		return nil
	}
	h.transfers++
	return deferred.Inline(h.at, func(co *deferred.Co) (struct{}, error) {
		defer func() { h.transfers-- }()
		o := outgoing{w: w, co: co}
		w.SetAuthoritative(true)
		if whole {
			o.zone(v.zone)
		} else {
			o.steps(v.zone, steps)
		}
		if o.err != nil {
			return struct{}{}, fmt.Errorf("authority: transfer of %s to %s: %w", v.origin, q.From.Addr, o.err)
		}
		h.at.Log().Info("zone sent", "zone", v.origin.String(), "peer", q.From.Addr, "serial", v.zone.Serial(), "whole", whole)
		return struct{}{}, nil
	})
}

// theirSerial is the version that the client has: its SOA stands in the
// authority section.
//
// See https://www.rfc-editor.org/rfc/rfc1995#section-3.
func theirSerial(q *dns.Query) (uint32, bool) {
	m, err := q.Message()
	if err != nil || len(m.Ns) != 1 {
		return 0, false
	}
	soa, ok := m.Ns[0].(*dns.SOA)
	if !ok {
		return 0, false
	}
	return soa.Serial, true
}

// onlySOA answers with the version alone.
func onlySOA(w *dns.ResponseWriter, z *zone.Zone) {
	w.Reset()
	w.SetAuthoritative(true)
	w.Answer(z.SOA())
}

// inOneMessage answers with the differences, and reports whether they had room.
func inOneMessage(w *dns.ResponseWriter, z *zone.Zone, steps []passage) bool {
	w.SetAuthoritative(true)
	for o := range differences(z, steps) {
		if !w.AddRRset(dns.Answer, o.name, o.set) {
			return false
		}
	}
	return true
}

// differences yields what an incremental transfer has: for each step the former
// SOA, what is removed, the next SOA and what is added, between two times the
// SOA of now.
//
// See https://www.rfc-editor.org/rfc/rfc1995#section-4.
func differences(z *zone.Zone, steps []passage) iter.Seq[owned] {
	return func(yield func(owned) bool) {
		soa, _ := z.RRset(z.Origin(), dns.TypeSOA)
		now := []owned{{z.Origin(), soa}}
		all := [][]owned{now}
		for i := range steps {
			s := &steps[i]
			all = append(all, []owned{s.from}, s.removed, []owned{s.to}, s.added)
		}
		for _, part := range append(all, now) {
			for _, o := range part {
				if !yield(o) {
					return
				}
			}
		}
	}
}

// An outgoing is a transfer to a client, in as many messages as it takes.
type outgoing struct {
	w   *dns.ResponseWriter
	co  *deferred.Co
	err error
}

// zone sends all of z: its SOA, everything else, its SOA again.
//
// See https://www.rfc-editor.org/rfc/rfc5936#section-2.2.
func (o *outgoing) zone(z *zone.Zone) {
	var soa dns.RRset
	for name, set := range z.All() {
		if set.Type == dns.TypeSOA {
			soa = set
		}
		if o.rrset(name, set); o.err != nil {
			return
		}
	}
	o.rrset(z.Origin(), soa)
}

// steps sends the differences.
func (o *outgoing) steps(z *zone.Zone, steps []passage) {
	for d := range differences(z, steps) {
		if o.rrset(d.name, d.set); o.err != nil {
			return
		}
	}
}

// rrset sends a set, in pieces if it has to be.
func (o *outgoing) rrset(name dns.Name, set dns.RRset) {
	if o.w.AddRRset(dns.Answer, name, set) {
		return
	}
	if o.flush(); o.err != nil || o.w.AddRRset(dns.Answer, name, set) {
		return
	}
	o.w.SetTruncated(false)
	for p := set.Data; len(p) >= 2; {
		n := 2 + int(binary.BigEndian.Uint16(p))
		one := dns.RRset{Type: set.Type, TTL: set.TTL, Data: p[:n]}
		if !o.w.AddRRset(dns.Answer, name, one) {
			if o.flush(); o.err != nil {
				return
			}
			if !o.w.AddRRset(dns.Answer, name, one) {
				o.err = fmt.Errorf("a record %s %s of %d bytes fits in no message", name, set.Type, n)
				return
			}
		}
		p = p[n:]
	}
}

// flush sends the message and waits until the client has room for more.
func (o *outgoing) flush() { _, o.err = o.w.Flush().Await(o.co) }

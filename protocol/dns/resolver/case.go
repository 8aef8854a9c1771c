package resolver

import (
	"strings"

	"github.com/twistor-go/twistor/protocol/dns"
)

// plainCase is rr with names in lower case. A query's name is in random case,
// and servers compress: where a name in an answer ends as the query's does, it
// points there, and would show our dice to whoever asks us. In the types in
// which names are compressed, signatures are over lower-case names anyway (RFC
// 4034 section 6.2).
func plainCase(rr dns.RR) dns.RR {
	lower := strings.ToLower
	switch rr := rr.(type) {
	case *dns.NS:
		return &dns.NS{Hdr: plainHeader(rr.Hdr), Ns: lower(rr.Ns)}
	case *dns.CNAME:
		return &dns.CNAME{Hdr: plainHeader(rr.Hdr), Target: lower(rr.Target)}
	case *dns.DNAME:
		return &dns.DNAME{Hdr: plainHeader(rr.Hdr), Target: lower(rr.Target)}
	case *dns.PTR:
		return &dns.PTR{Hdr: plainHeader(rr.Hdr), Ptr: lower(rr.Ptr)}
	case *dns.MX:
		return &dns.MX{Hdr: plainHeader(rr.Hdr), Preference: rr.Preference, Mx: lower(rr.Mx)}
	case *dns.SOA:
		c := *rr
		c.Hdr, c.Ns, c.Mbox = plainHeader(rr.Hdr), lower(rr.Ns), lower(rr.Mbox)
		return &c
	}
	return rr
}

func plainHeader(h dns.RecordHeader) dns.RecordHeader {
	h.Name = strings.ToLower(h.Name)
	return h
}

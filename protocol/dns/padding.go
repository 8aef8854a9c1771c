package dns

import (
	"slices"

	"github.com/miekg/dns"
)

// Padded is a copy of the query m, with id 0, EDNS, and a length that tells
// little: what goes over an encrypted network other than TLS.
//
// See https://www.rfc-editor.org/rfc/rfc8467#section-4.1.
func Padded(m *Message) *Message {
	q := *m
	q.Id = 0
	opt := &dns.OPT{Hdr: RecordHeader{Name: ".", Rrtype: TypeOPT}}
	opt.SetUDPSize(DefaultUDPBytes)
	q.Extra = slices.DeleteFunc(slices.Clone(m.Extra), func(rr RR) bool {
		o, is := rr.(*OPT)
		if is {
			opt.Hdr, opt.Option = o.Hdr, slices.Clone(o.Option)
		}
		return is
	})
	q.Extra = append(q.Extra, opt)
	if !slices.ContainsFunc(opt.Option, func(o dns.EDNS0) bool { return o.Option() == optionPadding }) {
		pad(&q, opt)
	}
	return &q
}

package authority

import (
	"fmt"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A refusedError is an update that is not made, and what the client hears.
type refusedError struct {
	rcode  dns.Rcode
	reason string
}

func (e *refusedError) Error() string { return e.rcode.String() + ": " + e.reason }

func refused(rcode dns.Rcode, format string, args ...any) error {
	return &refusedError{rcode, fmt.Sprintf(format, args...)}
}

// An update is a message that changes a zone, and who may.
//
// See https://www.rfc-editor.org/rfc/rfc2136.
type update struct {
	m      *dns.Message
	grants []UpdateGrant // of who sent it
	signed bool          // the zone is signed here: signatures are not for others
}

// work is what u makes of z: the records to remove and to add, or why it is
// refused. Nothing is half-made.
func (u *update) work(z *zone.Zone) (zone.Change, error) {
	d := draft{z: z}
	if err := u.prerequisites(&d); err != nil {
		return zone.Change{}, err
	}
	if err := u.permission(&d); err != nil {
		return zone.Change{}, err
	}
	for _, rr := range u.m.Ns {
		d.apply(rr)
	}
	return d.change(), nil
}

// prerequisites checks what the client wants to be true.
//
// See https://www.rfc-editor.org/rfc/rfc2136#section-3.2.5.
func (u *update) prerequisites(d *draft) error {
	type rrset struct {
		name dns.Name
		t    dns.Type
		rrs  []dns.RR
	}
	var wanted []rrset
	for _, rr := range u.m.Answer {
		h := rr.Header()
		name, t, err := d.read(rr)
		if err != nil {
			return err
		}
		if h.Ttl != 0 {
			return refused(dns.RcodeFormatError, "a prerequisite with TTL %d: want 0", h.Ttl)
		}
		if h.Class != dns.ClassIN && h.Rdlength != 0 {
			return refused(dns.RcodeFormatError, "a prerequisite of class %s with data", dns.Class(h.Class))
		}
		switch h.Class {
		case dns.ClassANY:
			if t == dns.TypeANY {
				if !d.used(name) {
					return refused(dns.RcodeNameError, "%s: want a name in use", name)
				}
			} else if len(d.set(name, t)) == 0 {
				return refused(dns.RcodeNXRRset, "%s %s: want one", name, t)
			}
		case dns.ClassNONE:
			if t == dns.TypeANY {
				if d.used(name) {
					return refused(dns.RcodeYXDomain, "%s: want a name that is not in use", name)
				}
			} else if len(d.set(name, t)) != 0 {
				return refused(dns.RcodeYXRRset, "%s %s: want none", name, t)
			}
		case dns.ClassIN:
			i := slices.IndexFunc(wanted, func(s rrset) bool { return s.t == t && string(s.name) == string(name) })
			if i < 0 {
				i, wanted = len(wanted), append(wanted, rrset{name: name, t: t})
			}
			if !slices.ContainsFunc(wanted[i].rrs, func(o dns.RR) bool { return dns.Same(o, rr) }) {
				wanted[i].rrs = append(wanted[i].rrs, rr)
			}
		default:
			return refused(dns.RcodeFormatError, "a prerequisite of class %s: want IN, ANY or NONE", dns.Class(h.Class))
		}
	}
	for _, s := range wanted {
		have := d.set(s.name, s.t)
		if len(have) != len(s.rrs) || slices.ContainsFunc(s.rrs, func(rr dns.RR) bool {
			return !slices.ContainsFunc(have, func(o dns.RR) bool { return dns.Same(o, rr) })
		}) {
			return refused(dns.RcodeNXRRset, "%s %s: want the %d records of the prerequisite", s.name, s.t, len(s.rrs))
		}
	}
	return nil
}

// permission checks that each change is a possible one, and allowed.
//
// See https://www.rfc-editor.org/rfc/rfc2136#section-3.4.1.
func (u *update) permission(d *draft) error {
	for _, rr := range u.m.Ns {
		h := rr.Header()
		name, t, err := d.read(rr)
		if err != nil {
			return err
		}
		switch h.Class {
		case dns.ClassIN:
			if isMeta(t) {
				return refused(dns.RcodeFormatError, "adds %s %s: want a type of data", name, t)
			}
			if h.Rdlength == 0 && t != dns.TypeAPL && t != dns.TypeNULL {
				return refused(dns.RcodeFormatError, "adds %s %s without data", name, t)
			}
		case dns.ClassANY:
			if h.Ttl != 0 || h.Rdlength != 0 || isMeta(t) && t != dns.TypeANY {
				return refused(dns.RcodeFormatError, "deletes %s %s: want TTL 0, no data, and a type of data or ANY", name, t)
			}
		case dns.ClassNONE:
			if h.Ttl != 0 || isMeta(t) {
				return refused(dns.RcodeFormatError, "deletes a record of %s %s: want TTL 0 and a type of data", name, t)
			}
		default:
			return refused(dns.RcodeFormatError, "a change of class %s: want IN, ANY or NONE", dns.Class(h.Class))
		}
		if u.signed && isMade(t) {
			return refused(dns.RcodeRefused, "changes %s %s, which the server itself makes", name, t)
		}
		if !slices.ContainsFunc(u.grants, func(g UpdateGrant) bool { return g.covers(name, t) }) {
			return refused(dns.RcodeRefused, "no leave to change %s %s", name, t)
		}
	}
	return nil
}

// isMeta reports whether t is a type of questions, not of data.
func isMeta(t dns.Type) bool { return t == 0 || t == dns.TypeOPT || t >= 128 && t < 256 }

// isSignature reports whether records of type t are made by who signs a zone.
func isSignature(t dns.Type) bool {
	switch t {
	case dns.TypeRRSIG, dns.TypeNSEC, dns.TypeNSEC3, dns.TypeNSEC3PARAM:
		return true
	}
	return false
}

package dns

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"github.com/twistor-go/twistor/deferred"
)

// recordTypes are the numbers of the types of records, such as *MX.
var recordTypes = func() map[reflect.Type]uint16 {
	m := map[reflect.Type]uint16{}
	for t, build := range dns.TypeToRR {
		m[reflect.TypeOf(build())] = t
	}
	return m
}()

// Lookup asks r for the records of type T, such as *MX, of a name, and of the
// name that it is an alias of:
//
//	texts := dns.Lookup[*dns.TXT](client, "example.com")
//
// It fails with ErrNoSuchName, ErrNoRecords, or what r fails with. A T that is
// no type of record panics. A name without a final dot is looked up as it is,
// unless r is a Search.
func Lookup[T RR](r Resolver, name string) *deferred.Deferred[[]T] {
	t, ok := recordTypes[reflect.TypeFor[T]()]
	if !ok {
		panic(fmt.Sprintf("dns: Lookup[%s]: want a type of record, such as *dns.MX", reflect.TypeFor[T]()))
	}
	return deferred.Then(LookupType(r, name, Type(t)), func(rrs []RR) (found []T, err error) {
		for _, rr := range rrs {
			if v, ok := rr.(T); ok {
				found = append(found, v)
			}
		}
		return found, nil
	})
}

// LookupType asks r for the records of a type of a name, and of the name that
// it is an alias of. TypeANY is all that the server wants to tell. It fails as
// Lookup does; that there are none is a failure.
func LookupType(r Resolver, name string, t Type) *deferred.Deferred[[]RR] {
	f := &following{r: r, q: Question{Name: name, Qtype: uint16(t), Qclass: ClassIN}}
	return f.ask()
}

// A following is a look-up that follows aliases, also where the resolver does
// not.
type following struct {
	r     Resolver
	q     Question
	steps int
}

func (f *following) ask() *deferred.Deferred[[]RR] {
	return deferred.Chain(f.r.Resolve(f.q, Options{}), f.look)
}

func (f *following) look(m *Message) *deferred.Deferred[[]RR] {
	owner := wireName(f.q.Name)
	if len(m.Question) == 1 {
		owner = wireName(m.Question[0].Name) // what a Search found
	}
	for {
		var found []RR
		for _, rr := range m.Answer {
			h := rr.Header()
			if (h.Rrtype == f.q.Qtype || f.q.Qtype == TypeANY) && wireName(h.Name) == owner {
				found = append(found, rr)
			}
		}
		if len(found) > 0 {
			return deferred.Succeeded(found)
		}
		next, ok := aliasOf(m.Answer, owner)
		if !ok {
			break
		}
		if f.steps++; f.steps > maxChain {
			return f.fail(fmt.Errorf("dns: %s: over %d aliases behind each other", f.q.Name, maxChain))
		}
		owner = next
	}
	q := Question{Name: Name(owner).String(), Qtype: f.q.Qtype, Qclass: f.q.Qclass}
	if m.Rcode != RcodeSuccess || len(m.Answer) == 0 || f.steps == 0 {
		return f.fail(&ResponseError{Question: q, Rcode: Rcode(m.Rcode)})
	}
	if hasSOA(m) { // the server knows the end of the chain
		return f.fail(&ResponseError{Question: q, Rcode: RcodeSuccess})
	}
	f.q = q
	f.steps++
	if f.steps > maxChain {
		return f.fail(fmt.Errorf("dns: %s: over %d aliases behind each other", f.q.Name, maxChain))
	}
	return f.ask()
}

func (f *following) fail(err error) *deferred.Deferred[[]RR] {
	return deferred.Failed[[]RR](nil, err)
}

func hasSOA(m *Message) bool {
	return slices.ContainsFunc(m.Ns, func(rr RR) bool { return rr.Header().Rrtype == TypeSOA })
}

// LookupMX looks the mail servers of a domain up, the preferred first. A single
// one named "." says that the domain takes no mail (RFC 7505).
func LookupMX(r Resolver, domain string) *deferred.Deferred[[]*MX] {
	return deferred.Then(Lookup[*MX](r, domain), func(mx []*MX) ([]*MX, error) {
		slices.SortStableFunc(mx, func(a, b *MX) int { return cmp.Compare(a.Preference, b.Preference) })
		return mx, nil
	})
}

// LookupTXT looks texts up, each record's strings joined.
func LookupTXT(r Resolver, name string) *deferred.Deferred[[]string] {
	return deferred.Then(Lookup[*TXT](r, name), func(texts []*TXT) (found []string, err error) {
		for _, t := range texts {
			found = append(found, strings.Join(t.Txt, ""))
		}
		return found, nil
	})
}

// LookupPTR looks the names of an address up, with their final dots. Who made
// the records can write what he likes: look the names' addresses up to be sure.
func LookupPTR(r Resolver, addr netip.Addr) *deferred.Deferred[[]string] {
	return deferred.Then(Lookup[*PTR](r, ReverseName(addr).String()), func(names []*PTR) (found []string, err error) {
		for _, p := range names {
			found = append(found, p.Ptr)
		}
		return found, nil
	})
}

// LookupCNAME looks the canonical name up: that of a name without aliases is
// the name itself.
func LookupCNAME(r Resolver, name string) *deferred.Deferred[string] {
	d := deferred.Then(Lookup[*CNAME](r, name), func(c []*CNAME) (string, error) { return c[0].Target, nil })
	return d.Catch(func(err error) (string, error) {
		if e, ok := err.(*ResponseError); ok && e.Rcode == RcodeSuccess {
			return e.Question.Name, nil
		}
		return "", err
	})
}

// ReverseName is the name at which an address' PTR record is: of 192.0.2.1
// 1.2.0.192.in-addr.arpa, of IPv6 addresses their digits below ip6.arpa. Of the
// zero Addr it is the root.
//
// See https://www.rfc-editor.org/rfc/rfc1035#section-3.5 and
// https://www.rfc-editor.org/rfc/rfc3596#section-2.5.
func ReverseName(addr netip.Addr) Name {
	addr = addr.Unmap()
	n := make(Name, 0, 74)
	switch {
	case addr.Is4():
		p := addr.As4()
		for i := range p {
			digits := fmt.Append(nil, p[len(p)-1-i])
			n = append(append(n, byte(len(digits))), digits...)
		}
		n = append(n, "\x07in-addr"...)
	case addr.Is6():
		p := addr.As16()
		const digits = "0123456789abcdef"
		for i := range p {
			b := p[len(p)-1-i]
			n = append(n, 1, digits[b&0xf], 1, digits[b>>4])
		}
		n = append(n, "\x03ip6"...)
	default:
		return Root
	}
	return append(n, "\x04arpa\x00"...)
}

// ParseReverseName is the address whose ReverseName is n.
func ParseReverseName(n Name) (addr netip.Addr, ok bool) {
	var labels []string
	for m := n; !m.IsRoot(); m = m.Parent() {
		labels = append(labels, string(m[1:1+m[0]]))
	}
	slices.Reverse(labels)
	switch {
	case len(labels) == 6 && labels[0] == "arpa" && labels[1] == "in-addr":
		addr, _ = netip.ParseAddr(strings.Join(labels[2:], "."))
	case len(labels) == 34 && labels[0] == "arpa" && labels[1] == "ip6":
		var b strings.Builder
		for i, l := range labels[2:] {
			if i > 0 && i%4 == 0 {
				b.WriteByte(':')
			}
			b.WriteString(l)
		}
		addr, _ = netip.ParseAddr(b.String())
	}
	// Not every way to write an address is a reverse name.
	return addr, addr.IsValid() && string(ReverseName(addr)) == string(n)
}

package resolver

import (
	"net/netip"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A Local answers questions about names that have a meaning of their own, and
// that no server of the internet knows: localhost, names for tests, the reverse names of
// private networks. All else goes to Resolver. It is a dns.Resolver. Loop-only.
//
// See https://www.rfc-editor.org/rfc/rfc6761 and https://www.rfc-editor.org/rfc/rfc6303.
type Local struct {
	Loop     twistor.Loop
	Resolver dns.Resolver
	// Except are names that go to Resolver all the same, with all below them: a
	// network that serves its own 10.in-addr.arpa. Nil: none.
	Except []dns.Name
}

// localTTL is what RFC 6303 section 3 has such zones say.
const localTTL = 10_800

// absent are the names at and below which there is nothing.
var absent = set(
	"invalid", "test", "onion", "local", // RFC 6761, 7686, 6762
	"home.arpa", "resolver.arpa", "service.arpa", // RFC 8375, 9462, 9665
	// https://www.iana.org/assignments/locally-served-dns-zones
	"0.in-addr.arpa", "127.in-addr.arpa", "10.in-addr.arpa", "254.169.in-addr.arpa", "168.192.in-addr.arpa",
	"2.0.192.in-addr.arpa", "100.51.198.in-addr.arpa", "113.0.203.in-addr.arpa", "255.255.255.255.in-addr.arpa",
	"0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa", ownIPv6,
	"d.f.ip6.arpa", "8.e.f.ip6.arpa", "9.e.f.ip6.arpa", "a.e.f.ip6.arpa", "b.e.f.ip6.arpa", "8.b.d.0.1.0.0.2.ip6.arpa",
)

const (
	ownIPv4 = "1.0.0.127.in-addr.arpa"
	ownIPv6 = "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa"
)

var (
	localhost = dns.MustParseName("localhost")
	ownNames  = map[string]bool{string(dns.MustParseName(ownIPv4)): true, string(dns.MustParseName(ownIPv6)): true}
)

func set(names ...string) map[string]bool {
	for i := 16; i < 32; i++ { // 172.16.0.0/12
		names = append(names, strconv.Itoa(i)+".172.in-addr.arpa")
	}
	for i := 64; i < 128; i++ { // 100.64.0.0/10, RFC 7793
		names = append(names, strconv.Itoa(i)+".100.in-addr.arpa")
	}
	out := map[string]bool{}
	for _, s := range names {
		out[string(dns.MustParseName(s))] = true
	}
	return out
}

// Resolve implements dns.Resolver.
func (l *Local) Resolve(q dns.Question, o dns.Options) *deferred.Deferred[*dns.Message] {
	name, err := dns.ParseName(q.Name)
	if err != nil {
		return deferred.Failed[*dns.Message](l.Loop, err)
	}
	for _, n := range l.Except {
		if name.In(n) {
			return l.Resolver.Resolve(q, o)
		}
	}
	if name.In(localhost) {
		return deferred.Succeeded(here(q, name))
	}
	for n := name; !n.IsRoot(); n = n.Parent() {
		// A question for DS is one to the zone above.
		if absent[string(n)] && (dns.Type(q.Qtype) != dns.TypeDS || len(n) != len(name)) {
			return deferred.Succeeded(here(q, name))
		}
	}
	return l.Resolver.Resolve(q, o)
}

// here is the answer of this host to a question about a name of its own.
func here(q dns.Question, name dns.Name) *dns.Message {
	m := new(dns.Message)
	m.Response, m.RecursionAvailable, m.Authoritative = true, true, true
	m.Question = []dns.Question{q}
	h := dns.RecordHeader{Name: q.Name, Rrtype: q.Qtype, Class: dns.ClassIN, Ttl: localTTL}
	switch own := ownNames[string(name)]; {
	case name.In(localhost) && q.Qtype == dns.TypeA:
		m.Answer = []dns.RR{&dns.A{Hdr: h, A: netip.AddrFrom4([4]byte{127, 0, 0, 1}).AsSlice()}}
		return m
	case name.In(localhost) && q.Qtype == dns.TypeAAAA:
		m.Answer = []dns.RR{&dns.AAAA{Hdr: h, AAAA: netip.IPv6Loopback().AsSlice()}}
		return m
	case own && q.Qtype == dns.TypePTR:
		m.Answer = []dns.RR{&dns.PTR{Hdr: h, Ptr: "localhost."}}
		return m
	case !own && !name.In(localhost) && !absent[string(name)]:
		m.Rcode = dns.RcodeNameError
	}
	apex := name
	for n := name; !n.IsRoot(); n = n.Parent() {
		if absent[string(n)] || string(n) == string(localhost) {
			apex = n
		}
	}
	m.Ns = []dns.RR{&dns.SOA{Hdr: dns.RecordHeader{Name: apex.String(), Rrtype: dns.TypeSOA, Class: dns.ClassIN, Ttl: localTTL},
		Ns: apex.String(), Mbox: "nobody.invalid.", Serial: 1, Refresh: 3600, Retry: 1200, Expire: 604_800, Minttl: localTTL}}
	return m
}

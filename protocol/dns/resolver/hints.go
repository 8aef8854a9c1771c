package resolver

import (
	"errors"
	"fmt"
	"io"
	"net/netip"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// roots are the root's servers, a to m.
//
// See https://www.internic.net/domain/named.root, as it is since November 2023.
var roots = [...][2]string{
	{"198.41.0.4", "2001:503:ba3e::2:30"},
	{"170.247.170.2", "2801:1b8:10::b"},
	{"192.33.4.12", "2001:500:2::c"},
	{"199.7.91.13", "2001:500:2d::d"},
	{"192.203.230.10", "2001:500:a8::e"},
	{"192.5.5.241", "2001:500:2f::f"},
	{"192.112.36.4", "2001:500:12::d0d"},
	{"198.97.190.53", "2001:500:1::53"},
	{"192.36.148.17", "2001:7fe::53"},
	{"192.58.128.30", "2001:503:c27::2:30"},
	{"193.0.14.129", "2001:7fd::1"},
	{"199.7.83.42", "2001:500:9f::42"},
	{"202.12.27.33", "2001:dc3::35"},
}

// RootHints are the root's servers: where a Recursive begins.
func RootHints() []dns.RR {
	const ttl = 3_600_000
	var out []dns.RR
	for i, addrs := range roots {
		name := string(rune('a'+i)) + ".root-servers.net."
		header := func(name string, t uint16) dns.RecordHeader {
			return dns.RecordHeader{Name: name, Rrtype: t, Class: dns.ClassIN, Ttl: ttl}
		}
		out = append(out, &dns.NS{Hdr: header(".", dns.TypeNS), Ns: name},
			&dns.A{Hdr: header(name, dns.TypeA), A: netip.MustParseAddr(addrs[0]).AsSlice()},
			&dns.AAAA{Hdr: header(name, dns.TypeAAAA), AAAA: netip.MustParseAddr(addrs[1]).AsSlice()})
	}
	return out
}

// ReadHints reads a file of hints, such as named.root. It waits for r: call it
// on the pool.
func ReadHints(r io.Reader, file string) ([]dns.RR, error) {
	z := dns.ReadZone(r, dns.ZoneFileOptions{Origin: dns.Root, File: file, DefaultTTL: 3600})
	var out []dns.RR
	for len(out) < maxSetRecords {
		rr, ok := z.Next()
		if !ok {
			break
		}
		out = append(out, rr)
	}
	if err := z.Err(); err != nil {
		return nil, err
	}
	if d := hinted(out); d == nil || len(known(d)) == 0 {
		return nil, fmt.Errorf("resolver: %s: want NS records of the root, and addresses of those servers", file)
	}
	return out, nil
}

// hinted is the root as hints describe it.
func hinted(hints []dns.RR) *delegation {
	rs := readRecords(hints)
	s, ok := collect(rs, dns.Root, dns.TypeNS)
	if !ok {
		return nil
	}
	return newDelegation(s, dns.Root, rs)
}

// known are all the addresses that came with d.
func known(d *delegation) (out []netip.Addr) {
	for _, ns := range d.ns {
		out = append(out, ns.glue...)
	}
	return out
}

// prime asks one of the hints who serves the root today. If none answers, the
// hints themselves do, and it is asked again soon.
//
// See https://www.rfc-editor.org/rfc/rfc8109#section-3.
func (f *finder) prime() (*delegation, error) {
	d := hinted(f.Hints)
	if d == nil {
		return nil, fail(f.q, CodeOther, "no hints of the root", nil)
	}
	tried := map[netip.Addr]bool{}
	for range 4 {
		addr, ok := f.choose(d, tried)
		if !ok || f.b.queries <= 0 {
			break
		}
		tried[addr] = true
		f.b.queries--
		m, err := f.query(addr, dns.Root, dns.TypeNS)
		if errors.Is(err, deferred.ErrCanceled) || errors.Is(err, deferred.ErrStopped) {
			return nil, err
		}
		if err != nil || m.Rcode != dns.RcodeSuccess || !m.Authoritative {
			continue
		}
		s, ok := collect(readRecords(m.Answer), dns.Root, dns.TypeNS)
		if !ok {
			continue
		}
		if got := newDelegation(s, dns.Root, readRecords(m.Extra)); len(known(got)) > 0 {
			return f.remember(got), nil
		}
	}
	d.ttl = uint32(hostTime.Seconds())
	return f.remember(d), nil
}

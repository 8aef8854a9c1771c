package dns

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

const (
	// DefaultHosts is the file of names that a machine knows by itself.
	DefaultHosts = "/etc/hosts"
	// hostsTTL is how long what it says holds, in seconds.
	hostsTTL      = 3600
	hostsEvery    = 5 * time.Second
	maxHostsBytes = 16 << 20
	// maxHostAddrs is how many addresses one name of the file has.
	maxHostAddrs = 100
)

// Hosts is the Resolver of a hosts file: of the addresses of its names, IPv4
// and IPv6, and the names of its addresses. It looks whether the file has
// changed at most every 5 s. Without the file, it knows localhost only, and what
// is below it: loopback, always (RFC 6761 section 6.3).
//
// Of a name in the file it knows all addresses, so that there is no other of
// the other family; of other names and types it fails with ErrNotKnown, and a
// Chain goes on. A file of over 16 MiB is not read. Loop-only.
type Hosts struct {
	// Loop has the file system.
	Loop twistor.Loop
	// Name is the file's. "": /etc/hosts.
	Name string

	file *followed[*hostsTable]
}

// Resolve implements Resolver.
func (h *Hosts) Resolve(q Question, o Options) *deferred.Deferred[*Message] {
	name, err := ParseName(q.Name)
	if err != nil {
		return deferred.Failed[*Message](h.Loop, err)
	}
	if h.file == nil {
		file := h.Name
		if file == "" {
			file = DefaultHosts
		}
		h.file = &followed[*hostsTable]{name: file, every: hostsEvery, maxBytes: maxHostsBytes, parse: parseHosts}
	}
	return deferred.Then(h.file.get(h.Loop), func(t *hostsTable) (*Message, error) {
		m := t.answer(name, q)
		if m == nil {
			return nil, fmt.Errorf("dns: %s %s: %w", q.Name, Type(q.Qtype), ErrNotKnown)
		}
		return m, nil
	})
}

// A hostsTable is a hosts file. Immutable after first use.
type hostsTable struct {
	addrs map[string][]netip.Addr // by Name
	names map[netip.Addr][]Name
}

// parseHosts reads a file as hosts(5) has it: an address, its name, more names.
// What follows # is a comment, and lines of another form are not for us.
func parseHosts(p []byte) *hostsTable {
	t := &hostsTable{map[string][]netip.Addr{}, map[netip.Addr][]Name{}}
	for line := range bytes.Lines(p) {
		line, _, _ = bytes.Cut(line, []byte("#"))
		fields := bytes.Fields(line)
		if len(fields) < 2 {
			continue
		}
		addr, err := netip.ParseAddr(string(fields[0]))
		if err != nil {
			continue
		}
		addr = addr.Unmap()
		for _, f := range fields[1:] {
			name, err := ParseName(string(f))
			if err != nil || name.IsRoot() {
				continue
			}
			t.add(name, addr)
		}
	}
	return t
}

func (t *hostsTable) add(name Name, addr netip.Addr) {
	if names := t.names[addr]; len(names) < maxHostAddrs && !slices.ContainsFunc(names, func(n Name) bool { return string(n) == string(name) }) {
		t.names[addr] = append(names, name)
	}
	if addr.Zone() != "" {
		return // no record can say that
	}
	if addrs := t.addrs[string(name)]; len(addrs) < maxHostAddrs && !slices.Contains(addrs, addr) {
		t.addrs[string(name)] = append(addrs, addr)
	}
}

var (
	localhost = MustParseName("localhost.")
	loopback  = []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
)

// answer is what the file says; nil: nothing.
func (t *hostsTable) answer(name Name, q Question) *Message {
	if q.Qclass != ClassIN && q.Qclass != 0 {
		return nil
	}
	head := func(t uint16) RecordHeader {
		return RecordHeader{Name: name.String(), Rrtype: t, Class: ClassIN, Ttl: hostsTTL}
	}
	var found []RR
	known := false
	switch q.Qtype {
	case TypeA, TypeAAAA, TypeANY:
		addrs := t.addrs[string(name)]
		if len(addrs) == 0 && name.In(localhost) {
			addrs = loopback
		}
		for _, ip := range addrs {
			known = true
			switch {
			case ip.Is4() && q.Qtype != TypeAAAA:
				found = append(found, &A{Hdr: head(TypeA), A: ip.AsSlice()})
			case ip.Is6() && q.Qtype != TypeA:
				found = append(found, &AAAA{Hdr: head(TypeAAAA), AAAA: ip.AsSlice()})
			}
		}
	case TypePTR:
		if ip, ok := ParseReverseName(name); ok {
			names := t.names[ip]
			if len(names) == 0 && ip.IsLoopback() {
				names = []Name{localhost}
			}
			for _, n := range names {
				known = true
				found = append(found, &PTR{Hdr: head(TypePTR), Ptr: n.String()})
			}
		}
	default:
		known = name.In(localhost) // it has nothing else
	}
	if !known {
		return nil
	}
	m := &Message{Question: []Question{{Name: name.String(), Qtype: q.Qtype, Qclass: ClassIN}}, Answer: found}
	m.Response, m.RecursionDesired, m.RecursionAvailable = true, true, true
	return m
}

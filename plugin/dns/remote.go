package dns

import (
	"net/netip"
	"strings"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A secondary is a zone that other servers have first.
type secondary struct {
	name      dns.Name
	primaries []remote
}

// A remote is another server of a zone.
type remote struct {
	addr netip.AddrPort
	key  dns.Name // nil: none
}

// parseSecondary reads NAME=ADDRESS[,ADDRESS...][,key:NAME], or as Twisted has
// it, ADDRESS/NAME.
func parseSecondary(s string) (z secondary, ok bool) {
	name, rest, ours := strings.Cut(s, "=")
	if !ours {
		i := strings.LastIndex(s, "/")
		if i < 0 {
			return z, false
		}
		name, rest = s[i+1:], s[:i]
	}
	var err error
	if z.name, err = dns.ParseName(name); err != nil {
		return z, false
	}
	z.primaries, ok = parseRemotes(rest)
	return z, ok
}

// parseRemotes reads ADDRESS[,ADDRESS...][,key:NAME].
func parseRemotes(s string) (all []remote, ok bool) {
	var key dns.Name
	for part := range strings.SplitSeq(s, ",") {
		if name, is := strings.CutPrefix(part, keyPrefix); is && key == nil {
			var err error
			if key, err = dns.ParseName(name); err != nil {
				return nil, false
			}
			continue
		}
		at, ok := parseServer(part)
		if !ok {
			return nil, false
		}
		all = append(all, remote{addr: at})
	}
	for i := range all {
		all[i].key = key
	}
	return all, len(all) > 0
}

// parseServer reads where a server of a zone is, with a port or without.
func parseServer(s string) (netip.AddrPort, bool) {
	if at, err := netip.ParseAddrPort(s); err == nil {
		return netip.AddrPortFrom(at.Addr().Unmap(), at.Port()), at.Port() != 0
	}
	ip, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	return netip.AddrPortFrom(ip.Unmap(), dns.DefaultPort), err == nil
}

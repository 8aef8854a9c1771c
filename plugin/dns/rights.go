package dns

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
)

const (
	anybody   = "any"
	keyPrefix = "key:"
)

// near are this host and the networks that are nobody's in particular: for them
// names are looked up unless somebody says for whom. A resolver for everybody is
// one for those who flood others through it.
//
// See https://www.rfc-editor.org/rfc/rfc5358#section-4.
var near = []netip.Prefix{
	netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"),
	netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"), netip.MustParsePrefix("192.168.0.0/16"),
	netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("169.254.0.0/16"),
	netip.MustParsePrefix("fe80::/10"), netip.MustParsePrefix("fc00::/7"),
}

// rights say who may: by where he asks from, or by the key that he signs with.
// Immutable.
type rights struct {
	networks []netip.Prefix
	keys     []dns.Name
}

// hold reports whether a network has from.
func (r *rights) hold(from netip.Addr) bool {
	from = from.Unmap().WithZone("")
	for _, n := range r.networks {
		if n.Contains(from) {
			return true
		}
	}
	return false
}

// parseRights reads networks, and keys where they count.
func parseRights(option string, all []string, usual []netip.Prefix, keys bool) (r rights, err error) {
	if len(all) == 0 {
		return rights{networks: usual}, nil
	}
	want := "a network, such as 192.0.2.0/24, or " + anybody
	if keys {
		want += ", or key:NAME"
	}
	for _, s := range all {
		if name, is := strings.CutPrefix(s, keyPrefix); is && keys {
			n, err := dns.ParseName(name)
			if err != nil {
				return r, plugin.Usage("--%s %q: want %s", option, s, want)
			}
			r.keys = append(r.keys, n)
			continue
		}
		prefixes, ok := parseNetwork(s)
		if !ok {
			return r, plugin.Usage("--%s %q: want %s", option, s, want)
		}
		r.networks = append(r.networks, prefixes...)
	}
	return r, nil
}

// parseNetwork reads a network, an address, or any.
func parseNetwork(s string) ([]netip.Prefix, bool) {
	if s == anybody {
		return everybody, true
	}
	if prefix, err := netip.ParsePrefix(s); err == nil {
		return []netip.Prefix{prefix.Masked()}, true
	}
	ip, err := netip.ParseAddr(s)
	if err != nil || ip.Zone() != "" {
		return nil, false
	}
	return []netip.Prefix{netip.PrefixFrom(ip, ip.BitLen())}, true
}

var everybody = []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0"), netip.MustParsePrefix("::/0")}

func (p *plan) readRights() (err error) {
	if p.query, err = parseRights("allow-query", p.AllowQuery, everybody, false); err != nil {
		return err
	}
	if p.recursion, err = parseRights("allow-recursion", p.AllowRecursion, near, false); err != nil {
		return err
	}
	if p.transfer, err = parseRights("allow-transfer", p.AllowTransfer, nil, true); err != nil {
		return err
	}
	if err = p.readUpdates(); err != nil {
		return err
	}
	switch {
	case len(p.AllowRecursion) > 0 && !p.resolves():
		return plugin.Usage("--allow-recursion: want --recursive, --forward, --resolv-conf or --hosts, too")
	case len(p.AllowTransfer) > 0 && !p.serves():
		return plugin.Usage("--allow-transfer: want a zone, too, by --zone, --zone-dir or --secondary")
	case len(p.AllowUpdate) > 0 && len(p.Zones) == 0 && p.ZoneDir == "":
		return plugin.Usage("--allow-update: want a zone, too, by --zone or --zone-dir")
	case p.RateLimit < 0 || p.RateLimit > maxRate:
		return plugin.Usage("--rate-limit=%d: want a number from 0 to %d", p.RateLimit, maxRate)
	}
	return nil
}

// An updateRight is a key that may change zones. An address may not: it is easily
// forged.
type updateRight struct {
	within dns.Name // what it may change, with all below; nil: everything
	key    dns.Name
}

func (p *plan) readUpdates() error {
	for _, s := range p.AllowUpdate {
		var u updateRight
		within, key, ok := strings.Cut(s, "=")
		if !ok {
			within, key = "", s
		}
		name, is := strings.CutPrefix(key, keyPrefix)
		var err, errWithin error
		u.key, err = dns.ParseName(name)
		if ok {
			u.within, errWithin = dns.ParseName(within)
		}
		if !is || err != nil || errWithin != nil {
			return plugin.Usage("--allow-update %q: want key:NAME, of a key of --tsig, or NAME=key:NAME", s)
		}
		p.updates = append(p.updates, u)
	}
	return nil
}

// readKeys sorts --tsig into keys and files of keys. A key has a colon, and a file
// whose name has one is said with its directory.
func (p *plan) readKeys() error {
	for _, s := range p.TSIG {
		if !strings.Contains(s, ":") || strings.HasPrefix(s, "/") || strings.HasPrefix(s, ".") {
			p.keyFiles = append(p.keyFiles, s)
			continue
		}
		key, err := dns.ParseTSIGKey(s)
		if err != nil { // which does not repeat the secret
			return plugin.Usage("--tsig: %w; or a file", err)
		}
		p.spelledKeys = append(p.spelledKeys, key)
	}
	p.neededKeys = slices.Clone(p.transfer.keys)
	for _, u := range p.updates {
		p.neededKeys = append(p.neededKeys, u.key)
	}
	remotes := p.notify
	for _, z := range p.secondaries {
		remotes = slices.Concat(remotes, z.primaries)
	}
	for _, r := range remotes {
		if r.key != nil {
			p.neededKeys = append(p.neededKeys, r.key)
		}
	}
	if len(p.neededKeys) > 0 && len(p.TSIG) == 0 {
		return plugin.Usage("key:%s: want --tsig, too, which says what the key is", strings.TrimSuffix(p.neededKeys[0].String(), "."))
	}
	return nil
}

package dns

import (
	"errors"
	"net/netip"

	"github.com/twistor-go/twistor/deferred"
)

// LookupAddrs looks all addresses of a host up, IPv6 and IPv4 at once: those of
// IPv6 come first. An address in place of a name is returned as it is. It fails
// if there is none of either family: with ErrNoSuchName, ErrNoRecords, or what
// r fails with.
func LookupAddrs(r Resolver, host string) *deferred.Deferred[[]netip.Addr] {
	if ip, err := netip.ParseAddr(host); err == nil {
		return deferred.Succeeded([]netip.Addr{ip})
	}
	return both(lookupAAAA(r, host), lookupA(r, host))
}

// LookupHost looks one address of a host up: of IPv4, if it has one. It fails
// as LookupAddrs does.
func LookupHost(r Resolver, host string) *deferred.Deferred[netip.Addr] {
	return deferred.Then(LookupAddrs(r, host), func(all []netip.Addr) (netip.Addr, error) {
		for _, ip := range all {
			if ip.Is4() {
				return ip, nil
			}
		}
		return all[0], nil
	})
}

func lookupA(r Resolver, host string) *deferred.Deferred[[]netip.Addr] {
	return deferred.Then(Lookup[*A](r, host), func(rrs []*A) (found []netip.Addr, err error) {
		for _, rr := range rrs {
			if ip, ok := netip.AddrFromSlice(rr.A.To4()); ok {
				found = append(found, ip)
			}
		}
		return found, nil
	})
}

func lookupAAAA(r Resolver, host string) *deferred.Deferred[[]netip.Addr] {
	return deferred.Then(Lookup[*AAAA](r, host), func(rrs []*AAAA) (found []netip.Addr, err error) {
		for _, rr := range rrs {
			if ip, ok := netip.AddrFromSlice(rr.AAAA.To16()); ok {
				found = append(found, ip)
			}
		}
		return found, nil
	})
}

// both joins the look-ups of two families.
func both(ds ...*deferred.Deferred[[]netip.Addr]) *deferred.Deferred[[]netip.Addr] {
	return deferred.Then(deferred.Settle(ds...), func(got []deferred.Outcome[[]netip.Addr]) (all []netip.Addr, err error) {
		for _, o := range got {
			all = append(all, o.Value...)
			err = graver(err, o.Err)
		}
		if len(all) > 0 {
			return all, nil
		}
		return nil, err
	})
}

// graver is the one of two failures that says more: that there is no such name,
// then what broke, and at last that one family has no records.
func graver(a, b error) error {
	rank := func(err error) int {
		switch {
		case err == nil:
			return 0
		case errors.Is(err, ErrNoRecords):
			return 1
		case errors.Is(err, ErrNoSuchName):
			return 3
		}
		return 2
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

package authority

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// A revision is the next version of a zone in the making.
type revision struct {
	was, z *zone.Zone
	total  zone.Change // from was to z
}

// empty reports whether nothing changed.
func (d *revision) empty() bool { return len(d.total.Removed)+len(d.total.Added) == 0 }

// apply makes c.
func (d *revision) apply(c zone.Change) error {
	if len(c.Removed)+len(c.Added) == 0 {
		return nil
	}
	z, err := d.z.Apply(c)
	if err != nil {
		return refused(dns.RcodeRefused, "%v", err)
	}
	d.z, d.total = z, fold(d.total, c)
	return nil
}

// raise has z a serial after the given one, unless it has one.
//
// See https://www.rfc-editor.org/rfc/rfc2136#section-3.6.
func (d *revision) raise(serial uint32) error {
	soa := d.z.SOA()
	if newer(soa.Serial, serial) {
		return nil
	}
	risen := *soa
	risen.Serial = next(serial)
	return d.apply(zone.Change{Removed: []dns.RR{soa}, Added: []dns.RR{&risen}})
}

// step is d as a Step.
func (d *revision) step() (Step, error) {
	s := Step{From: d.was.SOA(), To: d.z.SOA()}
	if s.From == nil || s.To == nil {
		return s, fmt.Errorf("authority: zone %s: want an SOA record", d.was.Origin())
	}
	s.Removed = slices.DeleteFunc(slices.Clone(d.total.Removed), isSOA)
	s.Added = slices.DeleteFunc(slices.Clone(d.total.Added), isSOA)
	return s, nil
}

func isSOA(rr dns.RR) bool { return rr.Header().Rrtype == dns.TypeSOA }

// fold is one change that does what a and then b do: what a adds and b removes
// is in neither, and the other way round.
func fold(a, b zone.Change) zone.Change {
	if len(a.Removed)+len(a.Added) == 0 {
		return b
	}
	index := make(map[string][]int, len(a.Removed)+len(a.Added))
	note := func(rrs []dns.RR) {
		for i, rr := range rrs {
			key := setKey(rr)
			index[key] = append(index[key], i)
		}
	}
	cancel := func(of, by []dns.RR) (left, rest []dns.RR) {
		clear(index)
		note(of)
		gone := make([]bool, len(of))
		for _, rr := range by {
			at := slices.IndexFunc(index[setKey(rr)], func(i int) bool { return !gone[i] && identical(of[i], rr) })
			if at < 0 {
				rest = append(rest, rr)
				continue
			}
			gone[index[setKey(rr)][at]] = true
		}
		for i, rr := range of {
			if !gone[i] {
				left = append(left, rr)
			}
		}
		return left, rest
	}
	added, removed := cancel(a.Added, b.Removed)
	took, adds := cancel(a.Removed, b.Added)
	return zone.Change{Removed: append(took, removed...), Added: append(added, adds...)}
}

// setKey is what records of one set have in common.
func setKey(rr dns.RR) string {
	h := rr.Header()
	return fmt.Sprintf("%s/%d", foldCase(h.Name), h.Rrtype)
}

// foldCase is a name in lower case: ASCII only, as DNS has it.
func foldCase(s string) string { return string(bytes.ToLower([]byte(s))) }

// identical reports whether two records are the same, with their TTLs and to the
// letter.
func identical(a, b dns.RR) bool {
	return a.Header().Ttl == b.Header().Ttl && dns.Same(a, b) && a.String() == b.String()
}

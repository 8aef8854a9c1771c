package dnssec

import (
	"time"

	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// Sign finds what has to change in z for it to be signed by keys and fresh at
// now; z.Apply makes the signed version of it. Signatures that are right and far
// from their end stay; all are checked, so a zone that was signed here is signed
// again quicker by Resign. Without published keys a signed zone becomes an
// unsigned one. The change is empty if there is nothing to do; else it has a new
// serial number.
//
// It computes, and nothing else: 100,000 names take seconds. Call it on the
// pool, or make a Plan, which can be signed in pieces.
func Sign(z *zone.Zone, keys []*Key, p Policy, now time.Time) (zone.Change, error) {
	return Resign(Versions{To: z}, keys, p, now)
}

// Resign is Sign for a zone that was signed here and changed since, or not (To
// and From may be one): what both versions have is believed to be signed right.
// If To's serial number is higher than From's, it stays.
func Resign(v Versions, keys []*Key, p Policy, now time.Time) (zone.Change, error) {
	plan, err := NewPlan(v, keys, p, now)
	if err != nil {
		return zone.Change{}, err
	}
	if err := plan.Sign(0, plan.Len()); err != nil {
		return zone.Change{}, err
	}
	return plan.Change()
}

// Due is when z, which is signed, has to be signed again: the first of its
// signatures is to be renewed, or a key begins or ends something. It is not before
// now; zero: never. It looks at each signature, some 20 ms for 100,000 of them.
func Due(z *zone.Zone, keys []*Key, p Policy, now time.Time) time.Time {
	policy, err := p.complete()
	if err != nil {
		return now // Sign says what is wrong
	}
	var due time.Time
	for n := range nodes(z) {
		for _, sigs := range n.sigs {
			for d := range data(sigs) {
				if s, ok := readSignature(d); ok {
					due = earlier(due, now.Add(s.left(now)-policy.Refresh))
				}
			}
		}
	}
	for _, k := range keys {
		due = earlier(due, k.next(now))
		if at := k.Delete.Add(-policy.Refresh); !k.Delete.IsZero() && at.After(now) {
			due = earlier(due, at) // its signatures are replaced by then
		}
	}
	if !due.IsZero() && due.Before(now) {
		return now
	}
	return due
}

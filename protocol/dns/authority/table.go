package authority

import (
	"github.com/twistor-go/twistor/protocol/dns"
)

// A table finds the zone of a name. Each loop has its own. Loop-only.
type table struct {
	at     map[string]*version
	labels [129]int // zones of so many labels
	most   int      // labels
	only   *version // the zone, if there is one only
}

// put makes v, or nothing, the zone of origin.
func (t *table) put(origin dns.Name, v *version) {
	key, n := string(origin), origin.Labels()
	if _, ok := t.at[key]; ok {
		t.labels[n]--
		delete(t.at, key)
	}
	if v != nil {
		t.labels[n]++
		t.at[key] = v
	}
	t.most = 0
	for n := range t.labels {
		if t.labels[n] > 0 {
			t.most = n
		}
	}
	t.only = nil
	if v != nil && len(t.at) == 1 {
		t.only = v
	}
	if v == nil && len(t.at) == 1 {
		for _, only := range t.at { //sim:unordered there is one
			t.only = only
		}
	}
}

// find is the zone in which name is: the one with the longest origin. It
// allocates nothing.
func (t *table) find(name dns.Name) *version {
	if v := t.only; v != nil {
		if name.In(v.origin) {
			return v
		}
		return nil
	}
	for n := name.Labels(); ; n-- {
		if n <= t.most && t.labels[n] > 0 {
			if v := t.at[string(name)]; v != nil {
				return v
			}
		}
		if n == 0 {
			return nil
		}
		name = name.Parent()
	}
}

// above is the zone in which the origin's own delegation stands; nil: it is not
// here. Questions for DS are its to answer.
//
// See https://www.rfc-editor.org/rfc/rfc4035#section-3.1.4.1.
func (t *table) above(origin dns.Name) *version {
	if origin.IsRoot() || t.only != nil {
		return nil
	}
	return t.find(origin.Parent())
}

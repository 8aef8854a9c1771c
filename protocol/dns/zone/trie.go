package zone

import (
	"math/bits"
	"slices"

	"github.com/twistor-go/twistor/protocol/dns"
)

// A trie finds the entries of a change by the hashes of their names, four bits
// a step: what a question costs does not grow much with how many names have
// changed. As a change, it shares what stays the same with the version before; nil is
// the empty one. Immutable.
type trie struct {
	bits uint16 // which of 16 there are; 0 below the last step: all of one hash
	kids []kid
}

// A kid is an entry, or a trie of several.
type kid struct {
	hash uint64 // of e's name
	e    entry
	sub  *trie
}

const (
	trieStep = 4
	hashBits = 64
)

// get is the entry of n, whose hash is h; nil: there is none.
func (t *trie) get(n dns.Name, h uint64) entry {
	for rest := h; t != nil && t.bits != 0; rest >>= trieStep {
		bit := uint16(1) << (rest & (1<<trieStep - 1))
		if t.bits&bit == 0 {
			return nil
		}
		k := &t.kids[bits.OnesCount16(t.bits&(bit-1))]
		if k.sub == nil {
			if k.is(n, h) {
				return k.e
			}
			return nil
		}
		t = k.sub
	}
	if t != nil {
		for i := range t.kids {
			if t.kids[i].is(n, h) {
				return t.kids[i].e
			}
		}
	}
	return nil
}

// is reports whether k is the entry of n, whose hash is h.
func (k *kid) is(n dns.Name, h uint64) bool { return k.hash == h && string(k.e.name()) == string(n) }

// with is t with e, whose name has the hash h, of which the first bits are
// behind us.
func (t *trie) with(e entry, h uint64, behind int) *trie {
	if behind >= hashBits {
		return t.without(e.name(), h, behind).push(kid{hash: h, e: e})
	}
	bit := uint16(1) << (h >> behind & (1<<trieStep - 1))
	if t == nil {
		return &trie{bits: bit, kids: []kid{{hash: h, e: e}}}
	}
	i := bits.OnesCount16(t.bits & (bit - 1))
	if t.bits&bit == 0 {
		return &trie{bits: t.bits | bit, kids: slices.Insert(slices.Clone(t.kids), i, kid{hash: h, e: e})}
	}
	kids := slices.Clone(t.kids)
	switch k := &kids[i]; {
	case k.sub != nil:
		k.sub = k.sub.with(e, h, behind+trieStep)
	case k.is(e.name(), h):
		k.e = e
	default:
		var sub *trie
		sub = sub.with(k.e, k.hash, behind+trieStep)
		*k = kid{sub: sub.with(e, h, behind+trieStep)}
	}
	return &trie{bits: t.bits, kids: kids}
}

// push is t with one more of the same hash.
func (t *trie) push(k kid) *trie {
	if t == nil {
		return &trie{kids: []kid{k}}
	}
	return &trie{kids: append(slices.Clip(t.kids), k)}
}

// without is t without n, whose hash is h.
func (t *trie) without(n dns.Name, h uint64, behind int) *trie {
	if t == nil {
		return nil
	}
	if t.bits == 0 {
		kids := slices.DeleteFunc(slices.Clone(t.kids), func(k kid) bool { return k.is(n, h) })
		if len(kids) == 0 {
			return nil
		}
		return &trie{kids: kids}
	}
	bit := uint16(1) << (h >> behind & (1<<trieStep - 1))
	if t.bits&bit == 0 {
		return t
	}
	i := bits.OnesCount16(t.bits & (bit - 1))
	k := t.kids[i]
	switch {
	case k.sub != nil:
		k.sub = k.sub.without(n, h, behind+trieStep)
	case !k.is(n, h):
		return t
	}
	kids := slices.Clone(t.kids)
	if k.sub != nil {
		kids[i] = k
		return &trie{bits: t.bits, kids: kids}
	}
	if len(kids) == 1 {
		return nil
	}
	return &trie{bits: t.bits &^ bit, kids: slices.Delete(kids, i, i+1)}
}

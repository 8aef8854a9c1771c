package zone

import (
	"encoding/binary"
	"errors"
	"iter"
	"math"

	"github.com/twistor-go/twistor/protocol/dns"
)

// maxArenaBytes is how far an offset of four-byte words leads.
const maxArenaBytes = 4 << 32

var errTooLarge = errors.New("over 16 GiB of records: want less")

// A base is entries in flat memory: nothing in it is a pointer. Immutable.
type base struct {
	arena []byte
	order []uint32 // where entries begin, in words of four bytes; in canonical order
	seed  uint64
	slots []uint64 // of a hash table: the upper half of the hash, and where, plus one; 0: free
}

func (b *base) at(word uint32) entry { return entry(b.arena[uint64(word)*4:]) }

// nth is an entry by its rank.
func (b *base) nth(i int) entry { return b.at(b.order[i]) }

// index makes the base of an arena full of entries, count of them, in order.
// Hashes begin with seed.
func index(arena []byte, count int, seed uint64) (*base, error) {
	if len(arena) >= maxArenaBytes || count >= math.MaxUint32 {
		return nil, errTooLarge
	}
	b := &base{arena: arena, seed: seed, order: make([]uint32, 0, count), slots: make([]uint64, count+count/2+2)}
	for at := 0; at < len(arena); {
		e := entry(arena[at:])
		word := uint32(at / 4)
		b.order = append(b.order, word)
		h := hashName(e.name(), seed)
		i := b.slot(h)
		for b.slots[i] != 0 {
			if i++; i == len(b.slots) {
				i = 0
			}
		}
		b.slots[i] = h>>32<<32 | uint64(word+1)
		at += (entryHead + int(e[5]) + int(binary.LittleEndian.Uint32(e)) + 3) &^ 3
	}
	return b, nil
}

// slot is where to begin to look for a hash.
func (b *base) slot(h uint64) int {
	return int(uint64(uint32(h)) * uint64(len(b.slots)) >> 32)
}

// get is the entry of n, whose hash is h; nil: there is none.
func (b *base) get(n dns.Name, h uint64) entry {
	for i := b.slot(h); b.slots[i] != 0; {
		if s := b.slots[i]; s>>32 == h>>32 {
			if e := b.at(uint32(s) - 1); string(e.name()) == string(n) {
				return e
			}
		}
		if i++; i == len(b.slots) {
			i = 0
		}
	}
	return nil
}

// rank is how many entries are before n.
func (b *base) rank(n dns.Name) int {
	lo, hi := 0, len(b.order)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if dns.Compare(b.nth(mid).name(), n) < 0 {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo
}

// A table is the entries of a version: a base, and what changed since. It is
// used by value: a copy is another version.
type table struct {
	base    *base
	changes *change // in order
	found   *trie   // the same, by hash
	changed int     // how many
	deleted int     // those of them that hide an entry
}

// get is the entry of n, whose hash is h; nil: there is none.
func (t *table) get(n dns.Name, h uint64) entry {
	if t.found != nil {
		if e := t.found.get(n, h); e != nil {
			if e.flags()&isDeleted != 0 {
				return nil
			}
			return e
		}
	}
	return t.base.get(n, h)
}

// atOrBefore is the last entry up to n; nil: there is none.
func (t *table) atOrBefore(n dns.Name) entry {
	rank := t.base.rank(n)
	if rank < len(t.base.order) && string(t.base.nth(rank).name()) == string(n) {
		rank++
	}
	return t.last(rank, t.changes.atOrBefore(n))
}

// before is the last entry before n; nil: there is none.
func (t *table) before(n dns.Name) entry {
	return t.last(t.base.rank(n), t.changes.before(n))
}

// last is the later one of the base's entry before rank, and of the change c
// or those before.
func (t *table) last(rank int, c entry) entry {
	for {
		if rank == 0 && c == nil {
			return nil
		}
		order := -1
		if c == nil {
			order = 1
		} else if rank > 0 {
			order = dns.Compare(t.base.nth(rank-1).name(), c.name())
		}
		if order > 0 {
			return t.base.nth(rank - 1)
		}
		if c.flags()&isDeleted == 0 {
			return c
		}
		if order == 0 {
			rank--
		}
		c = t.changes.before(c.name())
	}
}

// end is the last entry of all; nil: there is none.
func (t *table) end() entry { return t.last(len(t.base.order), t.changes.end()) }

// all yields the entries in canonical order, from the first that is not before
// n; nil: from the first.
func (t *table) all(n dns.Name) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		rank := 0
		if n != nil {
			rank = t.base.rank(n)
		}
		for c := range t.changes.all(n) {
			order := 1
			for rank < len(t.base.order) {
				e := t.base.nth(rank)
				if order = dns.Compare(e.name(), c.name()); order >= 0 {
					break
				}
				if !yield(e) {
					return
				}
				rank++
			}
			if order == 0 && rank < len(t.base.order) {
				rank++
			}
			if c.flags()&isDeleted == 0 && !yield(c) {
				return
			}
		}
		for ; rank < len(t.base.order); rank++ {
			if !yield(t.base.nth(rank)) {
				return
			}
		}
	}
}

// first is the first entry that is not before n; nil: there is none.
func (t *table) first(n dns.Name) entry {
	for e := range t.all(n) {
		return e
	}
	return nil
}

// put gives e's name the entry e.
func (t *table) put(e entry) { t.change(e, hashName(e.name(), t.base.seed)) }

// remove takes the entry of n away.
func (t *table) remove(n dns.Name) {
	h := hashName(n, t.base.seed)
	if t.base.get(n, h) == nil {
		t.forget(n, h)
		return
	}
	e := emptyEntry(n)
	e[4] |= isDeleted
	t.change(e, h)
	t.deleted++
}

// change makes e what there is of its name, whose hash is h.
func (t *table) change(e entry, h uint64) {
	t.forget(e.name(), h)
	t.changes = t.changes.with(e, h)
	t.found = t.found.with(e, h, 0)
	t.changed++
}

// forget undoes the change of n.
func (t *table) forget(n dns.Name, h uint64) {
	e := t.found.get(n, h)
	if e == nil {
		return
	}
	t.changes = t.changes.without(n)
	t.found = t.found.without(n, h, 0)
	t.changed--
	if e.flags()&isDeleted != 0 {
		t.deleted--
	}
}

const (
	minChanged = 4096
	// maxDeleted is also how many entries a search backwards passes by at most.
	maxDeleted = 4096
)

// settle makes a new base if there are many changes.
func (t *table) settle() error {
	if t.changed <= max(minChanged, len(t.base.order)/8) && t.deleted <= maxDeleted {
		return nil
	}
	size, count := 0, 0
	for e := range t.all(nil) {
		size += len(e.whole()) + 3
		count++
	}
	arena := make([]byte, 0, size)
	for e := range t.all(nil) {
		arena = append(arena, e.whole()...)
		for len(arena)%4 != 0 {
			arena = append(arena, 0)
		}
	}
	b, err := index(arena, count, t.base.seed)
	*t = table{base: b}
	return err
}

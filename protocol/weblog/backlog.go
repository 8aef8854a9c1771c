package weblog

import (
	"bytes"
	"slices"
)

// A backlog is the stream's recent past, encoded once and read by every client
// at its own pace. Hits are numbered from 0 as they come; next is the number of
// the one to come. Loop-only.
//
// It holds the last keep hits, and beyond them, for clients that are behind, up
// to maxBytes. What is older is forgotten.
type backlog struct {
	keep     int
	maxBytes int

	batches []batch // oldest first
	bytes   int     // of all batches
	next    uint64
}

// A batch is what came at one time. Nobody changes it: transports may hold on
// to its bytes.
type batch struct {
	first uint64 // the number of its first hit
	xml   []byte
	ends  []int // where each hit ends in xml
}

// add takes over what one reading of the log brought; it copies xml and ends,
// which must not be empty, to their exact size.
func (l *backlog) add(xml []byte, ends []int) {
	l.batches = append(l.batches, batch{first: l.next, xml: bytes.Clone(xml), ends: slices.Clone(ends)})
	l.bytes += len(xml)
	l.next += uint64(len(ends))

	forget := 0
	for ; forget < len(l.batches)-1; forget++ {
		oldest := &l.batches[forget]
		if l.bytes <= l.maxBytes || l.next-l.batches[forget+1].first < uint64(l.keep) {
			break
		}
		l.bytes -= len(oldest.xml)
		*oldest = batch{}
	}
	l.batches = l.batches[forget:]
}

// oldest is the number of the first hit that is still there.
func (l *backlog) oldest() uint64 {
	if len(l.batches) == 0 {
		return l.next
	}
	return l.batches[0].first
}

// recent is the number of the first of the last n hits, or of the oldest.
func (l *backlog) recent(n int) uint64 {
	if uint64(n) >= l.next {
		return l.oldest()
	}
	return max(l.oldest(), l.next-uint64(n))
}

// A cursor is a place in the backlog: so many bytes into a hit.
type cursor struct {
	hit  uint64 // the hit it is in, or before
	into int    // bytes of that hit that were read
}

// read returns up to max bytes from c, not beyond the hit numbered end, and c
// behind them. It ends within a batch; nil means that c is at end. ok is false
// if c's hit was forgotten.
func (l *backlog) read(c cursor, end uint64, max int) (p []byte, after cursor, ok bool) {
	if c.hit >= end {
		return nil, c, true
	}
	if c.hit < l.oldest() {
		return nil, c, false
	}
	i, found := slices.BinarySearchFunc(l.batches, c.hit, func(b batch, hit uint64) int {
		switch {
		case b.first > hit:
			return 1
		case b.first+uint64(len(b.ends)) <= hit:
			return -1
		}
		return 0
	})
	if !found {
		panic("weblog: internal error: a hole in the backlog")
	}
	b := &l.batches[i]

	at := c.into
	if k := c.hit - b.first; k > 0 {
		at += b.ends[k-1]
	}
	last := min(end-b.first, uint64(len(b.ends))) // hits of b that may be read
	stop := b.ends[last-1]
	if at+max < stop {
		stop = at + max
	}
	k, whole := slices.BinarySearch(b.ends, stop)
	switch {
	case whole:
		after = cursor{hit: b.first + uint64(k) + 1}
	case k == 0:
		after = cursor{hit: b.first, into: stop}
	default:
		after = cursor{hit: b.first + uint64(k), into: stop - b.ends[k-1]}
	}
	return b.xml[at:stop:stop], after, true
}

package reactor

import (
	"io"
	"os"

	"github.com/twistor-go/twistor/deferred"
)

// Sizes of blocks, and how many of each a loop keeps for later, beside a
// quarter of those that are lent out.
var blockClasses = [...]struct{ size, keep int }{
	{512, 2048}, {4 << 10, 256}, {16 << 10, 64}, {64 << 10, 32},
}

const noClass = -1 // of a block whose bytes are somebody else's

// A block is a piece of a connection's output: bytes of ours, bytes of a
// caller who promised not to change them, or a part of a file.
type block struct {
	next  *block
	b     []byte // from r to w is to be sent
	r, w  int
	class int
	file  *fileBlock
}

// A fileBlock is what SendFile queued.
type fileBlock struct {
	s         *io.SectionReader
	f         *os.File // for sendfile; nil: read in chunks on the pool
	off, left int64
	sent      int64
	done      *deferred.Deferred[int64]
	reading   bool   // a chunk is being read on the pool
	chunk     []byte // and here it is
}

// blocks lends blocks to the connections of one loop.
type blocks struct {
	free [len(blockClasses)]*block
	kept [len(blockClasses)]int
	lent [len(blockClasses)]int
	bare *block // headers of blocks without bytes of their own
	bars int
}

// get returns an empty block with room for n bytes, or the largest.
func (bs *blocks) get(n int) *block {
	class := 0
	for class < len(blockClasses)-1 && blockClasses[class].size < n {
		class++
	}
	bs.lent[class]++
	if b := bs.free[class]; b != nil {
		bs.free[class], b.next = b.next, nil
		bs.kept[class]--
		return b
	}
	return &block{b: make([]byte, blockClasses[class].size), class: class}
}

// wrap returns a block of bytes that are not ours.
func (bs *blocks) wrap(p []byte) *block {
	b := bs.bare
	if b != nil {
		bs.bare, b.next = b.next, nil
		bs.bars--
	} else {
		b = &block{class: noClass}
	}
	b.b, b.w = p, len(p)
	return b
}

// put takes a block back.
func (bs *blocks) put(b *block) {
	b.r, b.w, b.file = 0, 0, nil
	if b.class == noClass {
		b.b = nil
		if bs.bars < 4096 {
			b.next, bs.bare = bs.bare, b
			bs.bars++
		}
		return
	}
	bs.lent[b.class]--
	most := blockClasses[b.class].keep + bs.lent[b.class]/4
	if bs.kept[b.class] < most {
		b.next, bs.free[b.class] = bs.free[b.class], b
		bs.kept[b.class]++
	} else if spare := bs.free[b.class]; bs.kept[b.class] > most {
		bs.free[b.class] = spare.next // fewer are lent than were: keep fewer
		bs.kept[b.class]--
	}
}

// A queue is the output of one connection, oldest first.
type queue struct {
	head, tail *block
	n          int // bytes, those of files not counted
}

func (q *queue) push(b *block) {
	if q.tail == nil {
		q.head = b
	} else {
		q.tail.next = b
	}
	q.tail = b
}

// pop removes the first block and returns it.
func (q *queue) pop() *block {
	b := q.head
	q.head, b.next = b.next, nil
	if q.head == nil {
		q.tail = nil
	}
	return b
}

// copyIn appends a copy of p.
func (q *queue) copyIn(bs *blocks, p []byte) {
	q.n += len(p)
	if t := q.tail; t != nil && t.class != noClass {
		k := copy(t.b[t.w:], p)
		t.w += k
		p = p[k:]
	}
	for len(p) > 0 {
		want := len(p)
		if q.tail != nil { // it has outgrown a block: take a larger one
			want = max(want, 4*q.tail.w)
		}
		b := bs.get(want)
		b.w = copy(b.b, p)
		p = p[b.w:]
		q.push(b)
	}
}

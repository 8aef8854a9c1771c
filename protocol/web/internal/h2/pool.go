package h2

// A Pool is the memory that the connections of one loop share: streams and
// buffers that are used again, so that an idle connection owns none. Its zero
// is ready. Loop-only.
type Pool struct {
	streams []*Stream
	blocks  [][]byte // each of blockBytes
	scratch []byte   // frames on their way out; used within one call
	small   [64]byte // control frames; the same
	head    Head     // of the list that is being decoded
	reading reading
	cookies []byte // and its crumbs
}

const (
	blockBytes  = maxFrame + frameHead // a whole frame fits
	keptBlocks  = 64                   // 1 MiB
	keptStreams = 1024
	keptScratch = 64 << 10
)

// block is memory of blockBytes, empty.
func (p *Pool) block() []byte {
	if n := len(p.blocks); n > 0 {
		b := p.blocks[n-1]
		p.blocks = p.blocks[:n-1]
		return b
	}
	return make([]byte, 0, blockBytes)
}

// give takes a block back, if it is one.
func (p *Pool) give(b []byte) {
	if cap(b) == blockBytes && len(p.blocks) < keptBlocks {
		p.blocks = append(p.blocks, b[:0])
	}
}

func (p *Pool) stream() *Stream {
	if n := len(p.streams); n > 0 {
		s := p.streams[n-1]
		p.streams = p.streams[:n-1]
		return s
	}
	return new(Stream)
}

func (p *Pool) giveStream(s *Stream) {
	queue := s.queue
	clear(queue[:cap(queue)])
	*s = Stream{queue: queue[:0]}
	if cap(queue) > 8 {
		s.queue = nil
	}
	if len(p.streams) < keptStreams {
		p.streams = append(p.streams, s)
	}
}

// took keeps the scratch for the next call.
func (p *Pool) took(scratch []byte) {
	if cap(scratch) <= keptScratch {
		p.scratch = scratch[:0]
	}
}

// emptied is the Head for the next list.
func (p *Pool) emptied() *Head {
	h := &p.head
	h.Header.Reset()
	*h = Head{Header: h.Header, Length: -1}
	p.cookies = p.cookies[:0]
	return h
}

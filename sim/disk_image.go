package sim

import "math/rand/v2"

// sectorBytes is what a real disk writes whole, most of the time.
const sectorBytes = 512

// An image is what a file is on the disk: durable bytes, and the writes since.
type image struct {
	durable []byte
	undone  []patch
}

// A patch is one write, or one truncation when bytes is nil.
type patch struct {
	at    int64
	bytes []byte
}

// end is the size that the change gives to a file of the given one.
func (c patch) end(size int64) int64 {
	if c.bytes == nil {
		return c.at
	}
	return max(size, c.at+int64(len(c.bytes)))
}

// add adds a write. It keeps a copy.
func (m *image) add(at int64, p []byte) { m.push(patch{at, append([]byte{}, p...)}) }

// cut adds a truncation.
func (m *image) cut(size int64) { m.push(patch{size, nil}) }

func (m *image) push(c patch) {
	m.undone = append(m.undone, c)
	if len(m.undone) > maxUndone {
		for _, c := range m.undone[:maxUndone/2] {
			m.durable = c.apply(m.durable)
		}
		m.undone = append([]patch(nil), m.undone[maxUndone/2:]...)
	}
}

// apply makes the change.
func (c patch) apply(to []byte) []byte {
	if size := c.end(int64(len(to))); size > int64(len(to)) {
		to = append(to, make([]byte, size-int64(len(to)))...)
	} else {
		to = to[:size:size]
	}
	copy(to[min(c.at, int64(len(to))):], c.bytes)
	return to
}

// sync makes everything durable.
func (m *image) sync() {
	for _, c := range m.undone {
		m.durable = c.apply(m.durable)
	}
	m.undone = nil
}

// tear makes durable what a power failure, or a failed sync, leaves: each
// sector is as it was after some of the writes to it, or before all of them; so
// is the size, for itself. keep is the chance of a sector to have got anything;
// with 1 it has got everything. One in eight that did was being written just
// then, and has the first bytes of the last write to it only.
func (m *image) tear(r *rand.Rand, keep float64) {
	if keep >= 1 || len(m.undone) == 0 {
		m.sync()
		return
	}
	size, most := int64(len(m.durable)), int64(len(m.durable))
	for _, c := range m.undone {
		most = max(most, c.end(0))
	}
	sectors := int((most + sectorBytes - 1) / sectorBytes)
	b := append(m.durable[:len(m.durable):len(m.durable)], make([]byte, int64(sectors)*sectorBytes-size)...)
	left := make([]int, sectors) // writes that each sector still gets
	m.each(sectors, func(s int, _ patch) { left[s]++ })
	torn := make([]bool, sectors)
	for s, n := range left {
		left[s] = version(r, n, keep)
		torn[s] = left[s] > 0 && r.IntN(8) == 0
	}
	m.each(sectors, func(s int, c patch) {
		if left[s]--; left[s] >= 0 {
			from, to := c.within(s)
			if left[s] == 0 && torn[s] {
				to = from + r.Int64N(to-from+1)
			}
			if c.bytes == nil {
				clear(b[from:to])
			} else {
				copy(b[from:to], c.bytes[from-c.at:])
			}
		}
	})
	for _, c := range m.undone[:version(r, len(m.undone), keep)] {
		size = c.end(size)
	}
	m.durable, m.undone = b[:size:size], nil
}

// each calls f for each sector that each change touches, in the order of the
// changes.
func (m *image) each(sectors int, f func(sector int, c patch)) {
	for _, c := range m.undone {
		last := sectors - 1
		if c.bytes != nil {
			if len(c.bytes) == 0 {
				continue
			}
			last = int((c.at + int64(len(c.bytes)) - 1) / sectorBytes)
		}
		for s := int(c.at / sectorBytes); s <= last; s++ {
			f(s, c)
		}
	}
}

// within is the part of a sector that the change touches.
func (c patch) within(sector int) (from, to int64) {
	from, to = int64(sector)*sectorBytes, int64(sector+1)*sectorBytes
	if c.bytes != nil {
		to = min(to, c.at+int64(len(c.bytes)))
	}
	return max(from, c.at), to
}

// version draws after how many of n changes something is.
func version(r *rand.Rand, n int, keep float64) int {
	if n == 0 || !chance(r, keep) {
		return 0
	}
	return 1 + r.IntN(n)
}

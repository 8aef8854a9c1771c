package dns

import "encoding/binary"

const (
	// maxSuffixes is how many names, and ends of names, of a message can be
	// pointed to: a longer message is compressed less, so that the work stays
	// linear in its length.
	maxSuffixes = 96
	// maxDepth is over how many pointers a name may go on in what we write.
	maxDepth = maxPointers - 2
	// maxPointed is where a pointer can lead at most.
	maxPointed = 0x3fff
)

// A compressor knows where the names of a message stand.
type compressor struct {
	slots [128]struct {
		off   uint16 // 0: free
		hash  uint16
		depth uint8 // pointers from there on
	}
	used int
}

// append writes the uncompressed name n, which may have capitals, to m.
//
// See https://www.rfc-editor.org/rfc/rfc1035#section-4.1.4.
func (c *compressor) append(m, n []byte) []byte {
	var starts [128]uint8
	var hashes [128]uint16
	count := hashSuffixes(n, &starts, &hashes)
	first, to, depth := count, 0, uint8(0) // labels from first on stand at to
	for i := range count {
		if off, d, ok := c.find(m, n[starts[i]:], hashes[i]); ok {
			first, to, depth = i, off, d+1
			break
		}
	}
	for i := range first {
		c.insert(len(m)+int(starts[i]), hashes[i], depth)
	}
	if first == count {
		return append(m, n...)
	}
	m = append(m, n[:starts[first]]...)
	return append(m, 0xc0|byte(to>>8), byte(to))
}

// learn notes the uncompressed name n, which stands at off.
func (c *compressor) learn(off int, n []byte) {
	var starts [128]uint8
	var hashes [128]uint16
	for i := range hashSuffixes(n, &starts, &hashes) {
		c.insert(off+int(starts[i]), hashes[i], 0)
	}
}

// hashSuffixes notes where the labels of n begin, and hashes of what n is from
// there on, and returns how many there are.
func hashSuffixes(n []byte, starts *[128]uint8, hashes *[128]uint16) int {
	count := labelStarts(n, starts)
	h := uint32(2166136261)
	for i := count - 1; i >= 0; i-- {
		at := int(starts[i])
		for _, b := range n[at : at+1+int(n[at])] {
			h = (h ^ uint32(lower(b))) * 16777619
		}
		hashes[i] = uint16(h>>16) ^ uint16(h)
	}
	return count
}

// find is where the name n stands in m already.
func (c *compressor) find(m, n []byte, hash uint16) (off int, depth uint8, ok bool) {
	for i := hash % 128; c.slots[i].off != 0; i = (i + 1) % 128 {
		s := &c.slots[i]
		if s.hash == hash && s.depth < maxDepth && sameName(m, int(s.off), n) {
			return int(s.off), s.depth, true
		}
	}
	return 0, 0, false
}

func (c *compressor) insert(off int, hash uint16, depth uint8) {
	if off > maxPointed || c.used == maxSuffixes {
		return
	}
	i := hash % 128
	for c.slots[i].off != 0 {
		i = (i + 1) % 128
	}
	c.slots[i].off, c.slots[i].hash, c.slots[i].depth = uint16(off), hash, depth
	c.used++
}

// sameName reports whether the name at off in m, which we wrote, is n.
func sameName(m []byte, off int, n []byte) bool {
	for {
		for m[off]&0xc0 == 0xc0 {
			off = int(binary.BigEndian.Uint16(m[off:]) & 0x3fff)
		}
		size := int(m[off])
		if size != int(n[0]) {
			return false
		}
		if size == 0 {
			return true
		}
		for i := 1; i <= size; i++ {
			if lower(m[off+i]) != lower(n[i]) {
				return false
			}
		}
		off += 1 + size
		n = n[1+size:]
	}
}

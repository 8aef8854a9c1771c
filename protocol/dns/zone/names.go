package zone

import (
	"encoding/binary"
	"math/bits"

	"github.com/twistor-go/twistor/protocol/dns"
)

// extend is the hash of a name, from that of its parent and its first label,
// which begins with its length. The root's is the seed.
func extend(parent uint64, label []byte) uint64 {
	h := parent ^ 0x9e3779b97f4a7c15
	for len(label) > 8 {
		h = mix(h, binary.LittleEndian.Uint64(label))
		label = label[8:]
	}
	var last uint64
	for i := len(label) - 1; i >= 0; i-- {
		last = last<<8 | uint64(label[i])
	}
	return mix(h, last)
}

// mix adds v to h. What h was is kept beside the product, which some v make zero.
func mix(h, v uint64) uint64 {
	hi, lo := bits.Mul64(h^v^0xa0761d6478bd642f, v^0xe7037ed1a0b428db^bits.RotateLeft64(h, 32))
	return hi ^ lo ^ bits.RotateLeft64(h, 29)
}

// hashName is the hash of n.
func hashName(n dns.Name, seed uint64) uint64 {
	var starts [128]uint8
	h := seed
	for i := labelStarts(n, &starts) - 1; i >= 0; i-- {
		at := int(starts[i])
		h = extend(h, n[at:at+1+int(n[at])])
	}
	return h
}

// labelStarts notes where the labels of n begin, and returns how many there are.
func labelStarts(n dns.Name, starts *[128]uint8) int {
	count := 0
	for at := 0; n[at] != 0; at += 1 + int(n[at]) {
		starts[count] = uint8(at)
		count++
	}
	return count
}

// sameName reports whether two names are one, whatever their case.
func sameName(a, b []byte) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// lowerName writes n in lower case into to.
func lowerName(n []byte, to *[dns.MaxNameBytes]byte) dns.Name {
	for i, c := range n {
		to[i] = lower(c)
	}
	return dns.Name(to[:len(n)])
}

// nameBytes is how long the name is with which p begins; 0: it begins with
// none.
func nameBytes(p []byte) int {
	for at := 0; at < len(p) && at < dns.MaxNameBytes && p[at] <= dns.MaxLabelBytes; at += 1 + int(p[at]) {
		if p[at] == 0 {
			return at + 1
		}
	}
	return 0
}

// appendKey appends bytes that sort as the labels of n above origin do
// canonically: labels from the right, each behind which stands a zero; zero and
// one themselves are 1 1 and 1 2.
func appendKey(b []byte, n, origin dns.Name) []byte {
	var starts [128]uint8
	count := 0
	for at := 0; len(n)-at > len(origin); at += 1 + int(n[at]) {
		starts[count] = uint8(at)
		count++
	}
	for i := count - 1; i >= 0; i-- {
		at := int(starts[i])
		for _, c := range n[at+1 : at+1+int(n[at])] {
			if c < 2 {
				b = append(b, 1)
				c++
			}
			b = append(b, c)
		}
		b = append(b, 0)
	}
	return b
}

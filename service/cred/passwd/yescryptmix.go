package passwd

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/bits"
)

// The mixing of yescrypt is that of scrypt with pwxform in the place of Salsa20,
// and with boxes that are written while they are read.
// https://www.rfc-editor.org/rfc/rfc7914 and https://www.openwall.com/yescrypt/

const (
	sboxEntries = 512 // of 8 bytes, in each of three boxes
	sboxMask    = 255 * 16
	sboxBytes   = 3 * sboxEntries * 8
)

// boxes are what one entry of pwxform after another is looked up in, and
// written to, by turns.
type boxes struct {
	s0, s1, s2 []uint64
	w          int
}

// yescryptMix is SMix for one thread: it mixes b in place and returns the new
// password.
func yescryptMix(b []byte, n, r int, password []byte) []byte {
	words := make([]uint32, 32*r)
	seed := make([]uint32, sboxBytes/4)
	fill(b[:128], words[:32], seed, sboxBytes/128, nil)
	entries := make([]uint64, sboxBytes/8)
	for i := range entries {
		entries[i] = uint64(seed[2*i+1])<<32 | uint64(seed[2*i])
	}
	s := &boxes{s2: entries[:sboxEntries], s1: entries[sboxEntries : 2*sboxEntries], s0: entries[2*sboxEntries:]}
	h := hmac.New(sha256.New, b[len(b)-64:])
	h.Write(password)
	password = h.Sum(nil)

	v := make([]uint32, n*32*r)
	fill(b, words, v, n, s)
	loops := (n + 2) / 3
	loops += loops & 1
	churn(b, words, v, loops, s)
	return password
}

// fill is SMix1: it writes n blocks to v, each mixed from the one before and,
// with boxes, an earlier one.
func fill(b []byte, x, v []uint32, n int, s *boxes) {
	load(x, b)
	for i := range n {
		copy(v[i*len(x):], x)
		if s == nil {
			mixSalsa(x)
			continue
		}
		if i > 1 {
			floor := 1
			for floor*2 <= i {
				floor *= 2
			}
			j := int(last(x)&uint64(floor-1)) + i - floor
			xor(x, v[j*len(x):(j+1)*len(x)])
		}
		s.mix(x)
	}
	store(b, x)
}

// churn is SMix2: it reads and writes blocks of v wherever it is sent. The
// number of blocks is a power of two.
func churn(b []byte, x, v []uint32, loops int, s *boxes) {
	load(x, b)
	n := uint64(len(v) / len(x))
	for range loops {
		at := int(last(x)&(n-1)) * len(x)
		xor(x, v[at:at+len(x)])
		copy(v[at:], x)
		s.mix(x)
	}
	store(b, x)
}

// last is 64 bits of the last 64 bytes of x, which say where to go next.
func last(x []uint32) uint64 {
	block := x[len(x)-16:]
	return uint64(block[13])<<32 | uint64(block[0])
}

// load and store change between bytes and the order of words that suits
// vectors, in which everything is mixed.
func load(x []uint32, b []byte) {
	for i := range x {
		x[i] = binary.LittleEndian.Uint32(b[4*(i&^15+i%16*5%16):])
	}
}

func store(b []byte, x []uint32) {
	for i := range x {
		binary.LittleEndian.PutUint32(b[4*(i&^15+i%16*5%16):], x[i])
	}
}

func xor(x, y []uint32) {
	for i := range x {
		x[i] ^= y[i]
	}
}

// mixSalsa is scrypt's BlockMix for a block of 128 bytes.
func mixSalsa(x []uint32) {
	xor(x[:16], x[16:])
	salsa(x[:16], 8)
	xor(x[16:], x[:16])
	salsa(x[16:], 8)
}

// mix is BlockMix_pwxform.
func (s *boxes) mix(b []uint32) {
	var x [16]uint32
	copy(x[:], b[len(b)-16:])
	for i := 0; i < len(b); i += 16 {
		xor(x[:], b[i:i+16])
		s.transform(&x)
		copy(b[i:], x[:])
	}
	salsa(b[len(b)-16:], 2)
}

// transform is pwxform: six rounds of multiplying and looking up.
func (s *boxes) transform(x *[16]uint32) {
	s0, s1, s2, w := s.s0, s.s1, s.s2, s.w
	for round := range 6 {
		for j := 0; j < 16; j += 4 {
			p0, p1 := (x[j]&sboxMask)/8, (x[j+1]&sboxMask)/8
			for k := range 2 {
				at := j + 2*k
				y := (uint64(x[at+1])*uint64(x[at]) + s0[int(p0)+k]) ^ s1[int(p1)+k]
				x[at], x[at+1] = uint32(y), uint32(y>>32)
				if round != 0 && round != 5 {
					s2[w] = y
					w++
				}
			}
		}
	}
	s.s0, s.s1, s.s2, s.w = s2, s0, s1, w&(sboxEntries-1)
}

// salsa is Salsa20 of so many rounds, of words in the order of load.
func salsa(b []uint32, rounds int) {
	var x [16]uint32
	for i := range x {
		x[i*5%16] = b[i]
	}
	for ; rounds > 0; rounds -= 2 {
		quarters(&x, [4][4]int{{0, 4, 8, 12}, {5, 9, 13, 1}, {10, 14, 2, 6}, {15, 3, 7, 11}})
		quarters(&x, [4][4]int{{0, 1, 2, 3}, {5, 6, 7, 4}, {10, 11, 8, 9}, {15, 12, 13, 14}})
	}
	for i := range x {
		b[i] += x[i*5%16]
	}
}

// quarters are four quarter-rounds of https://cr.yp.to/snuffle/spec.pdf.
func quarters(x *[16]uint32, of [4][4]int) {
	for _, q := range of {
		a, b, c, d := q[0], q[1], q[2], q[3]
		x[b] ^= bits.RotateLeft32(x[a]+x[d], 7)
		x[c] ^= bits.RotateLeft32(x[b]+x[a], 9)
		x[d] ^= bits.RotateLeft32(x[c]+x[b], 13)
		x[a] ^= bits.RotateLeft32(x[d]+x[c], 18)
	}
}

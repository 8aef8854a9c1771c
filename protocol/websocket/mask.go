package websocket

import (
	"encoding/binary"
	"math/bits"
)

// mask writes src, masked or unmasked with key, to dst, which is as long or
// longer and is src or does not overlap it. The key's lowest byte is for the first
// byte. It returns the key for what follows.
//
// It goes by words: "octet i of the transformed data is the XOR of octet i of
// the original data with octet at index i modulo 4 of the masking key".
// https://www.rfc-editor.org/rfc/rfc6455#section-5.3
func mask(dst, src []byte, key uint32) uint32 {
	n := len(src)
	dst = dst[:n]
	wide := uint64(key)<<32 | uint64(key)
	for len(src) >= 32 {
		s, d := src[:32:32], dst[:32:32]
		binary.LittleEndian.PutUint64(d[0:], binary.LittleEndian.Uint64(s[0:])^wide)
		binary.LittleEndian.PutUint64(d[8:], binary.LittleEndian.Uint64(s[8:])^wide)
		binary.LittleEndian.PutUint64(d[16:], binary.LittleEndian.Uint64(s[16:])^wide)
		binary.LittleEndian.PutUint64(d[24:], binary.LittleEndian.Uint64(s[24:])^wide)
		src, dst = src[32:], dst[32:]
	}
	for len(src) >= 8 {
		binary.LittleEndian.PutUint64(dst, binary.LittleEndian.Uint64(src)^wide)
		src, dst = src[8:], dst[8:]
	}
	for i, b := range src {
		dst[i] = b ^ byte(wide>>(8*i))
	}
	return bits.RotateLeft32(key, -8*(n&3))
}

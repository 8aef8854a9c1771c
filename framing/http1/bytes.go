package http1

import "encoding/binary"

// Classes of bytes, one bit each in class.
const (
	tokenByte uint8 = 1 << iota // of a method, a field's name, a token
	valueByte                   // of a field's value
	pathByte                    // of a target before its "?"
	queryByte                   // of a target after it
	hostByte                    // of a name of DNS
	extByte                     // of a chunk extension
	hexByte
)

// class says for each byte where it may stand.
var class = classes()

func classes() (t [256]uint8) {
	for c := range 256 {
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		digit := '0' <= c && c <= '9'
		visible := 0x21 <= c && c <= 0x7e
		if letter || digit {
			t[c] |= tokenByte | hostByte
		}
		if digit || 'a' <= c|0x20 && c|0x20 <= 'f' {
			t[c] |= hexByte
		}
		if visible || c >= 0x80 || c == ' ' || c == '\t' {
			t[c] |= valueByte
		}
		if visible {
			t[c] |= pathByte | queryByte
		}
		if (visible || c == ' ' || c == '\t') && c != '\\' {
			t[c] |= extByte
		}
	}
	// "tchar", https://www.rfc-editor.org/rfc/rfc9110#section-5.6.2
	for _, c := range "!#$%&'*+-.^_`|~" {
		t[c] |= tokenByte
	}
	for _, c := range "-._~" {
		t[c] |= hostByte
	}
	// What browsers encode in every URL never comes raw from an honest one. What
	// they send raw beyond RFC 3986 ([ ] ^ ` { | } everywhere, \ in a query) is
	// taken: https://url.spec.whatwg.org/#query-percent-encode-set
	for _, c := range "\"#<>" {
		t[c] &^= pathByte | queryByte
	}
	t['\\'] &^= pathByte
	t['?'] &^= pathByte // begins the query
	return t
}

// text is what the rules are written for, so that each is written once.
type text interface{ ~string | ~[]byte }

// all says whether every byte of v is of the class, and there is one.
func all[T text](v T, of uint8) bool {
	for i := range len(v) {
		if class[v[i]]&of == 0 {
			return false
		}
	}
	return len(v) > 0
}

// validValue says whether all bytes of v may stand in a field's value. It looks
// at eight at a time, because most of a head is values.
func validValue(v []byte) bool {
	const ones, highs = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; i+8 <= len(v); i += 8 {
		x := binary.LittleEndian.Uint64(v[i:])
		control := (x - 0x20*ones) &^ x // high bits where a byte is below 0x20
		y := x ^ 0x7f*ones
		del := (y - ones) &^ y // and where one is 0x7f
		if (control|del)&highs != 0 && !all(v[i:i+8], valueByte) {
			return false
		}
	}
	for ; i < len(v); i++ {
		if class[v[i]]&valueByte == 0 {
			return false
		}
	}
	return true
}

// lower is c as a small letter, if it is a letter of ASCII.
func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// same says whether a and b are equal but for the case of ASCII letters.
func same[A, B text](a A, b B) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range len(a) {
		if a[i] != b[i] && lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

// trim is v without the optional white space around it: SP and HTAB, nothing
// else (https://www.rfc-editor.org/rfc/rfc9110#section-5.6.3).
func trim[T text](v T) T {
	for len(v) > 0 && (v[0] == ' ' || v[0] == '\t') {
		v = v[1:]
	}
	for len(v) > 0 && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
		v = v[:len(v)-1]
	}
	return v
}

// hexValue is the number of a hexadecimal digit, or -1.
func hexValue(c byte) int64 {
	switch {
	case '0' <= c && c <= '9':
		return int64(c - '0')
	case 'a' <= lower(c) && lower(c) <= 'f':
		return int64(lower(c)-'a') + 10
	}
	return -1
}

package h2

import (
	"bytes"
	"strconv"
	"unsafe"

	"golang.org/x/net/http2/hpack"

	"github.com/twistor-go/twistor/framing/http1"
)

// maxTable is the size of HPACK's dynamic table that we keep for the peer's
// headers, and use of the peer's for ours, in the bytes of RFC 7541.
const maxTable = 4096

// An encoder writes header blocks from bytes, where hpack.Encoder wants
// strings, of which it may keep some: here a field that the peer's table has
// costs no allocation and a byte or two. It keeps at most maxTable bytes, in
// entries that it uses again.
type encoder struct {
	entries []entry // a ring: the newest is at (first+count-1)
	first   int
	count   int
	size    int
	max     int  // that the peer allows now
	least   int  // lowest max since the last block
	resized bool // the next block must say so
}

// An entry is one row of the dynamic table.
type entry struct {
	bytes []byte // name, in lower case, and value
	name  int    // bytes of the name
	index int    // row of the name in the static table; 0: none
}

func (e *entry) cost() int { return len(e.bytes) + 32 }

// resize obeys the peer's SETTINGS_HEADER_TABLE_SIZE.
func (e *encoder) resize(max int) {
	max = min(max, maxTable)
	if max == e.max {
		return
	}
	if !e.resized || max < e.least {
		e.least = max
	}
	e.max, e.resized = max, true
	e.evict(0)
}

// begin starts a block. "This dynamic table size update MUST occur at the
// beginning of the first header block following the change."
// https://www.rfc-editor.org/rfc/rfc7541#section-4.2
func (e *encoder) begin(dst []byte) []byte {
	if !e.resized {
		return dst
	}
	e.resized = false
	if e.least < e.max {
		dst = appendInteger(dst, 0x20, 5, e.least)
	}
	return appendInteger(dst, 0x20, 5, e.max)
}

// status appends :status.
func (e *encoder) status(dst []byte, status int) []byte {
	if i := statusIndex(status); i > 0 {
		return append(dst, 0x80|byte(i))
	}
	dst = append(dst, indexStatus) // literal, not indexed, name of row 8
	return append(dst, 3, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10))
}

// pseudo appends a pseudo-header field of a request. Targets differ too much to
// be worth a place in the table.
func (e *encoder) pseudo(dst []byte, index int, value string) []byte {
	switch {
	case index == indexMethod && value == "GET", index == indexPath && value == "/", index == indexScheme && value == "http":
		return append(dst, 0x80|byte(index))
	case index == indexMethod && value == "POST", index == indexScheme && value == "https":
		return append(dst, 0x80|byte(index+1))
	case index == indexAuthority:
		return e.indexed(dst, index, nil, []byte(value))
	}
	dst = appendInteger(dst, 0, 4, index)
	return appendText(dst, value)
}

// protocol appends :protocol. https://www.rfc-editor.org/rfc/rfc8441#section-4
func (e *encoder) protocol(dst []byte, value string) []byte {
	dst = append(dst, 0)
	dst = appendText(dst, ":protocol")
	return appendText(dst, value)
}

// length appends Content-Length.
func (e *encoder) length(dst []byte, n int64) []byte {
	dst = appendInteger(dst, 0, 4, indexContentLength)
	var digits [20]byte
	text := strconv.AppendInt(digits[:0], n, 10)
	dst = append(dst, byte(len(text)))
	return append(dst, text...)
}

// fields appends the fields of h, in their order and in lower case, but for
// those that only HTTP/1 knows: "An endpoint MUST NOT generate an HTTP/2
// message containing connection-specific header fields."
// https://www.rfc-editor.org/rfc/rfc9113#section-8.2.2
func (e *encoder) fields(dst []byte, h *http1.Header, without omitted) []byte {
	if h == nil {
		return dst
	}
	for i := range h.Len() {
		name, value := h.At(i)
		index := staticIndex(name)
		if index == indexContentLength && without.length || index == indexDate && without.date || ofConnection(name) || without.host && index == indexHost {
			continue
		}
		dst = e.field(dst, index, name, value)
	}
	return dst
}

// omitted are fields that are told apart from a Header.
type omitted struct{ length, date, host bool }

// ofConnection says whether a field is about the connection and not the message.
func ofConnection(name []byte) bool {
	switch len(name) {
	case 7:
		return sameName(name, "upgrade")
	case 10:
		return sameName(name, "connection") || sameName(name, "keep-alive")
	case 16:
		return sameName(name, "proxy-connection")
	case 17:
		return sameName(name, "transfer-encoding")
	}
	return false
}

// field appends one field. What differs in every message is not put into the
// table, and secrets say that nobody may: a table that holds them can be
// guessed at by who sends beside them.
// https://www.rfc-editor.org/rfc/rfc7541#section-7.1.3
func (e *encoder) field(dst []byte, index int, name, value []byte) []byte {
	switch index {
	case 23, 32, 49, 55: // authorization, cookie, proxy-authorization, set-cookie
		return e.literal(dst, 0x10, index, name, value)
	case 21, 28, 29, 30, 34, 41, 44, 46: // age, content-length, -location, -range, etag, if-none-match, last-modified, location
		return e.literal(dst, 0, index, name, value)
	}
	if len(value) > 256 {
		return e.literal(dst, 0, index, name, value)
	}
	return e.indexed(dst, index, name, value)
}

// literal appends a field that no table keeps.
func (e *encoder) literal(dst []byte, kind byte, index int, name, value []byte) []byte {
	dst = appendInteger(dst, kind, 4, index)
	if index == 0 {
		dst = appendName(dst, name)
	}
	return appendText(dst, view(value))
}

// indexed appends a field by its row, and makes it one if there is none yet.
func (e *encoder) indexed(dst []byte, index int, name, value []byte) []byte {
	for i := e.count - 1; i >= 0; i-- {
		x := &e.entries[(e.first+i)%len(e.entries)]
		if x.index != index || len(x.bytes)-x.name != len(value) || index == 0 && !sameName(name, x.bytes[:x.name]) {
			continue
		}
		if bytes.Equal(x.bytes[x.name:], value) {
			return appendInteger(dst, 0x80, 7, staticRows+e.count-i)
		}
	}
	dst = appendInteger(dst, 0x40, 6, index)
	if index == 0 {
		dst = appendName(dst, name)
	}
	dst = appendText(dst, view(value))
	e.add(index, name, value)
	return dst
}

// add puts a field into the table, as the peer will.
func (e *encoder) add(index int, name, value []byte) {
	named := len(name)
	if index == indexAuthority {
		named = len(":authority")
	}
	cost := named + len(value) + 32
	e.evict(cost)
	if cost > e.max {
		return // "not an error": the table is empty now
	}
	if e.count == len(e.entries) {
		e.grow()
	}
	x := &e.entries[(e.first+e.count)%len(e.entries)]
	x.bytes, x.name, x.index = x.bytes[:0], named, index
	if index == indexAuthority {
		x.bytes = append(x.bytes, ":authority"...)
	}
	for _, c := range name {
		x.bytes = append(x.bytes, lowered(c))
	}
	x.bytes = append(x.bytes, value...)
	e.size += cost
	e.count++
}

// evict drops the oldest rows until cost more bytes fit.
func (e *encoder) evict(cost int) {
	for e.count > 0 && e.size+cost > e.max {
		e.size -= e.entries[e.first].cost()
		e.first = (e.first + 1) % len(e.entries)
		e.count--
	}
}

// grow makes room for more rows: at most maxTable/32 = 128 can be.
func (e *encoder) grow() {
	larger := make([]entry, max(8, 2*len(e.entries)))
	for i := range e.count {
		larger[i] = e.entries[(e.first+i)%len(e.entries)]
	}
	e.entries, e.first = larger, 0
}

// appendInteger appends n with a prefix of bits bits under the bits of kind.
// https://www.rfc-editor.org/rfc/rfc7541#section-5.1
func appendInteger(dst []byte, kind byte, bits, n int) []byte {
	most := 1<<bits - 1
	if n < most {
		return append(dst, kind|byte(n))
	}
	dst = append(dst, kind|byte(most))
	for n -= most; n >= 0x80; n >>= 7 {
		dst = append(dst, byte(n)|0x80)
	}
	return append(dst, byte(n))
}

// appendText appends a string literal, in Huffman's code if that is shorter.
func appendText(dst []byte, s string) []byte {
	if n := int(hpack.HuffmanEncodeLength(s)); n < len(s) {
		return hpack.AppendHuffmanString(appendInteger(dst, 0x80, 7, n), s)
	}
	return append(appendInteger(dst, 0, 7, len(s)), s...)
}

// appendName is appendText of a name, in lower case.
func appendName(dst, name []byte) []byte {
	var small [64]byte
	lower := small[:0]
	for _, c := range name {
		lower = append(lower, lowered(c))
	}
	return appendText(dst, view(lower))
}

// view is p as a string, for functions that only read it, and do not keep it.
func view(p []byte) string { return unsafe.String(unsafe.SliceData(p), len(p)) }

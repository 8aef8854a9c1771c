package http1

import (
	"iter"
	"slices"
)

// A Header is an ordered list of fields on one block of bytes: the header
// section or trailer section of a message, in either role. The zero value is
// empty and ready. Names are compared without case, and written as they were
// given. What a Parser fills in points into the parser's input; the first
// change, and Keep, copy it. Do not copy a Header: use CopyFrom. Loop-only.
type Header struct {
	block    []byte  // names and values lie in it
	fields   []field // in order
	spare    []byte  // our own memory, while block is somebody else's
	borrowed bool    // block is somebody else's
	dead     int     // bytes of block that no field needs any more
}

// A field is where a name and a value lie in the block.
type field struct{ name, nameEnd, value, valueEnd uint32 }

const (
	// keptHeaderBytes is how large a block Reset keeps.
	keptHeaderBytes = 4 << 10
	// keptHeaderFields is how long a list of fields Reset keeps.
	keptHeaderFields = 128
	// maxHeaderBytes is how much a Header holds; more is refused.
	maxHeaderBytes = 1 << 20
)

// Len is the number of fields.
func (h *Header) Len() int { return len(h.fields) }

// At returns the field of index i, from 0 to Len()-1. Both slices are valid
// until the next change of h, and must not be changed.
func (h *Header) At(i int) (name, value []byte) {
	f := h.fields[i]
	return h.block[f.name:f.nameEnd:f.nameEnd], h.block[f.value:f.valueEnd:f.valueEnd]
}

// find is the index of the first field of that name from index i on, or -1.
func (h *Header) find(name string, i int) int {
	for ; i < len(h.fields); i++ {
		f := h.fields[i]
		if int(f.nameEnd-f.name) == len(name) && same(h.block[f.name:f.nameEnd], name) {
			return i
		}
	}
	return -1
}

// Value returns the value of the first field of that name, or nil if there is
// none; an empty value is empty and not nil. It is valid until the next change
// of h, and must not be changed.
func (h *Header) Value(name string) []byte {
	i := h.find(name, 0)
	if i < 0 {
		return nil
	}
	_, value := h.At(i)
	return value
}

// Get returns the value of the first field of that name, or "".
func (h *Header) Get(name string) string { return string(h.Value(name)) }

// Values returns the values of all fields of that name, in order; nil: none.
func (h *Header) Values(name string) (values []string) {
	for i := h.find(name, 0); i >= 0; i = h.find(name, i+1) {
		_, value := h.At(i)
		values = append(values, string(value))
	}
	return values
}

// Has says whether there is a field of that name.
func (h *Header) Has(name string) bool { return h.find(name, 0) >= 0 }

// HasToken says whether token is an element of the comma-separated lists of all
// fields of that name, compared without case.
func (h *Header) HasToken(name, token string) bool {
	for i := h.find(name, 0); i >= 0; i = h.find(name, i+1) {
		_, list := h.At(i)
		for len(list) > 0 {
			var element []byte
			if element, list = cutElement(list); same(element, token) {
				return true
			}
		}
	}
	return false
}

// cutElement splits the first element off a comma-separated list.
func cutElement(list []byte) (element, rest []byte) {
	i := slices.Index(list, ',')
	if i < 0 {
		return trim(list), nil
	}
	return trim(list[:i]), list[i+1:]
}

// All yields copies of all fields in order. Do not change h meanwhile.
func (h *Header) All() iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for i := range h.fields {
			name, value := h.At(i)
			if !yield(string(name), string(value)) {
				return
			}
		}
	}
}

// AppendTo appends "Name: value\r\n" for each field to dst.
func (h *Header) AppendTo(dst []byte) []byte {
	for i := range h.fields {
		name, value := h.At(i)
		dst = appendField(dst, name, value)
	}
	return dst
}

func appendField[T text](dst []byte, name, value T) []byte {
	dst = append(dst, name...)
	dst = append(dst, ": "...)
	dst = append(dst, value...)
	return append(dst, "\r\n"...)
}

package http1

// Add appends a field. White space around value is dropped, since no peer would
// see it. A name that is no token, a value with CR, LF, NUL or another control,
// and what would make h larger than 1 MiB are refused with a *FieldError, and h
// is as before (https://www.rfc-editor.org/rfc/rfc9110#section-5.5).
func (h *Header) Add(name, value string) error { return add(h, name, value) }

// AddBytes is Add for bytes; it copies them.
func (h *Header) AddBytes(name, value []byte) error { return add(h, name, value) }

func add[T text](h *Header, name, value T) error {
	value = trim(value)
	if err := checkField(name, value); err != nil {
		return err
	}
	if err := h.reserve(len(name) + len(value)); err != nil {
		return &FieldError{string(name), err.Want}
	}
	if h.fields == nil {
		h.fields = make([]field, 0, 16)
	}
	var f field
	f.name, f.nameEnd = put(h, name)
	f.value, f.valueEnd = put(h, value)
	h.fields = append(h.fields, f)
	return nil
}

// Set makes value the only one of that name, at the place of the first such
// field, else at the end. It refuses what Add refuses, and then h is as before.
func (h *Header) Set(name, value string) error {
	first := h.find(name, 0)
	if first < 0 {
		return h.Add(name, value)
	}
	value = trim(value)
	if err := checkField(name, value); err != nil {
		return err
	}
	if err := h.reserve(len(value)); err != nil {
		return &FieldError{name, err.Want}
	}
	f := &h.fields[first]
	h.dead += int(f.valueEnd - f.value)
	f.value, f.valueEnd = put(h, value)
	h.delete(name, first+1)
	return nil
}

// Del removes all fields of that name.
func (h *Header) Del(name string) { h.delete(name, 0) }

// delete removes all fields of that name from index i on.
func (h *Header) delete(name string, i int) {
	if i = h.find(name, i); i < 0 {
		return
	}
	kept := h.fields[:i]
	for _, f := range h.fields[i:] {
		if same(h.block[f.name:f.nameEnd], name) {
			h.dead += int(f.nameEnd - f.name + f.valueEnd - f.value)
		} else {
			kept = append(kept, f)
		}
	}
	h.fields = kept
}

// Reset makes h empty. It keeps its memory for the next message, but not more
// than 4 KiB and 128 fields of it.
func (h *Header) Reset() {
	if h.borrowed {
		h.block, h.spare, h.borrowed = h.spare, nil, false
	}
	if cap(h.block) > keptHeaderBytes {
		h.block = nil
	}
	if cap(h.fields) > keptHeaderFields {
		h.fields = nil
	}
	h.block, h.fields, h.dead = h.block[:0], h.fields[:0], 0
}

// CopyFrom makes h a copy of o that shares nothing with it.
func (h *Header) CopyFrom(o *Header) {
	if h == o {
		h.keep()
		return
	}
	h.Reset()
	if o.dead > 0 {
		o.compactTo(h)
		return
	}
	h.block = append(h.block, o.block...)
	h.fields = append(h.fields, o.fields...)
}

// borrow makes h the fields of a block that is somebody else's.
func (h *Header) borrow(block []byte, fields []field) {
	h.Reset()
	h.spare, h.borrowed = h.block, true
	h.block, h.fields = block, fields
}

// adopt makes h the fields of a block that is h's from now on.
func (h *Header) adopt(block []byte, fields []field) {
	h.Reset()
	h.block, h.fields = block, fields
}

// keep copies what h has borrowed.
func (h *Header) keep() {
	if h.borrowed {
		h.block = append(h.spare[:0], h.block...)
		h.spare, h.borrowed = nil, false
	}
}

// reserve makes h's block its own, with place for n more bytes.
func (h *Header) reserve(n int) *FieldError {
	h.keep()
	if h.dead > len(h.block)/2 && h.dead > keptHeaderBytes/4 {
		var o Header
		h.compactTo(&o)
		*h = o
	}
	if n > maxHeaderBytes-len(h.block) {
		return &FieldError{Want: "a header of 1 MiB at most"}
	}
	return nil
}

// compactTo copies to o, which is empty, what h still needs.
func (h *Header) compactTo(o *Header) {
	for i := range h.fields {
		name, value := h.At(i)
		var f field
		f.name, f.nameEnd = put(o, name)
		f.value, f.valueEnd = put(o, value)
		o.fields = append(o.fields, f)
	}
}

// put appends v to h's block and says where it lies.
func put[T text](h *Header, v T) (start, end uint32) {
	start = uint32(len(h.block))
	h.block = append(h.block, v...)
	return start, uint32(len(h.block))
}

func checkField[T text](name, value T) error {
	if !all(name, tokenByte) {
		return &FieldError{string(name), "a name of letters, digits and !#$%&'*+-.^_`|~"}
	}
	if len(value) > 0 && !all(value, valueByte) {
		return &FieldError{string(name), "a value without CR, LF, NUL and other controls"}
	}
	return nil
}

// ValidFieldName says whether name may be a field's: a token
// (https://www.rfc-editor.org/rfc/rfc9110#section-5.1).
func ValidFieldName(name string) bool { return all(name, tokenByte) }

// ValidFieldValue says whether value may be a field's: no CR, LF, NUL or other
// control but HTAB (https://www.rfc-editor.org/rfc/rfc9110#section-5.5).
func ValidFieldValue(value string) bool { return value == "" || all(value, valueByte) }

package dns

import "encoding/binary"

// A tsigRecord is a TSIG record, read in place.
//
// See https://www.rfc-editor.org/rfc/rfc8945#section-4.2.
type tsigRecord struct {
	name      Name
	algorithm Name
	time      uint64 // seconds since 1970, 48 bits
	fudge     uint16 // seconds
	mac       []byte
	id        uint16 // of the message, when it was signed
	rcode     Rcode
	other     []byte

	names [2][MaxNameBytes]byte
}

// read reads the record at at, which is the last of p. Errors are *TSIGError.
func (t *tsigRecord) read(p []byte, at int) error {
	bad := func(text string) error { return &TSIGError{t.name, RcodeFormatError, text} }
	h, err := readHead(p, at, t.names[0][:])
	if err != nil {
		return bad(err.Error())
	}
	t.name = h.name
	if h.rtype != TypeTSIG || h.class != ClassANY || h.ttl != 0 || h.end != len(p) {
		return bad("want a record of class ANY and TTL 0, the last one")
	}
	name, off, err := readName(p, h.data, t.names[1][:])
	if err != nil {
		return bad(err.Error())
	}
	t.algorithm = name
	b := p[min(off, h.end):h.end]
	if len(b) < 16 {
		return bad("the record is cut short")
	}
	t.time = uint64(binary.BigEndian.Uint16(b))<<32 | uint64(binary.BigEndian.Uint32(b[2:]))
	t.fudge = binary.BigEndian.Uint16(b[6:])
	size := int(binary.BigEndian.Uint16(b[8:]))
	if b = b[10:]; len(b) < size+6 {
		return bad("the signature is cut short")
	}
	t.mac, b = b[:size], b[size:]
	t.id = binary.BigEndian.Uint16(b)
	t.rcode = Rcode(binary.BigEndian.Uint16(b[2:]))
	t.other = b[6:]
	if int(binary.BigEndian.Uint16(b[4:])) != len(t.other) {
		return bad("the record does not end where its data do")
	}
	return nil
}

// append writes the record.
func (t *tsigRecord) append(b []byte) []byte {
	b = append(b, t.name...)
	b = append(b, 0, TypeTSIG, 0, ClassANY, 0, 0, 0, 0)
	at := len(b)
	b = append(b, 0, 0)
	b = append(b, t.algorithm...)
	b = t.appendTimes(b)
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.mac)))
	b = append(b, t.mac...)
	b = binary.BigEndian.AppendUint16(b, t.id)
	b = t.appendError(b)
	binary.BigEndian.PutUint16(b[at:], uint16(len(b)-at-2))
	return b
}

// appendTimes writes when it was signed, and the fudge.
func (t *tsigRecord) appendTimes(b []byte) []byte {
	var p [6]byte
	putTime(p[:], t.time)
	b = append(b, p[:]...)
	return binary.BigEndian.AppendUint16(b, t.fudge)
}

// appendError writes the error and the other data.
func (t *tsigRecord) appendError(b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(t.rcode))
	b = binary.BigEndian.AppendUint16(b, uint16(len(t.other)))
	return append(b, t.other...)
}

// putTime writes seconds in 48 bits.
func putTime(p []byte, seconds uint64) {
	binary.BigEndian.PutUint16(p, uint16(seconds>>32))
	binary.BigEndian.PutUint32(p[2:], uint32(seconds))
}

// findTSIG is where the TSIG record of the message p begins; 0: it has none.
func findTSIG(p []byte) (int, error) {
	if len(p) < headerBytes {
		return 0, malformed("%d bytes: want a header of %d", len(p), headerBytes)
	}
	if p[10] == 0 && p[11] == 0 {
		return 0, nil
	}
	questions, records := int(binary.BigEndian.Uint16(p[4:])), 0
	for i := 6; i < headerBytes; i += 2 {
		records += int(binary.BigEndian.Uint16(p[i:]))
	}
	var name [MaxNameBytes]byte
	off := headerBytes
	for range questions {
		_, end, err := readName(p, off, name[:])
		if err != nil {
			return 0, err
		}
		off = end + 4
	}
	for i := range records {
		h, err := readHead(p, off, name[:])
		if err != nil {
			return 0, err
		}
		if h.rtype == TypeTSIG {
			if i != records-1 || h.end != len(p) {
				return 0, malformed("a TSIG record that is not the last")
			}
			return off, nil
		}
		off = h.end
	}
	return 0, nil
}

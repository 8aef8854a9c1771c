package dns

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	headerBytes = 12
	// maxPointers is how often one name may go on elsewhere in its message.
	maxPointers = 10
	// MaxMessageBytes is how long a message can be.
	MaxMessageBytes = 65_535
)

// errFormat is why a message cannot be read; a server answers FORMERR.
var errFormat = errors.New("dns: malformed message")

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errFormat}, args...)...)
}

// What readName and readHead find: made before, so that a flood of nonsense
// allocates nothing.
var (
	errNameCut    = malformed("a name runs beyond the end")
	errLabelCut   = malformed("a label runs beyond the end")
	errNameLong   = malformed("a name has over 255 bytes")
	errPointerCut = malformed("a pointer runs beyond the end")
	errPointers   = malformed("a name has over ten pointers")
	errForward    = malformed("a pointer does not lead backwards")
	errLabelKind  = malformed("a label is of no known kind")
	errRecordCut  = malformed("a record runs beyond the end")
	errNoData     = malformed("a record of that type has no data")
	errDataCut    = malformed("a record's data run beyond the end")
)

// readName reads the name at off, in lower case, into to, which has room for
// MaxNameBytes, and returns it and where it ends. Each pointer leads strictly
// backwards, to before all that was read of this name, so that none can loop.
func readName(m []byte, off int, to []byte) (Name, int, error) {
	n := to[:0]
	end, pointers, lowest := -1, 0, off
	for {
		if off >= len(m) {
			return nil, 0, errNameCut
		}
		c := int(m[off])
		switch c & 0xc0 {
		case 0:
			if off+1+c > len(m) {
				return nil, 0, errLabelCut
			}
			if len(n)+1+c > MaxNameBytes {
				return nil, 0, errNameLong
			}
			n = append(n, byte(c))
			for _, b := range m[off+1 : off+1+c] {
				n = append(n, lower(b))
			}
			off += 1 + c
			if c == 0 {
				if end < 0 {
					end = off
				}
				return Name(n), end, nil
			}
			if len(n) == MaxNameBytes { // and no room for the root
				return nil, 0, errNameLong
			}
		case 0xc0:
			if off+2 > len(m) {
				return nil, 0, errPointerCut
			}
			to := c&0x3f<<8 | int(m[off+1])
			if end < 0 {
				end = off + 2
			}
			if pointers++; pointers > maxPointers {
				return nil, 0, errPointers
			}
			if to >= lowest || to < headerBytes {
				return nil, 0, errForward
			}
			off, lowest = to, to
		default:
			return nil, 0, errLabelKind
		}
	}
}

// A recordHead is what stands before a record's data.
type recordHead struct {
	name  Name
	rtype Type
	class Class
	ttl   uint32
	data  int // where the data begin
	end   int // where the next record does
}

// readHead reads a record's head at off; its name goes into to.
func readHead(m []byte, off int, to []byte) (h recordHead, err error) {
	h.name, off, err = readName(m, off, to)
	if err != nil {
		return h, err
	}
	if off+10 > len(m) {
		return h, errRecordCut
	}
	h.rtype = Type(binary.BigEndian.Uint16(m[off:]))
	h.class = Class(binary.BigEndian.Uint16(m[off+2:]))
	h.ttl = binary.BigEndian.Uint32(m[off+4:])
	h.data = off + 10
	h.end = h.data + int(binary.BigEndian.Uint16(m[off+8:]))
	if h.end > len(m) {
		return h, errDataCut
	}
	return h, nil
}

package dns

import (
	"encoding/binary"
	"fmt"
	"math"
)

// PackRRset makes an RRset of records, which have one name and type: the way
// from the slow road to the hot one. Its TTL is the lowest of theirs (RFC 2181
// section 5.2). Without records it is the zero RRset.
func PackRRset(rrs []RR) (RRset, error) {
	var set RRset
	if len(rrs) == 0 {
		return set, nil
	}
	set.Type, set.TTL = Type(rrs[0].Header().Rrtype), math.MaxUint32
	scratch := make([]byte, 512)
	for _, rr := range rrs {
		scratch = scratch[:cap(scratch)]
		end, err := packRR(rr, scratch, 0)
		if err != nil && len(scratch) < MaxMessageBytes {
			scratch = make([]byte, MaxMessageBytes)
			end, err = packRR(rr, scratch, 0)
		}
		if err != nil {
			return RRset{}, fmt.Errorf("dns: cannot write the record %s: %w", rr, err)
		}
		data := scratch[nameBytes(scratch[:end])+10 : end]
		set.Data = binary.BigEndian.AppendUint16(set.Data, uint16(len(data)))
		set.Data = append(set.Data, data...)
		set.TTL = min(set.TTL, rr.Header().Ttl)
	}
	return set, nil
}

// RRs is s as records of owner, of class IN: the way back. It fails if the
// data are none of their type.
func (s RRset) RRs(owner Name) ([]RR, error) {
	rrs := make([]RR, 0, s.Len())
	b := make([]byte, 0, 512)
	for p := s.Data; len(p) >= 2; {
		size := int(binary.BigEndian.Uint16(p))
		if 2+size > len(p) {
			return nil, malformed("data of %d bytes in a set with %d", size, len(p)-2)
		}
		b = append(b[:0], owner...)
		b = binary.BigEndian.AppendUint16(b, uint16(s.Type))
		b = binary.BigEndian.AppendUint16(b, ClassIN)
		b = binary.BigEndian.AppendUint32(b, s.TTL)
		b = append(b, p[:2+size]...)
		rr, _, err := unpackRR(b, 0)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errFormat, err)
		}
		rrs = append(rrs, rr)
		p = p[2+size:]
	}
	return rrs, nil
}

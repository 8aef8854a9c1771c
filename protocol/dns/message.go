package dns

import (
	"encoding/binary"
	"fmt"

	"github.com/miekg/dns"
)

// A Message is one with all its records, for who needs more than a Query and a
// ResponseWriter: clients, transfers, updates.
type Message = dns.Msg

// A Question is what a Message asks, with its name in presentation format.
type Question = dns.Question

// ParseMessage reads a message. It is strict where a library would be lenient:
// counts must fit the bytes, names' pointers lead backwards and not more than
// ten times, an OPT record and a TSIG record stand in the additional section,
// once, and TSIG is the last. A name has one SOA, CNAME and DNAME record in a
// section, unless the message is of a transfer or an update. Nothing stands
// behind the last record.
//
// See https://www.rfc-editor.org/rfc/rfc1035#section-4.
func ParseMessage(p []byte) (*Message, error) {
	if err := checkMessage(p); err != nil {
		return nil, err
	}
	m := new(Message)
	if err := m.Unpack(p); err != nil {
		return nil, fmt.Errorf("%w: %w", errFormat, err)
	}
	return m, nil
}

// checkMessage walks p: whatever is wrong is found before anything is allocated.
func checkMessage(p []byte) error {
	if len(p) < headerBytes {
		return malformed("%d bytes: want a header of %d", len(p), headerBytes)
	}
	var counts [4]int
	total := 0
	for i := range counts {
		counts[i] = int(binary.BigEndian.Uint16(p[4+2*i:]))
		total += counts[i]
	}
	if counts[0]*5+(total-counts[0])*11 > len(p)-headerBytes {
		return malformed("%d entries in %d bytes", total, len(p))
	}
	var name [MaxNameBytes]byte
	off := headerBytes
	for range counts[0] {
		_, end, err := readName(p, off, name[:])
		if err != nil {
			return err
		}
		if off = end + 4; off > len(p) {
			return malformed("a question runs beyond the end")
		}
	}
	update := Opcode(p[2]>>3&0xf) == OpcodeUpdate
	opts, seen := 0, onlyOnce{changes: counts[0] == 0 || update}
	if t := Type(binary.BigEndian.Uint16(p[off-4:])); counts[0] > 0 && (t == TypeAXFR || t == TypeIXFR) {
		seen.changes = true
	}
	for section := 1; section < 4; section++ {
		for i := range counts[section] {
			h, err := readHead(p, off, name[:])
			if err != nil {
				return err
			}
			if err := checkData(p, &h, update); err != nil {
				return err
			}
			switch h.rtype {
			case TypeSOA, TypeCNAME, TypeDNAME:
				if seen.again(&h, section) {
					return malformed("a second %s record of one name", h.rtype)
				}
			case TypeOPT:
				if opts++; opts > 1 || section != 3 || !h.name.IsRoot() {
					return malformed("an OPT record where none can be")
				}
			case TypeTSIG:
				if section != 3 || i != counts[3]-1 {
					return malformed("a TSIG record that is not the last")
				}
			}
			off = h.end
		}
	}
	if off != len(p) {
		return malformed("%d bytes behind the last record", len(p)-off)
	}
	return nil
}

// maxAliases is how many CNAME and DNAME records a message that is no transfer
// has: more than anybody follows.
const maxAliases = 64

// An onlyOnce finds records that a name can have only one of.
type onlyOnce struct {
	// changes says that the message is of an update or a transfer, where a
	// removal and an addition may stand beside each other. The later messages of
	// a transfer have no question.
	changes  bool
	section  int
	hashes   [maxAliases]uint64
	recorded int
}

// again notes the record h, and reports whether there was one of its type and
// name in its section, or there are too many.
func (o *onlyOnce) again(h *recordHead, section int) bool {
	if o.changes {
		return false
	}
	if section != o.section {
		o.section, o.recorded = section, 0
	}
	hash := uint64(14695981039346656037)
	for _, b := range h.name {
		hash = (hash ^ uint64(b)) * 1099511628211
	}
	hash = (hash ^ uint64(h.rtype)) * 1099511628211
	for _, before := range o.hashes[:o.recorded] {
		if before == hash {
			return true
		}
	}
	if o.recorded == maxAliases {
		return true
	}
	o.hashes[o.recorded] = hash
	o.recorded++
	return false
}

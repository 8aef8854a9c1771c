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
// ten times, an OPT record and a TSIG record stand in the additional section, once, and
// TSIG is the last. Nothing stands behind the last record.
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
	opts := 0
	for section := 1; section < 4; section++ {
		for i := range counts[section] {
			h, err := readHead(p, off, name[:])
			if err != nil {
				return err
			}
			switch h.rtype {
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

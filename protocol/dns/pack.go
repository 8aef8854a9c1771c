package dns

import "github.com/miekg/dns"

// The library takes the bit of AMTRELAY that says that discovery is optional for
// a part of the relay's type, and leaves the relay out. Without that bit it does
// both ways what it should.
//
// See https://www.rfc-editor.org/rfc/rfc8777#section-4.2.2.
const amtOptional = 0x80

// A lent record has a head of its own: the library notes in the head how long
// what it wrote is, and records are everybody's, on all loops.
type lent struct {
	RR
	head RecordHeader
}

func (l *lent) Header() *RecordHeader { return &l.head }

// packRR writes a record to b at off, uncompressed, and returns where it ends.
func packRR(rr RR, b []byte, off int) (int, error) {
	a, ok := rr.(*AMTRELAY)
	if !ok || a.GatewayType&amtOptional == 0 {
		return dns.PackRR(&lent{rr, *rr.Header()}, b, off, nil, false)
	}
	plain := *a
	plain.GatewayType &^= amtOptional
	end, err := dns.PackRR(&plain, b, off, nil, false)
	if err == nil {
		b[off+nameBytes(b[off:end])+10+1] |= amtOptional
	}
	return end, err
}

// unpackRR reads the record at off of p, which has no pointers. It may change p.
func unpackRR(p []byte, off int) (RR, int, error) {
	at := off + nameBytes(p[off:])
	if at+12 > len(p) || p[at] != TypeAMTRELAY>>8 || p[at+1] != TypeAMTRELAY&0xff || p[at+11]&amtOptional == 0 {
		return dns.UnpackRR(p, off)
	}
	p[at+11] &^= amtOptional
	rr, end, err := dns.UnpackRR(p, off)
	if a, ok := rr.(*AMTRELAY); ok {
		a.GatewayType |= amtOptional
	}
	return rr, end, err
}

package authority

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/protocol/dns"
)

// An inbound is a transfer from another server: it takes the records as they
// come, whole or as differences, and says when there are no more. Nothing of it
// is believed beyond its bounds.
//
// See https://www.rfc-editor.org/rfc/rfc5936#section-2.2 and
// https://www.rfc-editor.org/rfc/rfc1995#section-4.
type inbound struct {
	origin     dns.Name
	have       *dns.SOA // what we have; nil: the whole zone is wanted
	maxRecords int

	soa     *dns.SOA // the version that comes
	stage   stage
	count   int
	records []dns.RR // of a whole zone
	steps   []Step
}

// A stage is how far an inbound is.
type stage uint8

const (
	wantSOA stage = iota
	wantSecond
	wholeZone
	removing
	adding
	complete
	current // the server has nothing newer
)

// errUnasked is a record that cannot stand where it does.
var errUnasked = errors.New("not a transfer as RFC 5936 and RFC 1995 have it")

// take takes the next record.
func (in *inbound) take(rr dns.RR) error {
	h := rr.Header()
	if in.stage >= complete {
		return fmt.Errorf("%w: %s %s behind the end", errUnasked, h.Name, dns.Type(h.Rrtype))
	}
	if in.count++; in.count > in.maxRecords {
		return fmt.Errorf("over %d records: want less, or Secondary.MaxRecords more", in.maxRecords)
	}
	name, err := dns.ParseName(h.Name)
	if err != nil {
		return err
	}
	if !name.In(in.origin) || h.Class != dns.ClassIN || isMeta(dns.Type(h.Rrtype)) {
		return fmt.Errorf("%w: %s %s %s: want data of %s", errUnasked, name, dns.Class(h.Class), dns.Type(h.Rrtype), in.origin)
	}
	soa, isSOA := rr.(*dns.SOA)
	if isSOA && len(name) != len(in.origin) {
		return fmt.Errorf("%w: %s SOA: want it at %s only", errUnasked, name, in.origin)
	}
	switch in.stage {
	case wantSOA:
		if !isSOA {
			return fmt.Errorf("%w: it begins with %s: want SOA", errUnasked, dns.Type(h.Rrtype))
		}
		in.soa, in.stage = soa, wantSecond
	case wantSecond:
		if in.have != nil && isSOA && soa.Serial == in.have.Serial && soa.Serial != in.soa.Serial {
			in.stage = removing
			in.steps = append(in.steps, Step{From: soa})
			return nil
		}
		in.stage = wholeZone
		in.records = append(in.records, in.soa)
		fallthrough
	case wholeZone:
		switch {
		case !isSOA:
			in.records = append(in.records, rr)
		case soa.Serial != in.soa.Serial:
			return fmt.Errorf("%w: serial %d at the end, and %d at the beginning", errUnasked, soa.Serial, in.soa.Serial)
		default:
			in.stage = complete
		}
	case removing:
		s := &in.steps[len(in.steps)-1]
		if !isSOA {
			s.Removed = append(s.Removed, rr)
			return nil
		}
		if !newer(soa.Serial, s.From.Serial) {
			return fmt.Errorf("%w: a step from serial %d to %d", errUnasked, s.From.Serial, soa.Serial)
		}
		s.To, in.stage = soa, adding
	case adding:
		s := &in.steps[len(in.steps)-1]
		switch {
		case !isSOA:
			s.Added = append(s.Added, rr)
		case soa.Serial != s.To.Serial:
			return fmt.Errorf("%w: a step to serial %d, and the next from %d", errUnasked, s.To.Serial, soa.Serial)
		case soa.Serial == in.soa.Serial:
			in.stage = complete
		default:
			in.stage = removing
			in.steps = append(in.steps, Step{From: soa})
		}
	}
	return nil
}

// messageEnded notes that a message was read to its end: a SOA alone is all
// that a server says who has nothing newer.
func (in *inbound) messageEnded() {
	if in.stage == wantSecond && in.have != nil && !newer(in.soa.Serial, in.have.Serial) {
		in.stage = current
	}
}

// done reports whether all is here.
func (in *inbound) done() bool { return in.stage >= complete }

package dns

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// ParseRR reads one record as a line of a zone file has it, with all its names
// absolute: "www.example. 60 IN A 192.0.2.1". A TTL that is not given is 3600.
func ParseRR(s string) (RR, error) {
	file := ReadZone(strings.NewReader(s+"\n"), ZoneFileOptions{DefaultTTL: 3600}) // without $INCLUDE
	rr, ok := file.Next()
	if err := file.Err(); err != nil {
		return nil, fmt.Errorf("dns: record %.200q: %w", s, err)
	}
	if !ok {
		return nil, fmt.Errorf("dns: record %.200q: want a name, a type and data", s)
	}
	return rr, nil
}

// Same reports whether two records are one: of one name, class and type, and
// with the same data. TTLs do not count, and names' case does not either.
//
// See https://www.rfc-editor.org/rfc/rfc2136#section-1.1.1.
func Same(a, b RR) bool {
	if dns.IsDuplicate(a, b) {
		return true
	}
	x, y := a.Header(), b.Header()
	if x.Rrtype != y.Rrtype || x.Class != y.Class || !strings.EqualFold(x.Name, y.Name) {
		return false
	}
	// Hexadecimal data have the case in which somebody wrote them; from the wire
	// they have one.
	a, b = throughWire(a), throughWire(b)
	return a != nil && b != nil && dns.IsDuplicate(a, b)
}

// throughWire is rr as it would come in a message; nil: it cannot.
func throughWire(rr RR) RR {
	p, err := AppendRR(nil, rr)
	if err != nil {
		return nil
	}
	if rr, _, err = unpackRR(p, 0); err != nil {
		return nil
	}
	return rr
}

// Copy is rr again, for who changes it.
func Copy(rr RR) RR { return dns.Copy(rr) }

// DataText is what a zone file has behind the type of rr: its data.
func DataText(rr RR) string {
	if u, ok := rr.(*Unknown); ok {
		return `\# ` + strconv.Itoa(len(u.Rdata)/2) + " " + u.Rdata
	}
	// What a record says of itself begins with its header.
	return strings.TrimPrefix(rr.String(), rr.Header().String())
}

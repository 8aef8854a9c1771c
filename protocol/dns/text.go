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
func Same(a, b RR) bool { return dns.IsDuplicate(a, b) }

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

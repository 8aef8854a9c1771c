package zone

import (
	"errors"
	"fmt"
	"io"

	"github.com/twistor-go/twistor/protocol/dns"
)

// Options say how a zone is read, and what it may hold.
type Options struct {
	// Origin is the zone's name, which relative names of the file are relative
	// to. Nil: the root.
	Origin dns.Name
	// File is the file's name, for errors and $INCLUDE.
	File string
	// DefaultTTL is what records have before $TTL and before any TTL, in seconds.
	// 0: the last field of the SOA record; before that, it is an error.
	DefaultTTL uint32
	// Include opens what $INCLUDE names; a relative name has File's directory
	// before it. It is called where Read is. Nil: $INCLUDE is an error.
	Include func(name string) (io.ReadCloser, error)
	// MaxRecords is how many records the zone may have. 0: DefaultMaxRecords.
	MaxRecords int
	// MaxSetRecords is how many one set may have. 0: DefaultMaxSetRecords.
	MaxSetRecords int
}

func (o *Options) maxRecords() int {
	if o.MaxRecords == 0 {
		return DefaultMaxRecords
	}
	return o.MaxRecords
}

func (o *Options) limits() limits {
	l := limits{records: o.maxRecords(), set: o.MaxSetRecords}
	if l.set == 0 {
		l.set = DefaultMaxSetRecords
	}
	return l
}

// Read reads a zone from a master file (RFC 1035 section 5). It waits for r:
// call it on the pool. An error names the file and the line, and what is wanted
// there: a SOA record and NS records at the origin, no name outside of it, no
// records beside a CNAME record but those that prove things, known limits.
// What stands twice is taken once.
//
// See https://www.rfc-editor.org/rfc/rfc1035#section-5.2.
func Read(r io.Reader, o Options) (*Zone, error) {
	if len(o.Origin) == 0 {
		o.Origin = dns.Root
	}
	file := dns.ReadZone(r, dns.ZoneFileOptions{Origin: o.Origin, File: o.File, DefaultTTL: o.DefaultTTL, Include: o.Include})
	defer file.Close()
	b := &builder{o: o}
	for rr, ok := file.Next(); ok; rr, ok = file.Next() {
		name, line := file.Line()
		if err := b.add(rr, name, line); err != nil {
			return nil, fmt.Errorf("zone: %w", atLine(name, line, err))
		}
	}
	if err := file.Err(); err != nil {
		return nil, fmt.Errorf("zone: %w", err)
	}
	z, err := b.zone()
	if err == nil {
		return z, nil
	}
	if _, ok := errors.AsType[*lineError](err); !ok && o.File != "" {
		return nil, fmt.Errorf("zone: %s: %w", o.File, err)
	}
	return nil, fmt.Errorf("zone: %w", err)
}

// A lineError is what is wrong at a line of a file.
type lineError struct {
	file string // "": it has no name
	line int
	err  error
}

func atLine(file string, line int, err error) error { return &lineError{file, line, err} }

func (e *lineError) Error() string {
	if e.file == "" {
		return fmt.Sprintf("line %d: %v", e.line, e.err)
	}
	return fmt.Sprintf("%s:%d: %v", e.file, e.line, e.err)
}

func (e *lineError) Unwrap() error { return e.err }

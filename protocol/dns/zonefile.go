package dns

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// AppendRR appends a record as it is on the wire: its names with the capitals
// that they have, and not compressed.
func AppendRR(b []byte, rr RR) ([]byte, error) {
	for room := 512; ; room = MaxMessageBytes + MaxNameBytes + 10 {
		b = slices.Grow(b, room)
		end, err := packRR(rr, b[:cap(b)], len(b))
		if err == nil {
			return b[:end], nil
		}
		if room > MaxMessageBytes {
			return b, fmt.Errorf("dns: cannot write the record %s: %w", rr, err)
		}
	}
}

// ZoneFileOptions say how a zone file is to be read.
type ZoneFileOptions struct {
	// Origin is what relative names are relative to, until $ORIGIN says another.
	// Nil: the root.
	Origin Name
	// File is the file's name, in errors and for $INCLUDE's relative names.
	File string
	// DefaultTTL is what records have before $TTL and before any TTL, in seconds.
	// 0: the last field of the SOA record, as it was before RFC 2308; without one
	// that is an error.
	DefaultTTL uint32
	// Include opens what $INCLUDE names, with File's directory before it if the
	// name is relative, and cleaned. Absolute names stay so only if File is one. Nil:
	// $INCLUDE is an error.
	Include func(name string) (io.ReadCloser, error)
}

// A ZoneFile reads the records of a master file, one after another: all of RFC
// 1035 section 5, $TTL, unknown types (RFC 3597), and $GENERATE, each of up to
// 65,536 records. Files include others up to seven deep. It waits for the
// files: use it on the pool, from one goroutine at a time.
type ZoneFile struct {
	parser *dns.ZoneParser
	files  []*zoneText // open; the last one is read
	closed *zoneText   // the last one that was
	text   *zoneText   // the first one
	line   int         // of the record that Next returned
	file   string

	defaultTTL uint32 // 0: not known yet
	err        error  // of a record that needs it
}

// noTTL is what the parser gives records that have no TTL: none can have it.
const noTTL = 1<<32 - 1

// ReadZone reads the zone file r.
func ReadZone(r io.Reader, o ZoneFileOptions) *ZoneFile {
	z := &ZoneFile{file: o.File, line: 1}
	origin := "."
	if o.Origin != nil {
		origin = o.Origin.String()
	}
	z.text = z.push(io.NopCloser(r), o.File)
	z.text.parsedAs = o.File
	z.parser = dns.NewZoneParser(z.text, origin, o.File)
	z.defaultTTL = o.DefaultTTL
	z.parser.SetDefaultTTL(noTTL)
	if o.Include != nil {
		z.parser.SetIncludeAllowed(true)
		z.parser.SetIncludeFS(includes{z, o.File, o.Include})
	}
	return z
}

// Next is the next record; false: there is none, or Err says why not.
func (z *ZoneFile) Next() (RR, bool) {
	if z.err != nil {
		return nil, false
	}
	rr, ok := z.parser.Next()
	if !ok {
		return nil, false
	}
	t := z.files[len(z.files)-1]
	z.file, z.line = t.name, t.line
	if t.newline && t.generator == nil { // the record's own
		z.line--
	}
	h := rr.Header()
	if h.Ttl != noTTL {
		return rr, true
	}
	if soa, ok := rr.(*SOA); ok && z.defaultTTL == 0 {
		z.defaultTTL = soa.Minttl
	}
	if h.Ttl = z.defaultTTL; h.Ttl == 0 {
		z.err = placed(z.file, z.line, fmt.Errorf("%s %s: want a TTL, or $TTL before it", h.Name, Type(h.Rrtype)))
		return nil, false
	}
	return rr, true
}

// Line is where the record that Next returned ends: a file, and a line from 1.
func (z *ZoneFile) Line() (file string, line int) { return z.file, z.line }

// Close closes the files that are open after an error; the first one is the
// caller's.
func (z *ZoneFile) Close() {
	for len(z.files) > 0 {
		z.files[len(z.files)-1].Close()
	}
}

// Err is what ended the records; nil: their end. It begins with a file and a
// line, as editors and people look for them.
func (z *ZoneFile) Err() error {
	if z.err != nil {
		return z.err
	}
	err := z.parser.Err()
	if err == nil {
		return nil
	}
	bad, ok := errors.AsType[*dns.ParseError](err)
	if !ok {
		return err // of a zoneText
	}
	text := bad.Error()
	file, rest, _ := strings.Cut(text, "dns: ")
	file = strings.TrimSuffix(file, ": ")
	at := strings.LastIndex(rest, " at line: ")
	if at < 0 {
		return bad
	}
	t := z.text
	for _, of := range append(z.files, z.closed) {
		if of != nil && of.parsedAs == file {
			t = of
		}
	}
	where, _, _ := strings.Cut(rest[at+len(" at line: "):], ":")
	line, err := strconv.Atoi(where)
	if err != nil {
		return bad
	}
	if line -= t.extra; t.generator != nil {
		line = t.line
	}
	if err = bad.Unwrap(); err == nil {
		err = errors.New(rest[:at])
	}
	return placed(t.name, line, err)
}

// placed says where an error is.
func placed(file string, line int, err error) error {
	if file == "" {
		return fmt.Errorf("line %d: %w", line, err)
	}
	return fmt.Errorf("%s:%d: %w", file, line, err)
}

// includes opens files for the parser.
type includes struct {
	z    *ZoneFile
	file string
	open func(name string) (io.ReadCloser, error)
}

// Open implements fs.FS.
func (i includes) Open(name string) (fs.File, error) {
	opened := name
	if path.IsAbs(i.file) {
		opened = "/" + name // the parser has taken it away
	}
	r, err := i.open(opened)
	if err != nil {
		return nil, err
	}
	t := i.z.push(r, opened)
	t.parsedAs = name
	return t, nil
}

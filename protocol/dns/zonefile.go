package dns

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/miekg/dns"
)

// AppendRR appends a record as it is on the wire: its names with the capitals
// that they have, and not compressed.
func AppendRR(b []byte, rr RR) ([]byte, error) {
	for room := 512; ; room = MaxMessageBytes + MaxNameBytes + 10 {
		b = slices.Grow(b, room)
		end, err := dns.PackRR(rr, b[:cap(b)], len(b), nil, false)
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
	// DefaultTTL is for records before $TTL that have none, in seconds. 0: that is
	// an error.
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
	line   int         // of the record that Next returned
	file   string
}

// ReadZone reads the zone file r.
func ReadZone(r io.Reader, o ZoneFileOptions) *ZoneFile {
	z := &ZoneFile{file: o.File, line: 1}
	origin := "."
	if o.Origin != nil {
		origin = o.Origin.String()
	}
	text := z.push(io.NopCloser(r), o.File)
	z.parser = dns.NewZoneParser(text, origin, o.File)
	if o.DefaultTTL != 0 {
		z.parser.SetDefaultTTL(o.DefaultTTL)
	}
	if o.Include != nil {
		z.parser.SetIncludeAllowed(true)
		z.parser.SetIncludeFS(includes{z, o.File, o.Include})
	}
	return z
}

// Next is the next record; false: there is none, or Err says why not.
func (z *ZoneFile) Next() (RR, bool) {
	rr, ok := z.parser.Next()
	if ok {
		t := z.files[len(z.files)-1]
		z.file, z.line = t.name, t.line
		if t.newline { // the record's own
			z.line--
		}
	}
	return rr, ok
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

// Err is what ended the records; nil: their end.
func (z *ZoneFile) Err() error {
	err := z.parser.Err()
	if err == nil {
		return nil
	}
	if bad, ok := errors.AsType[*dns.ParseError](err); ok {
		return zoneFileError(bad)
	}
	return fmt.Errorf("%s: %w", z.file, err)
}

// zoneFileError says where and what, in the order in which editors and people
// look for it: file:line:column: what: "where".
func zoneFileError(bad *dns.ParseError) error {
	text := bad.Error()
	file, rest, ok := strings.Cut(text, "dns: ")
	if !ok {
		return bad
	}
	file = strings.TrimSuffix(file, ": ")
	if file == "" {
		file = "line"
	}
	what, where, ok := cutLast(rest, " at line: ")
	if !ok {
		return bad
	}
	return fmt.Errorf("%s:%s: %s", file, where, what)
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// includes opens files for the parser.
type includes struct {
	z    *ZoneFile
	file string
	open func(name string) (io.ReadCloser, error)
}

// Open implements fs.FS.
func (i includes) Open(name string) (fs.File, error) {
	if path.IsAbs(i.file) {
		name = "/" + name // the parser has taken it away
	}
	r, err := i.open(name)
	if err != nil {
		return nil, err
	}
	return i.z.push(r, name), nil
}

func (z *ZoneFile) push(r io.ReadCloser, name string) *zoneText {
	t := &zoneText{z: z, r: r, name: name, line: 1}
	z.files = append(z.files, t)
	return t
}

// A zoneText is an open file. It gives the parser byte after byte, and so
// knows at which line it is.
type zoneText struct {
	z       *ZoneFile
	r       io.ReadCloser
	name    string
	line    int
	newline bool // was the last byte
	b       []byte
	at, end int
	err     error
}

// ReadByte implements io.ByteReader.
func (t *zoneText) ReadByte() (byte, error) {
	if t.at == t.end {
		if t.b == nil {
			t.b = make([]byte, 32<<10)
		}
		for t.at, t.end = 0, 0; t.end == 0; {
			if t.err != nil {
				return 0, t.err
			}
			t.end, t.err = t.r.Read(t.b)
		}
	}
	c := t.b[t.at]
	t.at++
	if t.newline = c == '\n'; t.newline {
		t.line++
	}
	return c, nil
}

// Read implements io.Reader; the parser prefers ReadByte.
func (t *zoneText) Read(p []byte) (int, error) {
	for i := range p {
		c, err := t.ReadByte()
		if err != nil {
			return i, err
		}
		p[i] = c
	}
	return len(p), nil
}

// Close implements io.Closer: another file is read on.
func (t *zoneText) Close() error {
	if i := slices.Index(t.z.files, t); i > 0 {
		t.z.files = t.z.files[:i]
	} else {
		t.z.files = t.z.files[:0]
	}
	return t.r.Close()
}

// Stat implements fs.File: nobody asks.
func (t *zoneText) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

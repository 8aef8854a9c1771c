package dns

import (
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// A zoneText is an open file. It gives the parser byte after byte, and so
// knows at which line it is; and it puts the lines that a $GENERATE stands for
// in the place of that.
type zoneText struct {
	z    *ZoneFile
	r    io.ReadCloser
	name string
	buf  []byte
	at   int
	end  int
	err  error // of r, after buf

	parsedAs string // its name in the parser's errors

	line    int  // of the byte that was last
	newline bool // it was one
	extra   int  // lines that the parser saw and the file does not have

	quoted, comment, escaped bool
	parentheses              int

	generator *generator
	generated []byte // to give, before the file
}

func (z *ZoneFile) push(r io.ReadCloser, name string) *zoneText {
	t := &zoneText{z: z, r: r, name: name, line: 1, newline: true}
	z.files = append(z.files, t)
	return t
}

// ReadByte implements io.ByteReader.
func (t *zoneText) ReadByte() (byte, error) {
	if t.newline && !t.quoted && t.parentheses == 0 && len(t.generated) == 0 {
		if err := t.beginLine(); err != nil {
			return 0, err
		}
	}
	if len(t.generated) > 0 {
		c := t.generated[0]
		t.generated = t.generated[1:]
		if t.newline = c == '\n'; t.newline {
			t.extra++
		}
		return c, nil
	}
	c, err := t.readByte()
	if err != nil {
		return 0, err
	}
	t.note(c)
	return c, nil
}

// beginLine looks whether the next line is a $GENERATE, or stands for one.
func (t *zoneText) beginLine() error {
	const directive = "$GENERATE"
	for {
		if t.generator != nil {
			b, err := t.generator.line(t.generated[:0])
			if err != nil {
				return t.wrong(err)
			}
			if t.generated = b; len(b) > 0 {
				return nil
			}
			t.generator = nil
			t.line++ // the directive's own end
			t.extra--
		}
		p := t.peek(len(directive) + 1)
		if len(p) <= len(directive) || !strings.EqualFold(string(p[:len(directive)]), directive) || p[len(directive)] != ' ' && p[len(directive)] != '\t' {
			return nil
		}
		t.at += len(directive)
		var text []byte
		for {
			c, err := t.readByte()
			if err != nil && err != io.EOF {
				return err
			}
			if err == io.EOF || c == '\n' {
				break
			}
			if text = append(text, c); len(text) > maxGenerateBytes {
				return t.wrong(fmt.Errorf("$GENERATE: want a line of up to %d bytes", maxGenerateBytes))
			}
		}
		g, err := newGenerator(string(text))
		if err != nil {
			return t.wrong(err)
		}
		t.generator = g
	}
}

func (t *zoneText) wrong(err error) error {
	t.err, t.at, t.end = placed(t.name, t.line, err), 0, 0
	return t.err
}

// note follows where in a line c stands, as far as that says where lines end.
func (t *zoneText) note(c byte) {
	t.newline = c == '\n'
	switch {
	case t.newline:
		t.line++
		t.comment, t.escaped = false, false
	case t.comment:
	case t.escaped:
		t.escaped = false
	case c == '\\':
		t.escaped = true
	case c == '"':
		t.quoted = !t.quoted
	case t.quoted:
	case c == ';':
		t.comment = true
	case c == '(':
		t.parentheses++
	case c == ')':
		t.parentheses--
	}
}

// readByte is the file's next byte.
func (t *zoneText) readByte() (byte, error) {
	if t.at == t.end && len(t.peek(1)) == 0 {
		return 0, t.err
	}
	t.at++
	return t.buf[t.at-1], nil
}

// peek is the next n bytes, or fewer at the end.
func (t *zoneText) peek(n int) []byte {
	if t.buf == nil {
		t.buf = make([]byte, 32<<10)
	}
	for t.end-t.at < n && t.err == nil {
		t.end = copy(t.buf, t.buf[t.at:t.end])
		t.at = 0
		var k int
		k, t.err = t.r.Read(t.buf[t.end:])
		t.end += k
	}
	return t.buf[t.at:min(t.end, t.at+n)]
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
	if i := slices.Index(t.z.files, t); i >= 0 {
		t.z.files = t.z.files[:i]
	}
	t.z.closed = t
	return t.r.Close()
}

// Stat implements fs.File: nobody asks.
func (t *zoneText) Stat() (fs.FileInfo, error) { return nil, fs.ErrInvalid }

package weblog

import (
	"bytes"
	"strconv"
	"time"
	"unicode/utf8"
)

// The stream is one XML document that does not end until the server does. Each
// piece is written whole and ends its line, so that a parser which reads a
// document as it comes has every hit as soon as it is there.
const (
	header  = `<?xml version="1.0" encoding="UTF-8"?>` + "\n<weblog>\n"
	trailer = "</weblog>\n"
	none    = "<none/>\n" // the answer to a question when there is nothing new
)

// appendLost says that n hits were forgotten before the client asked for them.
func appendLost(dst []byte, n uint64) []byte {
	dst = append(dst, `<lost count="`...)
	dst = strconv.AppendUint(dst, n, 10)
	return append(dst, "\"/>\n"...)
}

// An Encoder writes Records as elements of the stream. Its zero is ready; it
// keeps a buffer of the size of the longest field. Loop-only.
type Encoder struct {
	field  []byte // a field that is being decoded
	second int64  // of Unix, that stamp is of
	stamp  []byte
}

// AppendHit appends r to dst as one element and a newline, and returns the
// extended dst. What the web server escaped is decoded. Whatever bytes the
// record has, the element is well-formed: a byte that XML 1.0 has no place for,
// not even escaped (a control character, or what is not UTF-8), is written as
// the four characters \xHH, as nginx writes it.
//
// "Char ::= #x9 | #xA | #xD | [#x20-#xD7FF] | [#xE000-#xFFFD] | [#x10000-#x10FFFF]"
// https://www.w3.org/TR/xml/#charsets
func (e *Encoder) AppendHit(dst []byte, r *Record) []byte {
	dst = e.appendField(append(dst, `<hit host="`...), r.Host)
	dst = e.appendField(append(dst, `" ident="`...), r.Ident)
	dst = e.appendField(append(dst, `" user="`...), r.User)
	dst = e.appendTime(append(dst, `" time="`...), r.Time)
	dst = e.appendField(append(dst, `" method="`...), r.Method)
	dst = e.appendField(append(dst, `" path="`...), r.Path)
	dst = e.appendField(append(dst, `" protocol="`...), r.Protocol)
	dst = appendStatus(append(dst, `" status="`...), r.Status)
	dst = strconv.AppendInt(append(dst, `" bytes="`...), r.Bytes, 10)
	dst = e.appendField(append(dst, `" referrer="`...), r.Referrer)
	dst = e.appendField(append(dst, `" agent="`...), r.Agent)
	return append(dst, "\"/>\n"...)
}

// appendTime keeps the last time it wrote: hits that come together share it.
func (e *Encoder) appendTime(dst []byte, t time.Time) []byte {
	if s := t.Unix(); s != e.second || len(e.stamp) == 0 {
		e.second, e.stamp = s, t.UTC().AppendFormat(e.stamp[:0], time.RFC3339)
	}
	return append(dst, e.stamp...)
}

// appendStatus writes three digits, as the log has them.
func appendStatus(dst []byte, status int) []byte {
	return append(dst, byte('0'+status/100%10), byte('0'+status/10%10), byte('0'+status%10))
}

func (e *Encoder) appendField(dst, raw []byte) []byte {
	if bytes.IndexByte(raw, '\\') >= 0 {
		e.field = appendUnescaped(e.field[:0], raw)
		raw = e.field
	}
	return appendAttribute(dst, raw)
}

// appendAttribute appends b as the value of an attribute in double quotes.
func appendAttribute(dst, b []byte) []byte {
	start := 0
	for i := 0; i < len(b); {
		if plain[b[i]] {
			i++
			continue
		}
		dst = append(dst, b[start:i]...)
		n := 1
		switch b[i] {
		case '&':
			dst = append(dst, "&amp;"...)
		case '<':
			dst = append(dst, "&lt;"...)
		case '>':
			dst = append(dst, "&gt;"...)
		case '"':
			dst = append(dst, "&quot;"...)
		case '\t': // as they are, a parser would make spaces of these three
			dst = append(dst, "&#9;"...)
		case '\n':
			dst = append(dst, "&#10;"...)
		case '\r':
			dst = append(dst, "&#13;"...)
		default:
			var r rune
			if r, n = utf8.DecodeRune(b[i:]); r < ' ' || r == utf8.RuneError && n == 1 || r == 0xFFFE || r == 0xFFFF {
				for _, c := range b[i : i+n] {
					dst = append(dst, '\\', 'x', hex[c>>4], hex[c&15])
				}
			} else {
				dst = append(dst, b[i:i+n]...)
			}
		}
		i += n
		start = i
	}
	return append(dst, b[start:]...)
}

const hex = "0123456789ABCDEF"

// plain says which bytes stand for themselves in an attribute.
var plain = func() (t [256]bool) {
	for c := ' '; c < 0x80; c++ {
		t[c] = true
	}
	for _, c := range `&<>"` {
		t[c] = false
	}
	return t
}()

// appendUnescaped undoes what web servers do to a field so that it keeps to its
// quotes and its line: nginx writes \xHH, Apache also \" \\ \b \n \r \t \v.
// Any other backslash stands for itself.
func appendUnescaped(dst, b []byte) []byte {
	for {
		i := bytes.IndexByte(b, '\\')
		if i < 0 || i+1 == len(b) {
			return append(dst, b...)
		}
		dst = append(dst, b[:i]...)
		c, n := b[i+1], 2
		switch c {
		case '"', '\\':
		case 'b':
			c = '\b'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'v':
			c = '\v'
		case 'x':
			high, low := nibble(b, i+2), nibble(b, i+3)
			if high < 0 || low < 0 {
				c, n = '\\', 1
				break
			}
			c, n = byte(high<<4|low), 4
		default:
			c, n = '\\', 1
		}
		dst = append(dst, c)
		b = b[i+n:]
	}
}

// nibble is the hexadecimal digit at b[i], -1 if there is none.
func nibble(b []byte, i int) int {
	if i >= len(b) {
		return -1
	}
	switch c := b[i]; {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

// Hit decodes r.
func (r *Record) Hit() Hit {
	return Hit{
		Host: text(r.Host), Ident: text(r.Ident), User: text(r.User), Time: r.Time,
		Method: text(r.Method), Path: text(r.Path), Protocol: text(r.Protocol),
		Status: r.Status, Bytes: r.Bytes,
		Referrer: text(r.Referrer), Agent: text(r.Agent),
	}
}

func text(raw []byte) string { return string(appendUnescaped(nil, raw)) }

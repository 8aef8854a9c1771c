package dns

import (
	"bytes"
	"fmt"
	"strconv"
)

// Limits of names, RFC 1035 section 2.3.4.
const (
	MaxNameBytes  = 255 // on the wire, with the root's zero
	MaxLabelBytes = 63
)

// A Name is a domain name as it stands on the wire, in lower case and without
// compression: labels, each behind its length, and the root's zero. Names that
// are the same to DNS are the same bytes, so string(n) is a good map key.
// Immutable; one that comes with a Query is valid as long as that is.
//
// See https://www.rfc-editor.org/rfc/rfc1035#section-3.1.
type Name []byte

// Root is the name of the root.
var Root = Name{0}

// ParseName reads a name in presentation format, such as www.example.com, with
// or without the final dot; \. and \DDD stand for bytes (RFC 1035 section 5.1).
func ParseName(s string) (Name, error) {
	if s == "." {
		return Root, nil
	}
	n := make(Name, 1, len(s)+2)
	start := 0 // of the label's length
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
			if err := closeLabel(n, start, s); err != nil {
				return nil, err
			}
			start = len(n)
			n = append(n, 0)
			continue
		case c == '\\' && i+3 < len(s) && isDigit(s[i+1]) && isDigit(s[i+2]) && isDigit(s[i+3]):
			v := int(s[i+1]-'0')*100 + int(s[i+2]-'0')*10 + int(s[i+3]-'0')
			if v > 255 {
				return nil, fmt.Errorf("dns: name %q: \\%s: want a byte, \\000 to \\255", s, s[i+1:i+4])
			}
			c, i = byte(v), i+3
		case c == '\\':
			if i+1 == len(s) {
				return nil, fmt.Errorf("dns: name %q: want something behind the last backslash", s)
			}
			i++
			c = s[i]
		}
		n = append(n, lower(c))
		if len(n) > MaxNameBytes {
			return nil, fmt.Errorf("dns: name %.40q...: want up to %d bytes", s, MaxNameBytes)
		}
	}
	if start != len(n)-1 { // no final dot
		if err := closeLabel(n, start, s); err != nil {
			return nil, err
		}
		n = append(n, 0)
	}
	if len(n) == 1 {
		return nil, fmt.Errorf("dns: name %q: want a label, or . for the root", s)
	}
	if len(n) > MaxNameBytes {
		return nil, fmt.Errorf("dns: name %.40q...: want up to %d bytes", s, MaxNameBytes)
	}
	return n, nil
}

// closeLabel writes the length of the label that begins at start.
func closeLabel(n Name, start int, s string) error {
	switch size := len(n) - start - 1; {
	case size == 0:
		return fmt.Errorf("dns: name %q: want no empty label", s)
	case size > MaxLabelBytes:
		return fmt.Errorf("dns: name %.40q: want labels of up to %d bytes", s, MaxLabelBytes)
	default:
		n[start] = byte(size)
		return nil
	}
}

// MustParseName is ParseName for names in programs: it panics on a bad one.
func MustParseName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(err)
	}
	return n
}

// String is the name in presentation format, with the final dot. Bytes that are
// not printable, and those that mean something in zone files, are escaped.
func (n Name) String() string {
	if len(n) < 2 {
		return "."
	}
	return string(n.AppendText(make([]byte, 0, len(n)+8)))
}

// AppendText appends what String returns.
func (n Name) AppendText(b []byte) []byte {
	if len(n) < 2 {
		return append(b, '.')
	}
	for len(n) > 1 {
		for _, c := range n[1 : 1+n[0]] {
			switch {
			case c == '.' || c == '\\' || c == '"' || c == ';' || c == '(' || c == ')' || c == '@' || c == '$':
				b = append(b, '\\', c)
			case c <= ' ' || c >= 0x7f:
				b = append(b, '\\', '0'+c/100, '0'+c/10%10, '0'+c%10)
			default:
				b = append(b, c)
			}
		}
		b = append(b, '.')
		n = n[1+n[0]:]
	}
	return b
}

// GoString helps in tests' messages.
func (n Name) GoString() string { return "dns.MustParseName(" + strconv.Quote(n.String()) + ")" }

// Clone is a copy, for who keeps the name of a Query.
func (n Name) Clone() Name { return bytes.Clone(n) }

// IsRoot reports whether n is the root.
func (n Name) IsRoot() bool { return len(n) <= 1 }

// Parent is n without its first label; the root's is the root.
func (n Name) Parent() Name {
	if n.IsRoot() {
		return n
	}
	return n[1+n[0]:]
}

// Labels counts the labels, without the root's.
func (n Name) Labels() int {
	count := 0
	for !n.IsRoot() {
		n = n.Parent()
		count++
	}
	return count
}

// IsWildcard reports whether the first label is an asterisk.
func (n Name) IsWildcard() bool { return len(n) > 2 && n[0] == 1 && n[1] == '*' }

// In reports whether n is zone, or below it.
func (n Name) In(zone Name) bool {
	if len(n) < len(zone) {
		return false
	}
	for len(n) > len(zone) {
		n = n.Parent()
	}
	return bytes.Equal(n, zone)
}

// Prefix is label under n, such as * or _dmarc. It fails if that is too long.
func (n Name) Prefix(label string) (Name, error) {
	if len(label) == 0 || len(label) > MaxLabelBytes || len(n)+1+len(label) > MaxNameBytes {
		return nil, fmt.Errorf("dns: label %.70q under %s: want 1 to %d bytes, and up to %d in all", label, n, MaxLabelBytes, MaxNameBytes)
	}
	out := make(Name, 0, len(n)+1+len(label))
	out = append(out, byte(len(label)))
	for i := range len(label) {
		out = append(out, lower(label[i]))
	}
	return append(out, n...), nil
}

// Compare orders names as DNSSEC does: by their labels, from the root's side,
// each as bytes, and a name before those below it.
//
// See https://www.rfc-editor.org/rfc/rfc4034#section-6.1.
func Compare(a, b Name) int {
	var starts [2][128]uint8
	na, nb := labelStarts(a, &starts[0]), labelStarts(b, &starts[1])
	for i := 1; i <= na && i <= nb; i++ {
		la, lb := starts[0][na-i], starts[1][nb-i]
		if c := bytes.Compare(a[la+1:la+1+a[la]], b[lb+1:lb+1+b[lb]]); c != 0 {
			return c
		}
	}
	return na - nb
}

// labelStarts notes where the labels of n begin, and returns how many there are.
func labelStarts(n Name, starts *[128]uint8) int {
	count := 0
	for at := 0; at < len(n) && n[at] != 0; at += 1 + int(n[at]) {
		starts[count] = uint8(at)
		count++
	}
	return count
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

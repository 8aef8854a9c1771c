package dns

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Bounds of one $GENERATE.
const (
	maxGenerated      = 65_536
	maxGenerateBytes  = 1024 // of its line
	maxGenerateDigits = 64
)

// A generator makes the lines that one $GENERATE stands for, in the place of
// it: so they have the origin, the TTL and the owner that lines there have.
//
// See https://bind9.readthedocs.io/en/stable/chapter3.html#bind-primary-file-extension-the-generate-directive.
type generator struct {
	next, stop, step int64
	template         string // of a line, without its end
}

// newGenerator reads what follows "$GENERATE" in its line: a range, such as
// 1-10 or 0-100/2, and a record with $ for the number.
func newGenerator(s string) (*generator, error) {
	rng, template, ok := strings.Cut(strings.TrimLeft(s, " \t"), " ")
	if i := strings.IndexByte(rng, '\t'); i >= 0 {
		rng, template, ok = rng[:i], rng[i+1:]+" "+template, true
	}
	if !ok || strings.TrimSpace(template) == "" {
		return nil, errors.New("$GENERATE: want a range and a record, such as 1-10 host$ A 192.0.2.$")
	}
	g := &generator{step: 1, template: strings.TrimLeft(template, " \t")}
	bounds, step, stepped := strings.Cut(rng, "/")
	from, to, ok := strings.Cut(bounds, "-")
	errs := [3]error{}
	g.next, errs[0] = strconv.ParseInt(from, 10, 32)
	g.stop, errs[1] = strconv.ParseInt(to, 10, 32)
	if stepped {
		g.step, errs[2] = strconv.ParseInt(step, 10, 32)
	}
	if !ok || errors.Join(errs[:]...) != nil || g.next < 0 || g.stop < g.next || g.step <= 0 {
		return nil, fmt.Errorf("$GENERATE: range %q: want one such as 1-10 or 0-100/2", rng)
	}
	if (g.stop-g.next)/g.step >= maxGenerated {
		return nil, fmt.Errorf("$GENERATE: range %q: want up to %d records", rng, maxGenerated)
	}
	return g, nil
}

// line appends the next line to b; at the end it appends nothing.
func (g *generator) line(b []byte) ([]byte, error) {
	if g.next > g.stop {
		return b, nil
	}
	n := g.next
	g.next += g.step
	for s := g.template; s != ""; {
		switch {
		case strings.HasPrefix(s, `\$`), strings.HasPrefix(s, "$$"):
			b = append(b, '$')
			s = s[2:]
		case s[0] == '\\' && len(s) > 1:
			b = append(b, s[:2]...)
			s = s[2:]
		case strings.HasPrefix(s, "${"):
			modifier, rest, ok := strings.Cut(s[2:], "}")
			if !ok {
				return b, fmt.Errorf("$GENERATE: %q: want a }", s)
			}
			var err error
			if b, err = appendGenerated(b, n, modifier); err != nil {
				return b, err
			}
			s = rest
		case s[0] == '$':
			b = strconv.AppendInt(b, n, 10)
			s = s[1:]
		default:
			b = append(b, s[0])
			s = s[1:]
		}
	}
	return append(b, '\n'), nil
}

// appendGenerated writes n as a modifier says: what to add, the least number of
// digits, and d, o, x, X, or n and N for nibbles from the lowest on.
func appendGenerated(b []byte, n int64, modifier string) ([]byte, error) {
	wrong := fmt.Errorf("$GENERATE: ${%s}: want ${offset}, ${offset,width} or ${offset,width,base}, with a base of d, o, x, X, n or N", modifier)
	f := strings.Split(modifier, ",")
	if len(f) > 3 {
		return b, wrong
	}
	offset, err := strconv.ParseInt(f[0], 10, 32)
	if err != nil || n+offset < 0 {
		return b, wrong
	}
	n += offset
	width := int64(0)
	if len(f) > 1 {
		if width, err = strconv.ParseInt(f[1], 10, 32); err != nil || width < 0 || width > maxGenerateDigits {
			return b, wrong
		}
	}
	base := "d"
	if len(f) > 2 {
		base = f[2]
	}
	digits := ""
	switch base {
	case "d":
		digits = strconv.FormatInt(n, 10)
	case "o":
		digits = strconv.FormatInt(n, 8)
	case "x":
		digits = strconv.FormatInt(n, 16)
	case "X":
		digits = strings.ToUpper(strconv.FormatInt(n, 16))
	case "n":
		return appendNibbles(b, width, strconv.FormatInt(n, 16)), nil
	case "N":
		return appendNibbles(b, width, strings.ToUpper(strconv.FormatInt(n, 16))), nil
	default:
		return b, wrong
	}
	for i := int64(len(digits)); i < width; i++ {
		b = append(b, '0')
	}
	return append(b, digits...), nil
}

// appendNibbles writes hexadecimal digits from the lowest on, with dots between
// them, as names below ip6.arpa have them. The dots count for the width.
func appendNibbles(b []byte, width int64, digits string) []byte {
	start := len(b)
	for i := len(digits) - 1; i >= 0; i-- {
		if len(b) > start {
			b = append(b, '.')
		}
		b = append(b, digits[i])
	}
	for int64(len(b)-start)+2 <= width {
		b = append(b, '.', '0')
	}
	return b
}

// Package accept reads what a client would rather have: the field
// Accept-Encoding, with its weights.
// https://www.rfc-editor.org/rfc/rfc9110#section-12.5.3
package accept

import (
	"github.com/twistor-go/twistor/framing/http1"
)

// A Choice is the weights that a client gives to content codings, in
// thousandths. Its zero accepts nothing but identity.
type Choice struct {
	codings  [maxCodings]coding
	n        int
	star     int // of "*"; -1: not named
	identity int // -1: not named
}

type coding struct {
	name   []byte
	weight int
}

// maxCodings is how many codings of a request are looked at; what stands
// behind them does not count.
const maxCodings = 16

// Encodings reads the fields Accept-Encoding of h. The Choice is valid as long
// as h does not change.
func Encodings(h *http1.Header) (c Choice) {
	c.star, c.identity = -1, -1
	for i := range h.Len() {
		name, value := h.At(i)
		if len(name) == len("Accept-Encoding") && equal(name, "accept-encoding") {
			c.read(value)
		}
	}
	return c
}

func (c *Choice) read(list []byte) {
	for len(list) > 0 {
		var element []byte
		element, list = cut(list, ',')
		name, parameters := cut(element, ';')
		name = trim(name)
		weight, ok := readWeight(parameters)
		if len(name) == 0 || !ok {
			continue
		}
		switch {
		case len(name) == 1 && name[0] == '*':
			c.star = weight
		case equal(name, "identity"):
			c.identity = weight
		case c.n < len(c.codings):
			c.codings[c.n] = coding{name, weight}
			c.n++
		}
	}
}

// Weight is what the client gives to a coding, from 0, which refuses it, to
// 1,000. name is in lower case.
func (c *Choice) Weight(name string) int {
	for _, x := range c.codings[:c.n] {
		// "x-gzip" is "gzip": https://www.rfc-editor.org/rfc/rfc9110#section-8.4.1.3
		if equal(x.name, name) || name == "gzip" && equal(x.name, "x-gzip") {
			return x.weight
		}
	}
	return max(c.star, 0)
}

// Identity is what the client gives to a body as it is. One that does not speak
// of it takes it, but would rather have another: 1.
func (c *Choice) Identity() int {
	if c.identity >= 0 {
		return c.identity
	}
	if c.star == 0 {
		return 0
	}
	return 1
}

// Best is the index of the offer that the client would rather have than
// identity: the first one of the highest weight; -1: none.
func (c *Choice) Best(offers ...string) int {
	best, weight := -1, 0
	for i, offer := range offers {
		if w := c.Weight(offer); w > weight {
			best, weight = i, w
		}
	}
	if best >= 0 && weight < c.Identity() {
		return -1
	}
	return best
}

// readWeight reads ";q=0.5"; no parameter is 1,000. Others than q are not known
// here and do not count.
func readWeight(parameters []byte) (weight int, ok bool) {
	weight = 1000
	for len(parameters) > 0 {
		var p []byte
		p, parameters = cut(parameters, ';')
		p = trim(p)
		if len(p) >= 2 && (p[0] == 'q' || p[0] == 'Q') && p[1] == '=' {
			if weight, ok = thousandths(p[2:]); !ok {
				return 0, false
			}
		}
	}
	return weight, true
}

// thousandths reads "0", "0.5", "1.000".
// https://www.rfc-editor.org/rfc/rfc9110#section-12.4.2
func thousandths(p []byte) (n int, ok bool) {
	if len(p) == 0 || len(p) > 5 || p[0] != '0' && p[0] != '1' || len(p) > 1 && p[1] != '.' {
		return 0, false
	}
	n = int(p[0]-'0') * 1000
	unit := 100
	for _, b := range p[min(2, len(p)):] {
		if b < '0' || b > '9' {
			return 0, false
		}
		n += int(b-'0') * unit
		unit /= 10
	}
	return n, n <= 1000
}

func cut(p []byte, sep byte) (before, after []byte) {
	for i, b := range p {
		if b == sep {
			return p[:i], p[i+1:]
		}
	}
	return p, nil
}

func trim(p []byte) []byte {
	for len(p) > 0 && (p[0] == ' ' || p[0] == '\t') {
		p = p[1:]
	}
	for len(p) > 0 && (p[len(p)-1] == ' ' || p[len(p)-1] == '\t') {
		p = p[:len(p)-1]
	}
	return p
}

// equal compares without the case of ASCII; lower is in lower case.
func equal(p []byte, lower string) bool {
	if len(p) != len(lower) {
		return false
	}
	for i, b := range p {
		if 'A' <= b && b <= 'Z' {
			b |= 0x20
		}
		if b != lower[i] {
			return false
		}
	}
	return true
}

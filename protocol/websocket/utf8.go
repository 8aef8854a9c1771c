package websocket

import "unicode/utf8"

// A textCheck sees whether bytes that come in pieces are UTF-8, at the first byte
// that they cannot be. Its zero is ready.
//
// "When an endpoint is to interpret a byte stream as UTF-8 but finds that the
// byte stream is not, in fact, a valid UTF-8 stream, that endpoint MUST _Fail
// the WebSocket Connection_." https://www.rfc-editor.org/rfc/rfc6455#section-8.1
type textCheck struct {
	part [utf8.UTFMax]byte // of a character that is not whole
	n    uint8
}

// write takes the next piece; false: it cannot be UTF-8.
func (c *textCheck) write(p []byte) bool {
	for c.n > 0 && len(p) > 0 {
		c.part[c.n] = p[0]
		c.n++
		p = p[1:]
		if got := c.part[:c.n]; utf8.FullRune(got) {
			if !utf8.Valid(got) {
				return false
			}
			c.n = 0
		}
	}
	whole := len(p)
	for i := 1; i < utf8.UTFMax && i <= len(p); i++ {
		if b := p[len(p)-i]; utf8.RuneStart(b) {
			// FullRune is true of what can no longer become a character.
			if !utf8.FullRune(p[len(p)-i:]) {
				whole -= i
			}
			break
		}
	}
	c.n += uint8(copy(c.part[c.n:], p[whole:]))
	return utf8.Valid(p[:whole])
}

// whole says whether the last character is.
func (c *textCheck) whole() bool { return c.n == 0 }

package dns

import "encoding/binary"

// EDNS options that the server itself reads and writes.
//
// See https://www.iana.org/assignments/dns-parameters.
const (
	optionNSID          = 3  // RFC 5001
	optionCookie        = 10 // RFC 7873
	optionKeepalive     = 11 // RFC 7828
	optionPadding       = 12 // RFC 7830
	optionExtendedError = 15 // RFC 8914
)

const (
	optBytes = 11 // of an OPT record without options
	// DefaultUDPBytes is how long a datagram is at most, unless a server or
	// client is told otherwise: it fits every link, and is never in fragments.
	DefaultUDPBytes = 1232
)

// paddedBytes is of how many bytes answers are multiples whose client wants
// them padded.
//
// See https://www.rfc-editor.org/rfc/rfc8467#section-4.1.
const paddedBytes = 468

// addOption has an option sent, if there is room: data and text behind each
// other.
func (w *ResponseWriter) addOption(code uint16, data []byte, text string) {
	if w.Room() < 4+len(data)+len(text) {
		return
	}
	b := w.explained
	b = binary.BigEndian.AppendUint16(b, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)+len(text)))
	b = append(b, data...)
	w.explained = append(b, text...)
	w.limit -= 4 + len(data) + len(text)
}

// overhead is how many bytes finish adds.
func (w *ResponseWriter) overhead() int {
	if w.q.EDNS {
		return optBytes
	}
	return 0
}

// appendOPT writes the OPT record.
//
// See https://www.rfc-editor.org/rfc/rfc6891#section-6.1.2.
func (w *ResponseWriter) appendOPT() {
	b := append(w.b, 0, 0, TypeOPT, DefaultUDPBytes>>8, DefaultUDPBytes&0xff, byte(w.rcode>>4), 0, 0, 0, 0, 0)
	if w.q.DNSSECOK {
		b[len(b)-4] = 0x80
	}
	size := len(b)
	b = append(b, w.explained...)
	if w.padded {
		b = appendPadding(b)
	}
	binary.BigEndian.PutUint16(b[size-2:], uint16(len(b)-size))
	w.b = b
}

// appendPadding fills b up with an option of zeros.
func appendPadding(b []byte) []byte {
	n := (paddedBytes - (len(b)+4)%paddedBytes) % paddedBytes
	if len(b)+4+n > MaxMessageBytes-tsigBytes {
		return b
	}
	b = append(b, 0, optionPadding, byte(n>>8), byte(n))
	for range n {
		b = append(b, 0)
	}
	return b
}

// tsigBytes is how long a TSIG record can be: two names, a MAC of 64
// bytes and what is fixed.
const tsigBytes = MaxNameBytes + 10 + 32 + 16 + 64 + 6

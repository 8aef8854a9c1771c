package dns

import "encoding/binary"

// EDNS options that the server itself reads and writes.
//
// See https://www.iana.org/assignments/dns-parameters.
const (
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

// addOption has an option sent: data and text behind each other.
func (w *ResponseWriter) addOption(code uint16, data []byte, text string) {
	b := w.explained
	b = binary.BigEndian.AppendUint16(b, code)
	b = binary.BigEndian.AppendUint16(b, uint16(len(data)+len(text)))
	b = append(b, data...)
	w.explained = append(b, text...)
	w.limit -= 4 + len(data) + len(text)
}

// overhead is how many bytes finish, and TSIG, add.
func (w *ResponseWriter) overhead() int {
	n := 0
	if w.q.EDNS {
		n += optBytes
	}
	if w.q.Key != nil {
		n += tsigBytes
	}
	return n
}

// appendOPT writes the OPT record.
//
// See https://www.rfc-editor.org/rfc/rfc6891#section-6.1.2.
func (w *ResponseWriter) appendOPT() {
	b := append(w.b, 0, 0, TypeOPT, DefaultUDPBytes>>8, DefaultUDPBytes&0xff, byte(w.rcode>>4), 0, 0, 0, 0, 0)
	if w.q.DNSSECOK {
		b[len(b)-4] = 0x80
	}
	binary.BigEndian.PutUint16(b[len(b)-2:], uint16(len(w.explained)))
	w.b = append(b, w.explained...)
}

// tsigBytes is how long a TSIG record of ours can be: two names, a MAC of 64
// bytes and what is fixed.
const tsigBytes = MaxNameBytes + 10 + 32 + 16 + 64 + 6

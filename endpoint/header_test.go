package endpoint

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"strings"
	"testing"
)

// v2 builds a header of version 2.
func v2(versionAndCommand, familyAndTransport byte, payload string) string {
	length := binary.BigEndian.AppendUint16(nil, uint16(len(payload)))
	return signature + string([]byte{versionAndCommand, familyAndTransport}) + string(length) + payload
}

const (
	payload4 = "\xc0\x00\x02\x01" + "\xc0\x00\x02\x02" + "\xdc\x04" + "\x01\xbb" // 192.0.2.1:56324 to 192.0.2.2:443
	tlv      = "\x04\x00\x03abc"
)

var (
	payload6 = "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x01" + "\x20\x01\x0d\xb8" + strings.Repeat("\x00", 11) + "\x02" + "\xdc\x04" + "\x01\xbb"
	payloadU = "/run/a" + strings.Repeat("\x00", 102) + "\x00abstract" + strings.Repeat("\x00", 99)
)

// headers are valid ones, and what they say: "" is the connection's own address.
var headers = []struct {
	name, in            string
	source, destination string
}{
	// Q06, https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt section 2.1
	{"v1 TCP4", "PROXY TCP4 192.0.2.1 192.0.2.2 56324 443\r\n", "192.0.2.1:56324", "192.0.2.2:443"},
	{"v1 TCP4 longest", "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535", "255.255.255.255:65535"},
	{"v1 TCP6", "PROXY TCP6 2001:db8::1 2001:db8::2 56324 443\r\n", "[2001:db8::1]:56324", "[2001:db8::2]:443"},
	{"v1 TCP6 mapped", "PROXY TCP6 ::ffff:192.0.2.1 ::1 1 0\r\n", "192.0.2.1:1", "[::1]:0"},
	{"v1 UNKNOWN", "PROXY UNKNOWN\r\n", "", ""},
	{"v1 UNKNOWN with more", "PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "", ""},
	{"v1 of 107 bytes", "PROXY UNKNOWN " + strings.Repeat("x", 107-16) + "\r\n", "", ""},
	// Q07, section 2.2
	{"v2 TCP4", v2(0x21, 0x11, payload4), "192.0.2.1:56324", "192.0.2.2:443"},
	{"v2 TCP4 with TLV", v2(0x21, 0x11, payload4+tlv), "192.0.2.1:56324", "192.0.2.2:443"},
	{"v2 UDP4", v2(0x21, 0x12, payload4), "192.0.2.1:56324", "192.0.2.2:443"},
	{"v2 TCP6", v2(0x21, 0x21, payload6), "[2001:db8::1]:56324", "[2001:db8::2]:443"},
	{"v2 UNIX", v2(0x21, 0x31, payloadU), "/run/a", "@abstract"},
	{"v2 UNIX without names", v2(0x21, 0x31, strings.Repeat("\x00", 216)), "", ""},
	{"v2 LOCAL", v2(0x20, 0x00, ""), "", ""},
	{"v2 LOCAL with addresses", v2(0x20, 0x11, payload4), "", ""},
	{"v2 UNSPEC", v2(0x21, 0x00, "ignored"), "", ""},
	{"v2 longest", v2(0x21, 0x11, payload4+strings.Repeat("x", 4096-12)), "192.0.2.1:56324", "192.0.2.2:443"},
}

// badHeaders must be refused, and why.
var badHeaders = []struct{ name, in string }{
	{"no header", "GET / HTTP/1.1\r\n\r\n"},
	{"one wrong byte", "X"},
	{"lower case", "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n"},
	{"v1 TCP5", "PROXY TCP5 192.0.2.1 192.0.2.2 1 2\r\n"},
	{"v1 family of the other", "PROXY TCP4 ::1 ::1 1 2\r\n"},
	{"v1 TCP6 with IPv4", "PROXY TCP6 192.0.2.1 192.0.2.2 1 2\r\n"},
	{"v1 no ports", "PROXY TCP4 192.0.2.1 192.0.2.2\r\n"},
	{"v1 port too big", "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n"},
	{"v1 port with zero", "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n"},
	{"v1 port with sign", "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n"},
	{"v1 address with zero", "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n"},
	{"v1 zone", "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n"},
	{"v1 two spaces", "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n"},
	{"v1 word more", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n"},
	{"v1 bare LF", "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n\r\n"},
	{"v1 UNKNOWNX", "PROXY UNKNOWNX\r\n"},
	{"v1 of 108 bytes", "PROXY UNKNOWN " + strings.Repeat("x", 108-16) + "\r\n"},
	{"v1 without end", "PROXY UNKNOWN " + strings.Repeat("x", 1000)},
	{"v2 version 1", v2(0x11, 0x11, payload4)},
	{"v2 version 3", v2(0x31, 0x11, payload4)},
	{"v2 command 2", v2(0x22, 0x11, payload4)},
	{"v2 family 4", v2(0x21, 0x41, payload4)},
	{"v2 transport 3", v2(0x21, 0x13, payload4)},
	{"v2 addresses cut", v2(0x21, 0x11, payload4[:11])},
	{"v2 TCP6 with IPv4 length", v2(0x21, 0x21, payload4)},
	{"v2 UNIX cut", v2(0x21, 0x31, payloadU[:215])},
	{"v2 too long", v2(0x21, 0x11, payload4+strings.Repeat("x", 4097-12))},
	{"v2 signature broken", signature[:11] + "\x00" + v2(0x21, 0x11, payload4)[12:]},
}

// Q06, Q07: headers, whole and with bytes after them.
func TestQ06Q07Headers(t *testing.T) {
	for _, tt := range headers {
		for _, after := range []string{"", "GET /"} {
			h, n, err := parseHeader([]byte(tt.in + after))
			if err != nil || n != len(tt.in) {
				t.Errorf("%s: got %d bytes, error %v, want %d", tt.name, n, err, len(tt.in))
				continue
			}
			source, destination := "", ""
			if h.source != nil {
				source, destination = h.source.String(), h.destination.String()
			}
			if source != tt.source || destination != tt.destination {
				t.Errorf("%s: got %q to %q, want %q to %q", tt.name, source, destination, tt.source, tt.destination)
			}
		}
	}
}

// Q06, Q07: every part of a valid header but the whole wants more.
func TestQ07HeaderInPieces(t *testing.T) {
	for _, tt := range headers {
		for i := range len(tt.in) {
			if _, n, err := parseHeader([]byte(tt.in[:i])); n != 0 || err != nil {
				t.Fatalf("%s: got %d bytes, error %v after %d of %d bytes, want 0", tt.name, n, err, i, len(tt.in))
			}
		}
	}
}

// Q06, Q07, PX-07: what is not valid is refused, however it is cut, and never
// waits for more than a header's worth.
func TestQ06Q07BadHeaders(t *testing.T) {
	for _, tt := range badHeaders {
		refused := false
		for i := 0; i <= len(tt.in) && !refused; i++ {
			_, n, err := parseHeader([]byte(tt.in[:i]))
			if n != 0 && err == nil {
				t.Errorf("%s: got a header of %d bytes, want an error", tt.name, n)
			}
			if refused = err != nil; refused && !errors.Is(err, errHeader) {
				t.Errorf("%s: got error %v, want one that wraps %v", tt.name, err, errHeader)
			}
		}
		if _, _, err := parseHeader([]byte(tt.in)); err == nil || !refused {
			t.Errorf("%s: got error %v, want one", tt.name, err)
		}
	}
}

func FuzzHeader(f *testing.F) {
	for _, tt := range headers {
		f.Add([]byte(tt.in))
	}
	for _, tt := range badHeaders {
		f.Add([]byte(tt.in))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		h, n, err := parseHeader(p)
		if n > len(p) || n > maxHeader2 || err != nil && !errors.Is(err, errHeader) {
			t.Fatalf("got %d of %d bytes, error %v", n, len(p), err)
		}
		if n == 0 && err == nil && len(p) >= maxHeader2 {
			t.Fatalf("wants more than %d bytes", maxHeader2)
		}
		if (h.source == nil) != (h.destination == nil) {
			t.Fatalf("got half of the addresses: %v", h)
		}
		// However it is cut, the same header comes out, and no sooner.
		for i := range min(len(p), 200) {
			_, early, failed := parseHeader(p[:i])
			if failed != nil && err == nil || early != 0 && early != n || early != 0 && i < n {
				t.Fatalf("after %d of %d bytes: got %d, %v, want %d, %v", i, len(p), early, failed, n, err)
			}
		}
		if h.source != nil && n > 0 && strings.HasPrefix(string(p), "PROXY") {
			if _, err := netip.ParseAddrPort(h.source.String()); err != nil {
				t.Fatalf("got source %v: %v", h.source, err)
			}
		}
	})
}

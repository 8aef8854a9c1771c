package websocket

import (
	"encoding/binary"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/sim"
)

// The few frames of HTTP/2 that a WebSocket needs, by hand.
// https://www.rfc-editor.org/rfc/rfc9113#section-6
const (
	h2Data     = 0
	h2Headers  = 1
	h2Reset    = 3
	h2Settings = 4
)

func h2Frame(kind, flags byte, stream uint32, payload string) string {
	p := binary.BigEndian.AppendUint32(nil, uint32(len(payload))<<8|uint32(kind))
	return string(binary.BigEndian.AppendUint32(append(p, flags), stream)) + payload
}

// h2Fields are literal fields, without compression.
// https://www.rfc-editor.org/rfc/rfc7541#section-6.2.2
func h2Fields(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		b.WriteString("\x00" + string(rune(len(pairs[i]))) + pairs[i] + string(rune(len(pairs[i+1]))) + pairs[i+1])
	}
	return b.String()
}

type h2Seen struct {
	status  byte // the first byte of the head: 0x88 is 200, in one byte
	connect bool // the setting of RFC 8441 came
	data    string
	ended   bool // the stream
	headers string
}

// h2Read reads what a server sent, of stream 1.
func h2Read(t *testing.T, s string) (seen h2Seen) {
	t.Helper()
	for len(s) > 0 {
		n := int(binary.BigEndian.Uint32([]byte(s)) >> 8)
		kind, flags, stream := s[3], s[4], binary.BigEndian.Uint32([]byte(s[5:]))
		p := s[9 : 9+n]
		s = s[9+n:]
		switch {
		case kind == h2Settings && strings.Contains(p, "\x00\x08\x00\x00\x00\x01"):
			seen.connect = true
		case stream != 1:
		case kind == h2Headers:
			seen.status, seen.headers = p[0], p
			seen.ended = flags&1 != 0
		case kind == h2Data:
			seen.data += p
			seen.ended = seen.ended || flags&1 != 0
		case kind == h2Reset:
			seen.ended = true
		}
	}
	return seen
}

// connect is an extended CONNECT with its fields changed by pairs.
func connect(pairs ...string) string {
	fields := []string{":method", "CONNECT", ":protocol", "websocket", ":scheme", "http", ":path", "/chat", ":authority", "server.example.com",
		"sec-websocket-version", "13", "origin", "http://server.example.com"}
	return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + h2Frame(h2Settings, 0, 0, "") +
		h2Frame(h2Headers, 4, 1, h2Fields(append(fields, pairs...)...))
}

// TestRFC8441: a WebSocket on a stream of HTTP/2: its offer, its handshake, frames
// cut by DATA frames, and its close, which ends the stream and not the
// connection. https://www.rfc-editor.org/rfc/rfc8441#section-5
func TestRFC8441(t *testing.T) {
	var h *heard
	s := hearing(&h)
	s.Deflate = &Deflate{}
	c, tr := site(t, s)
	tr.Receive(connect("sec-websocket-extensions", "permessage-deflate"))
	c.Advance(0)
	seen := h2Read(t, tr.Take())
	if !seen.connect || seen.status != 0x88 || seen.ended || h == nil || !h.deflate.on {
		t.Fatalf("handshake: %+v, built %v", seen, h != nil)
	}
	hello := masked(0x81, "Hello") + masked(0xC1, "\xf2\x48\xcd\xc9\xc9\x07\x00")
	for _, part := range []string{hello[:3], hello[3:8], hello[8:]} {
		tr.Receive(h2Frame(h2Data, 0, 1, part))
		c.Advance(0)
	}
	if got := told(t, h2Read(t, tr.Take()).data); got != `text "Hello", text "Hello"` {
		t.Errorf("echoed %s", got)
	}
	tr.Receive(h2Frame(h2Data, 0, 1, masked(0x88, closing(Normal, ""))))
	c.Advance(0)
	seen = h2Read(t, tr.Take())
	if got := told(t, seen.data); got != "close 1000" || !seen.ended || h.err == nil || tr.Closed() {
		t.Errorf("closed: told %s, stream ended %v, Disconnected(%v), connection closed %v", got, seen.ended, h.err, tr.Closed())
	}
	leave(c, tr)
}

// TestRFC8441Refused: the rules of the handshake hold here too.
func TestRFC8441Refused(t *testing.T) {
	for name, tc := range map[string]struct{ request, status string }{
		"another origin":   {strings.Replace(connect(), "http://server.example.com", "https://evil.example.com.", 1), "403"},
		"another version":  {strings.Replace(connect(), "\x0213", "\x0214", 1), "426"},
		"another protocol": {strings.Replace(connect(), "\x09websocket", "\x09web-rocks", 1), "426"},
	} {
		var h *heard
		c, tr := site(t, hearing(&h))
		tr.Receive(tc.request)
		c.Advance(0)
		seen := h2Read(t, tr.Written())
		if h != nil || !strings.Contains(seen.headers[:min(8, len(seen.headers))], tc.status) {
			t.Errorf("%s: %+v, built %v; want %s", name, seen, h != nil, tc.status)
		}
		leave(c, tr)
	}
}

// TestRFC8441Lost: a stream that is reset, and a connection that breaks, end
// the conversation.
func TestRFC8441Lost(t *testing.T) {
	for name, end := range map[string]func(tr *sim.Transport){
		"reset":  func(tr *sim.Transport) { tr.Receive(h2Frame(h2Reset, 0, 1, "\x00\x00\x00\x08")) },
		"broken": func(tr *sim.Transport) { tr.Reset() },
		"ended":  func(tr *sim.Transport) { tr.Receive(h2Frame(h2Data, 1, 1, "")) },
	} {
		var h *heard
		c, tr := site(t, hearing(&h))
		tr.Receive(connect())
		c.Advance(0)
		end(tr)
		c.Advance(0)
		if h == nil || h.err == nil {
			t.Errorf("%s: not told", name)
		}
		leave(c, tr)
	}
}

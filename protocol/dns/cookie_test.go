package dns

import (
	"encoding/hex"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"github.com/twistor-go/twistor"
)

// TestSipHash: the vectors of its authors, for messages of 0 to 15 bytes.
//
// See https://www.aumasson.jp/siphash/siphash.pdf, appendix A.
func TestSipHash(t *testing.T) {
	var key [16]byte
	var p []byte
	for i := range key {
		key[i] = byte(i)
	}
	for i := range 15 {
		p = append(p, byte(i))
	}
	if got, want := sipHash(&key, p), uint64(0xa129ca6149be45e5); got != want {
		t.Errorf("15 bytes: got %#x, want %#x", got, want)
	}
	if got, want := sipHash(&key, nil), uint64(0x726fdb47dd0e0e31); got != want {
		t.Errorf("none: got %#x, want %#x", got, want)
	}
}

// cookieAt asks with a cookie at a time and returns that of the answer.
func cookieAt(t *testing.T, s *Server, from, at, ask string) (answer *dns.Msg, proven bool) {
	t.Helper()
	when, err := time.Parse(time.RFC3339, at)
	if err != nil {
		t.Fatal(err)
	}
	now := uint32(when.Unix())
	raw, err := hex.DecodeString(ask)
	if err != nil {
		t.Fatal(err)
	}
	addr := netip.MustParseAddr(from)
	s.jar.cookies = s.Cookies
	good, fresh := s.jar.good(raw[:8], raw[8:], addr, now)
	b := append([]byte(nil), raw[:8]...)
	if fresh {
		b = append(b, raw[8:]...)
	} else {
		b = appendCookie(b, raw[:8], addr, now, s.jar.secret(now))
	}
	m := new(dns.Msg)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = append(m.IsEdns0().Option, cookieOption(hex.EncodeToString(b)))
	return m, good
}

// TestRFC9018: the examples of its appendix A, to the byte.
//
// See https://www.rfc-editor.org/rfc/rfc9018#appendix-A.
func TestRFC9018(t *testing.T) {
	const secret, old, new = "e5e973e5a6b2a43f48e7dc849e37bfcf", "dd3bdf9344b678b185a6f5cb60fca715", "445536bcd2513298075a5d379663c962"
	for _, tt := range []struct {
		name, secrets, from, at, ask, want string
		good                               bool
	}{
		{"A.1 learning", secret, "198.51.100.100", "2019-06-05T10:53:05Z", "2464c4abcf10c957", "2464c4abcf10c957010000005cf79f111f8130c3eee29480", false},
		{"A.2 the same client, later", secret, "198.51.100.100", "2019-06-05T11:33:05Z", "2464c4abcf10c957010000005cf79f111f8130c3eee29480",
			"2464c4abcf10c957010000005cf7a871d4a564a1442aca77", true},
		{"A.3 another client", secret, "203.0.113.203", "2019-06-05T11:38:20Z", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5",
			"fc93fc62807ddb86010000005cf7a9acf73a7810aca2381e", false},
		{"A.3, earlier", secret, "203.0.113.203", "2019-06-05T10:10:00Z", "fc93fc62807ddb8601abcdef5cf78f71a314227b6679ebf5", "", true},
		{"A.4 rolled over", new + " " + old, "2001:db8:220:1:59de:d0f4:8769:82b8", "2019-06-05T13:39:21Z",
			"22681ab97d52c298010000005cf7c57926556bd0934c72f8", "22681ab97d52c298010000005cf7c609a6bb79d16625507a", true},
	} {
		var secrets []twistor.Secret
		for text := range strings.FieldsSeq(tt.secrets) {
			secrets = append(secrets, twistor.Conceal(text))
		}
		c, err := FixedCookies(secrets...)
		if err != nil {
			t.Fatal(err)
		}
		m, good := cookieAt(t, &Server{Cookies: c}, tt.from, tt.at, tt.ask)
		if got := cookieOf(m); tt.want != "" && got != tt.want || good != tt.good {
			t.Errorf("%s: got %s, good %v; want %s, %v", tt.name, got, good, tt.want, tt.good)
		}
	}
}

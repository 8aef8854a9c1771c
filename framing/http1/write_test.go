package http1_test

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/framing/http1"
)

// messages is how many requests a reader sees in p, and whether it sees anything
// else.
func messages(p []byte) (requests int, clean bool) {
	o := played(&player{}, p, atOnce)
	for _, outcome := range o.outcomes {
		if outcome != "served" {
			return requests, false
		}
		requests++
	}
	return requests, true
}

// X-05 and T-14: whatever byte is put in a method, a target, a field's name or
// value, the reader sees one request with two fields, or the writer refused.
func TestX05_RequestInjection(t *testing.T) {
	for b := range 256 {
		for _, at := range []string{"x%s", "%sx", "x%sy", "%s"} {
			dirty := fmt.Sprintf(at, string([]byte{byte(b)}))
			for _, tc := range []struct{ what, method, target, name, value string }{
				{"method", dirty, "/", "X", "y"},
				{"target", "GET", "/" + dirty, "X", "y"},
				{"query", "GET", "/?" + dirty, "X", "y"},
				{"name", "GET", "/", dirty, "y"},
				{"value", "GET", "/", "X", dirty},
			} {
				p, err := http1.AppendRequestLine(nil, tc.method, tc.target)
				if err == nil {
					p = append(p, "Host: a\r\n"...)
					p, err = http1.AppendField(p, tc.name, tc.value)
				}
				if err != nil {
					continue
				}
				p = append(p, "\r\n"...)
				if n, clean := messages(p); n != 1 || !clean {
					t.Errorf("%s %q: wrote %q, which is not one request", tc.what, dirty, p)
				}
				var s http1.Parser
				var r http1.Request
				s.Request(p, &r)
				if r.Header.Len() != 2 {
					t.Errorf("%s %q: wrote %d fields, want 2", tc.what, dirty, r.Header.Len())
				}
			}
		}
	}
}

// T-14: what the row names is refused before a byte is written.
func TestT_14_RequestLine(t *testing.T) {
	for _, tc := range []struct{ method, target string }{
		{"GET\r\nX: y", "/"}, {"GET ", "/"}, {"", "/"}, {"GÉT", "/"}, {"GET\x00", "/"},
		{"GET", ""}, {"GET", "/a b"}, {"GET", "/\r\nX: y"}, {"GET", "/a\x00"}, {"GET", "/é"}, {"GET", "a"},
		{"GET", "*"}, {"CONNECT", "/"}, {"CONNECT", "a"}, {"GET", "http:///"}, {"GET", "/#a"}, {"GET", "/%"},
	} {
		before := []byte("before")
		p, err := http1.AppendRequestLine(before, tc.method, tc.target)
		if err == nil || string(p) != "before" {
			t.Errorf("%q %q: got %q, %v, want an error and nothing written", tc.method, tc.target, p, err)
		}
	}
	for _, tc := range []struct{ method, target string }{
		{"GET", "/"}, {"OPTIONS", "*"}, {"CONNECT", "a:443"}, {"CONNECT", "[::1]:443"}, {"GET", "http://a"}, {"X-Y", "/a?b"},
	} {
		p, err := http1.AppendRequestLine(nil, tc.method, tc.target)
		if want := tc.method + " " + tc.target + " HTTP/1.1\r\n"; err != nil || string(p) != want {
			t.Errorf("got %q, %v, want %q", p, err, want)
		}
	}
	_, err := http1.AppendRequestLine(nil, "GET", "/"+strings.Repeat("é", 500))
	if len(err.Error()) > 600 {
		t.Errorf("the error has %d bytes, want the beginning of the target only", len(err.Error()))
	}
}

// Each status line can be read, and the reasons are those that net/http has.
func TestStatusLines(t *testing.T) {
	for status := 100; status < 1000; status++ {
		p := append(http1.AppendStatusLine(nil, status), "\r\n"...)
		var s http1.Parser
		var r http1.Response
		n, done, err := s.Response(p, "GET", &r)
		if n != len(p) || !done || err != nil || r.Status != status || string(r.Reason) != http1.StatusText(status) {
			t.Errorf("%q: got %d %q, %v", p, r.Status, r.Reason, err)
		}
		newer := map[int]string{413: "Content Too Large", 414: "URI Too Long", 416: "Range Not Satisfiable", 422: "Unprocessable Content"}
		want := http.StatusText(status)
		if name, ok := newer[status]; ok { // RFC 9110 names them otherwise than RFC 7231
			want = name
		}
		if got := http1.StatusText(status); got != want {
			t.Errorf("%d: got %q, want %q", status, got, want)
		}
	}
	for _, status := range []int{-1, 0, 99, 1000} {
		if got := http1.StatusText(status); got != "" {
			t.Errorf("%d: got %q, want nothing", status, got)
		}
		mustPanic(t, fmt.Sprintf("http1: status is %d: want a number from 100 to 999", status), func() { http1.AppendStatusLine(nil, status) })
	}
}

// Chunks that are written are read.
func TestChunksRoundTrip(t *testing.T) {
	p := []byte("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
	var want []byte
	for n := 1; n < 70_000; n = n*3 + 1 {
		data := bytes.Repeat([]byte{'a'}, n)
		want = append(want, data...)
		p = append(append(http1.AppendChunkHead(p, n), data...), "\r\n"...)
	}
	p = append(p, http1.LastChunk...)
	o := played(&player{response: true, method: "GET"}, p, atRandom(1, 5000))
	if !bytes.Equal(o.data, want) || len(o.outcomes) != 1 || o.outcomes[0] != "served" {
		t.Errorf("got %d bytes and %v, want %d", len(o.data), o.outcomes, len(want))
	}
	mustPanic(t, "http1: chunk of 0 bytes: want 1 or more", func() { http1.AppendChunkHead(nil, 0) })
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		if got := recover(); got != want {
			t.Errorf("got panic %v, want %q", got, want)
		}
	}()
	f()
}

func TestOrigin(t *testing.T) {
	for _, tc := range []struct{ method, target, want string }{
		{"GET", "/a?b", "/a?b"}, {"GET", "http://a/b?c", "/b?c"}, {"GET", "http://a", "/"},
		{"GET", "http://a?b", "/?b"}, {"OPTIONS", "*", "*"}, {"OPTIONS", "http://a:1", "*"},
		{"OPTIONS", "http://a/", "/"}, {"CONNECT", "a:1", ""}, {"GET", "//a/b", "//a/b"},
	} {
		p, err := http1.AppendRequestLine(nil, tc.method, tc.target)
		if err != nil {
			t.Fatal(err)
		}
		var s http1.Parser
		var r http1.Request
		if _, done, err := s.Request(append(p, "Host: x\r\n\r\n"...), &r); !done || err != nil {
			t.Fatal(err)
		}
		if got := string(r.Origin()); got != tc.want {
			t.Errorf("%s %s: got %q, want %q", tc.method, tc.target, got, tc.want)
		}
	}
}

func TestValidTarget(t *testing.T) {
	for _, tc := range []struct {
		method, target string
		want           bool
	}{
		{"GET", "/", true}, {"GET", "//", true}, {"GET", "/?", true}, {"GET", "/a%fFb%aA%09", true}, {"GET", "/%G0", false}, {"GET", "/?%", true}, {"GET", "/??/?", true},
		{"GET", "/%", false}, {"GET", "/%2", false}, {"GET", "/%2g", false}, {"GET", "/%g2", false}, {"GET", "/%2?", false},
		{"GET", "http://a", true}, {"GET", "http://a/", true}, {"GET", "http://a?b", true}, {"GET", "http://a:80/b?c", true},
		{"GET", "HTTPS://a", true}, {"GET", "a+09-b.cz://a", true}, {"GET", "http://[::1]/", true},
		{"GET", "http://a/%zz", false}, {"GET", "http://a/#b", false}, {"GET", "http://a?b#c", false}, {"GET", "http://a\\b", false},
		{"GET", "http:/a", false}, {"GET", "http:a", false}, {"GET", "http://", false}, {"GET", "http:", false}, {"GET", "http", false},
		{"GET", "http:///a", false}, {"GET", "http://?a", false}, {"GET", "http://:80", false}, {"GET", "http://u@a", false}, {"GET", "http:x/a", false},
		{"GET", "://a", false}, {"GET", "1a://a", false}, {"GET", "+a://a", false}, {"GET", "a_b://a", false}, {"GET", "-://a", false},
		{"OPTIONS", "*", true}, {"OPTIONS", "**", false}, {"OPTIONS", "a", false}, {"OPTIONS", "/", true}, {"options", "*", false}, {"GET", "*", false},
		{"CONNECT", "a:1", true}, {"CONNECT", "[::1]:1", true}, {"CONNECT", "a", false}, {"CONNECT", "a:", false}, {"CONNECT", "[::1]", false},
		{"CONNECT", "http://a:1", false}, {"CONNECT", "/a:1", false}, {"CONNECT", "u@a:1", false}, {"CONNECT", ":1", false},
		{"GET", "a:1", false}, {"GET", "", false}, {"CONNECT", "", false},
	} {
		if got := http1.ValidTarget(tc.method, tc.target); got != tc.want {
			t.Errorf("%s %s: got %v, want %v", tc.method, tc.target, got, tc.want)
		}
	}
}

func TestValidHost(t *testing.T) {
	for host, want := range map[string]bool{
		"a": true, "a.": true, "A-1.example": true, "a_b": true, "a:": true, "a:0": true, "a:65535": true, "a:00080": true,
		"127.0.0.1": true, "[::1]": true, "[::1]:80": true, "[::ffff:1.2.3.4]:80": true, "[FE80::1]": true,
		"": false, ":": false, ":80": false, ".": false, ".a": false, "a..b": false, "a:65536": false, "a:000080": false,
		"a:-1": false, "a:1:2": false, "::1": false, "[]": false, "[": false, "[1.2.3.4]": false, "[::1": false, "::1]": false,
		"[fe80::1%a]": false, "[::1]a": false, "a[::1]": false, "a/b": false, "a%41": false, "a,b": false, "u@a": false, "é": false,
		strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if got := http1.ValidHost(host); got != want {
			t.Errorf("%q: got %v, want %v", host, got, want)
		}
	}
}

func TestValid(t *testing.T) {
	for value, want := range map[string]bool{"": true, " a\tb": true, "é": true, "a\r": false, "\x00": false, "\x7f": false} {
		if got := http1.ValidFieldValue(value); got != want {
			t.Errorf("value %q: got %v, want %v", value, got, want)
		}
	}
	for name, want := range map[string]bool{"": false, "a": true, "a b": false, "é": false} {
		if got := http1.ValidFieldName(name); got != want {
			t.Errorf("name %q: got %v, want %v", name, got, want)
		}
		if got := http1.ValidMethod(name); got != want {
			t.Errorf("method %q: got %v, want %v", name, got, want)
		}
	}
	if got := http1.Framing(9).String(); got != "unknown framing" || http1.UntilClose.String() != "until close" {
		t.Errorf("got %q", got)
	}
}

//go:build linux

package main

import (
	"strings"
	"testing"
)

const whole = "HTTP/1.1 200 OK\r\nDate: Sun, 22 Nov 2026 11:00:00 GMT\r\ncontent-length: 5\r\n\r\nhello"

func TestResponsesAreCutWhereTheyEnd(t *testing.T) {
	r := responses{body: []byte("hello")}
	for round := range 2 { // read closely, then compared
		for i := range len(whole) {
			if n, err := r.next([]byte(whole[:i])); n != 0 || err != nil {
				t.Fatalf("round %d, %d bytes: got %d, %v; want to wait for more", round, i, n, err)
			}
		}
		if n, err := r.next([]byte(whole + whole[:7])); n != len(whole) || err != nil {
			t.Fatalf("round %d: got %d, %v; want %d", round, n, err, len(whole))
		}
	}
	later := strings.Replace(whole, "11:00:00", "11:00:01", 1)
	if n, err := r.next([]byte(later)); n != len(later) || err != nil {
		t.Errorf("a second later: got %d, %v; want %d", n, err, len(later))
	}
}

// A server that answers something else is not measured.
func TestResponsesMustBeWhatIsWanted(t *testing.T) {
	for _, tc := range []struct{ old, new, want string }{
		{"", "", ""},
		{"hello", "jello", "the body is"},
		{"200 OK", "503 Service Unavailable", "want HTTP/1.1 200"},
		{"HTTP/1.1", "HTTP/1.0", "want HTTP/1.1 200"},
		{"content-length: 5", "transfer-encoding: chunked", "want Content-Length"},
		{"content-length: 5", "content-length: -5", "want a length"},
		{"Date", "Dote", "want Content-Length and Date"},
		{"OK", strings.Repeat("x", 17<<10), "no end of a head"},
	} {
		in := strings.Replace(whole, tc.old, tc.new, 1)
		if len(in) > 16<<10 {
			in = in[:16<<10+1]
		}
		r := responses{body: []byte("hello")}
		r.next([]byte(whole))
		_, err := r.next([]byte(in))
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want %q", tc.new, err, tc.want)
		}
	}
}

package http1_test

import (
	"testing"

	"github.com/twistor-go/twistor/framing/http1"
)

// What a request's head says about its connection, its body and its host:
// H1-06, H1-11, H1-16, H1-19, RFC 9112, 3.2.2, 6.3, 9.3.
func TestMeaningOfRequests(t *testing.T) {
	for _, tc := range []struct {
		head string
		want http1.Request // but for what its own bytes hold
		host string
	}{
		{"GET / HTTP/1.1\r\nHost: a\r\n", http1.Request{Minor: 1}, "a"},
		{"GET / HTTP/1.7\r\nHost: a:1\r\n", http1.Request{Minor: 1}, "a:1"},
		{"GET / HTTP/1.0\r\n", http1.Request{Close: true}, ""},
		{"GET / HTTP/1.0\r\nConnection: x, Keep-Alive\r\nHost: a\r\n", http1.Request{}, "a"},
		{"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n", http1.Request{Close: true}, ""},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: CLOSE\r\n", http1.Request{Minor: 1, Close: true}, "a"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: ,,\tclose\r\n", http1.Request{Minor: 1, Close: true}, "a"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, xclose, \"close\"\r\n", http1.Request{Minor: 1}, "a"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n", http1.Request{Minor: 1, Upgrade: true}, "a"},
		{"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n", http1.Request{Minor: 1}, "a"},
		{"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\n", http1.Request{Minor: 1}, "a"},
		{"GET / HTTP/1.0\r\nConnection: upgrade, keep-alive\r\nUpgrade: x\r\n", http1.Request{}, ""},
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 7\r\n", http1.Request{Minor: 1, Framing: http1.ByLength, Length: 7}, "a"},
		{"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n", http1.Request{Minor: 1, Framing: http1.ByLength}, "a"},
		{"PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n", http1.Request{Minor: 1, Framing: http1.Chunked, Length: -1}, "a"},
		{"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 7\r\n", http1.Request{Minor: 1, Framing: http1.ByLength, Length: 7, Expect: true}, "a"},
		{"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n", http1.Request{Minor: 1, Framing: http1.Chunked, Length: -1, Expect: true}, "a"},
		{"GET / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n", http1.Request{Minor: 1}, "a"},
		{"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 7\r\n", http1.Request{Framing: http1.ByLength, Length: 7, Close: true}, ""},
		{"GET http://b:8/ HTTP/1.1\r\nHost: a\r\n", http1.Request{Minor: 1}, "b:8"},
		{"GET http://b HTTP/1.0\r\n", http1.Request{Close: true}, "b"},
		{"CONNECT b:8 HTTP/1.1\r\nHost: a\r\n", http1.Request{Minor: 1}, "b:8"},
	} {
		var s http1.Parser
		var got http1.Request
		if _, done, err := s.Request([]byte(tc.head+"\r\n"), &got); !done || err != nil {
			t.Errorf("%q: got %v, %v, want a request", tc.head, done, err)
			continue
		}
		want := &tc.want
		if got.Minor != want.Minor || got.Framing != want.Framing || got.Length != want.Length || got.Close != want.Close ||
			got.Upgrade != want.Upgrade || got.Expect != want.Expect || string(got.Host) != tc.host {
			t.Errorf("%q: got host %q and %+v,\nwant host %q and %+v", tc.head, got.Host, &got, tc.host, want)
		}
		if (got.Host == nil) != (tc.host == "") {
			t.Errorf("%q: host is nil: %v", tc.head, got.Host == nil)
		}
	}
}

// What a response's head says, to whom it answers.
func TestMeaningOfResponses(t *testing.T) {
	for _, tc := range []struct {
		method, head string
		want         http1.Response
	}{
		{"GET", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n", http1.Response{Minor: 1, Status: 200, Framing: http1.ByLength, Length: 7}},
		{"GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n", http1.Response{Minor: 1, Status: 200, Framing: http1.Chunked, Length: -1, Close: true}},
		{"GET", "HTTP/1.1 200 OK\r\n", http1.Response{Minor: 1, Status: 200, Framing: http1.UntilClose, Length: -1, Close: true}},
		{"GET", "HTTP/1.0 200 OK\r\nContent-Length: 7\r\n", http1.Response{Status: 200, Framing: http1.ByLength, Length: 7, Close: true}},
		{"GET", "HTTP/1.0 200 OK\r\nContent-Length: 7\r\nConnection: keep-alive\r\n", http1.Response{Status: 200, Framing: http1.ByLength, Length: 7}},
		{"HEAD", "HTTP/1.1 200 OK\r\n", http1.Response{Minor: 1, Status: 200}},
		{"HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n", http1.Response{Minor: 1, Status: 200}},
		{"GET", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n", http1.Response{Minor: 1, Status: 304}},
		{"GET", "HTTP/1.1 204 No Content\r\n", http1.Response{Minor: 1, Status: 204}},
		{"GET", "HTTP/1.1 103 Early Hints\r\n", http1.Response{Minor: 1, Status: 103}},
		{"GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n", http1.Response{Minor: 1, Status: 101, Upgrade: true}},
		{"GET", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n", http1.Response{Minor: 1, Status: 101}},
		{"GET", "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\n", http1.Response{Minor: 1, Status: 101}},
		{"GET", "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 0\r\n", http1.Response{Minor: 1, Status: 426, Framing: http1.ByLength}},
		{"CONNECT", "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n", http1.Response{Minor: 1, Status: 200}},
		{"CONNECT", "HTTP/1.1 299 OK\r\n", http1.Response{Minor: 1, Status: 299}},
		{"CONNECT", "HTTP/1.1 407 No\r\nContent-Length: 7\r\n", http1.Response{Minor: 1, Status: 407, Framing: http1.ByLength, Length: 7}},
	} {
		var s http1.Parser
		var got http1.Response
		if _, done, err := s.Response([]byte(tc.head+"\r\n"), tc.method, &got); !done || err != nil {
			t.Errorf("%q: got %v, %v, want a response", tc.head, done, err)
			continue
		}
		want := &tc.want
		if got.Minor != want.Minor || got.Status != want.Status || got.Framing != want.Framing || got.Length != want.Length ||
			got.Close != want.Close || got.Upgrade != want.Upgrade {
			t.Errorf("%s, %q: got %+v,\nwant %+v", tc.method, tc.head, &got, want)
		}
	}
}

// A body that the connection's end cuts off is not whole, but for one that ends
// so.
func TestClosed(t *testing.T) {
	for _, tc := range []struct {
		f      http1.Framing
		length int64
		p      string
		whole  bool
	}{
		{http1.NoBody, 0, "", true},
		{http1.ByLength, 0, "", true},
		{http1.ByLength, 3, "", false}, {http1.ByLength, 3, "ab", false}, {http1.ByLength, 3, "abc", true},
		{http1.UntilClose, -1, "", true}, {http1.UntilClose, -1, "abc", true},
		{http1.Chunked, -1, "", false}, {http1.Chunked, -1, "0\r\n", false}, {http1.Chunked, -1, "0\r\n\r", false}, {http1.Chunked, -1, "0\r\n\r\n", true},
		{http1.Chunked, -1, "1\r\na\r\n", false}, {http1.Chunked, -1, "0\r\nX: y\r\n", false}, {http1.Chunked, -1, "0\r\nX: y\r\n\r\n", true},
	} {
		var b http1.BodyReader
		b.Start(tc.f, tc.length, nil)
		if _, n, _, err := b.Next([]byte(tc.p)); n != len(tc.p) || err != nil {
			t.Fatalf("%v %q: got %d, %v", tc.f, tc.p, n, err)
		}
		if got := b.Closed(); (got == nil) != tc.whole {
			t.Errorf("%v %q: got %v, whole is %v", tc.f, tc.p, got, tc.whole)
		}
		if _, n, done, err := b.Next([]byte("next")); tc.whole && tc.f != http1.UntilClose && (n != 0 || !done || err != nil) {
			t.Errorf("%v %q: took %d bytes of what follows, %v, %v", tc.f, tc.p, n, done, err)
		}
	}
}

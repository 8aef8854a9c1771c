package http1_test

import (
	"testing"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

// A head that comes in one piece costs no memory, nor does what is asked of it,
// its body, or the answer.
func TestNoAllocations(t *testing.T) {
	if http1.RaceEnabled {
		t.Skip("the race detector allocates")
	}
	var s http1.Parser
	var r http1.Request
	var a http1.Response
	var b http1.BodyReader
	var h http1.Header
	out := make([]byte, 0, 4096)
	get := []byte(plainGet)
	post := []byte("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
	ok := []byte("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Type: text/plain\r\n\r\nhello")
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for name, f := range map[string]func(){
		"request":     func() { s.Request(get, &r) },
		"and keep it": func() { s.Request(get, &r); r.Keep(); r.Reset() },
		"look at it": func() {
			s.Request(get, &r)
			if r.Header.Value("user-agent") == nil || r.Header.Has("x") || r.Header.HasToken("accept-encoding", "br") {
				t.Error("looked and found something else")
			}
		},
		"body": func() {
			n, _, _ := s.Request(post, &r)
			b.Start(r.Framing, r.Length, &s.Limits)
			if data, _, done, err := b.Next(post[n:]); string(data) != "hello" || !done || err != nil {
				t.Error("want a body")
			}
		},
		"response": func() { s.Response(ok, "GET", &a) },
		"header": func() {
			h.Reset()
			h.Add("Content-Type", "text/plain")
			h.Add("Vary", "Accept")
			h.Set("content-type", "text/html")
			out = h.AppendTo(out[:0])
		},
		"answer": func() {
			out = http1.AppendStatusLine(out[:0], 404)
			out, _ = http1.AppendField(out, "Server", "x")
			out = http1.AppendDate(out, now)
			out = http1.AppendChunkHead(out, 5000)
		},
		"ask":  func() { out, _ = http1.AppendRequestLine(out[:0], "GET", "/a?b") },
		"date": func() { http1.ParseDate("Sun, 06 Nov 1994 08:49:37 GMT", now) },
	} {
		if got := testing.AllocsPerRun(100, f); got != 0 {
			t.Errorf("%s: %v allocations, want none", name, got)
		}
	}
}

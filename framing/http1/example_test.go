package http1_test

import (
	"fmt"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
)

// A request and its body, as they come from a connection.
func Example() {
	p := []byte("POST /hello?to=you HTTP/1.1\r\nHost: example.com\r\nTransfer-Encoding: chunked\r\n\r\n" +
		"5\r\nhello\r\n0\r\n\r\n")
	var s http1.Parser
	var r http1.Request
	n, done, err := s.Request(p, &r)
	fmt.Println(r.Method, string(r.Target), string(r.Host), r.Framing, done, err)

	var b http1.BodyReader
	b.Start(r.Framing, r.Length, &s.Limits)
	data, m, done, err := b.Next(p[n:])
	fmt.Printf("%s %v %v, %d bytes left\n", data, done, err, len(p)-n-m)
	// Output:
	// POST /hello?to=you example.com chunked true <nil>
	// hello true <nil>, 0 bytes left
}

// Bytes that two readers could understand in two ways are refused.
func ExampleParser_Request() {
	var s http1.Parser
	var r http1.Request
	_, _, err := s.Request([]byte("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\n"), &r)
	fmt.Println(err.(*http1.Error).Status, err)
	// Output:
	// 400 http1: several Content-Length fields: want one
}

// A client reads the head of an answer, and knows how its body ends.
func ExampleParser_Response() {
	var s http1.Parser
	var r http1.Response
	_, done, err := s.Response([]byte("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n"), "GET", &r)
	fmt.Println(r.Status, r.Framing, r.Length, done, err)
	// Output:
	// 200 by length 12 true <nil>
}

// A header keeps the order and the spelling of its fields.
func ExampleHeader() {
	var h http1.Header
	h.Add("Content-Type", "text/html")
	h.Add("Vary", "Accept, Origin")
	h.Set("content-type", "text/plain")
	fmt.Println(h.HasToken("vary", "origin"), h.Add("X", "a\r\nSet-Cookie: b"))
	fmt.Printf("%q\n", h.AppendTo(nil))
	// Output:
	// true http1: field "X": want a value without CR, LF, NUL and other controls
	// "Content-Type: text/plain\r\nVary: Accept, Origin\r\n"
}

// A client writes a request.
func ExampleAppendRequestLine() {
	p, err := http1.AppendRequestLine(nil, "GET", "/search?q=1")
	p, _ = http1.AppendField(p, "Host", "example.com")
	fmt.Printf("%q %v\n", p, err)
	_, err = http1.AppendRequestLine(nil, "GET", "/ HTTP/1.1\r\nX: y")
	fmt.Println(err)
	// Output:
	// "GET /search?q=1 HTTP/1.1\r\nHost: example.com\r\n" <nil>
	// http1: target "/ HTTP/1.1\r\nX: y" of GET: want a path, a URI with a host, host:port for CONNECT, or * for OPTIONS, all escaped
}

// A server writes a response with a body that is made piece by piece.
func ExampleAppendChunkHead() {
	p := http1.AppendStatusLine(nil, 200)
	p = append(p, "Transfer-Encoding: chunked\r\n\r\n"...)
	p = append(http1.AppendChunkHead(p, 5), "hello\r\n"...)
	p = append(p, http1.LastChunk...)
	fmt.Printf("%q\n", p)
	// Output:
	// "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
}

// Dates are written in one form and read in three.
func ExampleParseDate() {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for _, s := range []string{"Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "yesterday"} {
		t, err := http1.ParseDate(s, now)
		fmt.Printf("%s %v\n", http1.AppendDate(nil, t), err)
	}
	// Output:
	// Sun, 06 Nov 1994 08:49:37 GMT <nil>
	// Sun, 06 Nov 1994 08:49:37 GMT <nil>
	// Sun, 06 Nov 1994 08:49:37 GMT <nil>
	// Mon, 01 Jan 0001 00:00:00 GMT http1: not a date: want a form like Sun, 06 Nov 1994 08:49:37 GMT
}

// Package http1 is the grammar of HTTP/1.0 and 1.1: heads, header fields,
// bodies by length, by chunks and until close, for both roles. It does no I/O
// and has no state beyond one message, so whoever speaks something like HTTP
// (a web server, a proxy, a radio station) can use it: give it bytes as they
// come, cut anywhere.
//
//	var s http1.Parser
//	var r http1.Request
//	var b http1.BodyReader
//
//	n, done, err := s.Request(p, &r)          // until done
//	b.Start(r.Framing, r.Length, &s.Limits)   // then, with the rest of p:
//	data, n, done, err := b.Next(p)           // until done
//
// What it promises: however the bytes are cut, the same messages and the same
// errors come out; the work is linear in the bytes; a head that comes in one
// piece costs no memory; and whatever two readers could understand in two ways
// is refused, because that is how requests are smuggled past a proxy. So it
// takes no bare LF, no white space before a colon, no folded field, no second
// Content-Length or Host, no Transfer-Encoding beside a Content-Length, in
// HTTP/1.0 or other than "chunked", no chunk size but hexadecimal digits, and no
// control bytes. An *Error says what a server answers; then close.
//
// Where the RFCs leave a choice: HTTP/1.2 to 1.9 are read as 1.1 and other
// versions refused with 505; one empty line before a request is skipped and a
// second refused; a Host is a name of DNS or an IP address; the target may hold
// what browsers send raw ([ ] ^ ` { | }, in a query also \ and a lone %); fields
// that belong in the head are refused in a trailer section.
//
// What is written is checked as strictly: no field, method or target can begin a
// line of its own.
//
// Limits: see Limits; a request line and each field have up to 8 KiB, all fields
// 16 KiB and 100, a chunk's line 1 KiB, the extensions of a body 16 KiB, a
// trailer section 64 KiB. A Header that you fill holds 1 MiB.
//
// Package http1test has the messages that all this was tried with.
//
// Left out: the meaning of fields (web has it), content codings, HTTP/0.9,
// transfer codings but chunked.
//
// RFCs: 9110 (semantics, https://www.rfc-editor.org/rfc/rfc9110) and 9112
// (HTTP/1.1, https://www.rfc-editor.org/rfc/rfc9112).
package http1

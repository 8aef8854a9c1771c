// Package http1test has a corpus of HTTP/1.x messages made from the rules: what
// must be refused, and beside it what must be served. Whoever reads HTTP (a
// server, a gateway, a client) plays all of it in tests.
//
//	for _, c := range http1test.Corpus() {
//		// send c.Bytes, cut anywhere; want c.Want
//	}
//
// The messages stand in testdata/corpus.txt, one paragraph each:
//
//	> H1-01 no Host | 400
//	GET / HTTP/1.1\r\n
//	\r\n
//
// ">" is sent by a client and "< GET" by a server that answers GET; after the
// "|" stands Case.Want. The lines that follow are joined without their line
// ends, so \r\n is written out; \t, \\, \xNN are the other escapes, and {3*ab}
// is ababab. Lines that begin with "#" are comments.
//
// Limits: those of http1.Limits; the corpus goes one byte up to them, and one
// beyond.
package http1test

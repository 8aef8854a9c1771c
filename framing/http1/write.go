package http1

import (
	"fmt"
	"strconv"
)

// LastChunk ends a chunked body that has no trailer section.
const LastChunk = "0\r\n\r\n"

// AppendRequestLine appends "GET /path HTTP/1.1\r\n" to dst. It refuses, with
// dst as it was, what is no ValidMethod or no ValidTarget: so nothing that is
// put into a URL becomes a line of its own.
func AppendRequestLine(dst []byte, method, target string) ([]byte, error) {
	if !ValidMethod(method) {
		return dst, fmt.Errorf("http1: method %s: want letters", quoted(method))
	}
	if !ValidTarget(method, target) {
		return dst, fmt.Errorf("http1: target %s of %s: want a path, a URI with a host, host:port for CONNECT, or * for OPTIONS, all escaped", quoted(target), method)
	}
	dst = append(dst, method...)
	dst = append(dst, ' ')
	dst = append(dst, target...)
	return append(dst, " HTTP/1.1\r\n"...), nil
}

// quoted is the beginning of s for an error.
func quoted(s string) string {
	if len(s) > 64 {
		return strconv.Quote(s[:64]) + "..."
	}
	return strconv.Quote(s)
}

// AppendField appends "Name: value\r\n" to dst, for who has no Header. It
// refuses what Header.Add refuses, with dst as it was.
func AppendField(dst []byte, name, value string) ([]byte, error) {
	value = trim(value)
	if err := checkField(name, value); err != nil {
		return dst, err
	}
	return appendField(dst, name, value), nil
}

// AppendChunkHead appends the line before a chunk of n bytes, n > 0; after the
// bytes comes "\r\n". A chunk of no bytes would end the body, and so panics:
// LastChunk is for that.
func AppendChunkHead(dst []byte, n int) []byte {
	if n <= 0 {
		panic("http1: chunk of " + strconv.Itoa(n) + " bytes: want 1 or more")
	}
	dst = strconv.AppendUint(dst, uint64(n), 16)
	return append(dst, "\r\n"...)
}

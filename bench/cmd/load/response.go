//go:build linux

package main

import (
	"bytes"
	"fmt"
	"strconv"
)

// Responses reads responses to GET and holds each byte of them against what is
// wanted. A response that is the same as the one before, as most are, costs one
// comparison. The zero value takes any body.
type responses struct {
	body []byte // what each must have; nil: anything
	last []byte // the last one that was read closely
}

// next returns how long the response at the start of in is, 0 if it is not whole
// yet, or what is wrong with it.
func (r *responses) next(in []byte) (int, error) {
	if len(r.last) > 0 && bytes.HasPrefix(in, r.last) {
		return len(r.last), nil
	}
	head, body, err := parseHead(in)
	if err != nil || head == 0 || len(in) < head+body {
		return 0, err
	}
	if got := in[head : head+body]; r.body != nil && !bytes.Equal(got, r.body) {
		return 0, fmt.Errorf("the body is %.40q, want %q", got, r.body)
	}
	r.last = append(r.last[:0], in[:head+body]...)
	return len(r.last), nil
}

// parseHead returns the length of a response's head, 0 if it is not whole yet,
// and of the body that it announces. It wants a Date and no other status than
// 200, so that all servers do the same job.
func parseHead(in []byte) (head, body int, err error) {
	end := bytes.Index(in, []byte("\r\n\r\n"))
	if end < 0 {
		if len(in) > 16<<10 {
			return 0, 0, fmt.Errorf("no end of a head in %d bytes: %.40q", len(in), in)
		}
		return 0, 0, nil
	}
	status, fields, _ := bytes.Cut(in[:end], []byte("\r\n"))
	if !bytes.HasPrefix(status, []byte("HTTP/1.1 200")) {
		return 0, 0, fmt.Errorf("got %.80q, want HTTP/1.1 200", status)
	}
	body, dated := -1, false
	for line := range bytes.SplitSeq(fields, []byte("\r\n")) {
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch string(bytes.ToLower(name)) {
		case "content-length":
			if body, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil || body < 0 {
				return 0, 0, fmt.Errorf("got %q, want a length", line)
			}
		case "date":
			dated = true
		}
	}
	if body < 0 || !dated {
		return 0, 0, fmt.Errorf("got %q, want Content-Length and Date", in[:end])
	}
	return end + 4, body, nil
}

package tlslayer

import (
	"crypto/tls"
	"errors"
	"strings"

	"github.com/twistor-go/twistor"
)

const (
	recordHeaderBytes  = 5
	messageHeaderBytes = 4
	recordAlert        = 21
	recordHandshake    = 22
	maxRecordBytes     = 16<<10 + 2<<10 // crypto/tls takes no longer ones
)

// A hello finds out, as bytes come, when a client's first message is whole. It
// judges nothing: what does not look like a hello is for crypto/tls to refuse.
type hello struct {
	next int                      // where the next record begins
	head [messageHeaderBytes]byte // of the message
	have int                      // bytes of the message in whole records
}

// complete reports whether crypto/tls would have something to do with b, which
// begins with what it was called with before.
//
// A record has a type, a version and a length; "record boundaries" may fall
// anywhere in a message: https://www.rfc-editor.org/rfc/rfc8446#section-5.1. A
// message has a type and a length of three bytes:
// https://www.rfc-editor.org/rfc/rfc8446#section-4
func (s *hello) complete(b []byte) bool {
	for len(b) < maxWaitingBytes {
		record := b[s.next:]
		if len(record) > 0 && record[0] != recordHandshake || len(record) > 1 && record[1] >= 0x10 {
			return true // not TLS
		}
		if len(record) < recordHeaderBytes {
			return false
		}
		n := int(record[3])<<8 | int(record[4])
		if n == 0 || n > maxRecordBytes {
			return true // not allowed
		}
		if len(record) < recordHeaderBytes+n {
			return false
		}
		if s.have < messageHeaderBytes {
			copy(s.head[s.have:], record[recordHeaderBytes:recordHeaderBytes+n])
		}
		s.next += recordHeaderBytes + n
		s.have += n
		body := int(s.head[1])<<16 | int(s.head[2])<<8 | int(s.head[3])
		if s.have >= messageHeaderBytes && s.have >= messageHeaderBytes+body {
			return true
		}
	}
	return true // enough to spend more on it
}

// answerClear tells a client that did not speak TLS so, in its own words: an
// HTTP client by a response, as package net/http does, others by an alert.
func answerClear(t twistor.Transport, err error) {
	var e tls.RecordHeaderError
	if !errors.As(err, &e) || e.Conn == nil {
		return // it did, or crypto/tls has answered
	}
	switch first := string(e.RecordHeader[:]); {
	case first == "GET /", first == "HEAD ", first == "POST ", first == "PUT /", first == "OPTIO",
		first == "CONNE", first == "DELET", first == "PATCH", strings.HasPrefix(first, "PRI *"):
		const body = "This port speaks HTTPS, and the request was plain HTTP.\n"
		t.Write([]byte("HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n" + body))
	default:
		// A fatal unexpected_message:
		// https://www.rfc-editor.org/rfc/rfc8446#section-6.2
		t.Write([]byte{recordAlert, 3, 1, 0, 2, 2, 10})
	}
}

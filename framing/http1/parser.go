package http1

import "bytes"

// A Parser reads the heads of one connection's messages from bytes that come
// cut anywhere. The zero value is ready. Between messages, and for a head that
// comes in one piece, it holds no memory; what has come of a cut head it keeps,
// up to MaxLine and MaxHead. Connections of one loop may share a Parser, as long
// as each leaves it Idle. Loop-only.
type Parser struct {
	// Limits of the heads. Not changed after first use.
	Limits Limits

	part *section // a head that has begun
	lead lead
}

// lead is what has come of the empty line that may stand before a request.
type lead uint8

const (
	noLead lead = iota
	leadCR
	leadCRLF
)

// Request reads a request head from p: n bytes were consumed, and if done r is
// whole. r points into p, or into memory of its own if the head came in pieces,
// so it is valid as long as p, unless Keep is called. If not done, all of p was
// consumed, and r has no fields: come again with more, and with any r. The error
// is an *Error; after it the stream means nothing any more. Body bytes are a
// BodyReader's.
func (s *Parser) Request(p []byte, r *Request) (n int, done bool, err error) {
	if s.part == nil {
		var bad *Error
		if n, bad = s.skipLead(p); bad != nil {
			return n, false, s.failed(bad)
		}
		if n == len(p) {
			return n, false, nil
		}
	}
	var now section
	head, m, bad := s.head(p[n:], &now, &r.Header, ofRequest)
	n += m
	if bad != nil {
		return n, false, s.failed(bad)
	}
	if head == nil {
		return n, false, nil
	}
	s.lead = noLead
	if bad := r.fill(head); bad != nil {
		return n, false, bad
	}
	return n, true, nil
}

// Response is Request for a response head, to a request of that method: it
// decides whether a body follows. A 1xx head is a Response too, with no body;
// but for 101 the real one follows.
func (s *Parser) Response(p []byte, method string, r *Response) (n int, done bool, err error) {
	if len(p) == 0 {
		return 0, false, nil
	}
	var now section
	head, n, bad := s.head(p, &now, &r.Header, ofResponse)
	if bad != nil {
		return n, false, s.failed(bad)
	}
	if head == nil {
		return n, false, nil
	}
	if bad := r.fill(head, method); bad != nil {
		return n, false, bad
	}
	return n, true, nil
}

// Started says whether a head has begun and is not whole: a deadline runs. One
// empty line before a request does not begin it.
func (s *Parser) Started() bool { return s.part != nil }

// Idle says whether s knows nothing of what comes next, not even half an empty
// line, so that another connection may use it.
func (s *Parser) Idle() bool { return s.part == nil && s.lead == noLead }

// Reset forgets what has come of a head.
func (s *Parser) Reset() { s.part, s.lead = nil, noLead }

// failed forgets the head that err is about.
func (s *Parser) failed(err *Error) error {
	s.Reset()
	return err
}

// skipLead skips one empty line: "a server that is expecting to receive and
// parse a request-line SHOULD ignore at least one empty line (CRLF) received
// prior to the request-line" (https://www.rfc-editor.org/rfc/rfc9112#section-2.2).
// More would be work for nothing.
func (s *Parser) skipLead(p []byte) (n int, err *Error) {
	for ; n < len(p); n++ {
		c := p[n]
		switch {
		case s.lead == leadCR && c != '\n':
			return n, bad("CR before a request: want CRLF")
		case s.lead == leadCR:
			s.lead = leadCRLF
		case c != '\r':
			return n, nil
		case s.lead == leadCRLF:
			return n, bad("second empty line before a request: want a request line")
		default:
			s.lead = leadCR
		}
	}
	return n, nil
}

// head reads p into the head that has begun, or into now if none has. It
// returns the head when it is whole; h lends its list of fields.
func (s *Parser) head(p []byte, now *section, h *Header, as role) (head *section, n int, err *Error) {
	if s.part == nil {
		h.Reset() // whatever comes of it, h's fields lie in h's block
		now.buf, now.fields, now.role = p, h.fields[:0], as
		done, err := now.run(&s.Limits)
		if done || err != nil {
			now.buf = now.buf[:now.at]
			return now, now.at, err
		}
		s.part = now.cut()
		return nil, len(p), nil
	}
	done, n, err := s.part.more(p, &s.Limits)
	if !done || err != nil {
		return nil, n, err
	}
	head, s.part = s.part, nil
	return head, n, nil
}

// cut is a section with memory of its own, because the rest of it comes later.
func (s *section) cut() *section {
	o := *s
	o.buf = append(make([]byte, 0, max(512, len(s.buf)+len(s.buf)/2)), s.buf...)
	o.fields = append(make([]field, 0, max(16, 2*len(s.fields))), s.fields...)
	o.owns = true
	return &o
}

// more adds p to a section that owns its memory, line by line, and not more of
// it than a line may have.
func (s *section) more(p []byte, l *Limits) (done bool, n int, err *Error) {
	for n < len(p) && !done && err == nil {
		piece := p[n:min(len(p), n+s.wants(l))]
		if i := bytes.IndexByte(piece, '\n'); i >= 0 {
			piece = piece[:i+1]
		}
		s.buf = append(s.buf, piece...)
		n += len(piece)
		done, err = s.run(l)
	}
	return done, n, err
}

// giveTo gives the section's fields to h.
func (s *section) giveTo(h *Header) {
	if s.owns {
		h.adopt(s.buf, s.fields)
	} else {
		h.borrow(s.buf, s.fields)
	}
}

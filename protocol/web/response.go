package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"

	"github.com/twistor-go/twistor/deferred"
)

// A Response is what a server answered to a Client. Take its Body, or Close it: until then it holds
// a connection, at most for Client.Timeout. Loop-only.
type Response struct {
	// Status is from 200 to 999, or 101 after an Upgrade.
	Status int
	// Reason is what the server says beside the status, for people; "" in HTTP/2.
	Reason string
	Header Header
	// Body is never nil. It is decoded if Decoded says so.
	Body *Body
	// Decoded: the body was gzip, or another content coding, and is not any more. Content-Encoding
	// and Content-Length are taken from Header then.
	Decoded bool
	// Request is what was asked: the last one, after redirects.
	Request *Request
	// Previous is the redirect that led here, its body dropped; nil: none did.
	Previous *Response

	major, minor int
	hop          *hop
}

// Proto is the version of HTTP: 1 and 0 or 1, or 2 and 0.
func (p *Response) Proto() (major, minor int) { return p.major, p.minor }

// OK says whether Status is from 200 to 299.
func (p *Response) OK() bool { return p.Status/100 == 2 }

// Bytes takes the whole body, of at most limit bytes, else it fails with ErrTooLarge; negative: as
// many as Client.MaxBodyBytes allows. To cancel it ends the answer.
func (p *Response) Bytes(limit int64) *deferred.Deferred[[]byte] {
	all := p.Body.Bytes(limit)
	whole := deferred.New[[]byte](p.Body.loop)
	all.Done(func(b []byte, err error) {
		if err != nil {
			p.Close()
			whole.Fail(p.hop.fetch.wrap("body", err))
			return
		}
		whole.Succeed(b)
	})
	return whole.OnCancel(p.Close)
}

// Text is Bytes as a string.
func (p *Response) Text(limit int64) *deferred.Deferred[string] {
	return deferred.Then(p.Bytes(limit), func(b []byte) (string, error) { return string(b), nil })
}

// JSON takes the whole body, of at most limit bytes as Bytes, into v. Anything behind the value is
// an error.
func (p *Response) JSON(v any, limit int64) *deferred.Signal {
	return deferred.Then(p.Bytes(limit), func(b []byte) (struct{}, error) {
		d := json.NewDecoder(bytes.NewReader(b))
		err := d.Decode(v)
		if err == nil {
			if _, more := d.Token(); !errors.Is(more, io.EOF) {
				err = errors.New("more follows the value")
			}
		}
		if err != nil {
			err = p.hop.fetch.wrap("body", fmt.Errorf("JSON: %w", err))
		}
		return struct{}{}, err
	})
}

// Close ends the answer: what is left of the body is dropped, and its connection with it, unless
// the body has come whole. It may be called again.
func (p *Response) Close() {
	if p.hop != nil {
		p.hop.fetch.drop(p, ErrEnded)
	}
}

// Location is where the answer points to, made whole; nil: nowhere, or not to a URL.
func (p *Response) Location() *url.URL {
	u, err := p.redirect()
	if err != nil {
		return nil
	}
	return u
}

// redirect is Location, checked: "file:" and its like, controls and passwords are refused.
func (p *Response) redirect() (*url.URL, error) {
	text := p.Header.Get("Location")
	if text == "" {
		return nil, nil
	}
	if len(text) > maxURLBytes {
		return nil, errors.New("Location: want 8,192 bytes at most")
	}
	// What is not ASCII is escaped: servers send raw UTF-8, and browsers do that.
	escaped := make([]byte, 0, len(text))
	for i := range len(text) {
		if c := text[i]; c >= 0x7f || c == ' ' {
			escaped = fmt.Appendf(escaped, "%%%02X", c)
		} else {
			escaped = append(escaped, c)
		}
	}
	ref, err := url.Parse(string(escaped))
	if err != nil {
		return nil, errors.New("Location: want a URL")
	}
	u, err := parseURL(p.Request.URL().ResolveReference(ref).String())
	if err != nil {
		return nil, fmt.Errorf("Location: %w", err)
	}
	if u.User != nil {
		return nil, errors.New("Location: want no user or password")
	}
	return u, nil
}

// redirects are the statuses that a Client follows.
// https://www.rfc-editor.org/rfc/rfc9110#section-15.4
var redirects = []int{301, 302, 303, 307, 308}

func isRedirect(status int) bool { return slices.Contains(redirects, status) }

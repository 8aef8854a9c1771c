package web

import (
	"io"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// appendHead appends the head of x's request.
func (l *h1link) appendHead(dst []byte, x *hop) ([]byte, error) {
	r, target := x.r, string(x.r.target)
	if p := l.o.proxy; p != nil && l.o.key.address == "" {
		target = r.scheme + "://" + r.url.Host + target // https://www.rfc-editor.org/rfc/rfc9112#section-3.2.2
		if x.r.target[0] == '*' {
			target = r.scheme + "://" + r.url.Host
		}
	}
	dst, err := http1.AppendRequestLine(dst, r.Method, target)
	if err != nil {
		return dst, err
	}
	dst = append(append(append(dst, "Host: "...), r.host...), "\r\n"...)
	dst = x.head.AppendTo(dst)
	if a := proxyAuthorization(l.o.proxy); a != "" && l.o.key.address == "" {
		if dst, err = http1.AppendField(dst, "Proxy-Authorization", a); err != nil {
			return dst, err
		}
	}
	switch n := x.length; {
	case n > 0 || n == 0 && (r.Content != nil || r.Method == "POST" || r.Method == "PUT" || r.Method == "PATCH"):
		// "A user agent SHOULD send Content-Length in a request when the method defines a meaning
		// for enclosed content", https://www.rfc-editor.org/rfc/rfc9110#section-8.6
		dst = append(dst, "Content-Length: "...)
		dst = append(strconv.AppendInt(dst, n, 10), "\r\n"...)
	case n < 0:
		l.chunked = true
		dst = append(dst, "Transfer-Encoding: chunked\r\n"...)
	}
	switch {
	case x.fetch.upgrade != nil && r.Method != "CONNECT":
		dst = append(dst, "Connection: Upgrade\r\n"...)
	case l.o.c.MaxIdle < 0 || l.o.c.KeepAlive < 0 || r.Header.HasToken("Connection", "close"):
		l.last = true
		dst = append(dst, "Connection: close\r\n"...)
	}
	if r.Header.Has("TE") {
		// "A sender of TE MUST also send a "TE" connection option".
		// https://www.rfc-editor.org/rfc/rfc9110#section-10.1.4
		dst = append(dst, "Connection: TE\r\n"...)
	}
	return append(dst, "\r\n"...), nil
}

// An h1outlet is what the hop of an h1link does to it.
type h1outlet h1link

func (u *h1outlet) transport() twistor.Transport { return u.t }
func (u *h1outlet) full() bool                   { return u.t.Full() }
func (u *h1outlet) bodyWanted()                  {}
func (u *h1outlet) bodyPaused()                  { u.t.Pause() }
func (u *h1outlet) bodyResumed()                 { u.t.Resume() }
func (u *h1outlet) bodyConsumed(int)             {}

func (u *h1outlet) data(p []byte) error {
	if !u.chunked || len(p) == 0 {
		_, err := u.t.Write(p)
		return err
	}
	c := u.o.c
	dst := append(http1.AppendChunkHead(c.out[:0], len(p)), p...)
	dst = append(dst, "\r\n"...)
	_, err := u.t.Write(dst)
	if cap(dst) <= 64<<10 {
		c.out = dst[:0]
	}
	return err
}

func (u *h1outlet) file(s *io.SectionReader) *deferred.Deferred[int64] {
	if u.chunked && s.Size() > 0 {
		u.t.Write(http1.AppendChunkHead(nil, int(s.Size())))
		defer u.t.Write(crlf)
	}
	return u.t.SendFile(s)
}

func (u *h1outlet) end(trailer *Header) error {
	u.sent = true
	if !u.chunked {
		return nil
	}
	dst := append(u.o.c.out[:0], "0\r\n"...)
	if trailer != nil {
		dst = trailer.AppendTo(dst)
	}
	dst = append(dst, "\r\n"...)
	u.o.c.out = dst[:0]
	_, err := u.t.Write(dst)
	return err
}

func (u *h1outlet) cancel() {
	u.x = nil
	(*h1link)(u).abort()
}

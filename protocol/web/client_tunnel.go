package web

import (
	"errors"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web/internal/h2"
)

// mayTunnel says whether an Upgrade may go by HTTP/2, if the server offers that:
// what RFC 8441 has a form for.
func (c *Client) mayTunnel(r *Request) bool {
	to := r.Header.Values("Upgrade")
	return r.scheme == "https" && r.Method == "GET" && !c.DisableHTTP2 && !c.Raw && len(to) == 1 && http1.ValidFieldName(to[0])
}

// askTunnel makes an extended CONNECT of an Upgrade. "Implementations using this
// extended CONNECT to bootstrap WebSockets do not do the processing of the
// Sec-WebSocket-Key and Sec-WebSocket-Accept header fields."
// https://www.rfc-editor.org/rfc/rfc8441#section-5
func askTunnel(q *h2.Question, r *Request) {
	q.Method, q.Protocol = "CONNECT", strings.ToLower(r.Header.Get("Upgrade"))
	q.Length, q.End = -1, false
	q.Header.Del("Sec-WebSocket-Key")
}

// give makes the stream of u a connection of the Protocol that was asked for.
func (l *h2link) give(u *h2outlet, head *h2.Head, end bool) {
	x := u.x
	f := x.switched(2, 0, head.Status, "", &head.Header)
	if f != nil {
		u.tunnel = newH2tunnel(&u.h2out, l.t, f, l.report, l.ended)
	}
	if u.tunnel == nil {
		l.part(u)
		x.failed("head", twistor.ErrRefused, answered)
		return
	}
	u.x = nil
	x.gaveAway()
	if end {
		u.tunnel.received(nil, true)
	}
}

// report logs the panic of a Protocol in a tunnel: its stream ends, and the
// others go on.
func (l *h2link) report(err error) {
	attrs := []any{"conn", l.t, "err", err}
	var p *deferred.PanicError
	if errors.As(err, &p) {
		attrs = append(attrs, "stack", string(p.Stack))
	}
	l.t.Loop().Log().Error("web: upgraded stream failed", attrs...)
}

package websocket

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Client makes connections that share its limits and its buffers, all on one
// loop. Its zero is ready. Immutable after first use.
type Client struct {
	// Web asks for the connection, on the same loop: its TLS, proxies, cookies and
	// time limits hold. nil: one that is used for nothing else.
	Web *web.Client
	// Header has fields that the handshake sends beside its own, such as
	// Authorization or Origin; nil: none.
	Header *web.Header
	// Protocols are the subprotocols that are spoken; Conn.Subprotocol is the
	// one that the server chose.
	Protocols []string
	// Deflate offers compression; nil: none.
	Deflate *Deflate

	// MaxMessageBytes is how long a message may be, inflated; 0: 1 MiB. The
	// peer is told TooBig.
	MaxMessageBytes int
	// MaxFragments is in how many fragments a message may come; 0: 1,024. The
	// peer is told TooBig.
	MaxFragments int
	// PingInterval is how often we look whether something has come; if not, the
	// peer is asked, and if then nothing has come the next time, it is given
	// up: after two to three intervals of silence. 0: 30 s; negative: it is
	// never asked.
	PingInterval time.Duration
	// CloseTimeout is how long the peer may take to answer a close frame. 0: 10 s.
	CloseTimeout time.Duration

	pool *pool
}

// A HandshakeError says that the server did not make a WebSocket of the
// connection. Immutable after first use.
type HandshakeError struct {
	Status int    // what it answered
	Want   string // what was wanted instead; "": status 101, of HTTP/2 2xx
}

func (e *HandshakeError) Error() string {
	if e.Want != "" {
		return "websocket: handshake: want " + e.Want
	}
	return fmt.Sprintf("websocket: handshake: want a WebSocket, got %d %s", e.Status, http1.StatusText(e.Status))
}

// Dial connects to a ws: or wss: URL, as Client.Dial does.
func Dial(l twistor.Loop, url string, build func(c *Conn) Protocol) *deferred.Deferred[*Conn] {
	return new(Client).Dial(l, url, build)
}

// Dial connects to a ws: or wss: URL. One of wss: is a stream of HTTP/2 where the
// server offers that (RFC 8441), on a connection that it shares with those of the
// same Client, and of its Web, to that server; else it is one of HTTP/1.1, as
// ws: is. Dial fires after Connected of
// the Protocol that build makes; with a nil build, messages are kept for Read.
// It fails with a *HandshakeError if the server refuses, with
// twistor.ErrRefused if build returns nil, and with a *web.RequestError if it
// cannot be asked. Redirects are not followed.
func (cl *Client) Dial(l twistor.Loop, url string, build func(c *Conn) Protocol) *deferred.Deferred[*Conn] {
	h, err := cl.handshake(l, url)
	if err != nil {
		return deferred.Failed[*Conn](l, fmt.Errorf("websocket: dial: %w", err))
	}
	h.build = build
	asked := cl.shared(l).web.Upgrade(h.request, h.accept)
	d := deferred.New[*Conn](l).OnCancel(asked.Cancel)
	asked.Done(func(r *web.Response, err error) {
		switch {
		case h.err != nil:
			err = h.err
		case err != nil:
			err = fmt.Errorf("websocket: dial: %w", err)
		case h.conn == nil:
			r.Close()
			err = &HandshakeError{Status: r.Status}
		default:
			d.Succeed(h.conn)
			return
		}
		d.Fail(err)
	})
	return d
}

// A handshake is what a Client asks and how it is answered.
type handshake struct {
	cl      *Client
	pool    *pool
	request *web.Request
	key     string
	build   func(c *Conn) Protocol
	conn    *Conn
	err     error // why the answer cannot be taken
}

// handshake makes the request.
// https://www.rfc-editor.org/rfc/rfc6455#section-4.1
func (cl *Client) handshake(l twistor.Loop, url string) (*handshake, error) {
	rest, plain := strings.CutPrefix(url, "ws:")
	if !plain {
		var ok bool
		if rest, ok = strings.CutPrefix(url, "wss:"); !ok {
			return nil, errors.New("want ws://host/path or wss://host/path")
		}
	}
	// "Fragment identifiers are meaningless in the context of WebSocket URIs and
	// MUST NOT be used": https://www.rfc-editor.org/rfc/rfc6455#section-3
	if strings.Contains(rest, "#") {
		return nil, errors.New("want a URL without a fragment")
	}
	scheme := "https:"
	if plain {
		scheme = "http:"
	}
	r, err := web.NewRequest("GET", scheme+rest)
	if err != nil {
		return nil, err
	}
	var nonce [16]byte
	if _, err := io.ReadFull(l.Rand(), nonce[:]); err != nil {
		return nil, err
	}
	h := &handshake{cl: cl, pool: cl.shared(l), request: r, key: base64.StdEncoding.EncodeToString(nonce[:])}
	if cl.Header != nil {
		for name, value := range cl.Header.All() {
			err = errors.Join(err, r.Header.Add(name, value))
		}
	}
	for _, f := range [...][2]string{
		{"Upgrade", "websocket"},
		{"Sec-WebSocket-Key", h.key}, {"Sec-WebSocket-Version", version},
		{"Sec-WebSocket-Protocol", strings.Join(cl.Protocols, ", ")},
		{"Sec-WebSocket-Extensions", cl.Deflate.offer()},
	} {
		if r.Header.Del(f[0]); f[1] != "" {
			err = errors.Join(err, r.Header.Add(f[0], f[1]))
		}
	}
	return h, err
}

// accept makes a Conn if the answer is as it must be.
// https://www.rfc-editor.org/rfc/rfc6455#section-4.1
func (h *handshake) accept(r *web.Response) twistor.Factory {
	protocol, want := r.Header.Get("Sec-WebSocket-Protocol"), ""
	deflate, ok := h.cl.Deflate.settle(strings.Join(r.Header.Values("Sec-WebSocket-Extensions"), ","))
	// Of HTTP/2 the status says it: https://www.rfc-editor.org/rfc/rfc8441#section-5
	major, _ := r.Proto()
	switch {
	case major < 2 && !r.Header.HasToken("Upgrade", "websocket"):
		want = "Upgrade: websocket"
	case major < 2 && r.Header.Get("Sec-WebSocket-Accept") != acceptOf(h.key):
		want = "a Sec-WebSocket-Accept that fits our key"
	case r.Header.Has("Sec-WebSocket-Protocol") && !slices.Contains(h.cl.Protocols, protocol):
		want = "a subprotocol that was offered"
	case !ok:
		want = "extensions as they were offered"
	}
	if want != "" {
		h.err = &HandshakeError{Status: r.Status, Want: want}
		return nil
	}
	c := &Conn{pool: h.pool, client: true, subprotocol: protocol, deflate: deflate}
	if h.build == nil {
		c.protocol = newConversation(c, nil)
	} else if c.protocol = h.build(c); c.protocol == nil {
		return nil
	}
	h.conn = c
	return twistor.FactoryFunc(c.start)
}

// shared is what the connections of cl share.
func (cl *Client) shared(l twistor.Loop) *pool {
	if cl.pool == nil {
		cl.Deflate.valid()
		validTokens(cl.Protocols)
		cl.pool = newPool(cl.MaxMessageBytes, cl.MaxFragments, cl.PingInterval, cl.CloseTimeout)
		if cl.pool.web = cl.Web; cl.Web == nil {
			cl.pool.web = &web.Client{Loop: l, MaxIdle: -1}
		}
	}
	return cl.pool
}

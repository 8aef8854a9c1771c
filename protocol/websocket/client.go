package websocket

import (
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
)

// DefaultDialTimeout is what a Dial may take when nobody says otherwise.
const DefaultDialTimeout = 30 * time.Second

// A Client makes connections that share its limits and its buffers, all on one
// loop. Its zero is ready. Immutable after first use.
type Client struct {
	// Header has fields that the handshake sends beside its own, such as
	// Authorization, Cookie or Origin; nil: none.
	Header *web.Header
	// Protocols are the subprotocols that are spoken; Conn.Subprotocol is the one that the
	// server chose.
	Protocols []string
	// Deflate offers compression; nil: none.
	Deflate *Deflate
	// TLS is for wss: URLs; nil: that of every TLS client here.
	TLS *tls.Config
	// DialTimeout is how long a Dial may take, handshake and all. 0: 30 s; negative: for ever.
	DialTimeout time.Duration

	// MaxMessageBytes is how long a message may be, inflated; 0: 1 MiB. The peer is told TooBig.
	MaxMessageBytes int
	// MaxFragments is in how many fragments a message may come; 0: 1,024. The peer is told TooBig.
	MaxFragments int
	// PingInterval is how often we look whether something has come; if not, the
	// peer is asked, and if then nothing has come the next time, it is given up: after
	// two to three intervals of silence. 0: 30 s; negative: it is never asked.
	PingInterval time.Duration
	// CloseTimeout is how long the peer may take to answer a close frame. 0: 10 s.
	CloseTimeout time.Duration

	pool *pool
}

// A HandshakeError says that the server did not make a WebSocket of the
// connection. Immutable after first use.
type HandshakeError struct {
	Status int    // what it answered
	Want   string // what was wanted instead; "": status 101
}

func (e *HandshakeError) Error() string {
	if e.Want != "" {
		return "websocket: handshake: want " + e.Want
	}
	return fmt.Sprintf("websocket: handshake: want status 101, got %d %s", e.Status, http1.StatusText(e.Status))
}

// Dial connects to a ws: or wss: URL, as Client.Dial does.
func Dial(l twistor.Loop, url string, build func(c *Conn) Protocol) *deferred.Deferred[*Conn] {
	return new(Client).Dial(l, url, build)
}

// Dial connects to a ws: or wss: URL over HTTP/1.1. It fires after Connected of the Protocol that
// build makes; with a nil build, messages are kept for Read. It
// fails with a *HandshakeError if the server refuses, and with what keeps us from it. Redirects
// are not followed.
func (cl *Client) Dial(l twistor.Loop, url string, build func(c *Conn) Protocol) *deferred.Deferred[*Conn] {
	d := deferred.New[*Conn](l)
	o, config, err := cl.opening(l, url, build)
	if err != nil {
		d.Fail(err)
		return d
	}
	o.done = d
	dial := l.Dial(config, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		o.t = t
		return o
	}))
	if t := cl.DialTimeout; t >= 0 {
		if t == 0 {
			t = DefaultDialTimeout
		}
		o.deadline = l.CallLater(t, func() {
			dial.Cancel()
			o.give(fmt.Errorf("websocket: dial %s: %w", config.Address, deferred.ErrTimeout))
		})
	}
	dial.Done(func(_ twistor.Protocol, err error) {
		if err != nil {
			o.give(fmt.Errorf("websocket: dial %s: %w", config.Address, err))
		}
	})
	return d.OnCancel(func() {
		dial.Cancel()
		o.give(deferred.ErrCanceled)
	})
}

// An opening is a connection until its handshake is done.
type opening struct {
	c        *Client
	t        twistor.Transport
	request  []byte
	key      string
	build    func(c *Conn) Protocol
	parser   http1.Parser
	response http1.Response
	deadline twistor.Timer
	done     *deferred.Deferred[*Conn]
	over     bool
}

// opening makes the request.
func (cl *Client) opening(l twistor.Loop, address string, build func(c *Conn) Protocol) (*opening, twistor.DialConfig, error) {
	config := twistor.DialConfig{Network: "tcp"}
	u, err := url.Parse(address)
	switch {
	case err != nil:
		var parse *url.Error // its words would show a password
		errors.As(err, &parse)
		return nil, config, fmt.Errorf("websocket: dial: want a URL: %w", parse.Err)
	case u.Scheme != "ws" && u.Scheme != "wss" || u.Hostname() == "" || u.Fragment != "":
		// "Fragment identifiers are meaningless in the context of WebSocket URIs":
		// https://www.rfc-editor.org/rfc/rfc6455#section-3
		return nil, config, fmt.Errorf("websocket: dial %q: want ws://host/path or wss://host/path", u.Redacted())
	}
	port := u.Port()
	if u.Scheme == "wss" {
		config.TLS = &tls.Config{}
		if cl.TLS != nil {
			config.TLS = cl.TLS.Clone()
		}
		config.TLS.NextProtos = []string{"http/1.1"}
		if config.TLS.ServerName == "" {
			config.TLS.ServerName = u.Hostname()
		}
	}
	if port == "" {
		port = map[string]string{"ws": "80", "wss": "443"}[u.Scheme]
	}
	config.Address = net.JoinHostPort(u.Hostname(), port)
	config.Timeout = cl.DialTimeout

	var nonce [16]byte
	if _, err := io.ReadFull(l.Rand(), nonce[:]); err != nil {
		return nil, config, fmt.Errorf("websocket: dial: %w", err)
	}
	o := &opening{c: cl, build: build, key: base64.StdEncoding.EncodeToString(nonce[:])}
	var h web.Header
	if cl.Header != nil {
		h.CopyFrom(cl.Header)
	}
	for _, f := range [...][2]string{
		{"Host", u.Host}, {"Upgrade", "websocket"}, {"Connection", "Upgrade"},
		{"Sec-WebSocket-Key", o.key}, {"Sec-WebSocket-Version", version},
		{"Sec-WebSocket-Protocol", strings.Join(cl.Protocols, ", ")},
		{"Sec-WebSocket-Extensions", cl.Deflate.offer()},
	} {
		if h.Del(f[0]); f[1] != "" {
			err = errors.Join(err, h.Add(f[0], f[1]))
		}
	}
	target := u.EscapedPath()
	if target == "" {
		target = "/"
	}
	if u.RawQuery != "" {
		target += "?" + u.RawQuery
	}
	line, lineErr := http1.AppendRequestLine(nil, "GET", target)
	if err = errors.Join(err, lineErr); err != nil {
		return nil, config, fmt.Errorf("websocket: dial: %w", err)
	}
	o.request = append(h.AppendTo(line), "\r\n"...)
	return o, config, nil
}

func (o *opening) Connected() { o.t.Write(o.request) }

// Received reads the server's answer; what stands behind it are frames.
func (o *opening) Received(p []byte) {
	for !o.over {
		n, done, err := o.parser.Response(p, "GET", &o.response)
		if err != nil {
			o.give(fmt.Errorf("websocket: handshake: %w", err))
			return
		}
		if !done {
			return
		}
		p = p[n:]
		if s := o.response.Status; s >= 100 && s < 200 && s != 101 {
			continue // https://www.rfc-editor.org/rfc/rfc9110#section-15.2
		}
		c, err := o.accepted()
		if err != nil {
			o.give(err)
			return
		}
		o.over = true
		o.deadline.Stop()
		o.t.Switch(&dialed{c.start(o.t).(*inward), o.done}, p)
	}
}

// accepted makes a Conn if the answer is as it must be.
// https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
func (o *opening) accepted() (*Conn, error) {
	r := &o.response
	h := &r.Header
	protocol := h.Get("Sec-WebSocket-Protocol")
	want := ""
	switch {
	case r.Status != 101:
	case !h.HasToken("Upgrade", "websocket") || !h.HasToken("Connection", "upgrade"):
		want = "Upgrade: websocket"
	case h.Get("Sec-WebSocket-Accept") != acceptOf(o.key):
		want = "a Sec-WebSocket-Accept that fits our key"
	case h.Has("Sec-WebSocket-Protocol") && !slices.Contains(o.c.Protocols, protocol):
		want = "a subprotocol that was offered"
	}
	deflate, ok := o.c.Deflate.settle(strings.Join(h.Values("Sec-WebSocket-Extensions"), ","))
	if want == "" && !ok {
		want = "extensions as they were offered"
	}
	if r.Status != 101 || want != "" {
		return nil, &HandshakeError{Status: r.Status, Want: want}
	}
	c := &Conn{pool: o.c.shared(), client: true, subprotocol: protocol, deflate: deflate}
	if o.build == nil {
		c.protocol = newConversation(c, nil)
	} else if c.protocol = o.build(c); c.protocol == nil {
		return nil, twistor.ErrRefused
	}
	return c, nil
}

func (o *opening) Disconnected(err error) {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	o.give(fmt.Errorf("websocket: handshake: %w", err))
}

// give ends the opening without a WebSocket.
func (o *opening) give(err error) {
	if o.over {
		return
	}
	o.over = true
	o.deadline.Stop()
	if o.t != nil {
		o.t.Abort()
	}
	o.done.Fail(err)
}

// shared is what the connections of cl share.
func (cl *Client) shared() *pool {
	if cl.pool == nil {
		cl.Deflate.valid()
		cl.pool = newPool(cl.MaxMessageBytes, cl.MaxFragments, cl.PingInterval, cl.CloseTimeout)
	}
	return cl.pool
}

// A dialed tells who dialed when his connection is there.
type dialed struct {
	*inward
	done *deferred.Deferred[*Conn]
}

func (d *dialed) Connected() {
	d.inward.Connected()
	d.done.Succeed(d.inward.conn())
}

package websocket

import (
	"crypto/sha1"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// What a Server and a Client do when their fields are zero.
const (
	DefaultMaxMessageBytes = 1 << 20
	DefaultMaxFragments    = 1024
	DefaultPingInterval    = 30 * time.Second
	DefaultCloseTimeout    = 10 * time.Second
)

// A Server is a web.Handler that makes a WebSocket of the request: of HTTP/1.1
// by Upgrade, of HTTP/2 by an extended CONNECT. It lives on one loop.
// Immutable after first use.
type Server struct {
	// Build returns the Protocol of a connection, before its handshake is
	// answered; nil refuses it with 403. The request is good for this call
	// only; of c only Subprotocol can be asked before Connected. Conversation
	// makes a Build of straight lines.
	Build func(c *Conn, r *web.Request) Protocol

	// Origins are those whose pages may connect, as browsers name them:
	// "https://app.example.org"; "*" is every one. Those of the same host and
	// port as the request may always, and so may clients that are no browsers
	// and name none.
	//
	// Without this check any page on the network could use the cookies of its
	// visitors: https://www.rfc-editor.org/rfc/rfc6455#section-10.2
	Origins []string
	// Protocols are the subprotocols that are spoken, the best one first. The
	// first that the client knows too is Conn.Subprotocol; if there is none, it
	// is "".
	Protocols []string
	// Deflate turns on compression; nil: none.
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

// Serve answers the handshake. What is none gets 426 (Upgrade Required) or 400,
// another origin 403.
func (s *Server) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	if s.Build == nil {
		panic("websocket: Server.Build is nil: want a function that makes a Protocol")
	}
	major, _ := r.Proto()
	if r.UpgradeTo() != "websocket" || r.Method != method(major) {
		return upgradeRequired(w, r)
	}
	// "If this version does not match a version understood by the server, the
	// server MUST abort": https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
	if only(&r.Header, "Sec-WebSocket-Version") != version {
		return upgradeRequired(w, r)
	}
	if !s.allows(r) {
		return refuse(r, 403, "this page may not connect here")
	}
	key := only(&r.Header, "Sec-WebSocket-Key")
	if major < 2 && !validKey(key) {
		return refuse(r, 400, "want a Sec-WebSocket-Key of 16 bytes in base64")
	}
	// A body would be taken for frames by one of two readers.
	if major < 2 && r.Body.Length() != 0 {
		return refuse(r, 400, "want a handshake without a body")
	}
	offered, ok := tokens(strings.Join(r.Header.Values("Sec-WebSocket-Protocol"), ","))
	if !ok {
		return refuse(r, 400, "want tokens in Sec-WebSocket-Protocol")
	}
	answer, deflate, ok := s.Deflate.accept(strings.Join(r.Header.Values("Sec-WebSocket-Extensions"), ","))
	if !ok {
		return refuse(r, 400, "want extensions in Sec-WebSocket-Extensions")
	}
	c := &Conn{pool: s.shared(), deflate: deflate}
	if i := slices.IndexFunc(s.Protocols, func(p string) bool { return slices.Contains(offered, p) }); i >= 0 {
		c.subprotocol = s.Protocols[i]
	}
	if c.protocol = s.Build(c, r); c.protocol == nil {
		return refuse(r, 403, "")
	}
	h := w.Header()
	if major < 2 {
		h.Set("Sec-WebSocket-Accept", acceptOf(key))
	}
	if c.subprotocol != "" {
		h.Set("Sec-WebSocket-Protocol", c.subprotocol)
	}
	if answer != "" {
		h.Set("Sec-WebSocket-Extensions", answer)
	}
	if err := w.Switch(101, twistor.FactoryFunc(c.start)); err != nil {
		c.drop()
		return deferred.Failed[struct{}](r.Loop(), err)
	}
	return nil
}

// start puts c on t.
func (c *Conn) start(t twistor.Transport) twistor.Protocol {
	c.below = t
	return (*inward)(c)
}

// shared is what the connections of s share.
func (s *Server) shared() *pool {
	if s.pool == nil {
		s.Deflate.valid()
		for _, o := range s.Origins {
			if u, err := url.Parse(o); o != "*" && (err != nil || u.Scheme+"://"+u.Host != o) {
				panic(fmt.Sprintf("websocket: origin %q: want scheme://host, with a port if it is not the scheme's, or *", o))
			}
		}
		validTokens(s.Protocols)
		s.pool = newPool(s.MaxMessageBytes, s.MaxFragments, s.PingInterval, s.CloseTimeout)
	}
	return s.pool
}

// validTokens panics unless all of protocols can be sent.
func validTokens(protocols []string) {
	for _, p := range protocols {
		if !isToken(p) {
			panic(fmt.Sprintf("websocket: subprotocol %q: want letters, digits and no spaces", p))
		}
	}
}

func newPool(maxMessageBytes, maxFragments int, pingInterval, closeTimeout time.Duration) *pool {
	p := &pool{
		maxMessageBytes: orDefault(maxMessageBytes, DefaultMaxMessageBytes),
		maxFragments:    orDefault(maxFragments, DefaultMaxFragments),
		pingInterval:    pingInterval,
		closeTimeout:    closeTimeout,
	}
	if p.maxMessageBytes < 0 || p.maxFragments < 0 {
		panic("websocket: want a positive limit, or 0 for the default")
	}
	if pingInterval == 0 {
		p.pingInterval = DefaultPingInterval
	}
	if closeTimeout <= 0 {
		p.closeTimeout = DefaultCloseTimeout
	}
	return p
}

// version is the one of RFC 6455.
const version = "13"

// method is what asks for a WebSocket in a version of HTTP.
// https://www.rfc-editor.org/rfc/rfc8441#section-4
func method(major int) string {
	if major >= 2 {
		return "CONNECT"
	}
	return "GET"
}

// only is the value of a field that may stand once; "": it is not there, or
// again. https://www.rfc-editor.org/rfc/rfc6455#section-11.3.1
func only(h *web.Header, name string) string {
	if all := h.Values(name); len(all) == 1 {
		return all[0]
	}
	return ""
}

// allows says whether the page that asks may.
func (s *Server) allows(r *web.Request) bool {
	if !r.Header.Has("Origin") {
		return true
	}
	origin := only(&r.Header, "Origin")
	for _, o := range s.Origins {
		if o == "*" || strings.EqualFold(o, origin) {
			return true
		}
	}
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" {
		return false // "null", two of them, or nonsense
	}
	port := ":80"
	if u.Scheme == "https" {
		port = ":443"
	}
	return strings.EqualFold(strings.TrimSuffix(u.Host, port), strings.TrimSuffix(r.Host(), port))
}

// validKey: "a base64-encoded value that, when decoded, is 16 bytes in length".
// https://www.rfc-editor.org/rfc/rfc6455#section-4.2.1
func validKey(key string) bool {
	var b [16 + 2]byte
	if len(key) != 24 {
		return false
	}
	n, err := base64.StdEncoding.Decode(b[:], []byte(key))
	return err == nil && n == 16
}

// acceptOf proves that a key was read.
// https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2
func acceptOf(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// upgradeRequired says what we speak.
// https://www.rfc-editor.org/rfc/rfc9110#section-15.5.22
func upgradeRequired(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	w.SetHeader("Upgrade", "websocket")
	w.SetHeader("Sec-WebSocket-Version", version)
	web.WriteError(w, r, 426, "this is a WebSocket", "")
	return nil
}

// refuse answers a handshake that fails.
func refuse(r *web.Request, status int, public string) *deferred.Signal {
	return deferred.Failed[struct{}](r.Loop(), &web.Error{Status: status, Public: public})
}

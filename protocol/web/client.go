package web

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
)

// What a Client does when its fields are zero.
const (
	DefaultTimeout         = 2 * time.Minute
	DefaultConnectTimeout  = 10 * time.Second
	DefaultHeadTimeout     = 30 * time.Second
	DefaultReadTimeout     = 30 * time.Second
	DefaultContinueTimeout = time.Second
	DefaultKeepAlive       = 50 * time.Second
	DefaultMaxConnections  = 64
	DefaultMaxIdle         = 32
	DefaultMaxWaiting      = 1000
	DefaultMaxRedirects    = 10
)

// A Client asks servers, over HTTP/1.1 or HTTP/2, and keeps connections for the next question. All
// of it happens on one loop: each loop has a Client of its own. Its zero is ready but for Loop; no
// field may change after first use. Loop-only.
type Client struct {
	// Loop is the one on which all of it happens.
	Loop twistor.Loop

	// Timeout is how long a question may take, redirects, retries and the body of the answer
	// included. 0: 2 min; negative: for ever, for streams.
	Timeout time.Duration
	// ConnectTimeout is how long it may take to have a connection: the name, the proxy, TLS. 0: 10
	// s; negative: for ever.
	ConnectTimeout time.Duration
	// HeadTimeout is how long a server may think: from the end of the request to the head of the
	// answer. 0: 30 s; negative: for ever.
	HeadTimeout time.Duration
	// ReadTimeout is how long a server may send, or take, nothing in the midst of a body. 0: 30 s;
	// negative: for ever.
	ReadTimeout time.Duration
	// ContinueTimeout is how long a Content waits for 100 (Continue), where the request has
	// "Expect: 100-continue". 0: 1 s; negative: for ever.
	ContinueTimeout time.Duration

	// KeepAlive is how long a connection may wait for the next question. 0: 50 s, a little less
	// than servers wait; negative: none waits.
	KeepAlive time.Duration
	// MaxIdle is how many connections wait, in all; the oldest goes. 0: 32; negative: none waits.
	MaxIdle int
	// MaxConnections is how many lead to one origin: to a scheme, host and port, through a proxy.
	// 0: 64; negative: no limit.
	MaxConnections int
	// MaxWaiting is how many questions to one origin wait for one of them; more fail with ErrBusy.
	// 0: 1,000; negative: none.
	MaxWaiting int

	// Heads bounds the heads of answers.
	Heads http1.Limits
	// MaxBodyBytes is how long the body of an answer may be, after decoding, unless Body.Limit says
	// otherwise. 0: 10 MiB; negative: no limit.
	MaxBodyBytes int64
	// MaxRedirects is how many redirects are followed; one more is an error. 0: 10; negative: none
	// is, and the redirect itself is the answer.
	MaxRedirects int
	// Redirect is asked before each redirect is followed: next may be changed, from is what led to
	// it. ErrNoRedirect makes from the answer; another error ends it. nil: all within the limits
	// are followed.
	Redirect func(next *Request, from *Response) error
	// Secrets names more fields that no redirect takes to another origin. Those that are:
	// Authorization, Cookie, Cookie2, Proxy-Authorization, WWW-Authenticate.
	Secrets []string
	// Cookies keeps cookies; NewCookies makes one that does. nil: none are kept.
	Cookies http.CookieJar
	// Decoders undo content codings beside gzip and deflate, by their names in lower case. An
	// answer is decoded if the request has no Accept-Encoding and no Range of its own.
	Decoders map[string]Decoder
	// Raw leaves requests and answers as they are: no User-Agent and no Accept-Encoding is added,
	// nothing is decoded, and an Upgrade stays one of HTTP/1.1. It is for proxies.
	Raw bool
	// UserAgent is sent where a request has none. "": "twistor".
	UserAgent string

	// TLS is what https wants: roots, certificates, versions. ServerName and NextProtos are taken
	// care of. nil: the system's roots, TLS 1.2 or later.
	TLS *tls.Config
	// DisableHTTP2 leaves HTTP/1.1 only.
	DisableHTTP2 bool
	// Proxy says through which proxy to ask u: an http, https or other URL whose scheme Dialers
	// knows; nil: none. ProxyURL is always one, ProxyFromEnvironment what the variables say. nil:
	// none.
	Proxy func(u *url.URL) (*url.URL, error)
	// Dialers connect through proxies that do not speak HTTP, by the scheme of their URL, such as
	// "socks5".
	Dialers map[string]Dialer
	// Endpoint says where to connect for u, in the language of package endpoint, such as
	// "unix:/run/docker.sock"; "": to its host and port. nil: always that.
	Endpoint func(u *url.URL) string
	// Permit is asked about each address before it is connected to, after its name was resolved; an
	// error refuses it. It keeps strangers' URLs from inner networks. What Endpoint and Dialers
	// connect to is theirs to judge. nil: all.
	Permit func(to netip.AddrPort) error

	// Informed hears of interim answers, 1xx, such as 103 Early Hints. nil: nobody.
	Informed func(r *Request, status int, h *Header)

	// Owned by the loop.

	origins map[originKey]*origin
	idle    []link             // the one that waits longest first
	out     []byte             // a head on its way
	h2      *h2shared          // nil: no connection of HTTP/2 so far
	plain   map[originKey]bool // their HTTP/2 does not take an Upgrade
	accepts string             // the codings that we ask for
	closed  bool
}

// A Dialer connects to "host:port" through a proxy, and builds its Protocol by f when what is sent
// goes to that host.
type Dialer func(l twistor.Loop, proxy *url.URL, hostport string, f twistor.Factory) *deferred.Deferred[twistor.Protocol]

// A Decoder undoes a content coding. r, and so what it returns, may wait: it reads on a coroutine.
type Decoder func(r io.Reader) (io.Reader, error)

// Do sends r. It fires when the head of the answer has come; whatever its status is, it is an
// answer. What fails is a *RequestError. To cancel it ends all of it. r is the Client's until the
// answer is whole, or Do has failed.
func (c *Client) Do(r *Request) *deferred.Deferred[*Response] { return c.fetch(r, nil) }

// Get asks for url.
func (c *Client) Get(url string) *deferred.Deferred[*Response] { return c.ask("GET", url, nil) }

// Head asks for what Get would, without the body.
func (c *Client) Head(url string) *deferred.Deferred[*Response] { return c.ask("HEAD", url, nil) }

// Post sends content to url: JSON(v), Form(values), Text(s), ...; nil: an empty one.
func (c *Client) Post(url string, content Content) *deferred.Deferred[*Response] {
	return c.ask("POST", url, content)
}

func (c *Client) ask(method, url string, content Content) *deferred.Deferred[*Response] {
	r, err := NewRequest(method, url)
	if err != nil {
		return deferred.Failed[*Response](c.Loop, err)
	}
	r.Content = content
	return c.Do(r)
}

// Upgrade sends r with "Connection: Upgrade"; its Header has an Upgrade field, or its Method is
// CONNECT. If the server agrees, with 101 or with 2xx to a CONNECT, f gives the Factory whose
// Protocol gets the connection, and the Deferred fires when that is Connected; a nil Factory
// refuses the connection. Any other answer is one as of Do, and f is not called.
//
// A GET of https to upgrade to one protocol goes by HTTP/2, as one stream of a connection that it
// shares with others, where the server offers that: it is sent as an extended CONNECT, to which 2xx
// is the agreement (https://www.rfc-editor.org/rfc/rfc8441). Response.Proto says which it was. All
// else, and what a Raw Client sends, goes by HTTP/1.1; through a proxy that speaks HTTP it goes by a
// tunnel that CONNECT makes, of http too.
func (c *Client) Upgrade(r *Request, f func(*Response) twistor.Factory) *deferred.Deferred[*Response] {
	return c.fetch(r, f)
}

// Get asks for url by a Client of its own, which keeps no connection.
func Get(l twistor.Loop, url string) *deferred.Deferred[*Response] {
	return (&Client{Loop: l, MaxIdle: -1}).Get(url)
}

// CloseIdle closes the connections that wait for a question.
func (c *Client) CloseIdle() {
	for len(c.idle) > 0 {
		l := c.idle[0]
		c.busy(l)
		l.retire()
	}
}

// Close closes what waits now, and each other connection when its answer has come. The Client asks
// nothing any more: Do fails with ErrClientClosed.
func (c *Client) Close() {
	c.closed = true
	c.CloseIdle()
}

func (c *Client) maxBody() int64 {
	if c.MaxBodyBytes == 0 {
		return DefaultMaxBodyBytes
	}
	return c.MaxBodyBytes
}

// count resolves a limit: 0 is the default, negative is none at all.
func count(n, zero, none int) int {
	switch {
	case n == 0:
		return zero
	case n < 0:
		return none
	}
	return n
}

package web_test

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// proxyAt is a Client.Proxy.
func proxyAt(t *testing.T, url string) func(*url.URL) (*url.URL, error) {
	p, err := web.ProxyURL(url)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// V59, UC12: http goes through a proxy by its whole URL, one connection for all hosts, and the
// proxy's password to the proxy only.
func TestUC12AbsoluteForm(t *testing.T) {
	f := answering(ok("a"))
	asks(t, f, &web.Client{Proxy: proxyAt(t, "http://me:secret@server:80")}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		for _, url := range []string{"http://one/x?y", "http://two:8080/"} {
			if _, _, err := get(co, c, url); err != nil {
				return err
			}
		}
		r, err := web.NewRequest("OPTIONS", "http://one")
		if err != nil {
			return err
		}
		_, err = c.Do(r).Await(co)
		return err
	})
	if got, want := strings.Join(f.lines(), "|"), "GET http://one/x?y|GET http://two:8080/|OPTIONS http://one"; got != want || f.conns != 1 {
		t.Errorf("got %q on %d connections, want %q on one", got, f.conns, want)
	}
	if got, want := f.heard[0].field("Proxy-Authorization"), "Basic bWU6c2VjcmV0"; got != want || f.heard[1].field("Host") != "two:8080" {
		t.Errorf("got %q, Host %q; want %q", got, f.heard[1].field("Host"), want)
	}
}

// A tunnel is a proxy for CONNECT: it says what it has to, and then connects to the host.
type tunnel struct {
	w    *sim.World
	said string
	seen []string
}

func (p *tunnel) Build(t twistor.Transport) twistor.Protocol { return &tunnelConn{Transport: t, p: p} }

type tunnelConn struct {
	twistor.Transport
	p    *tunnel
	head []byte
	done bool
}

func (c *tunnelConn) Connected()         {}
func (c *tunnelConn) Disconnected(error) {}

func (c *tunnelConn) Received(p []byte) {
	c.head = append(c.head, p...)
	if c.done || !strings.HasSuffix(string(c.head), "\r\n\r\n") {
		return
	}
	c.done = true
	c.p.seen = append(c.p.seen, string(c.head))
	to := strings.Fields(string(c.head))[1]
	c.Pause()
	c.Loop().Dial(twistor.DialConfig{Network: "tcp", Address: to}, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &farConn{Transport: t, near: c}
	})).Done(nil)
}

// A farConn is the other side of a tunnel.
type farConn struct {
	twistor.Transport
	near *tunnelConn
}

func (c *farConn) Received([]byte)    {}
func (c *farConn) Disconnected(error) {}
func (c *farConn) Connected() {
	c.near.Write([]byte(c.near.p.said))
	policy.Pipe(c.near.Transport, c.Transport)
}

// UC12, V55: https goes through a tunnel, and TLS is with the host behind it: a proxy that pretends
// to be it, or refuses, or speaks first, gets nothing.
func TestUC12Connect(t *testing.T) {
	for _, c := range []struct {
		name, proxy, said string
		trusts            string
		want              string // of the error
	}{
		{"control", "http://me:secret@proxy:80", "HTTP/1.1 200 Connection established\r\n\r\n", "secure", ""},
		{"interim first", "http://me:secret@proxy:80", "HTTP/1.1 103 X\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", "secure", ""},
		{"untrusted host", "http://me:secret@proxy:80", "HTTP/1.1 200 OK\r\n\r\n", "proxy", "certificate"},
		{"refused", "http://me:secret@proxy:80", "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", "secure", "407"},
		{"speaks first", "http://me:secret@proxy:80", "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "secure", "before they were asked"},
		{"no HTTP", "http://me:secret@proxy:80", "hello\r\n\r\n", "secure", "broke the protocol"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := sim.New(t, 0)
			f := answering(ok("secret page"))
			if _, err := w.Host("secure").Loop().Listen(tlsOn(":443", "secure"), f); err != nil {
				t.Fatal(err)
			}
			p := &tunnel{w: w, said: c.said}
			w.Host("proxy").Listen("tcp", ":80", p)
			askIn(t, w, &web.Client{Proxy: proxyAt(t, c.proxy), TLS: trusting(c.trusts)}, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
				r, err := web.NewRequest("GET", "https://secure/")
				if err != nil {
					return err
				}
				r.SetBearer("host-only")
				resp, err := cl.Do(r).Await(co)
				if c.want == "" {
					if err != nil {
						return err
					}
					if got, err := resp.Text(-1).Await(co); got != "secret page" || err != nil {
						t.Errorf("got %q, %v", got, err)
					}
					return nil
				}
				if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret@") {
					t.Errorf("got %v, want %q", err, c.want)
				}
				return nil
			})
			w.Errors()
			for _, seen := range p.seen {
				if !strings.HasPrefix(seen, "CONNECT secure:443 HTTP/1.1\r\nHost: secure:443\r\nProxy-Authorization: Basic bWU6c2VjcmV0\r\n") || strings.Contains(seen, "host-only") {
					t.Errorf("the proxy saw %q", seen)
				}
			}
			if c.want != "" && len(f.heard) != 0 {
				t.Errorf("the host saw %q", f.lines())
			}
			for _, r := range f.heard {
				if r.field("Proxy-Authorization") != "" {
					t.Error("the host saw the proxy's password")
				}
			}
		})
	}
}

// UC12: other proxies, such as SOCKS, are dialed by a Dialer; without one it is an error.
func TestUC12Dialers(t *testing.T) {
	f := answering(ok("a"))
	var asked string
	cl := &web.Client{Dialers: map[string]web.Dialer{"socks5": func(l twistor.Loop, proxy *url.URL, hostport string, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
		asked = proxy.Host + " " + hostport
		return l.Dial(twistor.DialConfig{Network: "tcp", Address: "server:80"}, f)
	}}, Proxy: func(u *url.URL) (*url.URL, error) {
		if u.Host == "denied" {
			return nil, errors.New("no proxy for that")
		}
		return &url.URL{Scheme: map[string]string{"a": "socks5", "b": "socks9"}[u.Host], Host: "far:1080"}, nil
	}}
	asks(t, f, cl, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		if _, got, err := get(co, c, "http://a/"); got != "a" || err != nil || asked != "far:1080 a:80" || f.heard[0].line() != "GET /" {
			t.Errorf("got %q, %v, asked %q, %q", got, err, asked, f.lines())
		}
		for url, want := range map[string]string{"http://b/": "socks9", "http://denied/": "no proxy"} {
			if _, _, err := get(co, c, url); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", url, err, want)
			}
		}
		return nil
	})
}

// V60: any endpoint can stand behind a URL.
func TestV60Endpoint(t *testing.T) {
	w := sim.New(t, 0)
	f := answering(ok("a"))
	h := w.Host("client")
	h.Listen("unix", "/run/docker.sock", f)
	askIn(t, w, &web.Client{Endpoint: func(u *url.URL) string {
		if u.Host == "docker" {
			return "unix:/run/docker.sock"
		}
		return ""
	}}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		for range 2 {
			if _, got, err := get(co, c, "http://docker/v1/info"); got != "a" || err != nil {
				t.Errorf("got %q, %v", got, err)
			}
		}
		return nil
	})
	if f.conns != 1 || f.heard[0].field("Host") != "docker" {
		t.Errorf("got %d connections, Host %q", f.conns, f.heard[0].field("Host"))
	}
}

// PX-09: what Permit refuses is not connected to, whatever the name was.
func TestPX09Permit(t *testing.T) {
	var asked []netip.AddrPort
	f := answering(ok("a"))
	cl := &web.Client{Permit: func(to netip.AddrPort) error {
		asked = append(asked, to)
		if to.Addr().Is6() || to.Addr().IsLoopback() {
			return errors.New("not there")
		}
		return nil
	}}
	asks(t, f, cl, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		if _, got, err := get(co, c, "http://server/"); got != "a" || err != nil {
			t.Errorf("control: got %q, %v", got, err)
		}
		for _, url := range []string{"http://127.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/", "http://[fd00::1]/"} {
			if _, _, err := get(co, c, url); err == nil || !strings.Contains(err.Error(), "not there") {
				t.Errorf("%s: got %v, want it refused", url, err)
			}
		}
		return nil
	})
	if f.conns != 1 || len(asked) < 5 {
		t.Errorf("got %d connections, asked %v", f.conns, asked)
	}
}

// TLS-03: a body that only the end of the connection ends is whole if TLS says so, and not if the
// connection is cut.
func TestTLS_03Truncated(t *testing.T) {
	for _, cut := range []bool{false, true} {
		w := sim.New(t, 0)
		port := w.Host("secure").Accepting(":443")
		h := w.Host("client")
		c := &web.Client{Loop: h.Loop(), TLS: trusting("secure")}
		var got string
		var failed error
		done := false
		deferred.Chain(c.Get("https://secure/"), func(p *web.Response) *deferred.Deferred[string] { return p.Text(-1) }).
			Done(func(s string, err error) { got, failed, done = s, err, true })
		p := port.Accept()
		if err := p.Secure(&tls.Config{Certificates: []tls.Certificate{certificateOf("secure")}, NextProtos: []string{"http/1.1"}}); err != nil {
			t.Fatal(err)
		}
		for p.Line() != "" {
		}
		p.Send("HTTP/1.1 200 OK\r\n\r\nhello")
		w.Settle()
		if cut {
			p.Cut()
		} else {
			p.CloseWrite()
		}
		w.Settle()
		p.Close()
		if !done || (failed != nil) != cut || !cut && got != "hello" {
			t.Errorf("cut %v: got %v %q, %v", cut, done, got, failed)
		}
		c.Close()
		port.Close()
		w.Advance(time.Minute)
		w.Errors()
	}
}

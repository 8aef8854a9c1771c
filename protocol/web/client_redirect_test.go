package web_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// redirectTo is an answer of a redirect, with a body.
func redirectTo(status int, location string) string {
	return fmt.Sprintf("HTTP/1.1 %d Elsewhere\r\nLocation: %s\r\nContent-Length: 5\r\n\r\nthere", status, location)
}

// V56: which method and content arrive after which status.
func TestV56Methods(t *testing.T) {
	for _, c := range []struct {
		status       int
		method, want string
	}{
		{301, "GET", "GET /b"}, {302, "HEAD", "HEAD /b"}, {303, "HEAD", "HEAD /b"}, {307, "GET", "GET /b"}, {308, "GET", "GET /b"},
		{301, "POST", "GET /b"}, {302, "POST", "GET /b"}, {303, "POST", "GET /b"}, {303, "PUT", "GET /b"}, {303, "DELETE", "GET /b"},
		{301, "PUT", "PUT /b body"}, {302, "DELETE", "DELETE /b body"},
		{307, "POST", "POST /b body"}, {308, "POST", "POST /b body"}, {308, "PUT", "PUT /b body"},
	} {
		f := &fake{answer: func(_, _ int, r heard) string {
			if strings.HasSuffix(r.line(), "/a") {
				if strings.HasPrefix(r.line(), "HEAD") {
					return fmt.Sprintf("HTTP/1.1 %d X\r\nLocation: b\r\n\r\n", c.status)
				}
				return redirectTo(c.status, "b")
			}
			return "HTTP/1.1 204 X\r\n\r\n"
		}}
		asks(t, f, nil, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
			r, err := web.NewRequest(c.method, "http://server/a#part")
			if err != nil {
				return err
			}
			if c.method != "GET" && c.method != "HEAD" {
				r.Content = web.Text("body")
			}
			resp, err := cl.Do(r).Await(co)
			if err != nil {
				return err
			}
			if p := resp.Previous; p == nil || p.Status != c.status || p.Request != r || resp.Request.URL().String() != "http://server/b" {
				t.Errorf("%d %s: got previous %v, URL %v", c.status, c.method, p, resp.Request.URL())
			}
			return nil
		})
		last := f.heard[len(f.heard)-1]
		if got := strings.TrimSpace(last.line() + " " + last.body); got != c.want {
			t.Errorf("%d %s: got %q, want %q", c.status, c.method, got, c.want)
		}
		if hasType := last.field("Content-Type") != ""; hasType != strings.Contains(c.want, "body") {
			t.Errorf("%d %s: got Content-Type %q", c.status, c.method, last.field("Content-Type"))
		}
		if f.conns != 1 {
			t.Errorf("%d %s: got %d connections, want the redirect's used again", c.status, c.method, f.conns)
		}
	}
}

// PX-10: redirects end after ten, and lead to http and https only.
func TestPX10Redirects(t *testing.T) {
	f := &fake{answer: func(_, _ int, r heard) string {
		var n int
		fmt.Sscanf(r.line(), "GET /%d", &n)
		if n == 0 {
			return ok("home")
		}
		return redirectTo(302, fmt.Sprintf("/%d", n-1))
	}}
	asks(t, f, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		if _, got, err := get(co, c, "http://server/10"); got != "home" || err != nil {
			t.Errorf("10 hops: got %q, %v; want them followed", got, err)
		}
		n := len(f.heard)
		_, _, err := get(co, c, "http://server/21")
		if got := len(f.heard) - n; err == nil || got != 11 {
			t.Errorf("21 hops: got %v after %d requests, want an error after 11", err, got)
		}
		return nil
	})
	for _, location := range []string{
		"file:///etc/passwd", "ftp://server/", "javascript:alert(1)", "data:,x", "//user:pass@server/", "http://user@server/",
		"http://server:99999/", "http://", "http:///x", "http://ser ver/", "gopher://server/", "http://[::1", "%zz",
		"http://server/" + strings.Repeat("x", 9000), "HTTP://server%0d%0aX:/", "unix:/run/x",
	} {
		f := &fake{answer: func(_, _ int, r heard) string {
			if r.line() == "GET /" {
				return redirectTo(302, location)
			}
			return ok("followed")
		}}
		asks(t, f, &web.Client{Heads: limits64K}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
			_, body, err := get(co, c, "http://server/")
			if e := (*web.RequestError)(nil); !errors.As(err, &e) || e.Op != "redirect" {
				t.Errorf("Location %.40q: got %q, %v; want it refused", location, body, err)
			}
			return nil
		})
	}
	// Controls: what may be followed. CR and LF cannot be in a field; escaped, they stay so.
	for _, location := range []string{"/x%0d%0aX:y", "?q", "//server/x", "HTTP://SERVER/x", "./x", "http://server:80/x", "/é x", "/x#f"} {
		f := &fake{answer: func(_, n int, r heard) string {
			if n == 1 {
				return redirectTo(302, location)
			}
			return ok("followed")
		}}
		asks(t, f, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
			if _, body, err := get(co, c, "http://server/"); body != "followed" || err != nil {
				t.Errorf("Location %q: got %q, %v; want it followed", location, body, err)
			}
			return nil
		})
		if strings.Contains(f.heard[1].head, "X:y") && !strings.Contains(f.heard[1].head, "%0d%0aX:y") {
			t.Errorf("Location %q: got %q", location, f.heard[1].head)
		}
	}
}

// V56: a redirect without a Location is an answer, and so is every one to a Client that follows
// none, or whose Redirect says so; a content that can be sent once ends it.
func TestV56NotFollowed(t *testing.T) {
	none := answering("HTTP/1.1 302 Found\r\nContent-Length: 1\r\n\r\na")
	asks(t, none, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		if status, body, err := get(co, c, "http://server/"); status != 302 || body != "a" || err != nil {
			t.Errorf("no Location: got %d %q %v", status, body, err)
		}
		return nil
	})
	for _, c := range []*web.Client{
		{MaxRedirects: -1},
		{Redirect: func(*web.Request, *web.Response) error { return web.ErrNoRedirect }},
	} {
		asks(t, answering(redirectTo(307, "/")), c, func(co *deferred.Co, w *sim.World, c *web.Client) error {
			resp, err := c.Get("http://server/a").Await(co)
			if err != nil {
				return err
			}
			body, err := resp.Text(-1).Await(co)
			if resp.Status != 307 || body != "there" || err != nil || resp.Location().String() != "http://server/" {
				t.Errorf("got %d %q %v %v; want the redirect itself", resp.Status, body, err, resp.Location())
			}
			return nil
		})
	}
	no := errors.New("not there")
	asks(t, answering(redirectTo(307, "/")), &web.Client{Redirect: func(*web.Request, *web.Response) error { return no }}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		if _, err := c.Get("http://server/a").Await(co); !errors.Is(err, no) {
			t.Errorf("got %v, want %v", err, no)
		}
		resp, err := c.Post("http://server/a", web.Reader("", strings.NewReader("x"))).Await(co)
		if !errors.Is(err, no) {
			t.Errorf("got %v %v", resp, err)
		}
		return nil
	})
	asks(t, answering(redirectTo(307, "/")), nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		if _, err := c.Post("http://server/a", web.Reader("", io.LimitReader(strings.NewReader("x"), 1))).Await(co); !errors.Is(err, web.ErrUsed) {
			t.Errorf("got %v, want ErrUsed", err)
		}
		return nil
	})
}

// T-19: what is secret goes to the origin that it was meant for, and does not come back on a later
// hop home.
func TestT_19Secrets(t *testing.T) {
	secrets := []string{"Authorization", "Cookie", "Cookie2", "Proxy-Authorization", "WWW-Authenticate", "X-Api-Key"}
	for _, c := range []struct {
		name, to string
		kept     bool
	}{
		{"control: same origin", "http://a/x", true},
		{"control: default port", "http://a:80/x", true},
		{"control: relative", "/x", true},
		{"control: case", "http://A/x", true},
		{"host", "http://b/x", false},
		{"subdomain", "http://sub.a/x", false},
		{"port", "http://a:8080/x", false},
		{"scheme", "https://a/x", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := sim.New(t, 0)
			f := &fake{answer: func(_, _ int, r heard) string {
				switch r.line() {
				case "GET /":
					return redirectTo(302, c.to)
				case "GET /x":
					return redirectTo(302, "http://a/home")
				}
				return ok("")
			}}
			a := w.Host("a")
			for _, at := range []string{"a", "b", "sub.a"} {
				h := w.Host(at)
				h.Listen("tcp", ":80", f)
				h.Listen("tcp", ":8080", f)
			}
			if _, err := a.Loop().Listen(tlsOn(":443", "a"), f); err != nil {
				t.Fatal(err)
			}
			cl := &web.Client{Secrets: []string{"x-api-key"}, TLS: trusting("a"), DisableHTTP2: true}
			askIn(t, w, cl, func(co *deferred.Co, w *sim.World, c *web.Client) error {
				r, err := web.NewRequest("GET", "http://a/")
				if err != nil {
					return err
				}
				for _, name := range secrets {
					if err := r.Header.Set(name, "secret"); err != nil {
						return err
					}
				}
				r.Header.Set("X-Plain", "open")
				resp, err := c.Do(r).Await(co)
				if err != nil {
					return err
				}
				_, err = resp.Text(-1).Await(co)
				return err
			})
			if len(f.heard) != 3 {
				t.Fatalf("got %q", f.lines())
			}
			for i, r := range f.heard {
				for _, name := range secrets {
					if got, want := r.field(name) != "", i == 0 || c.kept; got != want {
						t.Errorf("hop %d: got %s: %v, want %v", i, name, got, want)
					}
				}
				if r.field("X-Plain") != "open" {
					t.Errorf("hop %d: X-Plain was lost", i)
				}
			}
		})
	}
}

// T-20, V57: cookies go to the site that set them, and to no other; no site sets them for a public
// suffix.
func TestT_20Cookies(t *testing.T) {
	w := sim.New(t, 0)
	f := &fake{answer: func(_, _ int, r heard) string {
		return "HTTP/1.1 200 OK\r\nSet-Cookie: own=1\r\nSet-Cookie: wide=1; Domain=example.co.uk\r\nSet-Cookie: suffix=1; Domain=co.uk\r\nSet-Cookie: evil=1; Domain=other.co.uk\r\nSet-Cookie: sure=1; Secure\r\nSet-Cookie: deep=1; Path=/deep\r\nContent-Length: 0\r\n\r\n"
	}}
	for _, name := range []string{"www.example.co.uk", "api.example.co.uk", "other.co.uk"} {
		w.Host(name).Listen("tcp", ":80", f)
	}
	askIn(t, w, &web.Client{Cookies: web.NewCookies()}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		for _, url := range []string{"http://www.example.co.uk/", "http://api.example.co.uk/", "http://other.co.uk/", "http://www.example.co.uk/deep/er"} {
			if _, _, err := get(co, c, url); err != nil {
				return err
			}
		}
		return nil
	})
	for i, want := range []string{"", "wide=1", "", "deep=1; own=1; wide=1"} {
		if got := sortedPairs(f.heard[i].field("Cookie")); got != want {
			t.Errorf("request %d: got Cookie %q, want %q", i, got, want)
		}
	}
}

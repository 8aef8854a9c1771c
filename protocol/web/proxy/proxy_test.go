package proxy_test

import (
	"crypto/sha256"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/proxy"
	"github.com/twistor-go/twistor/sim"
)

// site is a simulated network: a client, a proxy named "proxy" that serves h, and whatever a test
// adds.
type site struct {
	*sim.World
	server *web.Server
}

func newSite(w *sim.World, h web.Handler) *site {
	s := &site{w, &web.Server{Handler: h, MaxBodyBytes: -1, Log: slog.New(slog.DiscardHandler)}}
	w.Host("proxy").Listen("tcp", ":80", s.server)
	return s
}

// ask runs body as a coroutine of the client.
func (s *site) ask(t *testing.T, body func(co *deferred.Co, c *web.Client) error) {
	t.Helper()
	h := s.Host("client")
	h.Do(func(co *deferred.Co) error {
		c := &web.Client{Loop: h.Loop(), MaxRedirects: -1, MaxBodyBytes: -1, Raw: true, HeadTimeout: -1, ReadTimeout: -1}
		err := body(co, c)
		c.Close()
		co.Sleep(2 * time.Minute)
		return err
	})
}

// get asks for a URL through the proxy; fields are pairs of a name and a value.
func get(co *deferred.Co, c *web.Client, url string, fields ...string) (*web.Response, string, error) {
	r, err := web.NewRequest("GET", url)
	if err != nil {
		return nil, "", err
	}
	for i := 0; i < len(fields); i += 2 {
		if err := r.Header.Add(fields[i], fields[i+1]); err != nil {
			return nil, "", err
		}
	}
	p, err := c.Do(r).Await(co)
	if err != nil {
		return nil, "", err
	}
	body, err := p.Text(-1).Await(co)
	return p, body, err
}

// told is a back end that answers with what it was asked, and keeps it.
type told struct{ heads []string }

func (b *told) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	head := r.Method + " " + r.Target() + "\nHost: " + r.Host()
	for name, value := range r.Header.All() {
		if name != "Host" {
			head += "\n" + name + ": " + value
		}
	}
	b.heads = append(b.heads, head)
	w.WriteString(head)
	return nil
}

// field is the value of the fields of that name in a head, between bars.
func field(head, name string) string {
	var values []string
	for line := range strings.SplitSeq(head, "\n") {
		if n, v, ok := strings.Cut(line, ": "); ok && strings.EqualFold(n, name) {
			values = append(values, v)
		}
	}
	return strings.Join(values, "|")
}

// V37: bodies of both directions stream through, whole, over a hundred networks, with trailers and
// interim answers; the answer begins before the request has ended.
func TestV37StreamsOverSeeds(t *testing.T) {
	n := 60
	if testing.Short() || raceEnabled {
		n = 12
	}
	sim.Seeds(t, n, func(t *testing.T, w *sim.World) {
		w.Host("back").Listen("tcp", ":8080", &web.Server{MaxBodyBytes: -1, Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			var hints web.Header
			hints.Set("Link", "</a.css>")
			hints.Set("Proxy-Authenticate", "secret")
			w.Inform(103, &hints)
			w.SetHeader("Content-Type", "application/x-test")
			p := make([]byte, 700)
			for {
				n, err := r.Body.Read(co, p)
				w.Write(p[:n])
				if err == io.EOF {
					break
				}
				if err != nil {
					return err
				}
				if _, err := w.Ready().Await(co); err != nil {
					return err
				}
			}
			if tr := r.Body.Trailer(); tr != nil {
				w.Trailer().Set("X-Sum", tr.Get("X-Sum"))
			}
			return nil
		})})
		s := newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
		var hinted []string
		s.ask(t, func(co *deferred.Co, c *web.Client) error {
			c.Informed = func(_ *web.Request, status int, h *web.Header) {
				hinted = append(hinted, fmt.Sprint(status, h.Get("Link"), h.Get("Proxy-Authenticate")))
			}
			r, err := web.NewRequest("POST", "http://proxy/up")
			if err != nil {
				return err
			}
			r.Content = summed(3_000)
			p, err := c.Do(r).Await(co)
			if err != nil {
				return err
			}
			sum := sha256.New()
			if _, err := p.Body.Each(func(b []byte) { sum.Write(b) }).Await(co); err != nil {
				return err
			}
			if got, want := fmt.Sprintf("%x", sum.Sum(nil)), summed(3_000).sum(); got != want || p.Body.Trailer().Get("X-Sum") != want {
				t.Errorf("got %s and trailer %v, want %s", got, p.Body.Trailer(), want)
			}
			if p.Header.Get("Content-Type") != "application/x-test" {
				t.Errorf("got Content-Type %q", p.Header.Get("Content-Type"))
			}
			return nil
		})
		if len(hinted) != 1 || hinted[0] != "103</a.css>" {
			t.Errorf("got interim answers %q, want one without Proxy-Authenticate", hinted)
		}
	})
}

// summed is a Content of so many bytes, with their sum in a trailer.
type summed int

func (n summed) bytes() []byte {
	p := make([]byte, n)
	for i := range p {
		p[i] = byte(i * 7 / 3)
	}
	return p
}
func (n summed) sum() string   { return fmt.Sprintf("%x", sha256.Sum256(n.bytes())) }
func (n summed) Length() int64 { return -1 }
func (n summed) Trailer() *web.Header {
	h := new(web.Header)
	h.Set("X-Sum", n.sum())
	return h
}
func (n summed) Send(l twistor.Loop, w web.BodyWriter) *deferred.Signal {
	return web.Bytes("", n.bytes()).Send(l, w)
}

// V37: who reads slowly slows the other end down, and nothing piles up between them.
func TestV37BackPressure(t *testing.T) {
	w := sim.New(t, 0)
	w.Net.SendBuffer, w.Net.ReceiveBuffer = 16<<10, 16<<10
	sent := 0
	w.Host("back").Listen("tcp", ":8080", &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		for range 1000 {
			if _, err := w.Write(make([]byte, 8<<10)); err != nil {
				return err
			}
			sent += 8 << 10
			if _, err := w.Ready().Await(co); err != nil {
				return err
			}
		}
		return nil
	})})
	s := newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
	s.ask(t, func(co *deferred.Co, c *web.Client) error {
		p, err := c.Get("http://proxy/").Await(co)
		if err != nil {
			return err
		}
		co.Sleep(10 * time.Second)
		if sent > 1<<20 {
			t.Errorf("nobody read, and %d bytes were sent", sent)
		}
		p.Body.Limit(-1)
		total := 0
		_, err = p.Body.Each(func(b []byte) { total += len(b) }).Await(co)
		if total != 8000<<10 {
			t.Errorf("got %d bytes, want %d", total, 8000<<10)
		}
		return err
	})
}

// PX-01: fields of one hop end at the proxy, in requests and answers; what others rely on cannot be
// named away.
func TestPX01HopByHop(t *testing.T) {
	w := sim.New(t, 0)
	back := &told{}
	w.Host("back").Listen("tcp", ":8080", &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		w.Header().Add("Keep-Alive", "timeout=9")
		w.Header().Add("Proxy-Authenticate", "Basic")
		w.Header().Add("X-Kept", "yes")
		return back.Serve(w, r)
	})})
	s := newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
	p := w.Host("client").Dial("proxy:80")
	p.Send("GET /x HTTP/1.1\r\nHost: site\r\nConnection:\r\nConnection: X-Hop, x-forwarded-for, Authorization, , close-not\r\nConnection: cookie\r\nX-Hop: gone\r\nClose-Not: gone\r\n" +
		"Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip, trailers\r\nProxy: http://evil\r\nProxy-Authorization: Basic eA==\r\nHTTP2-Settings: x\r\nUpgrade: h2c\r\n" +
		"Authorization: Bearer a\r\nCookie: b=c\r\nX-Kept: yes\r\n\r\n")
	w.Settle()
	answer := p.Received()
	head := back.heads[0]
	for _, gone := range []string{"X-Hop", "Close-Not", "Keep-Alive", "Proxy-Connection", "Proxy", "Proxy-Authorization", "HTTP2-Settings", "Upgrade"} {
		if got := field(head, gone); got != "" {
			t.Errorf("%s: the back end saw %q", gone, got)
		}
	}
	for name, want := range map[string]string{"Authorization": "Bearer a", "Cookie": "b=c", "X-Kept": "yes", "TE": "trailers", "Connection": "TE", "Via": "1.1 twistor", "X-Forwarded-For": "10.0.0.3", "X-Forwarded-Host": "site", "X-Forwarded-Proto": "http", "Host": "back:8080"} {
		if got := field(head, name); got != want {
			t.Errorf("%s: the back end saw %q, want %q", name, got, want)
		}
	}
	if strings.Contains(answer, "timeout=9") || strings.Contains(answer, "Proxy-Authenticate") || !strings.Contains(answer, "X-Kept: yes\r\n") {
		t.Errorf("got answer %q", answer)
	}
	p.Close()
	s.server = nil
	w.Advance(2 * time.Minute)
}

// PX-02: what a client says of who asks is replaced; what a trusted proxy says is kept and added
// to.
func TestPX02Forwarded(t *testing.T) {
	said := []string{"X-Forwarded-For", "1.1.1.1, 2.2.2.2", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil", "X-Real-IP", "9.9.9.9", "Forwarded", "for=3.3.3.3", "X-Forwarded-Port", "1"}
	for _, c := range []struct {
		name    string
		trusted []netip.Prefix
		want    [6]string
	}{
		{"a stranger", nil, [6]string{"10.0.0.3", "http", "proxy", "", `for=10.0.0.3;proto=http;host="proxy"`, ""}},
		{"not that one", []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}, [6]string{"10.0.0.3", "http", "proxy", "", `for=10.0.0.3;proto=http;host="proxy"`, ""}},
		{"trusted", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/16")}, [6]string{"1.1.1.1, 2.2.2.2, 10.0.0.3", "https", "evil", "9.9.9.9", `for=3.3.3.3, for=10.0.0.3;proto=http;host="proxy"`, "1"}},
	} {
		w := sim.New(t, 0)
		back := &told{}
		w.Host("back").Listen("tcp", ":8080", &web.Server{Handler: back})
		s := newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}, Trusted: c.trusted, Forwarded: true})
		s.ask(t, func(co *deferred.Co, cl *web.Client) error {
			_, _, err := get(co, cl, "http://proxy/", said...)
			return err
		})
		for i, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "X-Forwarded-Port"} {
			if got := field(back.heads[0], name); got != c.want[i] {
				t.Errorf("%s: %s: got %q, want %q", c.name, name, got, c.want[i])
			}
		}
	}
}

// PX-03: what is asked is what was decided upon: the target goes on byte for byte, unless a Handler
// before has changed the path.
func TestPX03Target(t *testing.T) {
	w := sim.New(t, 0)
	back := &told{}
	w.Host("back").Listen("tcp", ":8080", &web.Server{Handler: back})
	at := &proxy.Reverse{To: []string{"http://back:8080"}}
	below := &proxy.Reverse{To: []string{"http://back:8080/base/"}}
	rewritten := &proxy.Reverse{To: []string{"http://back:8080"}}
	s := newSite(w, web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		switch {
		case strings.HasPrefix(r.Path(), "/below"):
			return below.Serve(w, r)
		case strings.HasPrefix(r.Path(), "/old/"):
			r.SetPath("/new dir/" + strings.TrimPrefix(r.Path(), "/old/"))
			return rewritten.Serve(w, r)
		}
		return at.Serve(w, r)
	}))
	for _, c := range []struct{ asked, want string }{
		{"/", "/"}, {"/?a=1;b=%zz", "/?a=1;b=%zz"}, {"/?", "/?"}, {"/a//b/../c/./d", "/a//b/../c/./d"}, {"/%2e%2e/%41%2Fb", "/%2e%2e/%41%2Fb"},
		{"/a%20b?c=d&c=e", "/a%20b?c=d&c=e"}, {"/{x}|^`", "/{x}|^`"}, {"/?q=\\%", "/?q=\\%"}, {"http://other/abs?x", "/abs?x"},
		{"/below/x?y=;", "/base/below/x?y=;"}, {"/old/%41;b?c=%zz", "/new%20dir/A;b?c=%zz"},
		{"/bad%zz", "400"}, {"/a b", "400"}, {"/#f", "400"},
	} {
		back.heads = nil
		p := w.Host("client").Dial("proxy:80")
		p.Send("GET " + c.asked + " HTTP/1.1\r\nHost: site\r\nConnection: close\r\n\r\n")
		w.Settle()
		got := "400"
		if len(back.heads) > 0 {
			got, _, _ = strings.Cut(strings.TrimPrefix(back.heads[0], "GET "), "\n")
		} else if !strings.HasPrefix(p.Received(), "HTTP/1.1 400") {
			got = p.Received()
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", c.asked, got, c.want)
		}
		p.Close()
	}
	_ = s
	w.Advance(2 * time.Minute)
}

package web_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// T-14, V50: what would become another line, or is no URL, is refused before anything is sent.
func TestT_14NewRequest(t *testing.T) {
	for _, bad := range []struct{ method, url string }{
		{"GET", "http://a/\r\nX: y"}, {"GET", "http://a/b c"}, {"GET", "http://a/\x00"}, {"GET", "http://a/é"}, {"GET", "http://é/"},
		{"GET", "http://a\r\n/"}, {"GET", "http://a b/"}, {"GET", "/a"}, {"GET", "http:///a"}, {"GET", "http:a"}, {"GET", ""},
		{"GET", "ftp://a/"}, {"GET", "file:///etc/passwd"}, {"GET", "http://a:99999/"}, {"GET", "http://a%0d%0ab/"}, {"GET", "http://a/%zz"},
		{"GE T", "http://a/"}, {"GET\r\n", "http://a/"}, {"", "http://a/"}, {"G\x00T", "http://a/"},
		{"GET", "http://a/" + strings.Repeat("x", 9000)},
	} {
		if r, err := web.NewRequest(bad.method, bad.url); err == nil {
			t.Errorf("%q %q: got %q, want an error", bad.method, bad.url, r.Target())
		} else if e := (*web.RequestError)(nil); !errors.As(err, &e) || strings.ContainsAny(e.Error(), "\r\n\x00") {
			t.Errorf("%q %q: got %q, want a *RequestError of one line", bad.method, bad.url, err)
		}
	}
	for _, good := range []struct{ method, url, host, target string }{
		{"GET", "http://a", "a", "/"}, {"GET", "http://a?b", "a", "/?b"}, {"GET", "HTTP://a:80/%20", "a", "/%20"}, {"GET", "https://a:443/", "a", "/"},
		{"GET", "http://a:8080/x?y=z#f", "a:8080", "/x?y=z"}, {"GET", "http://[::1]/", "[::1]", "/"}, {"GET", "https://[::1]:8443/", "[::1]:8443", "/"},
		{"OPTIONS", "http://a", "a", "*"}, {"CONNECT", "https://a", "a", "a:443"}, {"PROPFIND", "http://a/b//c/../d", "a", "/b//c/../d"},
	} {
		r, err := web.NewRequest(good.method, good.url)
		if err != nil {
			t.Errorf("%q: %v", good.url, err)
		} else if r.Host() != good.host || r.Target() != good.target {
			t.Errorf("%q: got host %q, target %q; want %q, %q", good.url, r.Host(), r.Target(), good.host, good.target)
		}
	}
	r, _ := web.NewRequest("GET", "http://user:pa%20ss@a/")
	if got, want := r.Header.Get("Authorization"), "Basic dXNlcjpwYSBzcw=="; got != want || strings.Contains(r.URL().String(), "user") {
		t.Errorf("user in URL: got %q and %q, want %q", got, r.URL(), want)
	}
	for _, bad := range []string{"/a b", "/\r\n", "http://b/", "", "x", "//\x00"} {
		if r.SetTarget(bad) == nil {
			t.Errorf("SetTarget(%q): want an error", bad)
		}
	}
	for _, bad := range []string{"a b", "a\r\n", "", "a@b"} {
		if r.SetHost(bad) == nil {
			t.Errorf("SetHost(%q): want an error", bad)
		}
	}
}

// T-15: no value makes a field or a cookie of its own.
func TestT_15Fields(t *testing.T) {
	r, err := web.NewRequest("GET", "http://server/")
	if err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{"a\r\nX-Evil: y", "a\nb", "a\rb", "a\x00b"} {
		if r.Header.Set("X-Field", bad) == nil || r.SetBearer(bad) == nil {
			t.Errorf("value %q: want an error", bad)
		}
	}
	f := &fake{answer: func(_, n int, _ heard) string {
		return "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\x0bc\r\nSet-Cookie: good=1\r\nSet-Cookie: q=\"x\"\r\nContent-Length: 0\r\n\r\n"
	}}
	f.answer = func(_, n int, _ heard) string {
		return "HTTP/1.1 200 OK\r\nSet-Cookie: a=b;c\r\nSet-Cookie: bad name=1\r\nSet-Cookie: good=1\r\nContent-Length: 0\r\n\r\n"
	}
	asks(t, f, &web.Client{Cookies: web.NewCookies()}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		for range 2 {
			if _, _, err := get(co, c, "http://server/"); err != nil {
				return err
			}
		}
		return nil
	})
	if got, want := f.heard[1].field("Cookie"), "a=b; good=1"; got != want {
		t.Errorf("got Cookie %q, want %q", got, want)
	}
}

// answers are what servers may say: all that stands before a bar is one segment. want is the status
// and body, or what the error says.
var answers = []struct{ name, said, want string }{
	{"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 hello"},
	{"chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX: y\r\n\r\n", "200 hello"},
	{"until close", "HTTP/1.1 200 OK\r\n\r\nhello<close>", "200 hello"},
	{"1.0", "HTTP/1.0 200 OK\r\n\r\nhello<close>", "200 hello"},
	{"no reason", "HTTP/1.1 204 \r\n\r\n", "204 "},
	{"interim", "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 102 \r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 ok"},
	{"unknown status", "HTTP/1.1 599 Hm\r\nContent-Length: 0\r\n\r\n", "599 "},
	{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "304 "},

	{"nothing", "<close>", "unexpected EOF"},
	{"reset", "<reset>", "reset"},
	{"half a head", "HTTP/1.1 200 OK\r\nConte<close>", "unexpected EOF"},
	{"short body", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell<close>", "unexpected EOF"},
	{"short chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell<close>", "unexpected EOF"},
	{"no last chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n<close>", "unexpected EOF"},
	{"no trailer end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n<close>", "unexpected EOF"},
	{"reset body until close", "HTTP/1.1 200 OK\r\n\r\nhello<reset>", "reset"},
	{"bad status line", "HTTP/1.1 OK\r\n\r\n", "broke the protocol"},
	{"bad version", "HTTP/3.0 200 OK\r\n\r\n", "broke the protocol"},
	{"another protocol", "220 smtp.example ESMTP\r\n", "broke the protocol"},
	{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "broke the protocol"},
	{"bad length", "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello", "broke the protocol"},
	{"length and chunks", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "broke the protocol"},
	{"bad chunk", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n", "broke the protocol"},
	{"chunk without end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhelp\r\n", "broke the protocol"},
	{"unknown coding", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nhello", "broke the protocol"},
	{"bare LF", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "broke the protocol"},
	{"folded", "HTTP/1.1 200 OK\r\nA: b\r\n c\r\nContent-Length: 0\r\n\r\n", "broke the protocol"},
	{"field without colon", "HTTP/1.1 200 OK\r\nA\r\n\r\n", "broke the protocol"},
	{"huge field", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("x", 9000) + "\r\n\r\n", "broke the protocol"},
	{"many fields", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 101) + "\r\n", "broke the protocol"},
	{"101 unasked", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\nhello", "broke the protocol"},
	{"interim without end", strings.Repeat("HTTP/1.1 102 Processing\r\n\r\n", 17), "broke the protocol"},
}

// V51, V62, PX-05: answers of all kinds, cut at each byte, are the same answer or the same error.
func TestV62Answers(t *testing.T) {
	for _, a := range answers {
		t.Run(a.name, func(t *testing.T) {
			said, _, _ := strings.Cut(a.said, "<")
			cuts := len(said)
			if testing.Short() || cuts > 300 {
				cuts = min(cuts, 30)
			}
			for cut := range cuts + 1 {
				f := &cutter{said: a.said, cut: cut}
				var got string
				asks(t, f, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
					status, body, err := get(co, c, "http://server/")
					got = fmt.Sprint(status, " ", body)
					if err != nil {
						got = err.Error()
					}
					return nil
				})
				if got != a.want && (a.want[0] >= '1' && a.want[0] <= '5' || !strings.Contains(got, a.want)) {
					t.Fatalf("cut at %d: got %q, want %q", cut, got, a.want)
				}
			}
		})
	}
}

// A HEAD has no body, whatever its fields say.
func TestV62Head(t *testing.T) {
	f := answering("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
	asks(t, f, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		for range 2 {
			resp, err := c.Head("http://server/").Await(co)
			if err != nil {
				return err
			}
			if got, err := resp.Text(-1).Await(co); got != "" || err != nil {
				t.Errorf("got %q, %v; want no body", got, err)
			}
		}
		return nil
	})
	if f.conns != 1 {
		t.Errorf("got %d connections, want 1", f.conns)
	}
}

// PX-05: a connection that says more than it was asked for, or too early, is not used again; one
// that does not is.
func TestPX05NotReused(t *testing.T) {
	for _, c := range []struct {
		name string
		f    *fake
		want int
	}{
		{"control", answering(ok("a")), 1},
		{"two answers", answering(ok("a") + ok("evil")), 2},
		{"a byte more", answering(ok("a") + "\r"), 2},
		{"close", answering("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 1\r\n\r\na"), 2},
		{"1.0", answering("HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na"), 2},
		{"1.0 keep-alive", answering("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 1\r\n\r\na"), 1},
		{"no time", answering("HTTP/1.1 200 OK\r\nKeep-Alive: timeout=1\r\nContent-Length: 1\r\n\r\na"), 2},
		{"before the request ended", &fake{early: func(heard) string { return ok("a") }, answer: func(int, int, heard) string { return "" }}, 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			asks(t, c.f, nil, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
				for range 2 {
					resp, err := cl.Post("http://server/", web.Stream("", func(co *deferred.Co, w web.BodyWriter) error {
						if _, err := w.Write([]byte("x")); err != nil {
							return err
						}
						return co.Sleep(time.Second)
					})).Await(co)
					if err != nil {
						return err
					}
					if got, err := resp.Text(-1).Await(co); got != "a" || err != nil {
						t.Errorf("got %q, %v; want a", got, err)
					}
					co.Sleep(5 * time.Second)
				}
				return nil
			})
			if c.f.conns != c.want {
				t.Errorf("got %d connections, want %d", c.f.conns, c.want)
			}
		})
	}
}

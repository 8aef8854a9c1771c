package web_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// T-16: a trusted certificate for another name ends the connection, also behind a proxy, and no
// byte of the request is sent.
func TestT_16AnotherName(t *testing.T) {
	for _, proxied := range []bool{false, true} {
		for _, host := range []string{"secure", "alias"} {
			w := sim.New(t, 0)
			f := answering(ok("page"))
			for _, name := range []string{"secure", "alias"} {
				if _, err := w.Host(name).Loop().Listen(tlsOn(":443", "secure"), f); err != nil {
					t.Fatal(err)
				}
			}
			cl := &web.Client{TLS: trusting("secure")}
			if proxied {
				w.Host("proxy").Listen("tcp", ":80", &tunnel{w: w, said: "HTTP/1.1 200 OK\r\n\r\n"})
				cl.Proxy = proxyAt(t, "http://proxy:80")
			}
			askIn(t, w, cl, func(co *deferred.Co, w *sim.World, c *web.Client) error {
				_, body, err := get(co, c, "https://"+host+"/")
				if (err == nil) != (host == "secure") {
					t.Errorf("%s, proxied %v: got %q, %v", host, proxied, body, err)
				}
				return nil
			})
			if (len(f.heard) == 1) != (host == "secure") {
				t.Errorf("%s, proxied %v: the server was asked %q", host, proxied, f.lines())
			}
			w.Errors()
		}
	}
}

// UC12: a proxy of https is spoken to under TLS, whose name is verified, and a tunnel through it
// has TLS of its own within.
func TestUC12SecureProxy(t *testing.T) {
	for _, c := range []struct{ url, trusts, want string }{
		{"http://plain/x", "proxy", "GET http://plain/x"},
		{"http://plain/x", "secure", ""},
		{"https://secure/x", "both", "GET /x"},
		{"https://secure/x", "proxy", ""},
		{"https://secure/x", "secure", ""},
	} {
		w := sim.New(t, 0)
		f := answering(ok("page"))
		if _, err := w.Host("secure").Loop().Listen(tlsOn(":443", "secure"), f); err != nil {
			t.Fatal(err)
		}
		var at twistor.Factory = f // for absolute targets
		if strings.HasPrefix(c.url, "https:") {
			at = &tunnel{w: w, said: "HTTP/1.1 200 OK\r\n\r\n"}
		}
		if _, err := w.Host("proxy").Loop().Listen(tlsOn(":3129", "proxy"), at); err != nil {
			t.Fatal(err)
		}
		config := trusting("proxy")
		config.RootCAs = sim.Roots(certificateOf("proxy"), certificateOf("secure"))
		if c.trusts != "both" {
			config = trusting(c.trusts)
		}
		askIn(t, w, &web.Client{TLS: config, Proxy: proxyAt(t, "https://proxy:3129")}, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
			if _, body, err := get(co, cl, c.url); (err == nil) != (c.want != "") {
				t.Errorf("%s, trusting %s: got %q, %v", c.url, c.trusts, body, err)
			}
			return nil
		})
		if got := strings.Join(f.lines(), "|"); got != c.want {
			t.Errorf("%s, trusting %s: got %q, want %q", c.url, c.trusts, got, c.want)
		}
		w.Errors()
	}
}

// UC12: the variables of the environment are read when the program says so, and not again.
func TestUC12Environment(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://one:1")
	t.Setenv("https_proxy", "http://two:2")
	t.Setenv("NO_PROXY", "near,.inner")
	proxy := web.ProxyFromEnvironment()
	t.Setenv("HTTP_PROXY", "http://late:3")
	for text, want := range map[string]string{"http://a/": "one:1", "https://a/": "two:2", "http://near/": "", "https://x.inner/": "", "http://127.0.0.1/": ""} {
		u, _ := url.Parse(text)
		p, err := proxy(u)
		got := ""
		if p != nil {
			got = p.Host
		}
		if got != want || err != nil {
			t.Errorf("%s: got %q, %v; want %q", text, got, err, want)
		}
	}
	t.Setenv("REQUEST_METHOD", "GET") // we are a CGI program: HTTP_PROXY is a field of the client (T-18)
	u, _ := url.Parse("http://a/")
	if p, err := web.ProxyFromEnvironment()(u); p != nil || err == nil {
		t.Errorf("in CGI: got %v, %v; want an error", p, err)
	}
}

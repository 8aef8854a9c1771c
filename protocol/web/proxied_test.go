package web_test

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

var trustAll = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")} // sim's peers

// V14, V32: what a trusted proxy says is believed, the nearest one first; what others
// say is not, and nobody behind us sees it.
func TestV14Proxies(t *testing.T) {
	shows := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		fmt.Fprintf(w, "%s %s %s %s %v", r.Client(), r.Scheme(), r.Host(), r.Hostname(), r.Header.Has("X-Forwarded-For"))
	})
	for _, c := range []struct{ trusted, fields, want string }{
		{"10.0.0.0/8", "", "10.0.0.2 http example.com example.com false"},
		{"10.0.0.0/8", "X-Forwarded-For: 192.0.2.1", "192.0.2.1 http example.com example.com true"},
		{"10.0.0.0/8", "X-Forwarded-For: 6.6.6.6, 192.0.2.1, 10.1.1.1", "192.0.2.1 http example.com example.com true"},
		{"10.0.0.0/8", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: [2001:db8::1]:99", "2001:db8::1 http example.com example.com true"},
		{"10.0.0.0/8", "X-Forwarded-For: 6.6.6.6, evil, 10.1.1.1", "10.1.1.1 http example.com example.com true"},
		{"10.0.0.0/8", "X-Forwarded-For: 10.2.2.2,10.1.1.1", "10.2.2.2 http example.com example.com true"},
		{"10.0.0.0/8", "X-Forwarded-Proto: evil, https\r\nX-Forwarded-Host: a.example:8443", "10.0.0.2 https a.example:8443 a.example false"},
		{"10.0.0.0/8", "X-Forwarded-Proto: javascript\r\nX-Forwarded-Host: a b", "10.0.0.2 http example.com example.com false"},
		{"192.168.0.0/16", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil", "10.0.0.2 http example.com example.com false"},
	} {
		p := &web.Proxies{Trusted: []netip.Prefix{netip.MustParsePrefix(c.trusted)}}
		lines := []string{"GET /"}
		if c.fields != "" {
			lines = append(lines, c.fields)
		}
		if got := asked(t, &web.Server{Handler: p.Wrap(shows)}, lines...); got.Body != c.want {
			t.Errorf("%s trusted, %q: got %q, want %q", c.trusted, c.fields, got.Body, c.want)
		}
	}
	for _, local := range []bool{false, true} {
		clock := sim.NewClock(t)
		tr := sim.NewTransport(clock)
		tr.SetAddrs(&net.UnixAddr{Name: "/run/x", Net: "unix"}, &net.UnixAddr{Net: "unix"})
		tr.Build(&web.Server{Handler: (&web.Proxies{Local: local}).Wrap(shows)})
		got := askedOn(t, clock, tr, "GET /", "X-Forwarded-For: 192.0.2.1")
		if want := map[bool]string{true: "192.0.2.1 ", false: "invalid IP "}[local]; !strings.HasPrefix(got.Body, want) {
			t.Errorf("UNIX socket, Local %v: got %q, want %q", local, got.Body, want)
		}
	}
}

func TestV14Hostname(t *testing.T) {
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString(r.Hostname()) })}
	for host, want := range map[string]string{"Example.COM": "example.com", "a:80": "a", "[::1]": "::1", "[2001:DB8::1]:443": "2001:db8::1", "127.0.0.1:1": "127.0.0.1"} {
		if got := asked(t, s, "GET /", "Host: "+host); got.Body != want {
			t.Errorf("%s: got %q, want %q", host, got.Body, want)
		}
	}
}

// V14, H1-28: credentials of Basic are read, and broken ones are none.
func TestV14BasicAuth(t *testing.T) {
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		user, password, ok := r.BasicAuth()
		r.SetUser(user)
		fmt.Fprintf(w, "%s %s %v %s", r.User(), password.Reveal(), ok, password)
	})}
	for field, want := range map[string]string{
		"Basic YW5uOnMzOmNyZXQ=":                "ann s3:cret true [redacted]",
		"basic  YW5uOg==":                       "ann  true [redacted]",
		"Basic YW5u":                            "  false [redacted]",
		"Basic YW5uOgA=":                        "  false [redacted]",
		"Basic !!":                              "  false [redacted]",
		"Bearer YW5uOg==":                       "  false [redacted]",
		"Basic " + strings.Repeat("YWFh", 1900): "  false [redacted]",
	} {
		if got := asked(t, s, "GET /", "Authorization: "+field); got.Body != want {
			t.Errorf("%.40s: got %q, want %q", field, got.Body, want)
		}
	}
}

package web_test

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
)

// V32: the host decides, not the port, nor how it is written.
func TestV32Hosts(t *testing.T) {
	hosts := web.Hosts{"example.com": says("site"), "*.example.com": says("below"), "*.b.example.com": says("deep"), "[::1]": says("six"), "": says("rest")}
	s := &web.Server{Handler: hosts}
	for host, want := range map[string]string{
		"example.com": "site", "EXAMPLE.com:8080": "site", "example.com.": "site",
		"a.example.com": "below", "x.a.EXAMPLE.com": "below", "a.b.example.com": "deep", "b.example.com": "below",
		"[::1]:80": "six", "[::1]": "six", "example.org": "rest", "xexample.com": "rest", "com": "rest", "127.0.0.1:80": "rest",
	} {
		if got := asked(t, s, "GET /", "Host: "+host); got.Body != want {
			t.Errorf("%s: got %q, want %q", host, got.Body, want)
		}
	}
	delete(hosts, "")
	if got := asked(t, s, "GET /", "Host: other.org"); got.Status != 421 || strings.Contains(got.Wire, "other") {
		t.Errorf("unknown: got %q", got.Wire)
	}
}

// T-22: what is no host is refused before anybody chooses by it, and never
// comes back.
func TestT_22UnknownHost(t *testing.T) {
	s := &web.Server{Handler: web.Hosts{"example.com": says("site")}}
	for _, host := range []string{"<script>alert(1)</script>", `a"b`, "a b", "unknown.example<x>"} {
		got := asked(t, s, "GET /", "Host: "+host)
		if got.Status != 400 || strings.Contains(got.Wire, "script") || strings.Contains(got.Wire, "unknown") {
			t.Errorf("%s: got %q, want 400 and no echo", host, got.Wire)
		}
	}
	if got := asked(t, s, "GET /", "Host: example.com"); got.Body != "site" {
		t.Errorf("control: got %q", got.Wire)
	}
}

// V45, T-23: a target is escaped in the field and in the page; control characters
// are refused.
func TestT_23Redirect(t *testing.T) {
	var target string
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { web.Redirect(w, r, 302, target) })}
	for _, c := range []struct{ target, location string }{
		{`https://a/"><script>`, "https://a/%22%3E%3Cscript%3E"},
		{"/a b?c=d&e=é", "/a%20b?c=d&e=%C3%A9"},
		{"../x", "../x"},
		{`/\evil`, "/%5Cevil"},
		{"/%41", "/%41"},
		{"/a\r\nSet-Cookie: x=1", ""},
		{"/a\x00", ""},
		{"/a\x7f", ""},
		{"/%zz", ""},
	} {
		target = c.target
		if c.location == "" {
			got := askedQuietly(t, s, "GET /")
			if got.Status != 500 || got.Header.Get("Location") != "" || got.Header.Get("Set-Cookie") != "" {
				t.Errorf("%q: got %q, want a refusal", c.target, got.Wire)
			}
			continue
		}
		got := asked(t, s, "GET /")
		if got.Status != 302 || got.Header.Get("Location") != c.location || strings.Contains(got.Body, "<script") {
			t.Errorf("%q: got %d to %q, %q; want %q", c.target, got.Status, got.Header.Get("Location"), got.Body, c.location)
		}
	}
	target = "/x?a=1&b=2"
	if got := asked(t, s, "GET /"); !strings.Contains(got.Body, `href="/x?a=1&amp;b=2"`) {
		t.Errorf("page: got %q", got.Body)
	}
	if got := asked(t, s, "POST /", "Content-Length: 0"); got.Status != 302 || got.Body != "" {
		t.Errorf("POST: got %q, want no body", got.Wire)
	}
}

func TestV45Redirections(t *testing.T) {
	s := &web.Server{Handler: web.Methods{"GET": web.Redirection{Target: "https://example.org/", Status: 308}, "POST": web.HandlerFunc(web.RedirectToParent)}}
	if got := asked(t, s, "GET /a/b"); got.Status != 308 || got.Header.Get("Location") != "https://example.org/" {
		t.Errorf("Redirection: got %q", got.Wire)
	}
	if got := asked(t, s, "POST /a/b", "Content-Length: 0"); got.Status != 302 || got.Header.Get("Location") != "./" {
		t.Errorf("RedirectToParent: got %q", got.Wire)
	}
	s.Handler = web.Redirection{Target: "/", Status: 200}
	if got := askedQuietly(t, s, "GET /"); got.Status != 500 {
		t.Errorf("status 200: got %d, want 500", got.Status)
	}
}

func TestIsLocal(t *testing.T) {
	for target, want := range map[string]bool{
		"/": true, "/a?b#c": true, "/a/../b": true, "": false, "a": false, "//evil": false, `/\evil`: false, "/\t/evil": false,
		"https://evil/": false, "javascript:x": false, " /": false, "/a\n": false,
	} {
		if got := web.IsLocal(target); got != want {
			t.Errorf("%q: got %v, want %v", target, got, want)
		}
	}
}

// V33: rules rewrite the path, in order, and the query stays.
func TestV33Rewrite(t *testing.T) {
	shows := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString(r.Path() + "|" + r.RawQuery()) })
	s := &web.Server{Handler: web.Rewrite(shows, web.Alias("/old/", "/new"), web.Tilde("/users"), web.Alias("/new/x", "/y"))}
	for target, want := range map[string]string{
		"/old?q=1": "/new|q=1", "/old/a": "/new/a|", "/older": "/older|", "/old/x/z": "/y/z|",
		"/~bob/a?b": "/users/bob/a|b", "/~": "/~|", "/~/": "/~/|", "/": "/|",
	} {
		if got := asked(t, s, "GET "+target); got.Body != want {
			t.Errorf("%s: got %q, want %q", target, got.Body, want)
		}
	}
}

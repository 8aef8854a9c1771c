package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
)

// V13: cookies are read leniently.
func TestV13ReadsCookies(t *testing.T) {
	var got string
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		got = ""
		for c, err := range r.Cookies() {
			got += fmt.Sprintf("%s=%s,%v ", c.Name, c.Value, err != nil)
			if v, ok := r.Cookie(c.Name); !ok || c.Name != "a" && v != c.Value {
				t.Errorf("Cookie(%q): got %q, %v", c.Name, v, ok)
			}
		}
	})}
	for field, want := range map[string]string{
		"a=1":                      "a=1,false ",
		"a=1; b=2":                 "a=1,false b=2,false ",
		"a=1;b=2;a=3":              "a=1,false b=2,false a=3,false ",
		`a="x y"; b= z ;c`:         "a=x y,false b=z,false ",
		"=1; ;; d=":                "d=,false ",
		"e=f=g; A=\xff":            "e=f=g,false A=\xff,false ",
		"$Version=1; a=1; $Path=/": "$Version=1,false a=1,false $Path=/,false ",
	} {
		asked(t, s, "GET /", "Cookie: "+field)
		if got != want {
			t.Errorf("%q: got %q, want %q", field, got, want)
		}
	}
	asked(t, s, "GET /", "Cookie: a=1", "cookie: b=2")
	if want := "a=1,false b=2,false "; got != want {
		t.Errorf("two fields: got %q, want %q", got, want)
	}
}

// H1-15: 3,000 pairs are refused, and cost no memory to find one among.
func TestH1_15ManyCookies(t *testing.T) {
	many := strings.Repeat("a=1; ", 3000) + "last=2"
	n, refused, last := 0, error(nil), ""
	s := &web.Server{Heads: http1.Limits{MaxField: 64 << 10, MaxHead: 64 << 10}}
	s.Handler = web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		for _, err := range r.Cookies() {
			n, refused = n+1, err
		}
		allocs := testing.AllocsPerRun(10, func() { last, _ = r.Cookie("last") })
		if allocs > 1 { // the value
			t.Errorf("Cookie: got %v allocations, want 1", allocs)
		}
	})
	asked(t, s, "GET /", "Cookie: "+many)
	if refused == nil || n != 1001 || last != "2" {
		t.Errorf("got %d pairs, then %v; last %q; want 1,000, an error, 2", n, refused, last)
	}
	n = 0
	asked(t, s, "GET /", "Cookie: "+strings.Repeat("a=1; ", 1000))
	if refused != nil || n != 1000 {
		t.Errorf("control: got %d pairs and %v, want 1,000", n, refused)
	}
	if got := asked(t, &web.Server{Handler: s.Handler}, "GET /", "Cookie: "+many); got.Status != 431 {
		t.Errorf("default limits: got %d, want 431", got.Status)
	}
}

// V13: what is not said is safe.
func TestV13SetsCookies(t *testing.T) {
	var c web.Cookie
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.SetCookie(c) })}
	for _, v := range []struct {
		c    web.Cookie
		want string
	}{
		{web.Cookie{Name: "a", Value: "1"}, "a=1; Path=/; SameSite=Lax; HttpOnly"},
		{web.Cookie{Name: "a", Value: "1", Path: "/x", Domain: ".example.com", MaxAge: 90 * time.Second, SameSite: web.SameSiteStrict, Scripts: true},
			"a=1; Path=/x; Domain=example.com; Expires=Tue, 01 Jan 2030 00:01:30 GMT; Max-Age=90; SameSite=Strict"},
		{web.Cookie{Name: "a", MaxAge: -1}, "a=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Max-Age=0; SameSite=Lax; HttpOnly"},
		{web.Cookie{Name: "__Host-a", Value: "1", Secure: true, SameSite: web.SameSiteNone, Partitioned: true},
			"__Host-a=1; Path=/; SameSite=None; Secure; HttpOnly; Partitioned"},
	} {
		c = v.c
		got := asked(t, s, "GET /")
		if set := got.Header.Get("Set-Cookie"); set != v.want {
			t.Errorf("got %q, want %q", set, v.want)
		}
		if read, err := http.ParseSetCookie(v.want); err != nil || read.Name != c.Name {
			t.Errorf("net/http reads %q as %v, %v", v.want, read, err)
		}
	}
}

// T-15: neither name nor value, nor attribute, can add a line or an attribute.
func TestT_15CookieInjection(t *testing.T) {
	var c web.Cookie
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.SetCookie(c)
		w.WriteString("ok")
	})}
	for _, c = range []web.Cookie{
		{Name: "a\r\nX-Evil: 1", Value: "1"}, {Name: "a;b"}, {Name: "a=b"}, {Name: ""}, {Name: "a b"},
		{Name: "a", Value: "1\r\nX-Evil: 1"}, {Name: "a", Value: "1; X-Evil"}, {Name: "a", Value: "1\n"}, {Name: "a", Value: "é"},
		{Name: "a", Value: `"`}, {Name: "a", Value: "1,2"}, {Name: "a", Value: strings.Repeat("x", 4096)},
		{Name: "a", Path: "/;Domain=evil"}, {Name: "a", Path: "x"}, {Name: "a", Path: "/\r\n"},
		{Name: "a", Domain: "evil; Path=/"}, {Name: "a", Domain: "a:80"}, {Name: "a", Domain: "a\nb"},
		{Name: "a", SameSite: web.SameSiteNone}, {Name: "__Host-a"}, {Name: "__Secure-a"}, {Name: "a", Partitioned: true},
		{Name: "__Host-a", Secure: true, Path: "/x"}, {Name: "__Host-a", Secure: true, Domain: "example.com"}, {Name: "a", SameSite: 9},
	} {
		got := askedQuietly(t, s, "GET /")
		if got.Status != 500 || got.Header.Get("Set-Cookie") != "" || strings.Contains(got.Wire, "Evil") {
			t.Errorf("%+v: got %q, want a refusal", c, got.Wire)
		}
	}
	c = web.Cookie{Name: "a", Value: "1"}
	if got := asked(t, s, "GET /"); got.Status != 200 || got.Header.Get("Set-Cookie") == "" {
		t.Errorf("control: got %q", got.Wire)
	}
}

// FuzzCookie: pairs are cut from any field without a panic, name and value have
// no separator, and what SetCookie takes comes back the same.
func FuzzCookie(f *testing.F) {
	f.Add("a=1; b=\"2\"", "a", "1")
	f.Add(";;=;a==\"", "", ";")
	f.Add("a=\"", "__Host-x", "é")
	f.Fuzz(func(t *testing.T, field, name, value string) {
		if !http1.ValidFieldValue(field) || len(field) > 8000 || strings.ContainsAny(field, "\r\n") {
			return
		}
		back, ok := "", false
		s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			for c, err := range r.Cookies() {
				if err != nil {
					break
				}
				if c.Name == "" || strings.ContainsAny(c.Name+c.Value, ";") || strings.Contains(c.Name, "=") {
					t.Errorf("%q: got %q=%q", field, c.Name, c.Value)
				}
			}
			back, ok = r.Cookie(name)
			w.SetCookie(web.Cookie{Name: name, Value: value})
		})}
		got := askedQuietly(t, s, "GET /", "Cookie: "+strings.Trim(field, " \t"))
		set := got.Header.Get("Set-Cookie")
		if got.Status != 200 || set == "" {
			return
		}
		pair, _, _ := strings.Cut(set, ";")
		askedQuietly(t, s, "GET /", "Cookie: "+pair)
		if !ok || back != value {
			t.Errorf("%q: came back as %q, %v, want %q", set, back, ok, value)
		}
	})
}

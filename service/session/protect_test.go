package session

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
)

// TestUC30CSRF: a request that changes something needs a token of its session,
// and must not be another site's by what the browser says.
func TestUC30CSRF(t *testing.T) {
	s := newSite(t, func(p *Sessions[visitor]) { p.Origins = []string{"https://App.example:443"} }).start()
	s.secure = true
	a := s.ask("GET /token")
	id, token := a.id(), a.body
	other := s.ask("GET /token")
	before := s.ask("GET /token")
	after := s.as(before.id(), "GET /login?jo") // rotates
	flip := func(i int) string {
		p, _ := base64.RawURLEncoding.DecodeString(token)
		p[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(p)
	}
	const host = "Origin: https://site.example"
	for _, tc := range []struct {
		name   string
		method string
		id     string
		fields []string
		want   int
	}{
		{"token alone", "POST", id, []string{"X-CSRF-Token: " + token}, 200},
		{"token again", "PUT", id, []string{"X-CSRF-Token: " + s.as(id, "GET /token").body, host, "Sec-Fetch-Site: same-origin"}, 200},
		{"port", "POST", id, []string{"X-CSRF-Token: " + token, "Origin: https://site.example:443"}, 200},
		{"friend", "POST", id, []string{"X-CSRF-Token: " + token, "Origin: https://app.example", "Sec-Fetch-Site: cross-site"}, 200},
		{"friend without token", "POST", id, []string{"Origin: https://app.example"}, 403},
		{"no token", "POST", id, []string{host, "Sec-Fetch-Site: same-origin"}, 403},
		{"empty", "POST", id, []string{"X-CSRF-Token: "}, 403},
		{"twice", "POST", id, []string{"X-CSRF-Token: " + token, "X-CSRF-Token: " + token}, 403},
		{"mask changed", "POST", id, []string{"X-CSRF-Token: " + flip(0)}, 403},
		{"text changed", "POST", id, []string{"X-CSRF-Token: " + flip(63)}, 403},
		{"cut", "POST", id, []string{"X-CSRF-Token: " + token[:80]}, 403},
		{"mask of nothing", "POST", id, []string{"X-CSRF-Token: " + base64.RawURLEncoding.EncodeToString(make([]byte, 64))}, 403},
		{"of another session", "POST", id, []string{"X-CSRF-Token: " + other.body}, 403},
		{"of before login", "POST", after.id(), []string{"X-CSRF-Token: " + before.body}, 403},
		{"before login", "POST", before.id(), []string{"X-CSRF-Token: " + before.body}, 403},
		{"no session", "POST", "", []string{"X-CSRF-Token: " + token}, 403},
		{"other origin", "POST", id, []string{"X-CSRF-Token: " + token, "Origin: https://evil.example"}, 403},
		{"plain origin", "POST", id, []string{"X-CSRF-Token: " + token, "Origin: http://site.example"}, 403},
		{"other port", "POST", id, []string{"X-CSRF-Token: " + token, "Origin: https://site.example:8443"}, 403},
		{"null", "POST", id, []string{"X-CSRF-Token: " + token, "Origin: null"}, 403},
		{"two origins", "POST", id, []string{"X-CSRF-Token: " + token, host, host}, 403},
		{"cross", "POST", id, []string{"X-CSRF-Token: " + token, "Sec-Fetch-Site: cross-site"}, 403},
		{"same site", "DELETE", id, []string{"X-CSRF-Token: " + token, "Sec-Fetch-Site: same-site"}, 403},
		{"unknown site", "POST", id, []string{"X-CSRF-Token: " + token, "Sec-Fetch-Site: sideways"}, 403},
		{"own method", "FROB", id, nil, 403},
		{"lower case", "get", id, nil, 403},
		{"safe", "GET", id, []string{"Origin: https://evil.example", "Sec-Fetch-Site: cross-site"}, 200},
		{"safe too", "HEAD", id, nil, 200},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.failure = nil
			a := s.as(tc.id, tc.method+" /see", append(tc.fields, "Content-Length: 0")...)
			if a.status != tc.want {
				t.Errorf("got %d, want %d", a.status, tc.want)
			}
			if a.status == 403 && strings.Contains(a.body, "forged") {
				t.Error("the page says why: that is for the log")
			}
		})
	}
	s.clock.Errors()
}

// TestUC30Form: the token may be in the form, which the Handler still gets;
// that of the URL does not count, and without a session no body is read.
func TestUC30Form(t *testing.T) {
	s := newSite(t, nil).start()
	a := s.ask("GET /token")
	cookie, token := "Cookie: session="+a.id(), a.body
	multipart := "--x\r\nContent-Disposition: form-data; name=\"text\"\r\n\r\nhello\r\n" +
		"--x\r\nContent-Disposition: form-data; name=\"csrf_token\"\r\n\r\n" + token + "\r\n--x--\r\n"
	const urlencoded, parts = "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"
	for _, tc := range []struct {
		name, target, kind, cookie, body string
		want                             int
	}{
		{"urlencoded", "/form", urlencoded, cookie, "text=hello&csrf_token=" + token, 200},
		{"multipart", "/form", parts, cookie, multipart, 200},
		{"charset", "/form", "Application/X-WWW-Form-Urlencoded; charset=utf-8", cookie, "csrf_token=" + token + "&text=hello", 200},
		{"no token", "/form", urlencoded, cookie, "text=hello", 403},
		{"wrong token", "/form", urlencoded, cookie, "text=hello&csrf_token=x" + token[1:], 403},
		{"two tokens", "/form", urlencoded, cookie, "text=hello&csrf_token=" + token + "&csrf_token=" + token, 403},
		{"token in the URL", "/form?csrf_token=" + token, urlencoded, cookie, "text=hello", 403},
		{"plain text", "/form", "text/plain", cookie, "text=hello&csrf_token=" + token, 403},
		{"no session", "/form", urlencoded, "X: y", "text=hello&csrf_token=" + token, 403},
		{"broken form", "/form", urlencoded, cookie, "text=%zz&csrf_token=" + token, 400},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := s.post("POST "+tc.target, tc.body, "Content-Type: "+tc.kind, fmt.Sprint("Content-Length: ", len(tc.body)), tc.cookie)
			if a.status != tc.want || a.status == 200 && a.body != "hello" {
				t.Errorf("got %d %q, want %d", a.status, a.body, tc.want)
			}
		})
	}
	a = s.ask("POST /form", "Content-Type: "+urlencoded, "Content-Length: 1000000", "Expect: 100-continue")
	if a.status != 403 {
		t.Errorf("a stranger's body: got %d, want 403 and no 100", a.status)
	}
	s.clock.Errors()
}

// TestBREACH: a token is another text each time, with nothing in common.
func TestBREACH(t *testing.T) {
	s := newSite(t, nil).start()
	id := s.ask("GET /token").id()
	seen := map[string]bool{}
	for range 200 {
		a := s.as(id, "GET /token")
		token := a.body
		if got := a.header.Get("Cache-Control"); got != "no-store" {
			t.Fatalf("got Cache-Control %q, want no-store", got)
		}
		p, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil || len(p) != 64 {
			t.Fatalf("got %q", token)
		}
		for _, half := range []string{string(p[:32]), string(p[32:])} {
			if seen[half] {
				t.Fatal("half of a token came twice")
			}
			seen[half] = true
		}
	}
}

// FuzzTexts: nothing that a visitor sends panics, is an id of ours, or a token.
func FuzzTexts(f *testing.F) {
	f.Add("", "", "")
	f.Add(strings.Repeat("A", 43), strings.Repeat("A", 86), "https://example.com:443")
	f.Fuzz(func(t *testing.T, id, token, origin string) {
		if key := keyOf(id); key != "" && len(id) != idText {
			t.Errorf("id %q: got a key", id)
		}
		s := &Session[visitor]{kept: Record{Key: "k", Token: []byte("0123456789abcdef0123456789abcdef")}}
		if s.Verify(token) && len(token) != 86 {
			t.Errorf("token %q is good", token)
		}
		if o, err := parseOrigin(origin); err == nil {
			if again, err := parseOrigin(o); err != nil || again != o {
				t.Errorf("origin %q: got %q, then %q, %v", origin, o, again, err)
			}
		}
	})
}

package guard_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/guard"
)

// digest answers the challenge of an algorithm, as a client does.
func digest(a answer, algorithm, user, password, method, uri string, count int) string {
	newHash := func() hash.Hash { return sha256.New() }
	if algorithm == "MD5" {
		newHash = md5.New
	}
	sum := func(parts ...string) string {
		h := newHash()
		h.Write([]byte(strings.Join(parts, ":")))
		return hex.EncodeToString(h.Sum(nil))
	}
	for _, c := range a.challenges {
		if !strings.Contains(c, "algorithm="+algorithm+",") {
			continue
		}
		nonce := regexp.MustCompile(`nonce="([^"]*)"`).FindStringSubmatch(c)[1]
		nc := fmt.Sprintf("%08x", count)
		response := sum(sum(user, "site", password), nonce, nc, "cn", "auth", sum(method, uri))
		return fmt.Sprintf(`Authorization: Digest username="%s", realm="site", nonce="%s", uri="%s", algorithm=%s, qop=auth, nc=%s, cnonce="cn", response="%s"`,
			user, nonce, uri, algorithm, nc, response)
	}
	return ""
}

// TestV39: each scheme has a challenge of its own, and whoever answers one of
// them is let in, as the realm says, until the request is over.
func TestV39(t *testing.T) {
	token := twistor.Conceal("dG9rZW4-of.amy_~+/==")
	s := newSite(t, memory("jo", "secret:with:colons"), &guard.Tokens{Users: map[string]string{guard.Hash(token): "amy"}})
	a := s.ask("GET /a?b")
	if a.status != 401 || s.served != 0 || len(a.challenges) != 4 {
		t.Fatalf("got %d and challenges %q, want 401 and 4", a.status, a.challenges)
	}
	for i, want := range []string{
		`Digest realm="site", qop="auth", algorithm=SHA-256, nonce="`,
		`Digest realm="site", qop="auth", algorithm=MD5, nonce="`,
		`Basic realm="site", charset="UTF-8"`,
		`Bearer realm="site"`,
	} {
		if !strings.HasPrefix(a.challenges[i], want) {
			t.Errorf("challenge %d: got %q, want %q", i, a.challenges[i], want)
		}
	}
	for want, field := range map[string]string{
		"jo by password\n": basic("jo", "secret:with:colons"),
		"jo by digest\n":   digest(a, "SHA-256", "jo", "secret:with:colons", "GET", "/a?b", 1),
		"amy by bearer\n":  "Authorization: bEARER " + token.Reveal(),
	} {
		s.events = nil
		got := s.ask("GET /a?b", field)
		user, _, _ := strings.Cut(want, " ")
		if got.status != 200 || got.body != want {
			t.Errorf("got %d %q, want %q", got.status, got.body, want)
		}
		if want := []string{"login " + user, "served " + user, "logout " + user}; !slices.Equal(s.events, want) {
			t.Errorf("got %q, want %q", s.events, want)
		}
	}
	// A token that is remembered is no password.
	if got := s.ask("GET /a?b", basic("", token.Reveal())); got.status != 401 {
		t.Errorf("a token as a password: got %d, want 401", got.status)
	}
	if got := s.ask("GET /a?b", digest(a, "MD5", "jo", "secret:with:colons", "GET", "/a?b", 2)); got.status != 200 {
		t.Errorf("MD5: got %d, want 200", got.status)
	}
}

// TestV39Refused: each in the words of its scheme, and nobody is served.
func TestV39Refused(t *testing.T) {
	s := newSite(t, memory("jo", "secret", "banned", "b", "broken", "b"), &guard.Tokens{})
	a := s.ask("GET /")
	good := digest(a, "SHA-256", "jo", "secret", "GET", "/", 1)
	for _, tc := range []struct {
		name   string
		fields []string
		want   int
		has    string // in a challenge
	}{
		{"wrong password", []string{basic("jo", "wrong")}, 401, "Basic "},
		{"no such user", []string{basic("eve", "secret")}, 401, "Basic "},
		{"denied", []string{basic("banned", "b")}, 403, ""},
		{"broken realm", []string{basic("broken", "b")}, 503, ""},
		{"two fields", []string{basic("jo", "secret"), basic("jo", "secret")}, 400, ""},
		{"other scheme", []string{"Authorization: Negotiate abc"}, 401, "Basic "},
		{"nothing", []string{"Authorization:"}, 401, "Basic "},
		{"wrong token", []string{"Authorization: Bearer abc"}, 401, `Bearer realm="site", error="invalid_token"`},
		{"no token", []string{"Authorization: Bearer"}, 400, `error="invalid_request"`},
		{"two tokens", []string{"Authorization: Bearer a b"}, 400, `error="invalid_request"`},
		{"token with quotes", []string{`Authorization: Bearer "a"`}, 400, `error="invalid_request"`},
		{"wrong digest", []string{digest(a, "SHA-256", "jo", "wrong", "GET", "/", 1)}, 401, "Digest "},
		{"digest of another method", []string{digest(a, "SHA-256", "jo", "secret", "PUT", "/", 2)}, 401, "Digest "},
		{"digest of another place", []string{digest(a, "SHA-256", "jo", "secret", "GET", "/else", 3)}, 400, ""},
		{"digest without nonce", []string{`Authorization: Digest username="jo", uri="/"`}, 400, ""},
		{"digest of our own making", []string{strings.Replace(good, `nonce="`, `nonce="A`, 1)}, 401, "stale=true"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s.served = 0
			a := s.ask("GET /", tc.fields...)
			if a.status != tc.want || s.served != 0 {
				t.Errorf("got %d, served %d, want %d and none", a.status, s.served, tc.want)
			}
			if tc.has != "" && !strings.Contains(strings.Join(a.challenges, "\n"), tc.has) {
				t.Errorf("challenges: got %q, want %q", a.challenges, tc.has)
			}
			if strings.Contains(a.body, "fire") || strings.Contains(a.body, "eve") {
				t.Errorf("the page says too much: %q", a.body)
			}
		})
	}
	// The control, and then its replay.
	if a := s.ask("GET /", digest(a, "SHA-256", "jo", "secret", "GET", "/", 9)); a.status != 200 {
		t.Errorf("got %d, want 200", a.status)
	}
	a = s.ask("GET /", digest(a, "SHA-256", "jo", "secret", "GET", "/", 9))
	if a.status != 401 || !strings.Contains(a.challenges[0], "stale=true") {
		t.Errorf("replay: got %d %q, want 401 and stale", a.status, a.challenges)
	}
}

// TestH1_28: what is broken in Basic is answered as what is wrong, and costs no
// check.
func TestH1_28(t *testing.T) {
	checker := &counted{Checker: memory("jo", "secret")}
	s := newSite(t, checker)
	s.server = &web.Server{Handler: s.guard.Handler(web.HandlerFunc(s.hello)), Heads: http1.Limits{MaxField: 1 << 20, MaxHead: 1 << 20}}
	encode := func(p string) string { return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(p)) }
	for name, field := range map[string]string{
		"bad base64":      "Authorization: Basic jo:secret",
		"cut base64":      "Authorization: Basic am86c2VjcmV",
		"empty":           "Authorization: Basic",
		"no colon":        encode("jo"),
		"NUL":             encode("jo:sec\x00ret"),
		"NUL in the name": encode("jo\x00:secret"),
		"newline":         encode("jo:secret\n"),
		"9 KiB":           encode("jo:" + strings.Repeat("x", 9<<10)),
		"64 KiB":          encode("jo:" + strings.Repeat("x", 48<<10)),
	} {
		if a := s.ask("GET /", field); a.status != 401 || s.served != 0 {
			t.Errorf("%s: got %d, want 401", name, a.status)
		}
	}
	if checker.n != 0 {
		t.Errorf("got %d checks, want none", checker.n)
	}
	if a := s.ask("GET /", encode("jo:secret")); a.status != 200 || checker.n != 1 {
		t.Errorf("the control: got %d after %d checks, want 200 after 1", a.status, checker.n)
	}
}

// TestClear: where others can listen in no password is asked for, nor taken.
func TestClear(t *testing.T) {
	checker := &counted{Checker: cred.Only(memory("jo", "secret"), cred.KindPassword)}
	s := newSite(t, checker, &guard.Tokens{})
	s.plain = true
	for _, fields := range [][]string{nil, {basic("jo", "secret")}} {
		if a := s.ask("GET /", fields...); a.status != 403 || len(a.challenges) != 0 || !strings.Contains(a.body, "https") {
			t.Errorf("got %d %q, want 403 and no challenge", a.status, a.challenges)
		}
	}
	if checker.n != 0 {
		t.Error("a password was checked that everybody could read")
	}
	s.from = "127.0.0.1"
	if a := s.ask("GET /", basic("jo", "secret")); a.status != 200 {
		t.Errorf("within the machine: got %d, want 200", a.status)
	}
	s.from = "192.0.2.7"
	s.guard.Clear = true
	if a := s.ask("GET /", basic("jo", "secret")); a.status != 200 {
		t.Errorf("Clear: got %d, want 200", a.status)
	}

	// Digest is for such places.
	s = newSite(t, memory("jo", "secret"))
	s.plain = true
	a := s.ask("GET /")
	if a.status != 401 || len(a.challenges) != 2 {
		t.Errorf("got %d %q, want 401 and two Digests", a.status, a.challenges)
	}
	if a := s.ask("GET /", digest(a, "SHA-256", "jo", "secret", "GET", "/", 1)); a.status != 200 {
		t.Errorf("Digest: got %d, want 200", a.status)
	}
}

// TestRemember: what was right is not checked again for a minute, what was
// wrong always is, and many at once wait for one check.
func TestRemember(t *testing.T) {
	checker := &counted{Checker: cred.Only(memory("jo", "secret"), cred.KindPassword)}
	s := newSite(t, checker)
	for range 50 {
		s.ask("GET /", basic("jo", "secret"))
	}
	if checker.n != 1 || s.served != 50 {
		t.Errorf("got %d checks of %d served, want 1 of 50", checker.n, s.served)
	}
	s.clock.Advance(time.Minute)
	s.ask("GET /", basic("jo", "secret"))
	if checker.n != 2 {
		t.Errorf("a minute later: got %d checks, want 2", checker.n)
	}
	for _, other := range []string{basic("jo", "Secret"), basic("j", "osecret")} {
		before := checker.n
		for range 2 {
			if a := s.ask("GET /", other); a.status != 401 {
				t.Errorf("got %d, want 401", a.status)
			}
		}
		if checker.n != before+2 {
			t.Errorf("wrong twice: got %d checks, want 2", checker.n-before)
		}
	}
	// From another host it is checked anew: delays are for each host.
	s.from = "192.0.2.8"
	before := checker.n
	if s.ask("GET /", basic("jo", "secret")); checker.n != before+1 {
		t.Errorf("another host: got %d checks, want 1", checker.n-before)
	}

	s = newSite(t, checker)
	s.guard.Remember = -1
	checker.n = 0
	for range 3 {
		s.ask("GET /", basic("jo", "secret"))
	}
	if checker.n != 3 {
		t.Errorf("Remember -1: got %d checks, want 3", checker.n)
	}
}

// slow is a Checker that takes its time.
type slow struct {
	counted
	wait time.Duration
}

func (c *slow) Check(co *deferred.Co, a *cred.Attempt) (cred.Identity, error) {
	c.n++
	if err := co.Sleep(c.wait); err != nil {
		return cred.Identity{}, err
	}
	return c.Checker.Check(co, a)
}

// TestAtOnce: a page of 40 parts that a browser asks for with one password
// costs one check, also if the first to ask leaves.
func TestAtOnce(t *testing.T) {
	checker := &slow{counted{Checker: cred.Only(memory("jo", "secret"), cred.KindPassword)}, time.Second}
	s := newSite(t, checker)
	s.server = &web.Server{Handler: s.guard.Handler(web.HandlerFunc(s.hello))}
	for i := range 40 {
		tr := s.connect()
		tr.Receive("GET / HTTP/1.1\r\nHost: site.example\r\n" + basic("jo", "secret") + "\r\n\r\n")
		if i == 0 {
			s.clock.Advance(0)
			tr.Abort()
			s.clock.Advance(0)
		}
	}
	s.clock.Advance(2 * time.Second)
	if checker.n != 1 || s.served != 39 {
		t.Errorf("got %d checks and %d served, want 1 and 39", checker.n, s.served)
	}
	if got := strings.Count(strings.Join(s.events, "\n"), "logout"); got != 39 {
		t.Errorf("got %d logouts, want 39", got)
	}
}

// TestDelays: who guesses is slowed down by package cred, and told to come back
// when too many wait.
func TestDelays(t *testing.T) {
	s := newSite(t, cred.Only(memory("jo", "secret"), cred.KindPassword))
	for i := range 5 {
		if a := s.ask("GET /", basic("jo", fmt.Sprint(i))); a.status != 401 {
			t.Fatalf("try %d: got %d, want 401", i, a.status)
		}
	}
	tr := s.connect()
	tr.Receive("GET / HTTP/1.1\r\nHost: site.example\r\n" + basic("jo", "5") + "\r\n\r\n")
	s.clock.Advance(time.Second - 1)
	if got := tr.Written(); got != "" {
		t.Errorf("the sixth try: answered after less than a second: %q", got)
	}
	s.clock.Advance(time.Second)
	if a := s.read(tr); a.status != 401 {
		t.Errorf("the sixth try: got %d, want 401", a.status)
	}
	status := 0
	for i := range 20 {
		tr := s.connect()
		tr.Receive("GET / HTTP/1.1\r\nHost: site.example\r\n" + basic("jo", fmt.Sprint("again", i)) + "\r\n\r\n")
		s.clock.Pump(0, 0)
		if tr.Written() != "" {
			a := s.read(tr)
			status = a.status
			if got := a.header.Get("Retry-After"); got != "30" {
				t.Errorf("got Retry-After %q, want 30", got)
			}
			break
		}
	}
	if status != 503 {
		t.Errorf("many at once: got %d, want 503", status)
	}
	s.clock.Advance(5 * time.Minute)
}

// TestProxy: a proxy has fields and a status of its own.
func TestProxy(t *testing.T) {
	s := newSite(t, cred.Only(memory("jo", "secret"), cred.KindPassword))
	s.guard.Proxy = true
	a := s.ask("GET /", basic("jo", "secret"))
	if got := a.header.Get("Proxy-Authenticate"); a.status != 407 || !strings.HasPrefix(got, "Basic ") || len(a.challenges) != 0 {
		t.Errorf("got %d %q, want 407 and Basic", a.status, got)
	}
	if a := s.ask("GET /", "Proxy-"+basic("jo", "secret")); a.status != 200 {
		t.Errorf("got %d, want 200", a.status)
	}
}

// TestT_28: passwords and tokens are in no log, at any level, and in no page.
func TestT_28(t *testing.T) {
	s := newSite(t, memory("jo", "hunter2hunter2"), &guard.Tokens{})
	for _, field := range []string{
		basic("jo", "hunter2hunter2"), basic("jo", "hunter2wrong"), basic("broken", "hunter2"), "Authorization: Bearer hunter2",
		"Authorization: Bearer hunter2 hunter2", "Authorization: Digest hunter2", "Authorization: Basic hunter2",
	} {
		a := s.ask("GET /", field)
		if strings.Contains(a.body, "hunter2") {
			t.Errorf("%q: the page has it", field)
		}
	}
	encoded := base64.StdEncoding.EncodeToString([]byte("jo:hunter2hunter2"))
	for _, e := range s.clock.Errors() {
		if strings.Contains(e.Error(), "hunter2") || strings.Contains(e.Error(), encoded) {
			t.Errorf("an error has it: %v", e)
		}
	}
	if got := s.clock.Logged(); strings.Contains(got, "hunter2") || strings.Contains(got, encoded) {
		t.Errorf("the log has it: %s", got)
	}
	if got := fmt.Sprintf("%v %+v %#v", guard.Bearer{twistor.Conceal("hunter2")}, guard.Bearer{twistor.Conceal("hunter2")}, guard.Bearer{twistor.Conceal("hunter2")}); strings.Contains(got, "hunter2") {
		t.Errorf("it prints: %s", got)
	}
}

// TestTokens: a new token is long, and lets its owner in until it is removed.
func TestTokens(t *testing.T) {
	tokens := &guard.Tokens{Users: map[string]string{}}
	s := newSite(t, tokens)
	token, err := guard.NewToken(s.clock.Rand())
	if err != nil || len(token.Reveal()) != 43 {
		t.Fatalf("got %d bytes, %v, want 43", len(token.Reveal()), err)
	}
	tokens.Users[guard.Hash(token)] = "jo"
	if a := s.ask("GET /", "Authorization: Bearer "+token.Reveal()); a.body != "jo by bearer\n" {
		t.Errorf("got %d %q, want jo", a.status, a.body)
	}
	if a := s.ask("GET /", "Authorization: Bearer "+guard.Hash(token)); a.status != 401 {
		t.Errorf("the hash of a token: got %d, want 401", a.status)
	}
	delete(tokens.Users, guard.Hash(token))
	s.clock.Advance(time.Minute)
	if a := s.ask("GET /", "Authorization: Bearer "+token.Reveal()); a.status != 401 {
		t.Errorf("removed: got %d, want 401", a.status)
	}
}

// TestMisuse: what could let nobody in, or everybody, panics when it is made.
func TestMisuse(t *testing.T) {
	realm := cred.RealmFunc[int](func(*deferred.Co, cred.Identity, cred.Origin) (int, func(), error) { return 0, nil, nil })
	checkers := []cred.Checker{memory("jo", "secret")}
	for want, g := range map[string]*guard.Guard[int]{
		"want a Portal":   {},
		"with a Realm":    {Portal: &cred.Portal[int]{Checkers: checkers}},
		"want a Checker":  {Portal: &cred.Portal[int]{Realm: realm, Checkers: []cred.Checker{cred.AllowAnonymous{}}}},
		"want no control": {Name: "a\nb", Portal: &cred.Portal[int]{Realm: realm, Checkers: checkers}},
		"auth-int":        {Digester: &cred.Digester{QOP: []string{"auth-int"}}, Portal: &cred.Portal[int]{Realm: realm, Checkers: checkers}},
	} {
		func() {
			defer func() {
				if got := fmt.Sprint(recover()); !strings.Contains(got, want) {
					t.Errorf("got %v, want %q", got, want)
				}
			}()
			g.Handler(web.HandlerFunc(func(*web.ResponseWriter, *web.Request) {}))
		}()
	}
}

// FuzzFields: nobody is served whatever the field says, and nothing panics.
func FuzzFields(f *testing.F) {
	for _, seed := range []string{"Basic am86c2VjcmV0", "Basic", "Bearer a", "Digest username=\"jo\"", "Digest a=b, a=c", " ", "basic =="} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, value string) {
		for _, c := range []byte(value) {
			if c < ' ' || c == 0x7f {
				return // the server refuses the head
			}
		}
		s := newSite(t, cred.Only(memory("jo", "nobody knows this"), cred.KindDigest, cred.KindPassword), &guard.Tokens{})
		if a := s.ask("GET /", "Authorization: "+value); a.status != 401 && a.status != 400 || s.served != 0 {
			t.Errorf("got %d, served %d", a.status, s.served)
		}
	})
}

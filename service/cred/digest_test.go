package cred_test

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/service/cred"
)

func unhex(t *testing.T, s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// CR07: the examples of the RFCs, and -sess and auth-int as python3's hashlib
// computes them by the formulas of section 3.4.
// https://www.rfc-editor.org/rfc/rfc7616#section-3.9.1
// https://www.rfc-editor.org/rfc/rfc2617#section-3.5
func TestCR07DigestVectors(t *testing.T) {
	const nonce, cnonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
	mufasa := func(algorithm, qop, response string) *cred.Digest {
		return &cred.Digest{User: "Mufasa", Realm: "http-auth@example.org", Algorithm: algorithm, QOP: qop, Nonce: nonce, Count: "00000001",
			CNonce: cnonce, URI: "/dir/index.html", Method: "GET", Body: []byte("body"), Response: unhex(t, response)}
	}
	for _, c := range []struct {
		name     string
		d        *cred.Digest
		password string
	}{
		{"RFC 7616 MD5", mufasa("MD5", "auth", "8ca523f5e9506fed4657c9700eebdbec"), "Circle of Life"},
		{"RFC 7616 SHA-256", mufasa("SHA-256", "auth", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"), "Circle of Life"},
		{"RFC 2617", &cred.Digest{User: "Mufasa", Realm: "testrealm@host.com", Algorithm: "MD5", QOP: "auth", Nonce: "dcd98b7102dd2f0e8b11d0f600bfb0c093",
			Count: "00000001", CNonce: "0a4f113b", URI: "/dir/index.html", Method: "GET", Response: unhex(t, "6629fae49393a05397450978507c4ef1")}, "Circle Of Life"},
		{"MD5-sess", mufasa("MD5-sess", "auth", "e783283f46242139c486a698fec7211d"), "Circle of Life"},
		{"SHA-256-sess", mufasa("SHA-256-sess", "auth", "2fd51b3a77ad75bad6afad6003e818d767133c46d9e2749e7f5232ae1ea3efd7"), "Circle of Life"},
		{"auth-int", mufasa("SHA-256", "auth-int", "2fa9fd5a55eaefc542900085331c15a0d8dcebeb505811bdd82a5b1f49ae156e"), "Circle of Life"},
		{"without qop", mufasa("MD5", "", "7b2cc3b30e75b4777ea31027084363fd"), "Circle of Life"},
	} {
		if !c.d.Matches(twistor.Conceal(c.password)) {
			t.Errorf("%s: the right password is refused", c.name)
		}
		if c.d.Matches(twistor.Conceal(c.password + "x")) {
			t.Errorf("%s: a wrong password is accepted", c.name)
		}
		c.d.URI += "x"
		if c.d.Matches(twistor.Conceal(c.password)) {
			t.Errorf("%s: it is good for another request", c.name)
		}
	}
}

// A browser answers challenges, by itself and not by the code under test.
type browser struct {
	user, password string
	challenge      string
	count          int
}

var param = regexp.MustCompile(`(\w+)="?([^",]*)"?`)

func (b *browser) answer(method, uri, qop, body string) string {
	p := map[string]string{}
	for _, m := range param.FindAllStringSubmatch(b.challenge, -1) {
		p[m[1]] = m[2]
	}
	b.count++
	var newHash func() hash.Hash = md5.New
	if strings.HasPrefix(p["algorithm"], "SHA-256") {
		newHash = sha256.New
	}
	sum := func(s string) string {
		h := newHash()
		h.Write([]byte(s))
		return hex.EncodeToString(h.Sum(nil))
	}
	nc, cnonce := fmt.Sprintf("%08x", b.count), "0123"
	a1 := sum(b.user + ":" + p["realm"] + ":" + b.password)
	if strings.HasSuffix(p["algorithm"], "-sess") {
		a1 = sum(a1 + ":" + p["nonce"] + ":" + cnonce)
	}
	a2 := method + ":" + uri
	if qop == "auth-int" {
		a2 += ":" + sum(body)
	}
	response := sum(a1 + ":" + p["nonce"] + ":" + nc + ":" + cnonce + ":" + qop + ":" + sum(a2))
	return fmt.Sprintf(`Digest username="%s", realm="%s", nonce="%s", uri="%s", algorithm=%s, response="%s", qop=%s, nc=%s, cnonce="%s"`,
		b.user, p["realm"], p["nonce"], uri, p["algorithm"], response, qop, nc, cnonce)
}

// browse answers a challenge as a browser does.
func browse(challenge, user, password string) string {
	return (&browser{user: user, password: password, challenge: challenge}).answer("GET", "/", "auth", "")
}

// CR07: challenge, answer, login, for each algorithm and quality.
func TestCR07Digest(t *testing.T) {
	for _, algorithm := range []string{"MD5", "MD5-sess", "SHA-256", "SHA-256-sess"} {
		for _, qop := range []string{"auth", "auth-int"} {
			d := newDesk(t, users("jo", "secret"))
			digester := &cred.Digester{Realm: "the realm", Algorithms: []string{algorithm}, QOP: []string{"auth", "auth-int"}}
			challenges, err := digester.Challenges(d.clock, peer, false)
			if err != nil || len(challenges) != 1 {
				t.Fatalf("got %q, %v, want one challenge", challenges, err)
			}
			request := cred.Request{Method: "POST", URI: "/a?b", Body: []byte("body")}
			b := &browser{user: "jo", password: "secret", challenge: challenges[0]}
			login := func(header string, r cred.Request) error {
				c, err := digester.Parse(d.clock, header, r, peer)
				if err != nil {
					return err
				}
				_, err = d.login(c)
				return err
			}
			if err := login(b.answer("POST", "/a?b", qop, "body"), request); err != nil {
				t.Errorf("%s, %s: %v", algorithm, qop, err)
			}
			// Each thing that it proves, changed.
			for name, f := range map[string]func() error{
				"password": func() error {
					return login((&browser{user: "jo", password: "wrong", challenge: b.challenge, count: 9}).answer("POST", "/a?b", qop, "body"), request)
				},
				"user": func() error {
					return login(strings.Replace(b.answer("POST", "/a?b", qop, "body"), `"jo"`, `"joe"`, 1), request)
				},
				"method": func() error { return login(b.answer("GET", "/a?b", qop, "body"), request) },
				"uri":    func() error { return login(b.answer("POST", "/other", qop, "body"), request) },
				"replayed": func() error {
					header := b.answer("POST", "/a?b", qop, "body")
					login(header, request)
					return login(header, request)
				},
			} {
				if err := f(); err == nil {
					t.Errorf("%s, %s: %s: it is accepted", algorithm, qop, name)
				}
			}
			other := request
			other.Body = []byte("another body")
			if err := login(b.answer("POST", "/a?b", qop, "body"), other); (err == nil) != (qop == "auth") {
				t.Errorf("%s, %s: with another body: got %v", algorithm, qop, err)
			}
		}
	}
}

// CR07: a nonce is ours, for one host, for 15 minutes, and each count of it
// once, in any order that a few connections make.
func TestCR07DigestNonces(t *testing.T) {
	d := newDesk(t)
	digester := &cred.Digester{Realm: `a "realm"`}
	request := cred.Request{Method: "GET", URI: "/"}
	challenges, err := digester.Challenges(d.clock, peer, true)
	if err != nil || len(challenges) != 2 || !strings.HasPrefix(challenges[0], `Digest realm="a \"realm\"", qop="auth", algorithm=SHA-256, nonce="`) ||
		!strings.HasSuffix(challenges[1], `charset=UTF-8, stale=true`) {
		t.Fatalf("got %q, %v", challenges, err)
	}
	digester.Realm = "realm"
	challenges, _ = digester.Challenges(d.clock, peer, false)
	b := &browser{user: "jo", password: "secret", challenge: challenges[0]}
	parse := func(count int, from cred.Origin) error {
		b.count = count - 1
		_, err := digester.Parse(d.clock, b.answer("GET", "/", "auth", ""), request, from)
		return err
	}
	elsewhere := cred.Origin{Peer: netip.MustParseAddr("192.0.2.9")}
	for i, c := range []struct {
		count int
		from  cred.Origin
		want  error
	}{
		{1, elsewhere, cred.ErrStale}, {1, peer, nil}, {1, peer, cred.ErrStale}, {3, peer, nil}, {2, peer, nil}, {2, peer, cred.ErrStale}, {3, peer, cred.ErrStale},
		{66, peer, nil}, {3, peer, cred.ErrStale}, {4, peer, nil}, {4, peer, cred.ErrStale}, {1000, peer, nil}, {900, peer, cred.ErrStale}, {1000, peer, cred.ErrStale},
		{0, peer, cred.ErrStale},
	} {
		if err := parse(c.count, c.from); !errors.Is(err, c.want) {
			t.Errorf("step %d, count %d: got %v, want %v", i, c.count, err, c.want)
		}
	}
	d.clock.Advance(15 * time.Minute)
	if err := parse(2000, peer); err != nil {
		t.Errorf("after 15 minutes: %v", err)
	}
	d.clock.Advance(time.Nanosecond)
	if err := parse(2001, peer); !errors.Is(err, cred.ErrStale) || !errors.Is(err, cred.ErrUnauthorized) {
		t.Errorf("after more: got %v, want %v", err, cred.ErrStale)
	}
	// Another digester's nonce, such as ours before we were started again.
	foreign, _ := (&cred.Digester{Realm: "realm"}).Challenges(d.clock, peer, false)
	b.challenge = foreign[0]
	if err := parse(1, peer); !errors.Is(err, cred.ErrStale) {
		t.Errorf("a foreign nonce: got %v, want %v", err, cred.ErrStale)
	}
}

// CR07: strangers who use many nonces make no memory grow, and cannot make a
// used one good again.
func TestCR07DigestUsedNoncesAreBounded(t *testing.T) {
	d := newDesk(t)
	digester := &cred.Digester{Realm: "realm"}
	request := cred.Request{Method: "GET", URI: "/"}
	use := func() (again func() error) {
		challenges, err := digester.Challenges(d.clock, peer, false)
		if err != nil {
			t.Fatal(err)
		}
		header := (&browser{user: "jo", password: "x", challenge: challenges[0]}).answer("GET", "/", "auth", "")
		again = func() error {
			_, err := digester.Parse(d.clock, header, request, peer)
			return err
		}
		if err := again(); err != nil {
			t.Fatal(err)
		}
		d.clock.Advance(time.Microsecond)
		return again
	}
	first := use()
	for range 10_001 {
		use()
	}
	if err := first(); !errors.Is(err, cred.ErrStale) {
		t.Errorf("got %v of a nonce whose use was forgotten, want %v", err, cred.ErrStale)
	}
}

// CR07: what is refused before any password is looked for.
func TestCR07DigestRefusals(t *testing.T) {
	d := newDesk(t)
	digester := &cred.Digester{Realm: "realm"}
	challenges, _ := digester.Challenges(d.clock, peer, false)
	b := &browser{user: "jo", password: "x", challenge: challenges[0]}
	good := b.answer("GET", "/", "auth", "")
	edit := func(old, new string) string {
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(good, old, new, 1)
	}
	for name, c := range map[string]struct {
		header string
		want   error
	}{
		"as it is":         {good, nil},
		"another realm":    {edit(`realm="realm"`, `realm="other"`), cred.ErrUnauthorized},
		"not offered":      {edit("SHA-256", "SHA-256-sess"), cred.ErrUnauthorized},
		"no qop":           {edit("qop=auth, ", ""), cred.ErrUnauthorized},
		"auth-int":         {edit("qop=auth", "qop=auth-int"), cred.ErrUnauthorized},
		"another uri":      {edit(`uri="/"`, `uri="/x"`), cred.ErrMalformed},
		"basic":            {"Basic am86c2VjcmV0", cred.ErrMalformed},
		"nothing":          {"Digest", cred.ErrMalformed},
		"twice":            {edit("nc=", `qop=auth, nc=`), cred.ErrMalformed},
		"unknown hash":     {edit("SHA-256", "SHA-1"), cred.ErrMalformed},
		"unknown qop":      {edit("qop=auth", "qop=none"), cred.ErrMalformed},
		"short response":   {edit(`response="`, `response="00`), cred.ErrMalformed},
		"no quote":         {edit(`cnonce="0123"`, `cnonce="0123`), cred.ErrMalformed},
		"no count":         {edit("nc=00000001, ", ""), cred.ErrMalformed},
		"odd count":        {edit("nc=0000000", "nc=x000000"), cred.ErrMalformed},
		"userhash":         {good + ", userhash=true", cred.ErrMalformed},
		"two names":        {good + ", username*=UTF-8''jo", cred.ErrMalformed},
		"a name escaped":   {edit(`username="jo"`, "username*=UTF-8''j%C3%B6"), nil},
		"badly":            {edit(`username="jo"`, "username*=UTF-8''j%C"), cred.ErrMalformed},
		"of other letters": {edit(`username="jo"`, "username*=ISO-8859-1''j%F6"), cred.ErrMalformed},
		"without end":      {good + ", x=" + strings.Repeat("x", 8<<10), cred.ErrMalformed},
		"spaces":           {strings.ReplaceAll(good, ", ", " ,\t , "), nil},
		"lower case":       {edit("SHA-256", "sha-256"), nil},
	} {
		got, err := digester.Parse(d.clock, c.header, cred.Request{Method: "GET", URI: "/"}, peer)
		if errors.Is(err, cred.ErrStale) {
			err = nil // another case has used its count: it was looked at last
		}
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %+v, %v, want %v", name, got, err, c.want)
		}
	}
}

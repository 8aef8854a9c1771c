package cred_test

import (
	"encoding/hex"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/sim"
)

// A talk is an exchange under test.
type talk struct {
	t     *testing.T
	clock *sim.Clock
	x     *cred.Exchange[string]
}

func (d *desk) talk(mechanism string, from cred.Origin) *talk {
	d.t.Helper()
	x, err := d.Exchange(d.clock, mechanism, from)
	if err != nil {
		d.t.Fatal(err)
	}
	return &talk{d.t, d.clock, x}
}

// says sends a response, and returns what comes back.
func (k *talk) says(response []byte) (challenge []byte, err error) {
	k.t.Helper()
	return wait(k.t, k.clock, k.x.Next(response))
}

// is expects an answer: a challenge, or "in" for a login.
func (k *talk) is(response, want string) {
	k.t.Helper()
	var r []byte
	if response != "-" {
		r = []byte(response)
	}
	challenge, err := k.says(r)
	switch {
	case err != nil:
		k.t.Fatalf("%q: got %v, want %q", response, err, want)
	case want == "in" && (challenge != nil || k.x.Session() == nil):
		k.t.Fatalf("%q: got challenge %q, session %v, want a login", response, challenge, k.x.Session())
	case want != "in" && (challenge == nil || string(challenge) != want):
		k.t.Fatalf("%q: got %q, want %q", response, challenge, want)
	}
}

// fails expects an error.
func (k *talk) fails(response string, want error) {
	k.t.Helper()
	challenge, err := k.says([]byte(response))
	if !errors.Is(err, want) || k.x.Session() != nil {
		k.t.Errorf("%q: got %q, %v, want %v", response, challenge, err, want)
	}
}

var secure = cred.Origin{Peer: peer.Peer, Secure: true}

// CR07: PLAIN, with the RFC's own examples.
// https://www.rfc-editor.org/rfc/rfc4616#section-4
func TestCR07PLAIN(t *testing.T) {
	d := newDesk(t, users("tim", "tanstaaftanstaaf", "Kurt", "xipj3plmq"))
	d.talk("PLAIN", secure).is("\x00tim\x00tanstaaftanstaaf", "in")
	k := d.talk("plain", secure)
	k.is("-", "")
	k.is("\x00tim\x00tanstaaftanstaaf", "in")
	d.talk("PLAIN", secure).is("tim\x00tim\x00tanstaaftanstaaf", "in")
	d.talk("PLAIN", secure).fails("Ursel\x00Kurt\x00xipj3plmq", cred.ErrDenied)
	d.talk("PLAIN", secure).fails("\x00tim\x00wrong", cred.ErrUnauthorized)
	for _, bad := range []string{"", "tim", "\x00tim", "\x00\x00x", "\x00tim\x00", "\x00tim\x00x\x00y", "\x00t\xffm\x00x", strings.Repeat("x", 8<<10+1)} {
		d.talk("PLAIN", secure).fails(bad, cred.ErrMalformed)
	}
}

// CR07: LOGIN, with the name at once or asked for.
func TestCR07LOGIN(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	k := d.talk("LOGIN", secure)
	k.is("-", "Username:")
	k.is("jo", "Password:")
	k.is("secret", "in")
	k = d.talk("LOGIN", secure)
	buffer := []byte("jo") // the transport's, which is good for one call
	k.says(buffer)
	copy(buffer, "xx")
	k.is("secret", "in")
	k = d.talk("LOGIN", secure)
	k.is("jo", "Password:")
	k.fails("wrong", cred.ErrUnauthorized)
	if _, err := k.says([]byte("secret")); err == nil {
		t.Error("an exchange that is over goes on")
	}
}

// CR06: ANONYMOUS.
// https://www.rfc-editor.org/rfc/rfc4505#section-4
func TestCR06ANONYMOUS(t *testing.T) {
	d := newDesk(t, cred.AllowAnonymous{})
	d.talk("ANONYMOUS", peer).is("sirhc", "in")
	d.talk("ANONYMOUS", peer).is("", "in")
	d.talk("ANONYMOUS", peer).fails(strings.Repeat("x", 256), cred.ErrMalformed)
}

// CR07: the example of the RFC.
// https://www.rfc-editor.org/rfc/rfc2195#section-2
func TestCR07CRAMMD5OfTheRFC(t *testing.T) {
	const challenge = "<1896.697170952@postoffice.reston.mci.net>"
	c, err := cred.ParseCRAMMD5(challenge, []byte("tim b913a602c7eda7a495b4e6e7334d3890"))
	if err != nil {
		t.Fatal(err)
	}
	if c.User != "tim" || !c.Matches(twistor.Conceal("tanstaaftanstaaf")) || c.Matches(twistor.Conceal("tanstaaftanstaag")) {
		t.Errorf("got user %q, want tim, and the RFC's password only", c.User)
	}
}

// CR07: an exchange by CRAM-MD5; each challenge is another.
func TestCR07CRAMMD5(t *testing.T) {
	d := newDesk(t, users("jo doe", "secret"))
	d.Name = "mail.example.org"
	answer := func(k *talk, password string) string {
		challenge, err := k.says(nil)
		if err != nil {
			t.Fatal(err)
		}
		if !regexp.MustCompile(`^<[0-9a-f]{32}\.\d+@mail\.example\.org>$`).Match(challenge) {
			t.Errorf("got challenge %s, want <chance.time@host>", challenge)
		}
		return "jo doe " + hex.EncodeToString(hmacMD5(password, challenge))
	}
	k := d.talk("CRAM-MD5", peer)
	good := answer(k, "secret")
	k.is(good, "in")
	k = d.talk("CRAM-MD5", peer)
	k.says(nil)
	k.fails(good, cred.ErrUnauthorized) // an answer that was overheard
	k = d.talk("CRAM-MD5", peer)
	k.fails(answer(k, "wrong"), cred.ErrUnauthorized)
	for _, bad := range []string{"", "jo", "jo doe", "jo xyz", " b913a602c7eda7a495b4e6e7334d3890"} {
		k = d.talk("CRAM-MD5", peer)
		k.says(nil)
		k.fails(bad, cred.ErrMalformed)
	}
	d.talk("CRAM-MD5", peer).fails("initial", cred.ErrMalformed)
}

// CR07: what is offered: nothing that sends a password where others can
// listen, nothing that no checker takes.
func TestCR07Mechanisms(t *testing.T) {
	all := users("jo", "secret")
	for _, c := range []struct {
		name    string
		checker cred.Checker
		from    cred.Origin
		want    []string
	}{
		{"in the open", all, peer, []string{"SCRAM-SHA-256", "CRAM-MD5"}},
		{"secure", all, secure, []string{"SCRAM-SHA-256", "PLAIN", "LOGIN", "CRAM-MD5"}},
		{"a file", &cred.File{Name: "x"}, secure, []string{"PLAIN", "LOGIN"}},
		{"a file in the open", &cred.File{Name: "x"}, peer, nil},
		{"anonymous", cred.AllowAnonymous{}, peer, []string{"ANONYMOUS"}},
	} {
		d := newDesk(t, c.checker)
		if got := d.Mechanisms(c.from); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, got, c.want)
		}
	}
	d := newDesk(t, all)
	for _, name := range []string{"PLAIN", "NTLM", "", "SCRAM-SHA-256-PLUS"} {
		if _, err := d.Exchange(d.clock, name, peer); !errors.Is(err, cred.ErrUnhandled) {
			t.Errorf("%q in the open: got %v, want %v", name, err, cred.ErrUnhandled)
		}
	}
}

// CR03: a client that goes away in the middle leaves nothing behind.
func TestCR03ExchangeCancelled(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	k := d.talk("LOGIN", secure)
	k.x.Cancel() // before it has begun
	k = d.talk("LOGIN", secure)
	k.is("-", "Username:")
	k.x.Cancel()
	if _, err := k.says([]byte("jo")); err == nil {
		t.Error("a cancelled exchange goes on")
	}
	k = d.talk("LOGIN", secure)
	k.is("jo", "Password:")
	answer := k.x.Next([]byte("secret"))
	answer.Cancel() // while it is checked
	d.clock.Advance(time.Minute)
	if d.in != d.out {
		t.Errorf("%d in, %d out", d.in, d.out)
	}
	if k.x.Session() != nil {
		t.Error("a cancelled exchange has a session")
	}
	// One response at a time.
	k = d.talk("LOGIN", secure)
	k.is("jo", "Password:")
	first := k.x.Next([]byte("secret"))
	if _, err := wait(t, d.clock, k.x.Next([]byte("secret"))); err == nil {
		t.Error("a second response is taken while the first is looked at")
	}
	if _, err := wait(t, d.clock, first); err != nil {
		t.Errorf("the first: %v", err)
	}
}

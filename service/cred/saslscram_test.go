package cred_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/twistor-go/twistor/sim"
	"github.com/xdg-go/scram"
)

// A scripted loop has the randomness of the test's.
type scripted struct {
	*sim.Clock
	rand io.Reader
}

func (s *scripted) Rand() io.Reader { return s.rand }

// CR07: the example of the RFC, up to the server's nonce, which cannot be the
// RFC's: it has characters that ours, in base64, never have. The internal test
// goes on with it.
// https://www.rfc-editor.org/rfc/rfc7677#section-3
func TestCR07SCRAMOfTheRFC(t *testing.T) {
	record, err := passwd.Parse("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, &cred.Memory{Users: map[string]passwd.Record{"user": record}})
	loop := &scripted{d.clock, bytes.NewReader(make([]byte, 1000))}
	x, err := d.Exchange(loop, "SCRAM-SHA-256", peer)
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{t, d.clock, x}
	k.is("n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "r=rOprNGfwEbeRWgbNEkqO"+strings.Repeat("A", 24)+",s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
}

// CR07: SCRAM between this server and a client of the library, for records of
// both forms that serve it, and names with commas and equal signs.
func TestCR07SCRAM(t *testing.T) {
	kept, err := passwd.NewSCRAM("pencil", 5000, strings.NewReader("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	m := users("jo", "secret", "a,b=c", "comma")
	m.Users["al"] = kept.Record()
	d := newDesk(t, m)
	for _, c := range []struct {
		user, password string
		ok             bool
	}{{"jo", "secret", true}, {"jo", "wrong", false}, {"al", "pencil", true}, {"al", "secret", false}, {"a,b=c", "comma", true}, {"joe", "secret", false}} {
		client, err := scram.SHA256.NewClient(c.user, c.password, "")
		if err != nil {
			t.Fatal(err)
		}
		s, err := converse(d.talk("SCRAM-SHA-256", peer), client.NewConversation())
		if (err == nil) != c.ok || err != nil && !errors.Is(err, cred.ErrUnauthorized) {
			t.Errorf("%s, %s: got %v, want accepted: %v", c.user, c.password, err, c.ok)
		}
		if c.ok && (s.User != c.user || s.By != cred.KindSCRAM) {
			t.Errorf("got %+v, want %s by SCRAM", s, c.user)
		}
	}
	if d.in != d.out+3 {
		t.Errorf("%d in and %d out, want three who stay", d.in, d.out)
	}
}

// converse plays a client against an exchange.
func converse(k *talk, client *scram.ClientConversation) (*cred.Session[string], error) {
	k.t.Helper()
	var challenge []byte
	for {
		response, err := client.Step(string(challenge))
		if err != nil {
			k.t.Fatalf("the client refuses %q: %v", challenge, err)
		}
		if challenge, err = k.says([]byte(response)); err != nil {
			return nil, err
		}
		if challenge == nil {
			if !client.Valid() {
				k.t.Error("in, and the client does not know that it was this server")
			}
			return k.x.Session(), nil
		}
	}
}

// CR09: an unknown user sees the same conversation as a known one: a salt that
// stays the same, for each name another one, as many iterations, a refusal at
// the same place.
func TestCR09SCRAMDoesNotSayWhoExists(t *testing.T) {
	kept, err := passwd.NewSCRAM("pencil", 5000, strings.NewReader("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	d := newDesk(t, &cred.Memory{Users: map[string]passwd.Record{"al": kept.Record()}})
	salt := regexp.MustCompile(`^r=nonce[^,]{24},s=([A-Za-z0-9+/]{22}==),i=5000$`)
	salts := map[string]bool{}
	for _, user := range []string{"al", "joe", "joe", "jim"} {
		k := d.talk("SCRAM-SHA-256", peer)
		challenge, err := k.says([]byte("n,,n=" + user + ",r=nonce"))
		if err != nil {
			t.Fatal(err)
		}
		m := salt.FindSubmatch(challenge)
		if m == nil {
			t.Fatalf("%s: got %s, want a nonce, a salt and iterations", user, challenge)
		}
		salts[string(m[1])] = true
		nonce, _, _ := strings.Cut(string(challenge), ",")
		k.fails("c=biws,"+nonce+",p="+base64.StdEncoding.EncodeToString(make([]byte, 32)), cred.ErrUnauthorized)
	}
	if len(salts) != 3 {
		t.Errorf("got %d salts, want one for each of three names", len(salts))
	}
}

// CR09: who knows the password of the user whose record serves as a decoy is
// not let in as somebody who does not exist.
func TestCR09DecoyLetsNobodyIn(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	client, err := scram.SHA256.NewClient("nobody", "secret", "")
	if err != nil {
		t.Fatal(err)
	}
	if s, err := converse(d.talk("SCRAM-SHA-256", peer), client.NewConversation()); err == nil {
		t.Errorf("got a session of %q", s.User)
	}
	if s, err := d.login(password("nobody", "secret")); err == nil {
		t.Errorf("got a session of %q", s.User)
	}
}

// CR07: what SCRAM refuses.
func TestCR07SCRAMRefusals(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	for first, want := range map[string]error{
		"":                              cred.ErrMalformed,
		"n,,n=jo":                       cred.ErrMalformed,
		"x,,n=jo,r=nonce":               cred.ErrMalformed,
		"p=tls-exporter,,n=jo,r=n":      cred.ErrMalformed, // without -PLUS
		"n,,m=ext,n=jo,r=nonce":         cred.ErrMalformed,
		"n,,n=j=o,r=nonce":              cred.ErrMalformed,
		"n,,n=,r=nonce":                 cred.ErrMalformed,
		"n,,n=\x07,r=nonce":             cred.ErrMalformed,
		"n,a=root,n=jo,r=nonce":         cred.ErrDenied,
		strings.Repeat("n", 8<<10+1):    cred.ErrMalformed,
		"n,,n=jo,r=" + "nonce" + "\x00": nil,
	} {
		k := d.talk("SCRAM-SHA-256", peer)
		if want != nil {
			k.fails(first, want)
		}
		k.x.Cancel()
	}
	for _, second := range []string{"", "x", "c=biws,r=other,p=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "c=*,r=x,p=x"} {
		k := d.talk("SCRAM-SHA-256", peer)
		if _, err := k.says([]byte("n,,n=jo,r=nonce")); err != nil {
			t.Fatal(err)
		}
		if _, err := k.says([]byte(second)); err == nil {
			t.Errorf("%q is accepted", second)
		}
	}
}

// CR01: a client that gives up after the server's proof is logged out.
func TestCR01SCRAMGivenUpLogsOut(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	for _, last := range []func(*talk){
		func(k *talk) { k.x.Cancel() },
		func(k *talk) { k.fails("more", cred.ErrMalformed) },
	} {
		client, _ := scram.SHA256.NewClient("jo", "secret", "")
		c, k := client.NewConversation(), d.talk("SCRAM-SHA-256", peer)
		first, _ := c.Step("")
		challenge, _ := k.says([]byte(first))
		second, _ := c.Step(string(challenge))
		if final, err := k.says([]byte(second)); err != nil || !strings.HasPrefix(string(final), "v=") {
			t.Fatalf("got %q, %v, want the server's proof", final, err)
		}
		last(k)
		d.clock.Advance(0)
	}
	if d.in != 2 || d.out != 2 {
		t.Errorf("%d in, %d out, want 2 and 2", d.in, d.out)
	}
}

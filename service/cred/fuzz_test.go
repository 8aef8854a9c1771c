package cred

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/twistor-go/twistor/sim"
)

// FuzzFile: a line is a user of one name with a record, or an error that does
// not quote it.
func FuzzFile(f *testing.F) {
	f.Add("jo:{plain}a:b", ":", 1, 2)
	f.Add("x|{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE=|Jo", "|", 3, 2)
	f.Add("jo:SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=:more", "", 0, 0)
	f.Add("#\r\n\n:\n::\n", ":", -1, -1)
	f.Fuzz(func(t *testing.T, text, delimiter string, user, password int) {
		file := &File{Delimiter: delimiter, UserField: user, PasswordField: password}
		all, flaws := file.parse(text)
		if len(all.names) != len(all.records) {
			t.Errorf("%d names of %d users", len(all.names), len(all.records))
		}
		for name, r := range all.records {
			if name == "" || len(name) > maxUserBytes || r.IsZero() {
				t.Errorf("user %q, record %v", name, r.IsZero())
			}
		}
		if n := strings.Count(text, "\n") + 1; len(flaws)+len(all.names) > n {
			t.Errorf("%d users and %d flaws of %d lines", len(all.names), len(flaws), n)
		}
		parsePasswd(text)
		parseShadow(text)
	})
}

// FuzzAuthorizedKeys: a key that is read has the type that it says, and its
// options are written back to the same ones.
func FuzzAuthorizedKeys(f *testing.F) {
	f.Add(`ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGl4 jo`)
	f.Add(`from="a,b",no-pty,command="x \"y\" z" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGl4`)
	f.Add("a=\"\\\"\tssh")
	f.Fuzz(func(t *testing.T, line string) {
		k, err := parseKeyLine(line)
		if err != nil {
			return
		}
		if len(k.key) < 5 || len(k.options) > maxOptions {
			t.Errorf("%q: got %+v", line, k)
		}
		var b strings.Builder
		for i, o := range k.options {
			if i > 0 {
				b.WriteByte(',')
			}
			b.WriteString(o.Name)
			if o.Value != "" {
				b.WriteString(`="` + strings.ReplaceAll(o.Value, `"`, `\"`) + `"`)
			}
		}
		if len(k.options) == 0 || strings.Contains(b.String(), `\\"`) {
			return // a backslash before a quote cannot be written back
		}
		again, rest, err := parseOptions(b.String() + " rest")
		if err != nil || rest != "rest" || !reflect.DeepEqual(again, k.options) {
			t.Errorf("%q: got %v, %v, want %v again", b.String(), again, err, k.options)
		}
	})
}

// FuzzDigest: a header is malformed, or says all that a Digest needs.
func FuzzDigest(f *testing.F) {
	f.Add(`Digest username="Mufasa", realm="r", nonce="n", uri="/", response="8ca523f5e9506fed4657c9700eebdbec", qop=auth, nc=00000001, cnonce="c"`)
	f.Add(`Digest username*=UTF-8''J%C3%A4s, nonce=n, uri=/, algorithm=SHA-256, response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"`)
	f.Add(`digest a="\`)
	f.Fuzz(func(t *testing.T, header string) {
		d, err := parseDigest(header)
		if err != nil {
			if !errors.Is(err, ErrMalformed) {
				t.Errorf("got %v", err)
			}
			return
		}
		if d.User == "" || d.Nonce == "" || d.URI == "" || len(d.Response) == 0 || digestHashes[d.Algorithm] == nil {
			t.Errorf("%q: got %+v", header, d)
		}
		if d.Matches(twistor.Conceal("a password")) {
			t.Error("it proves a password that it was not made of")
		}
	})
}

// FuzzExchange: whatever a client says, in any mechanism, nobody is let in who
// does not know the password, nothing panics, and each response is answered.
func FuzzExchange(f *testing.F) {
	f.Add(uint8(0), []byte("\x00jo\x00x"), []byte("jo"), []byte("x"))
	f.Add(uint8(1), []byte("n,,n=jo,r=x"), []byte("c=biws,r=x,p=AAAA"), []byte(""))
	f.Add(uint8(3), []byte(""), []byte("jo 00000000000000000000000000000000"), []byte(""))
	f.Fuzz(func(t *testing.T, which uint8, a, b, c []byte) {
		clock := sim.NewClock(t)
		p := &Portal[string]{
			Checkers: []Checker{&Memory{Users: map[string]passwd.Record{"jo": passwd.Plain("a good password")}}},
			Realm:    RealmFunc[string](func(_ *deferred.Co, id Identity, _ Origin) (string, func(), error) { return id.User, nil, nil }),
		}
		from := Origin{Secure: true}
		names := p.Mechanisms(from)
		x, err := p.Exchange(clock, names[int(which)%len(names)], from)
		if err != nil {
			t.Fatal(err)
		}
		defer x.Cancel()
		for _, response := range [][]byte{a, b, c} {
			next := x.Next(response)
			clock.Advance(1)
			o, fired := next.Result()
			if !fired {
				t.Fatal("no answer")
			}
			if o.Err != nil {
				return
			}
			if o.Value == nil {
				t.Fatalf("let in by %q, %q, %q", a, b, c)
			}
		}
	})
}

// FuzzArgument: what splits at colons is put together again.
func FuzzArgument(f *testing.F) {
	f.Add(`a:b\:c:\\`)
	f.Fuzz(func(t *testing.T, text string) {
		parts, err := splitArgument(text)
		if err != nil {
			return
		}
		escape := strings.NewReplacer(`\`, `\\`, `:`, `\:`)
		for i := range parts {
			parts[i] = escape.Replace(parts[i])
		}
		if got := strings.Join(parts, ":"); got != text {
			t.Errorf("got %q of %q", got, text)
		}
	})
}

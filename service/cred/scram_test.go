package cred

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/twistor-go/twistor/sim"
	"github.com/xdg-go/scram"
)

// CR07: the whole example of the RFC.
// https://www.rfc-editor.org/rfc/rfc7677#section-3
func TestCR07SCRAMExample(t *testing.T) {
	record, err := passwd.Parse("SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		proof string
		final string
		want  error
	}{
		{"dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", nil},
		{"eHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "", ErrUnauthorized},
	} {
		s, err := newSCRAM([]byte("n,,n=user,r=rOprNGfwEbeRWgbNEkqO"), "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", scram.ChannelBinding{}, false)
		if err != nil {
			t.Fatal(err)
		}
		var challenge string
		s.converse = func(_ *deferred.Co, b []byte) ([]byte, error) {
			challenge = string(b)
			return []byte("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=" + c.proof), nil
		}
		keys, _ := record.SCRAM(nil)
		if err := s.Prove(nil, keys); !errors.Is(err, c.want) || s.final != c.final {
			t.Errorf("got %q, %v, want %q, %v", s.final, err, c.final, c.want)
		}
		if want := "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"; challenge != want {
			t.Errorf("got %q, want %q", challenge, want)
		}
		if err := s.Prove(nil, keys); err == nil {
			t.Error("it is proved twice")
		}
	}
}

// connected is a TLS connection's state as both ends see it.
func connected(t *testing.T, version uint16) (server, client *tls.ConnectionState) {
	t.Helper()
	ca := certtest.New()
	a, b := net.Pipe()
	serving, dialing := ca.Server("mail.example").Clone(), ca.Client("mail.example").Clone()
	serving.MaxVersion, dialing.MaxVersion = version, version
	s, c := tls.Server(a, serving), tls.Client(b, dialing)
	shaken := make(chan error, 1)
	go func() {
		err := s.Handshake()
		io.WriteString(s, "x") // the client's last message is read before it
		shaken <- err
	}()
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	c.Read(make([]byte, 1))
	if err := <-shaken; err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(); b.Close() })
	ss, cs := s.ConnectionState(), c.ConnectionState()
	return &ss, &cs
}

// CR07: SCRAM-SHA-256-PLUS is bound to its connection: a proof that somebody
// in between passes on is of no use, nor is to say that the server cannot bind.
func TestCR07SCRAMPlus(t *testing.T) {
	server, client := connected(t, tls.VersionTLS13)
	_, other := connected(t, tls.VersionTLS13)
	bind := func(of *tls.ConnectionState) scram.ChannelBinding {
		b, err := scram.NewTLSExporterBinding(of)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	plus := func(of *tls.ConnectionState) func(*scram.Client) *scram.ClientConversation {
		return func(c *scram.Client) *scram.ClientConversation { return c.NewConversationWithChannelBinding(bind(of)) }
	}
	for _, c := range []struct {
		name, mechanism string
		conversation    func(*scram.Client) *scram.ClientConversation
		want            error
	}{
		{"bound", "SCRAM-SHA-256-PLUS", plus(client), nil},
		{"bound to another connection", "SCRAM-SHA-256-PLUS", plus(other), ErrUnauthorized},
		{"unbound under PLUS", "SCRAM-SHA-256-PLUS", (*scram.Client).NewConversation, ErrMalformed},
		{"bound without PLUS", "SCRAM-SHA-256", plus(client), ErrMalformed},
		{"a client that cannot", "SCRAM-SHA-256", (*scram.Client).NewConversation, nil},
		{"a client told that we cannot", "SCRAM-SHA-256", (*scram.Client).NewConversationAdvertisingChannelBinding, ErrMalformed},
	} {
		clock := sim.NewClock(t)
		p := &Portal[string]{
			Checkers: []Checker{&Memory{Users: map[string]passwd.Record{"jo": passwd.Plain("secret")}}},
			Realm:    RealmFunc[string](func(_ *deferred.Co, id Identity, _ Origin) (string, func(), error) { return id.User, nil, nil }),
		}
		x, err := p.Exchange(clock, c.mechanism, Origin{Secure: true, TLS: server})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		user, err := scram.SHA256.NewClient("jo", "secret", "")
		if err != nil {
			t.Fatal(err)
		}
		conversation := c.conversation(user)
		var challenge []byte
		for err == nil {
			response, stepErr := conversation.Step(string(challenge))
			if stepErr != nil {
				t.Fatalf("%s: the client: %v", c.name, stepErr)
			}
			next := x.Next([]byte(response))
			clock.Advance(1)
			o, _ := next.Result()
			if challenge, err = o.Value, o.Err; challenge == nil {
				break
			}
		}
		if !errors.Is(err, c.want) || (err == nil) != (x.Session() != nil) {
			t.Errorf("%s: got %v, session %v, want %v", c.name, err, x.Session(), c.want)
		}
	}
	old, _ := connected(t, tls.VersionTLS12)
	for _, state := range []*tls.ConnectionState{nil, {}, {Version: tls.VersionTLS13}, old} {
		if bindingOf(state).IsSupported() {
			t.Errorf("a connection that cannot be bound to is offered: %v", state)
		}
	}
}

// FuzzSCRAM: whatever a client says, it is not let in without the proof, and
// nothing panics.
func FuzzSCRAM(f *testing.F) {
	f.Add([]byte("n,,n=jo,r=nonce"), []byte("c=biws,r=nonce,p=AAAA"))
	f.Add([]byte("y,a=jo,n=jo,r="), []byte("c=eSws,r=x,m=y,p="))
	f.Add([]byte("p=tls-exporter,,n=j=2Co,r=x,ext"), []byte(",,,"))
	keys, _ := passwd.Plain("secret").SCRAM([]byte("salt and pepper"))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s, err := newSCRAM(first, "ours", scram.ChannelBinding{}, false)
		if err != nil {
			if !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrDenied) {
				t.Errorf("got %v", err)
			}
			return
		}
		s.converse = func(_ *deferred.Co, challenge []byte) ([]byte, error) {
			if !bytes.HasPrefix(challenge, []byte("r=")) {
				t.Errorf("got challenge %q", challenge)
			}
			return second, nil
		}
		if err := s.Prove(nil, keys); err == nil {
			t.Errorf("%q, %q: let in", first, second)
		}
	})
}

package acme

import (
	"crypto/tls"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// TestG01: a site listens at two ports; the authority is answered at both, and
// everybody else is served.
func TestG01(t *testing.T) {
	w := sim.New(t, 0)
	server := w.Host("server")
	ca := newAuthority(server.Loop().Now)
	c := &Certificates{
		Domains: []string{"server"}, Directory: caHost + "/dir", TermsAgreed: true, Client: ca.client(),
		Challenges: []string{HTTP},
	}
	site := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("hello\n") })
	server.Listen("tcp", ":80", &web.Server{Handler: c.Handler(site)})
	server.Listen("tcp", ":443", c.Factory(&web.Server{Handler: site}))
	server.Do(func(co *deferred.Co) error {
		if err := c.Start(co, service.On(server.Loop())); err != nil {
			return err
		}
		_, err := c.Ready().Timeout(time.Minute).Await(co)
		return err
	})
	// Another order stands still: what it answers is there.
	c.answers.files = map[string]string{challengePath + "token": "token.thumbprint"}
	c.answers.handshakes = map[string]*tls.Config{"next": c.challengeConfig(sim.Certificate("next"))}
	c.publish()
	ask := func(method, target, want string) {
		t.Helper()
		p := w.Host("client").Dial("server:80")
		p.Send(method + " " + target + " HTTP/1.0\r\nHost: server\r\n\r\n")
		for p.Line() != "" {
			// the head
		}
		p.Expect(want)
		p.ExpectEnd()
		p.Close()
	}
	ask("GET", "/.well-known/acme-challenge/token", "token.thumbprint")
	ask("GET", "/.well-known/acme-challenge/other", "hello\n")
	ask("GET", "/", "hello\n")
	ask("POST", "/.well-known/acme-challenge/token", "hello\n")

	secure := func(name, proto string) (*sim.Peer, error) {
		p := w.Host("client").Dial("server:443")
		err := p.Secure(&tls.Config{ServerName: name, NextProtos: []string{proto}, InsecureSkipVerify: true})
		if err != nil {
			p.WaitGone()
		}
		return p, err
	}
	if p, err := secure("server", "http/1.1"); err != nil {
		t.Errorf("a client: got %v", err)
	} else {
		p.Send("GET / HTTP/1.0\r\nHost: server\r\n\r\n")
		p.Expect("HTTP/1.1 200 OK\r\n")
		p.WaitGone()
		p.Close()
	}
	if _, err := secure("elsewhere", "http/1.1"); err == nil {
		t.Error("a client of another name is served")
	}
	if _, err := secure("server", "acme-tls/1"); err == nil {
		t.Error("an authority that was not asked is served")
	}
	if p, err := secure("next", "acme-tls/1"); err != nil {
		t.Errorf("the authority: got %v", err)
	} else {
		// A server that had met it would wait for a request.
		if took := p.WaitGone(); took > web.DefaultHeaderTimeout/2 {
			t.Errorf("the authority: closed after %v, want at once", took)
		}
		p.Close()
	}
	server.Do(c.Stop)
}

package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

const day = 24 * time.Hour

// A rig is a program on a loop that stands still, and its authority.
type rig struct {
	t     *testing.T
	clock *sim.Clock
	ca    *authority
	store *persist.Store // nil: none
	log   *strings.Builder
	slept time.Duration // how far the clock has jumped
}

// A logged loop keeps all levels of its log, and its time may jump.
type logged struct {
	*sim.Clock
	log   *slog.Logger
	slept *time.Duration
}

func (l logged) Log() *slog.Logger { return l.log }
func (l logged) Now() time.Time    { return l.Clock.Now().Add(*l.slept) }

func newRig(t *testing.T) *rig {
	r := &rig{t: t, clock: sim.NewClock(t), log: &strings.Builder{}}
	r.ca = newAuthority(func() time.Time { return r.clock.Now().Add(r.slept) })
	return r
}

func (r *rig) loop() twistor.Loop {
	return logged{r.clock, slog.New(slog.NewJSONHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug - 4})), &r.slept}
}

// do runs body as a coroutine, and a moment more.
func (r *rig) do(body func(co *deferred.Co) error) error {
	r.t.Helper()
	result := errors.New("it is still running")
	deferred.Inline(r.loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) }).
		Done(func(_ struct{}, err error) { result = err })
	r.clock.Advance(10 * time.Second)
	return result
}

// remember opens the Store.
func (r *rig) remember() {
	r.t.Helper()
	err := r.do(func(co *deferred.Co) (err error) {
		r.store, err = persist.Open(co, r.clock, persist.Config{Dir: "/var/lib/web", Name: "web"})
		return err
	})
	if err != nil {
		r.t.Fatal(err)
	}
}

// sleep closes the Store, as the end of a program does.
func (r *rig) sleep() {
	r.t.Helper()
	if err := r.do(r.store.Close); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) certificates(domains ...string) *Certificates {
	return &Certificates{Domains: domains, Directory: caHost + "/dir", TermsAgreed: true, Client: r.ca.client()}
}

func (r *rig) start(c *Certificates) {
	r.t.Helper()
	if err := r.do(func(co *deferred.Co) error { return c.Start(co, service.With(r.loop(), r.store)) }); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) stop(c *Certificates) {
	r.t.Helper()
	if err := r.do(c.Stop); err != nil {
		r.t.Fatal(err)
	}
}

// serial is that of the certificate which a client is shown that names server;
// "": it is turned away.
func (r *rig) serial(c *Certificates, server string) string {
	r.t.Helper()
	state, err := r.handshake(c.Config(), &tls.Config{ServerName: server, NextProtos: []string{"h2"}, InsecureSkipVerify: server == ""})
	if err != nil {
		return ""
	}
	return state.PeerCertificates[0].SerialNumber.String()
}

// handshake is one of crypto/tls with the server of a configuration.
func (r *rig) handshake(config, client *tls.Config) (tls.ConnectionState, error) {
	near, far := net.Pipe()
	defer near.Close()
	go func() {
		defer far.Close()
		server := tls.Server(far, config)
		server.HandshakeContext(context.Background())
		server.Close()
	}()
	client.Time = r.ca.now
	if client.RootCAs == nil {
		client.RootCAs = x509.NewCertPool()
		client.RootCAs.AddCert(r.ca.root)
	}
	conn := tls.Client(near, client)
	err := conn.Handshake()
	io.Copy(io.Discard, conn) // tickets come after it
	return conn.ConnectionState(), err
}

// TestUC14 gets two certificates, each for a client that names its server, and
// renews both without a restart.
func TestUC14(t *testing.T) {
	r := newRig(t)
	r.remember()
	c := r.certificates("example.com", "www.Example.com.")
	if got := r.serial(c, "example.com"); got != "" {
		t.Errorf("before Start: got certificate %s, want none", got)
	}
	ready := c.Ready()
	r.start(c)
	sim.Result(t, ready)
	for domain, want := range map[string]string{"example.com": "2", "www.example.com": "3", "": "2", "other.example.com": ""} {
		if got := r.serial(c, domain); got != want {
			t.Errorf("%q: got certificate %q, want %q", domain, got, want)
		}
	}
	if got := len(r.ca.accounts); got != 1 {
		t.Errorf("got %d accounts, want 1", got)
	}
	if got := c.State(); !strings.HasPrefix(got, "2 of 2 certificates, ") || !strings.Contains(got, "to be renewed 2030-03-0") {
		t.Errorf("state: got %q", got)
	}

	r.clock.Advance(56 * day) // 90 days less a third, and a thirtieth, is 57
	if got := r.serial(c, "example.com"); got != "2" {
		t.Errorf("after 56 days: got certificate %s, want the first still", got)
	}
	r.clock.Advance(8 * day)
	if a, b := r.serial(c, "example.com"), r.serial(c, "www.example.com"); a+b != "45" && a+b != "54" {
		t.Errorf("after 64 days: got certificates %s and %s, want 4 and 5", a, b)
	}
	r.stop(c)
	r.clock.Advance(100 * day)
	if got := len(r.ca.orders); got != 4 {
		t.Errorf("after Stop: got %d orders, want 4", got)
	}
	r.sleep()
}

// TestKept: another life of the program serves what the former got, with the
// same account, and asks the authority for nothing.
func TestKept(t *testing.T) {
	r := newRig(t)
	r.remember()
	c := r.certificates("example.com")
	r.start(c)
	r.stop(c)
	r.sleep()

	asked := len(r.ca.asked)
	r.remember()
	c = r.certificates("example.com")
	r.start(c)
	if got := r.serial(c, "example.com"); got != "2" {
		t.Errorf("got certificate %q, want 2", got)
	}
	if got := r.ca.asked[asked:]; len(got) != 0 {
		t.Errorf("asked the authority for %q, want nothing", got)
	}
	r.clock.Advance(70 * day)
	if got := r.serial(c, "example.com"); got != "3" {
		t.Errorf("70 days later: got certificate %q, want 3", got)
	}
	if got := len(r.ca.accounts); got != 1 {
		t.Errorf("got %d accounts, want 1", got)
	}
	r.stop(c)
	r.sleep()

	// Of another authority it is replaced, and served until then.
	r.remember()
	c = r.certificates("example.com")
	c.Directory = caHost + "/dir?other"
	r.ca.fail = func(string, int) *http.Response { return refuse(503, "serverInternal", "closed") }
	r.start(c)
	if got := r.serial(c, "example.com"); got != "3" {
		t.Errorf("other authority, closed: got certificate %q, want 3", got)
	}
	r.ca.fail = nil
	r.clock.Advance(time.Hour)
	if got := r.serial(c, "example.com"); got != "4" {
		t.Errorf("other authority: got certificate %q, want 4", got)
	}
	r.stop(c)
	r.sleep()

	// A name that is not ours any more is forgotten.
	r.remember()
	c = r.certificates("example.org")
	r.start(c)
	r.stop(c)
	if _, ok := c.memory.Issued["example.com"]; ok || len(c.memory.Issued) != 1 {
		t.Errorf("got %d names kept, want example.org alone", len(c.memory.Issued))
	}
	r.sleep()
}

// TestLooks has the authority look as a real one does.
func TestLooks(t *testing.T) {
	for _, way := range []string{HTTP, TLSALPN} {
		t.Run(way, func(t *testing.T) {
			r := newRig(t)
			c := r.certificates("example.com")
			c.Challenges = []string{way}
			looked := false
			r.ca.look = func(used, domain, token, text string) error {
				looked = true
				if used != way {
					return fmt.Errorf("got %s, want %s", used, way)
				}
				if way == HTTP {
					if got, ok := c.answer("/.well-known/acme-challenge/" + token); !ok || got != text {
						return fmt.Errorf("got %q, want %q", got, text)
					}
					return nil
				}
				if got := r.serial(c, domain); got != "" {
					return fmt.Errorf("a client that is no authority is shown certificate %s", got)
				}
				if _, err := r.handshake(c.Config(), &tls.Config{ServerName: domain, NextProtos: []string{"acme-tls/1", "h2"}, InsecureSkipVerify: true}); err == nil {
					return errors.New("a client that names other protocols too is answered as an authority")
				}
				if _, err := r.handshake(c.Config(), &tls.Config{ServerName: "other.example", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}); err == nil {
					return errors.New("another name is answered")
				}
				if !c.served.Load().handshakes[domain].SessionTicketsDisabled {
					return errors.New("the session could be resumed")
				}
				state, err := r.handshake(c.Config(), &tls.Config{ServerName: domain, NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true})
				if err != nil {
					return err
				}
				cert := state.PeerCertificates[0]
				if state.NegotiatedProtocol != "acme-tls/1" || len(cert.DNSNames) != 1 || cert.DNSNames[0] != domain {
					return fmt.Errorf("got a certificate of %q by %q", cert.DNSNames, state.NegotiatedProtocol)
				}
				for _, e := range cert.Extensions {
					if e.Id.String() == "1.3.6.1.5.5.7.1.31" && e.Critical {
						return nil
					}
				}
				return errors.New("no acmeIdentifier")
			}
			r.start(c)
			if !looked || r.serial(c, "example.com") != "2" {
				t.Errorf("no certificate: %s", c.State())
			}
			// Nothing is left of it.
			if _, ok := c.answer("/.well-known/acme-challenge/token-0"); ok {
				t.Error("the file is still there")
			}
			if _, err := r.handshake(c.Config(), &tls.Config{ServerName: "example.com", NextProtos: []string{"acme-tls/1"}, InsecureSkipVerify: true}); err == nil {
				t.Error("the authority's handshake is still answered")
			}
			r.stop(c)
		})
	}
}

// TestTickets: clients resume for a day or two, and each name for itself.
func TestTickets(t *testing.T) {
	r := newRig(t)
	c := r.certificates("example.com", "www.example.com")
	r.start(c)
	cache := tls.NewLRUClientSessionCache(0)
	resumes := func(server string) bool {
		state, err := r.handshake(c.Config(), &tls.Config{ServerName: server, ClientSessionCache: cache})
		if err != nil {
			t.Fatal(err)
		}
		return state.DidResume
	}
	if resumes("example.com") {
		t.Error("the first connection resumes")
	}
	if !resumes("example.com") {
		t.Error("the second does not resume")
	}
	// What is one name's is nothing to another.
	state, _ := cache.Get("example.com")
	cache.Put("www.example.com", state)
	if resumes("www.example.com") {
		t.Error("a session resumes at another name")
	}
	r.clock.Advance(25 * time.Hour)
	if !resumes("example.com") {
		t.Error("a day later it does not resume")
	}
	r.clock.Advance(3 * day)
	if resumes("example.com") {
		t.Error("three days later it resumes")
	}
	r.stop(c)
}

// TestLoopsAsk: other goroutines ask for certificates while they are renewed:
// for the race detector.
func TestLoopsAsk(t *testing.T) {
	r := newRig(t)
	c := r.certificates("example.com", "www.example.com")
	config := c.Config()
	r.start(c)
	over := make(chan struct{})
	var asking sync.WaitGroup
	for _, hello := range []*tls.ClientHelloInfo{{ServerName: "example.com"}, {ServerName: "www.example.com", SupportedProtos: []string{"acme-tls/1"}}} {
		asking.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if config, err := config.GetConfigForClient(hello); err != nil || config == nil {
					t.Error("no configuration")
				}
				c.answer("/.well-known/acme-challenge/token-0")
			}
		})
	}
	for range 10 {
		r.clock.Advance(30 * day)
	}
	close(over)
	asking.Wait()
	r.stop(c)
}

// TestSlept: a machine that has slept for months renews within half a day.
func TestSlept(t *testing.T) {
	r := newRig(t)
	c := r.certificates("example.com")
	r.start(c)
	r.slept = 70 * day
	r.clock.Advance(maxPause + time.Minute)
	if got := r.serial(c, "example.com"); got != "3" {
		t.Errorf("got certificate %q, want 3", got)
	}
	r.stop(c)
}

// TestFactoryMeetsNoAuthority: a Factory never meets an authority, and meets others.
func TestFactoryMeetsNoAuthority(t *testing.T) {
	var met []string
	f := &visited{twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		met = append(met, tr.TLS().NegotiatedProtocol)
		return &sim.Ear{}
	})}
	for _, proto := range []string{"acme-tls/1", "h2", ""} {
		f.Build(negotiated{proto: proto})
	}
	if got := fmt.Sprintf("%q", met); got != `["h2" ""]` {
		t.Errorf("got %s, want h2 and none", got)
	}
}

type negotiated struct {
	twistor.Transport
	proto string
}

func (n negotiated) TLS() *tls.ConnectionState {
	return &tls.ConnectionState{NegotiatedProtocol: n.proto}
}

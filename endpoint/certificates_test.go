package endpoint_test

import (
	"crypto/tls"
	"fmt"
	"io/fs"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/sim"
)

// shake makes one TLS connection in memory, and returns the client's view.
func shake(t *testing.T, server, client *tls.Config) (tls.ConnectionState, error) {
	t.Helper()
	a, b := net.Pipe()
	defer b.Close()
	served := make(chan error, 1)
	go func() {
		defer a.Close()
		s := tls.Server(a, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("!")) // behind it come the tickets
		}
		served <- err
	}()
	c := tls.Client(b, client)
	_, err := c.Read(make([]byte, 1))
	b.Close()
	if failed := <-served; err == nil {
		err = failed
	}
	return c.ConnectionState(), err
}

// serial is which certificate the server showed.
func serial(s tls.ConnectionState) string { return s.PeerCertificates[0].SerialNumber.String() }

// load loads c on l.
func load(t *testing.T, l twistor.Loop, c *endpoint.Certificates) *tls.Config {
	t.Helper()
	config, err := c.Load(l)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// TLS-09: a replaced certificate serves new connections, without a restart.
func TestTLS_09ReplacedCertificateIsServed(t *testing.T) {
	l, ca := sim.NewClock(t), newAuthority(t, "ca")
	ca.write(l, "/site.pem", "a.example")
	server := load(t, l, &endpoint.Certificates{Cert: "/site.pem"})
	client := &tls.Config{RootCAs: ca.pool(), ServerName: "a.example"}

	first, err := shake(t, server, client)
	if err != nil {
		t.Fatal(err)
	}
	l.Advance(2 * time.Second)
	ca.write(l, "/site.pem", "a.example")
	if _, err := shake(t, server, client); err != nil { // asks for a look
		t.Fatal(err)
	}
	l.Advance(0)
	for range 10 {
		again, err := shake(t, server, client)
		if err != nil {
			t.Fatal(err)
		}
		if serial(again) == serial(first) {
			t.Fatal("got the old certificate after it was replaced, want the new one")
		}
	}
	if !strings.Contains(l.Logged(), "certificates read again") {
		t.Errorf("got log %q, want a line about the new certificate", l.Logged())
	}
}

// TLS-09: a half-written file, or a key that is another's, keeps the old pair,
// and is logged once until it changes.
func TestTLS_09HalfWrittenKeepsOld(t *testing.T) {
	l, ca := sim.NewClock(t), newAuthority(t, "ca")
	cert, key := ca.issue("a.example")
	writeFile(t, l, "/a.pem", cert)
	writeFile(t, l, "/a.key", key)
	server := load(t, l, &endpoint.Certificates{Cert: "/a.pem", Key: "/a.key"})
	client := &tls.Config{RootCAs: ca.pool(), ServerName: "a.example"}
	first, err := shake(t, server, client)
	if err != nil {
		t.Fatal(err)
	}

	cert2, key2 := ca.issue("a.example")
	for _, name := range []string{"half", "another's"} {
		p := cert2
		if name == "half" {
			p = cert2[:len(cert2)/2]
		}
		l.Advance(time.Second)
		writeFile(t, l, "/a.pem", p)
		for range 5 { // looks, each a second after the other
			s, err := shake(t, server, client)
			if err != nil || serial(s) != serial(first) {
				t.Fatalf("%s: got error %v, serial %s, want the old pair", name, err, serial(s))
			}
			l.Advance(time.Second)
		}
		if got := len(l.Errors()); got != 1 {
			t.Errorf("%s: logged %d errors, want 1", name, got)
		}
	}

	writeFile(t, l, "/a.pem", cert2)
	writeFile(t, l, "/a.key", key2)
	shake(t, server, client)
	l.Advance(time.Second)
	s, err := shake(t, server, client)
	if err != nil || serial(s) == serial(first) {
		t.Errorf("got error %v, serial %s, want the whole new pair", err, serial(s))
	}
}

// A counted loop counts looks at files.
type counted struct {
	*sim.Clock
	stats int
}

func (l *counted) FS() twistor.FS { return countedFS{l.Clock.FS(), l} }

type countedFS struct {
	twistor.FS
	loop *counted
}

func (f countedFS) Stat(name string) (fs.FileInfo, error) {
	f.loop.stats++
	return f.FS.Stat(name)
}

// TLS-09: however many shake hands, files are looked at once a second at most,
// and never when nobody does.
func TestTLS_09LooksAtMostOnceASecond(t *testing.T) {
	l, ca := &counted{Clock: sim.NewClock(t)}, newAuthority(t, "ca")
	ca.write(l, "/site.pem", "a.example")
	server := load(t, l, &endpoint.Certificates{Cert: "/site.pem"})
	client := &tls.Config{RootCAs: ca.pool(), ServerName: "a.example"}
	l.stats = 0
	for range 30 { // over three seconds
		shake(t, server, client)
		l.Advance(100 * time.Millisecond)
	}
	if l.stats < 2 || l.stats > 3 {
		t.Errorf("looked %d times in 3 s, want 2 or 3", l.stats)
	}
	l.stats = 0
	l.Advance(time.Hour)
	if l.stats != 0 {
		t.Errorf("looked %d times while nobody connected, want 0", l.stats)
	}
}

// T25: a certificate for each server name: exact, one label below a *, else
// the default, and none at all is refused by name.
func TestT25ServerNames(t *testing.T) {
	l, ca := sim.NewClock(t), newAuthority(t, "ca")
	l.FS().Mkdir("/sni", 0o700)
	ca.write(l, "/default.pem", "default.example")
	ca.write(l, "/sni/a.example.pem", "a.example")
	ca.write(l, "/sni/*.b.example.pem", "*.b.example")
	ca.write(l, "/sni/x.b.example.pem", "x.b.example")
	writeFile(t, l, "/sni/README", []byte("not a certificate"))
	server := load(t, l, &endpoint.Certificates{Cert: "/default.pem", Dir: "/sni"})
	for name, want := range map[string]string{
		"a.example": "a.example", "A.Example": "a.example",
		"y.b.example": "*.b.example", "x.b.example": "x.b.example",
		"z.y.b.example": "default.example", "b.example": "default.example",
		"c.example": "default.example", "192.0.2.1": "default.example",
	} {
		s, err := shake(t, server, &tls.Config{InsecureSkipVerify: true, ServerName: name})
		if err != nil {
			t.Errorf("%s: got error %v", name, err)
			continue
		}
		if got := s.PeerCertificates[0].DNSNames[0]; got != want {
			t.Errorf("%s: got certificate of %s, want %s", name, got, want)
		}
	}

	server = load(t, l, &endpoint.Certificates{Dir: "/sni"})
	_, err := shake(t, server, &tls.Config{InsecureSkipVerify: true, ServerName: "c.example"})
	if err == nil || !strings.Contains(err.Error(), "unrecognized name") {
		t.Errorf("got error %v without a default, want unrecognized name", err)
	}
}

// TLS-09: in a directory one broken file does not keep the others, nor new
// ones, from being read; a removed one is gone.
func TestTLS_09Directory(t *testing.T) {
	l, ca := sim.NewClock(t), newAuthority(t, "ca")
	l.FS().Mkdir("/sni", 0o700)
	for _, name := range []string{"a", "b", "c"} {
		ca.write(l, "/sni/"+name+".example.pem", name+".example")
	}
	server := load(t, l, &endpoint.Certificates{Dir: "/sni"})
	ask := func(name string) string {
		s, err := shake(t, server, &tls.Config{RootCAs: ca.pool(), ServerName: name})
		if err != nil {
			return "none"
		}
		return serial(s)
	}
	a, b := ask("a.example"), ask("b.example")
	l.Advance(time.Second)
	writeFile(t, l, "/sni/a.example.pem", []byte("broken"))
	writeFile(t, l, "/sni/e.example.pem", []byte("broken"))
	ca.write(l, "/sni/b.example.pem", "b.example")
	ca.write(l, "/sni/d.example.pem", "d.example")
	l.FS().Remove("/sni/c.example.pem")
	ask("a.example")
	l.Advance(time.Second)
	if got := ask("a.example"); got != a {
		t.Errorf("got certificate %s of the broken file's name, want %s, the old one", got, a)
	}
	if got := ask("b.example"); got == b || got == "none" {
		t.Errorf("got certificate %s of the replaced file's name, want a new one", got)
	}
	if got := ask("c.example"); got != "none" {
		t.Errorf("got certificate %s of the removed file's name, want none", got)
	}
	if got := ask("d.example"); got == "none" {
		t.Error("got no certificate of the new file's name, want one")
	}
	l.Errors()
	logged := strings.Count(l.Logged(), "certificates read again")
	for range 5 {
		l.Advance(time.Second)
		ask("a.example")
	}
	l.Advance(time.Second)
	if got := strings.Count(l.Logged(), "certificates read again"); got != logged {
		t.Errorf("logged %d times that files were read while none changed, want %d", got, logged)
	}
	if got := l.Errors(); len(got) != 0 {
		t.Errorf("logged %v again, want it once", got)
	}
}

// A stolen session is one for whatever server.
type stolen struct{ session *tls.ClientSessionState }

func (s *stolen) Get(string) (*tls.ClientSessionState, bool)    { return s.session, s.session != nil }
func (s *stolen) Put(_ string, session *tls.ClientSessionState) { s.session = session }

// TLS-04: a session of a site that asks for no client certificate does not
// resume at one that does: the handshake is full, and fails. It does resume
// where it began.
func TestTLS_04SessionStaysAtItsSite(t *testing.T) {
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		l, ca := sim.NewClock(t), newAuthority(t, "ca")
		l.FS().Mkdir("/sni", 0o700)
		// Both names in both, so that nothing but the ticket tells them apart.
		ca.write(l, "/sni/open.example.pem", "open.example", "closed.example")
		ca.write(l, "/sni/closed.example.pem", "open.example", "closed.example")
		writeFile(t, l, "/sni/closed.example.ca.pem", newAuthority(t, "clients").pem)
		server := load(t, l, &endpoint.Certificates{Dir: "/sni"})

		cache := &stolen{}
		client := &tls.Config{RootCAs: ca.pool(), ClientSessionCache: cache, MaxVersion: version}
		at := func(name string) (tls.ConnectionState, error) {
			c := client.Clone()
			c.ServerName = name
			return shake(t, server, c)
		}
		if s, err := at("open.example"); err != nil || s.DidResume {
			t.Fatalf("%x: got error %v, resumed %v, want a full handshake", version, err, s.DidResume)
		}
		if s, err := at("open.example"); err != nil || !s.DidResume {
			t.Errorf("%x: got error %v, resumed %v at the same site, want a resumed session", version, err, s.DidResume)
		}
		if s, err := at("closed.example"); err == nil || s.DidResume {
			t.Errorf("%x: got error %v, resumed %v at the other site, want a failure for want of a certificate", version, err, s.DidResume)
		}
	}
}

// E09, TLS-04: client-ca requires a certificate that it has signed.
func TestE09ClientCertificate(t *testing.T) {
	l, ca, clients := sim.NewClock(t), newAuthority(t, "ca"), newAuthority(t, "clients")
	ca.write(l, "/site.pem", "a.example")
	writeFile(t, l, "/clients.pem", clients.pem)
	server := load(t, l, &endpoint.Certificates{Cert: "/site.pem", ClientCA: "/clients.pem"})
	for name, signer := range map[string]*authority{"none": nil, "other": ca, "right": clients} {
		client := &tls.Config{RootCAs: ca.pool(), ServerName: "a.example"}
		if signer != nil {
			pair, err := tls.X509KeyPair(signer.issue("client"))
			if err != nil {
				t.Fatal(err)
			}
			client.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
		}
		if _, err := shake(t, server, client); (err == nil) != (name == "right") {
			t.Errorf("%s: got error %v", name, err)
		}
	}
}

// Tickets outlive one change of keys, a day later, and not two.
func TestTLS_04TicketKeysAreRenewed(t *testing.T) {
	l, ca := sim.NewClock(t), newAuthority(t, "ca")
	ca.write(l, "/site.pem", "a.example")
	server := load(t, l, &endpoint.Certificates{Cert: "/site.pem"})
	client := &tls.Config{RootCAs: ca.pool(), ServerName: "a.example"}
	session := &stolen{}
	resume := func() bool {
		c := client.Clone()
		c.ClientSessionCache = &stolen{session.session}
		s, err := shake(t, server, c)
		if err != nil {
			t.Fatal(err)
		}
		l.Advance(0)
		return s.DidResume
	}
	c := client.Clone()
	c.ClientSessionCache = session
	if _, err := shake(t, server, c); err != nil {
		t.Fatal(err)
	}
	for day, want := range []bool{true, true, false} {
		resume() // asks for a look
		if got := resume(); got != want {
			t.Errorf("day %d: got resumed %v, want %v", day, got, want)
		}
		l.Advance(24 * time.Hour)
	}
}

// Load says what cannot be read.
func TestE09LoadErrors(t *testing.T) {
	l, ca := sim.NewClock(t), newAuthority(t, "ca")
	cert, key := ca.issue("a.example")
	writeFile(t, l, "/a.pem", cert)
	writeFile(t, l, "/a.key", key)
	_, other := ca.issue("a.example")
	writeFile(t, l, "/b.key", other)
	writeFile(t, l, "/long.pem", make([]byte, 1<<20+1))
	l.FS().Mkdir("/empty", 0o700)
	for _, tt := range []struct {
		endpoint, want string
	}{
		{"tls:443:cert=/none.pem", "/none.pem"},
		{"tls:443:cert=/a.pem", "/a.pem"},
		{"tls:443:cert=/a.pem:key=/b.key", "/b.key"},
		{"tls:443:cert=/long.pem", "at most 1048576 bytes"},
		{"tls:443:cert=/a.pem:key=/a.key:client-ca=/a.key", "no certificate in it"},
		{"tls:443:sni=/empty", "no NAME.pem in it"},
		{"tls:443:sni=/none", "/none"},
	} {
		_, err := endpoint.Listen(l, tt.endpoint, &echo{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), fmt.Sprintf("endpoint %q", tt.endpoint)) {
			t.Errorf("%s: got error %v, want one with %q", tt.endpoint, err, tt.want)
		}
	}
	if got := len(l.Ports()); got != 0 {
		t.Errorf("got %d ports after errors, want 0", got)
	}
	if _, err := endpoint.Listen(l, "tls:443:cert=/a.pem:key=/a.key:chain=/a.pem", &echo{}); err != nil {
		t.Errorf("got error %v, want none", err)
	}
}

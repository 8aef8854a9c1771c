package tlslayer_test

import (
	"crypto"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/sim"
)

// TestTLS_02OldVersions is T-27 too: by default a peer of before TLS 1.2 is
// refused, in both roles; who insists, may.
func TestTLS_02OldVersions(t *testing.T) {
	for _, v := range []uint16{tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13} {
		old := func(c *tls.Config) *tls.Config { return at(v, c) }
		for _, test := range []struct {
			name           string
			server, client *tls.Config
			ok             bool
		}{
			{"old client", ca.Server("a.test"), old(ca.Client("a.test")), v >= tls.VersionTLS12},
			{"old server", old(ca.Server("a.test")), ca.Client("a.test"), v >= tls.VersionTLS12},
			{"both insist", old(ca.Server("a.test")), old(ca.Client("a.test")), true},
		} {
			var s, c talker
			l := newLink(t, test.server, test.client, s.factory(), c.factory())
			if (l.server.err == nil) != test.ok || (l.client.err == nil) != test.ok {
				t.Errorf("%s, %s: got %v, %v; want success %v", test.name, tls.VersionName(v), l.server.err, l.client.err, test.ok)
			}
			l.Close()
		}
	}
}

// TestTLS_02WeakCiphers: RSA key exchange, 3DES and RC4 alone are refused; one
// modern suite beside them is not.
func TestTLS_02WeakCiphers(t *testing.T) {
	rsa := &tls.Config{Certificates: []tls.Certificate{ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Key: certtest.RSA()})}}
	weak := []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, tls.TLS_RSA_WITH_3DES_EDE_CBC_SHA,
		tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA, tls.TLS_RSA_WITH_RC4_128_SHA}
	for _, suites := range [][]uint16{weak, append(weak, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)} {
		cc := at(tls.VersionTLS12, ca.Client("a.test"))
		cc.CipherSuites = suites
		var s, c talker
		l := newLink(t, rsa, cc, s.factory(), c.factory())
		if got, want := l.server.err == nil, len(suites) > len(weak); got != want {
			t.Errorf("%d suites: got %v, want success %v", len(suites), l.server.err, want)
		}
		l.Close()
	}
}

// TestTLSDefaults prints what a hello of ours offers. It fails when a new Go
// offers something else, so that somebody reviews it.
func TestTLSDefaults(t *testing.T) {
	var b strings.Builder
	sc := ca.Server("a.test")
	sc.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) {
		for _, v := range h.SupportedVersions {
			fmt.Fprintf(&b, "version %s\n", tls.VersionName(v))
		}
		suites := slices.Sorted(slices.Values(h.CipherSuites)) // their order depends on the processor
		for _, s := range suites {
			fmt.Fprintf(&b, "suite %s\n", tls.CipherSuiteName(s))
		}
		for _, c := range h.SupportedCurves {
			fmt.Fprintf(&b, "curve %v\n", c)
		}
		for _, s := range h.SignatureSchemes {
			fmt.Fprintf(&b, "signature %v\n", s)
		}
		return nil, nil
	}
	var s, c talker
	newLink(t, sc, ca.Client("a.test"), s.factory(), c.factory())
	wantGolden(t, "testdata/defaults.golden", b.String())
}

// TestT19Tickets: sessions are resumed by default, also on another loop that
// serves the same configuration, and not with tickets turned off.
func TestT19Tickets(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for _, off := range []bool{false, true} {
			sc, cc := at(v, ca.Server("a.test")), at(v, ca.Client("a.test"))
			sc.SessionTicketsDisabled = off
			cc.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			for i, want := range []bool{false, !off, !off} {
				var s, c talker // each link has its own Clock, Factory and Gate
				newLink(t, sc, cc, s.factory(), c.factory())
				if got := s.TLS().DidResume; got != want {
					t.Errorf("connection %d, tickets off %v: resumed %v, want %v", i, off, got, want)
				}
				s.Write([]byte("bye")) // a client of TLS 1.3 takes the ticket when it reads
			}
		}
	})
}

// TestT19TicketKeysRotate: SetSessionTicketKeys on the caller's own Config
// counts, also after the first connection, and with GetConfigForClient.
func TestT19TicketKeysRotate(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for _, choose := range []bool{false, true} {
			sc, cc := at(v, ca.Server("a.test")), at(v, ca.Client("a.test"))
			if choose {
				vhost := sc.Clone()
				sc.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return vhost, nil }
			}
			cc.ClientSessionCache = tls.NewLRUClientSessionCache(1)
			clock := sim.NewClock(t)
			var s talker
			f := tlslayer.Factory(sc, twistor.AsServer, s.factory(), nil)
			for i, step := range []struct {
				rotate func()
				want   bool
			}{
				{func() {}, false},
				{func() {}, true},
				{func() { sc.SetSessionTicketKeys([][32]byte{{1}}) }, false},
				{func() { sc.SetSessionTicketKeys([][32]byte{{2}, {1}}) }, true},
				{func() { sc.SetSessionTicketKeys([][32]byte{{3}}) }, false},
			} {
				step.rotate()
				var c talker
				sim.NewPipe(clock, f, tlslayer.Factory(cc, twistor.AsClient, c.factory(), nil))
				clock.Advance(0)
				if got := s.TLS().DidResume; got != step.want {
					t.Errorf("step %d, GetConfigForClient %v: resumed %v, want %v", i, choose, got, step.want)
				}
			}
		}
	})
}

// TestTLS_04TicketOfAnotherHost: a ticket of a host that asked for no client
// certificate is no way into one that requires it, though both share keys. To
// the same host it is: the positive control.
func TestTLS_04TicketOfAnotherHost(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		open, closed := at(v, ca.Server("open.test", "closed.test")), at(v, ca.Server("open.test", "closed.test"))
		closed.ClientAuth, closed.ClientCAs = tls.RequireAndVerifyClientCert, ca.Pool()
		sc := &tls.Config{GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if h.ServerName == "closed.test" {
				return closed, nil
			}
			return open, nil
		}}
		cache := tls.NewLRUClientSessionCache(1)
		visit := func(name string) (*link, *talker, *talker) {
			cc := at(v, ca.Client(name))
			cc.ClientSessionCache = stubborn{cache}
			var s, c talker
			l := newLink(t, sc, cc, s.factory(), c.factory())
			return l, &s, &c
		}
		visit("open.test")
		if _, s, _ := visit("open.test"); !s.TLS().DidResume {
			t.Error("to the same host: not resumed")
		}
		l, s, _ := visit("closed.test")
		if l.server.err == nil || s.events != nil {
			t.Errorf("to the closed host: got %v, events %q; want a failure", l.server.err, s.events)
		}
	})
}

// stubborn offers any session to any host.
type stubborn struct{ tls.ClientSessionCache }

func (s stubborn) Get(string) (*tls.ClientSessionState, bool) { return s.ClientSessionCache.Get("any") }
func (s stubborn) Put(_ string, cs *tls.ClientSessionState)   { s.ClientSessionCache.Put("any", cs) }

// TestT25ServerName: a certificate for each name, by the list, by
// GetCertificate and by GetConfigForClient, with quick keys and slow ones.
func TestT25ServerName(t *testing.T) {
	for _, key := range []crypto.Signer{certtest.NewECDSA(), certtest.NewEd25519(), certtest.RSA()} {
		a := ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Key: key})
		b := ca.Issue(certtest.Leaf{Names: []string{"b.test"}, Key: key})
		b.Leaf = nil // crypto/tls would parse it each time
		list := &tls.Config{Certificates: []tls.Certificate{a, b}}
		get := &tls.Config{Certificates: []tls.Certificate{a}, GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			switch h.ServerName {
			case "b.test":
				return &b, nil
			case "no.test":
				return nil, errors.New("no such host")
			}
			return nil, nil
		}}
		choose := &tls.Config{Certificates: []tls.Certificate{a}, GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			if h.ServerName == "b.test" {
				return &tls.Config{Certificates: []tls.Certificate{b}}, nil
			}
			return nil, nil
		}}
		for name, config := range map[string]*tls.Config{"list": list, "GetCertificate": get, "GetConfigForClient": choose} {
			for _, host := range []string{"a.test", "b.test", "no.test"} {
				var s, c talker
				l := newLink(t, config, ca.Client(host), s.factory(), c.factory())
				if got, want := l.client.err == nil, host != "no.test"; got != want {
					t.Errorf("%s, %T, %s: got %v", name, key, host, l.client.err)
				}
				l.Close()
			}
		}
	}
}

// TestRSAOnPool: RSA keys, a server's and a client's, sign on the pool of
// workers while the loop goes on; ECDSA and Ed25519 keys on the loop.
func TestRSAOnPool(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for _, test := range []struct {
			key  crypto.Signer
			pool bool
		}{{certtest.RSA(), true}, {certtest.NewECDSA(), false}, {certtest.NewEd25519(), false}} {
			sc, cc := ca.Mutual(at(v, ca.Server("a.test")), at(v, ca.Client("a.test")))
			sc.Certificates = []tls.Certificate{ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Key: test.key})}
			cc.Certificates = []tls.Certificate{ca.Issue(certtest.Leaf{Client: true, Key: test.key})}
			var s, c talker
			l := joined(t, sc, cc, s.factory(), c.factory())
			l.WorkTime = 1e6
			l.Advance(0)
			for i := range 2 {
				if waits := l.server.calls == 0; waits != test.pool {
					t.Errorf("%T: after %d signatures the handshake waits for the pool: %v, want %v", test.key, i, waits, test.pool)
				}
				l.Advance(1e6)
			}
			if l.server.err != nil || l.client.err != nil || l.server.calls != 1 {
				t.Errorf("%T: %+v, %+v", test.key, l.server, l.client)
			}
			l.Close()
		}
	})
}

// TestRSAKeyExchange: who allows the RSA key exchange of TLS 1.2 gets it, with a
// key that decrypts on the pool.
func TestRSAKeyExchange(t *testing.T) {
	sc, cc := at(tls.VersionTLS12, ca.Server()), at(tls.VersionTLS12, ca.Client("a.test"))
	sc.Certificates = []tls.Certificate{ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Key: certtest.RSA()})}
	sc.CipherSuites = []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	cc.CipherSuites = sc.CipherSuites
	var s, c talker
	l := newLink(t, sc, cc, s.factory(), c.factory())
	if l.server.err != nil || l.client.err != nil {
		t.Errorf("%+v, %+v", l.server, l.client)
	}
}

// TestAbortDuringSignature: nobody waits for the pool when the connection ends.
func TestAbortDuringSignature(t *testing.T) {
	sc := &tls.Config{Certificates: []tls.Certificate{ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Key: certtest.RSA()})}}
	var s, c talker
	l := joined(t, sc, ca.Client("a.test"), s.factory(), c.factory())
	l.WorkTime = 1e9
	l.Advance(0)
	l.pipe.A.Abort()
	if l.Advance(0); l.server.calls != 1 || l.server.err != twistor.ErrAborted {
		t.Errorf("done got %+v, want ErrAborted at once", l.server)
	}
	l.Advance(2e9)
	if s.events != nil || l.server.calls != 1 {
		t.Errorf("afterwards: %q, %+v", s.events, l.server)
	}
}

// TestConfigIsFrozen: what the caller changes in his Config after the first
// connection changes nothing; a nil one is an empty one.
func TestConfigIsFrozen(t *testing.T) {
	sc := ca.Server("a.test")
	clock := sim.NewClock(t)
	var s talker
	f := tlslayer.Factory(sc, twistor.AsServer, s.factory(), nil)
	for range 2 {
		var c talker
		var o outcome
		sim.NewPipe(clock, f, tlslayer.Factory(ca.Client("a.test"), twistor.AsClient, c.factory(), o.done))
		if clock.Advance(0); o.err != nil {
			t.Error(o.err)
		}
		sc.Certificates, sc.MinVersion = nil, 0xffff
	}
	var o outcome
	tr := sim.Connect(clock, tlslayer.Factory(nil, twistor.AsServer, s.factory(), o.done))
	tr.Receive(string(hello(t, ca.Client("a.test"))))
	if clock.Advance(0); o.err == nil || !strings.Contains(o.err.Error(), "certificate") {
		t.Errorf("nil Config: got %v, want a word on certificates", o.err)
	}
}

// TestOpener passes Opened and Closed on.
func TestOpener(t *testing.T) {
	var o opener
	f := tlslayer.Factory(nil, twistor.AsServer, &o, nil).(twistor.Opener)
	if err := f.Opened(nil); err != io.EOF {
		t.Errorf("Opened: got %v, want the factory's own error", err)
	}
	f.Closed()
	if got := []string{"opened", "closed"}; !slices.Equal(o, got) {
		t.Errorf("got %q, want %q", o, got)
	}
}

type opener []string

func (o *opener) Build(twistor.Transport) twistor.Protocol { return nil }
func (o *opener) Opened(twistor.Loop) error                { *o = append(*o, "opened"); return io.EOF }
func (o *opener) Closed()                                  { *o = append(*o, "closed") }

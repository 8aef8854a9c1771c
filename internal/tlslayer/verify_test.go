package tlslayer_test

import (
	"crypto"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/sim"
)

// TestTLS_06Verification is T20 and T21 too: a client takes only a certificate
// for the name it asked for, in its time, from whom it trusts.
func TestTLS_06Verification(t *testing.T) {
	long := time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
	san := func(name string) func(*x509.Certificate) { // as it is, unchecked
		return func(c *x509.Certificate) {
			value, _ := asn1.Marshal([]asn1.RawValue{{Tag: 2, Class: 2, Bytes: []byte(name)}})
			c.ExtraExtensions = []pkix.Extension{{Id: []int{2, 5, 29, 17}, Value: value}}
		}
	}
	other := certtest.New()
	inter := ca.Intermediate()
	bare := inter.Issue(certtest.Leaf{Names: []string{"a.test"}})
	bare.Certificate = bare.Certificate[:1]
	for _, test := range []struct {
		name string
		cert tls.Certificate
		dial string
		ok   bool
	}{
		{"right", ca.Issue(certtest.Leaf{Names: []string{"a.test"}}), "a.test", true},
		{"right in another case", ca.Issue(certtest.Leaf{Names: []string{"a.test"}}), "A.Test", true},
		{"right among names", ca.Issue(certtest.Leaf{Names: []string{"x.test", "a.test"}}), "a.test", true},
		{"wildcard", ca.Issue(certtest.Leaf{Names: []string{"*.a.test"}}), "www.a.test", true},
		{"IP SAN", ca.Issue(certtest.Leaf{Names: []string{"192.0.2.1"}}), "192.0.2.1", true},
		{"IPv6 SAN", ca.Issue(certtest.Leaf{Names: []string{"2001:db8::1"}}), "2001:db8::1", true},
		{"through an intermediate", inter.Issue(certtest.Leaf{Names: []string{"a.test"}}), "a.test", true},

		{"wrong name", ca.Issue(certtest.Leaf{Names: []string{"b.test"}}), "a.test", false},
		{"no name", ca.Issue(certtest.Leaf{}), "a.test", false},
		{"name in CN only", ca.Issue(certtest.Leaf{CommonName: "a.test"}), "a.test", false},
		{"wildcard, two labels", ca.Issue(certtest.Leaf{Names: []string{"*.a.test"}}), "x.www.a.test", false},
		{"wildcard, no label", ca.Issue(certtest.Leaf{Names: []string{"*.a.test"}}), "a.test", false},
		{"partial wildcard", ca.Issue(certtest.Leaf{Names: []string{"w*.a.test"}}), "www.a.test", false},
		{"IP in a DNS SAN", ca.Issue(certtest.Leaf{Change: san("192.0.2.1")}), "192.0.2.1", false},
		{"other IP", ca.Issue(certtest.Leaf{Names: []string{"192.0.2.2"}}), "192.0.2.1", false},
		{"NUL in SAN", ca.Issue(certtest.Leaf{Change: san("a.test\x00.evil.test")}), "a.test", false},
		{"empty SAN", ca.Issue(certtest.Leaf{Change: san("")}), "a.test", false},
		{"expired", ca.Issue(certtest.Leaf{Names: []string{"a.test"}, NotBefore: long, NotAfter: long.AddDate(1, 0, 0)}), "a.test", false},
		{"expired by the loop's clock", ca.Issue(certtest.Leaf{Names: []string{"a.test"}, NotAfter: sim.Epoch.AddDate(0, 0, -1)}), "a.test", false},
		{"not yet", ca.Issue(certtest.Leaf{Names: []string{"a.test"}, NotBefore: sim.Epoch.AddDate(1, 0, 0)}), "a.test", false},
		{"unknown authority", other.Issue(certtest.Leaf{Names: []string{"a.test"}}), "a.test", false},
		{"self-signed", selfSigned("a.test"), "a.test", false},
		{"intermediate not sent", bare, "a.test", false},
		{"for clients", ca.Issue(certtest.Leaf{Names: []string{"a.test"}, Client: true}), "a.test", false},
		{"issued by a leaf", byLeaf("a.test"), "a.test", false},
	} {
		var s, c talker
		l := newLink(t, &tls.Config{Certificates: []tls.Certificate{test.cert}}, ca.Client(test.dial), s.factory(), c.factory())
		l.Advance(time.Minute)
		var wrong *tls.CertificateVerificationError
		var bad *net.OpError
		switch {
		case test.ok && (l.client.err != nil || c.events == nil):
			t.Errorf("%s: got %v, want success", test.name, l.client.err)
		case !test.ok && (l.client.err == nil || c.events != nil):
			t.Errorf("%s: the client has connected", test.name)
		case !test.ok && !errors.As(l.client.err, &wrong) && !errors.As(l.client.err, &bad) && !strings.Contains(l.client.err.Error(), "certificate"):
			t.Errorf("%s: got %v (%T), want a word on the certificate", test.name, l.client.err, l.client.err)
		}
		l.Close()
	}
}

func selfSigned(name string) tls.Certificate {
	key := certtest.NewECDSA()
	t := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{name}, NotAfter: sim.Epoch.AddDate(1, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, t, t, key.Public(), key)
	if err != nil {
		panic(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// byLeaf is signed by somebody's good leaf, which is no authority.
func byLeaf(name string) tls.Certificate {
	leaf := ca.Issue(certtest.Leaf{Names: []string{"b.test"}})
	fake := &certtest.Authority{Certificate: leaf.Leaf, Key: leaf.PrivateKey.(crypto.Signer)}
	cert := fake.Issue(certtest.Leaf{Names: []string{name}})
	cert.Certificate = append(cert.Certificate, leaf.Certificate[0])
	return cert
}

// TestTLS_06Pin: VerifyConnection, which pins go through, is asked by client and
// server, and its no is final.
func TestTLS_06Pin(t *testing.T) {
	for _, allow := range []bool{true, false} {
		cc := ca.Client("a.test")
		cc.VerifyConnection = func(tls.ConnectionState) error {
			if !allow {
				return errors.New("revoked by pin")
			}
			return nil
		}
		var s, c talker
		l := newLink(t, ca.Server("a.test"), cc, s.factory(), c.factory())
		if (l.client.err == nil) != allow {
			t.Errorf("allowed %v: got %v", allow, l.client.err)
		}
	}
}

// TestTLS_06ClientCertificates: a server that requires one takes only those its
// authority signed for clients.
func TestTLS_06ClientCertificates(t *testing.T) {
	versions(t, func(t *testing.T, v uint16) {
		for _, test := range []struct {
			name string
			cert *tls.Certificate
			ok   bool
		}{
			{"right", ptr(ca.Issue(certtest.Leaf{Client: true, CommonName: "me"})), true},
			{"none", nil, false},
			{"unknown authority", ptr(certtest.New().Issue(certtest.Leaf{Client: true})), false},
			{"a server's", ptr(ca.Issue(certtest.Leaf{})), false},
			{"expired", ptr(ca.Issue(certtest.Leaf{Client: true, NotAfter: time.Date(2021, 1, 1, 0, 0, 0, 0, time.UTC)})), false},
		} {
			sc, cc := ca.Mutual(at(v, ca.Server("a.test")), at(v, ca.Client("a.test")))
			cc.Certificates = nil
			if test.cert != nil {
				cc.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return test.cert, nil }
			}
			var s, c talker
			l := newLink(t, sc, cc, s.factory(), c.factory())
			l.Advance(time.Minute)
			if got := l.server.err == nil; got != test.ok || (s.events != nil) != test.ok {
				t.Errorf("%s: got %v, events %q; want success %v", test.name, l.server.err, s.events, test.ok)
			}
			if !test.ok && c.err == nil && l.client.err == nil {
				t.Errorf("%s: the client was not told", test.name)
			}
			l.Close()
		}
	})
}

func ptr[T any](v T) *T { return &v }

// TestTLS_07ChainLimit: a chain beyond 64 KiB fails the handshake long before
// crypto/tls would mind; one below does not.
func TestTLS_07ChainLimit(t *testing.T) {
	for _, test := range []struct {
		names int
		want  string
	}{
		{1000, ""},
		{7000, "more than 65536 bytes"},
		{100_000, "exceeds maximum"}, // of crypto/tls, for one message
	} {
		leaf := certtest.Leaf{Names: []string{"a.test"}, Change: func(c *x509.Certificate) {
			for i := range test.names {
				c.DNSNames = append(c.DNSNames, fmt.Sprintf("n%d.a.test", i))
			}
		}}
		var s talker
		var o outcome
		c := sim.NewClock(t)
		f := tlslayer.Factory(ca.Client("a.test"), twistor.AsClient, s.factory(), o.done)
		p, pipe := newPeer(c, f, func(conn net.Conn) error {
			conn.(*peer).t.SetLimits(twistor.Limits{Max: -1})
			return tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{ca.Issue(leaf)}}).Handshake()
		})
		c.Advance(0)
		if o.calls != 1 || (o.err == nil) != (test.want == "") || o.err != nil && !strings.Contains(o.err.Error(), test.want) {
			t.Errorf("%d names: got %v, want %q in it (server: %v)", test.names, o.err, test.want, p.got)
		}
		if sent := len(pipe.B.Written()); o.err != nil && sent < 70_000 {
			t.Errorf("%d names: only %d bytes were sent, so nothing was tried", test.names, sent)
		}
		c.Close()
	}
}

// TestTLS_07HelloLimit: a client's hello of more than 64 KiB fails, and costs no
// more memory than that until it does.
func TestTLS_07HelloLimit(t *testing.T) {
	var s talker
	var o outcome
	c := sim.NewClock(t)
	tr := sim.Connect(c, tlslayer.Factory(ca.Server("a.test"), twistor.AsServer, s.factory(), o.done))
	record := append([]byte{22, 3, 1, 0x40, 0}, make([]byte, 0x4000)...)
	copy(record[5:], []byte{1, 1, 0, 0}) // a hello of 65,536 bytes
	for range 6 {
		tr.Receive(string(record))
		c.Advance(0)
	}
	c.Advance(time.Minute)
	if o.calls != 1 || o.err == nil || errors.Is(o.err, tlslayer.ErrHandshakeTimeout) {
		t.Errorf("got %+v, want a failure before the deadline", o)
	}
}

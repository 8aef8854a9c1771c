package endpoint_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
)

// An authority signs certificates for tests.
type authority struct {
	t    *testing.T
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	pem  []byte
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	a := &authority{t: t, key: newKey(t)}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(20, 0, 0),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, a.key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	if a.cert, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pem = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return a
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// pool has the authority alone.
func (a *authority) pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.cert)
	return p
}

// issue makes a certificate for names, and IP addresses among them, and its key.
func (a *authority) issue(names ...string) (cert, key []byte) {
	a.t.Helper()
	mine := newKey(a.t)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: names[0]},
		NotBefore: time.Now().AddDate(-1, 0, 0), NotAfter: time.Now().AddDate(20, 0, 0),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, mine.Public(), a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	pkcs, err := x509.MarshalPKCS8PrivateKey(mine)
	if err != nil {
		a.t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pkcs})
}

// write issues a certificate into one file of the loop's, with its key.
func (a *authority) write(l twistor.Loop, name string, names ...string) {
	a.t.Helper()
	cert, key := a.issue(names...)
	writeFile(a.t, l, name, append(cert, key...))
}

func writeFile(t *testing.T, l twistor.Loop, name string, p []byte) {
	t.Helper()
	f, err := l.FS().OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(p); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// securing is a client in a Pipe: it sends a header, begins TLS, and says
// hello.
type securing struct {
	header string
	config *tls.Config
	heard  string
	over   error
}

func (f *securing) Build(t twistor.Transport) twistor.Protocol { return &prelude{t, f} }

// prelude sends the header.
type prelude struct {
	twistor.Transport
	client *securing
}

func (p *prelude) Connected() {
	p.Write([]byte(p.client.header))
	secure := policy.TLS(p.client.config, twistor.AsClient, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		return &greeting{t, p.client}
	}))
	p.Switch(secure.Build(p.Transport), nil)
}
func (p *prelude) Received([]byte)        {}
func (p *prelude) Disconnected(err error) { p.client.over = err }

// greeting is what it says over TLS.
type greeting struct {
	twistor.Transport
	client *securing
}

func (p *greeting) Connected()             { p.Write([]byte("hello")) }
func (p *greeting) Received(b []byte)      { p.client.heard += string(b) }
func (p *greeting) Disconnected(err error) { p.client.over = err }

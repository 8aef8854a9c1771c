package certtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// An Authority signs certificates.
type Authority struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	above       [][]byte // certificates between this one and the root, for chains
}

// A Leaf says what Issue should sign. The zero value is a good server
// certificate for nobody.
type Leaf struct {
	Names      []string // DNS names and IP addresses
	CommonName string
	Client     bool // for client authentication instead of server's
	// NotBefore and NotAfter are when it is good. Zero: from 2020 to 2120.
	NotBefore, NotAfter time.Time
	Key                 crypto.Signer // nil: a new ECDSA P-256 key
	// Change, if not nil, changes the template last: for what is wrong.
	Change func(*x509.Certificate)
}

var serial atomic.Int64

// New returns an Authority of its own.
func New() *Authority { return newAuthority(nil) }

// Intermediate returns an Authority below a; what it issues carries the chain.
func (a *Authority) Intermediate() *Authority { return newAuthority(a) }

func newAuthority(above *Authority) *Authority {
	a := &Authority{Key: NewECDSA()}
	t := &x509.Certificate{
		IsCA: true, BasicConstraintsValid: true,
		Subject:  pkix.Name{CommonName: "Test Authority", SerialNumber: fmt.Sprint(serial.Add(1))},
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	fill(t)
	parent := &Authority{Certificate: t, Key: a.Key}
	if above != nil {
		parent = above
	}
	der := parent.sign(t, a.Key)
	a.Certificate = must(x509.ParseCertificate(der))
	if above != nil {
		a.above = append([][]byte{der}, above.above...)
	}
	return a
}

func fill(t *x509.Certificate) {
	t.SerialNumber = big.NewInt(serial.Add(1))
	if t.NotBefore.IsZero() {
		t.NotBefore = time.Date(2020, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = time.Date(2120, time.January, 1, 0, 0, 0, 0, time.UTC)
	}
}

func (a *Authority) sign(t *x509.Certificate, key crypto.Signer) []byte {
	return must(x509.CreateCertificate(rand.Reader, t, a.Certificate, key.Public(), a.Key))
}

// Issue signs one certificate.
func (a *Authority) Issue(leaf Leaf) tls.Certificate {
	t := &x509.Certificate{
		Subject:   pkix.Name{CommonName: leaf.CommonName},
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if leaf.Client {
		t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	}
	for _, name := range leaf.Names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	fill(t)
	if leaf.Change != nil {
		leaf.Change(t)
	}
	key := leaf.Key
	if key == nil {
		key = NewECDSA()
	}
	der := a.sign(t, key)
	cert := tls.Certificate{Certificate: append([][]byte{der}, a.above...), PrivateKey: key}
	cert.Leaf, _ = x509.ParseCertificate(der) // some are made to be unparsable
	return cert
}

// Pool has a alone.
func (a *Authority) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Certificate)
	return p
}

// Server is a server's configuration, with a certificate for names.
func (a *Authority) Server(names ...string) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{a.Issue(Leaf{Names: names})}}
}

// Client is a client's configuration that trusts a alone.
func (a *Authority) Client(name string) *tls.Config {
	return &tls.Config{RootCAs: a.Pool(), ServerName: name}
}

// Mutual makes server want certificates that a signed, and client show one, and
// returns both.
func (a *Authority) Mutual(server, client *tls.Config) (*tls.Config, *tls.Config) {
	server, client = server.Clone(), client.Clone()
	server.ClientAuth, server.ClientCAs = tls.RequireAndVerifyClientCert, a.Pool()
	client.Certificates = []tls.Certificate{a.Issue(Leaf{CommonName: "client", Client: true})}
	return server, client
}

// PEM is c as files have it: the chain, and the key.
func PEM(c tls.Certificate) (chain, key []byte) {
	for _, der := range c.Certificate {
		chain = append(chain, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	der := must(x509.MarshalPKCS8PrivateKey(c.PrivateKey))
	return chain, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
}

// PEM is a's own certificate, as a file of roots has it.
func (a *Authority) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.Certificate.Raw})
}

// NewECDSA and NewEd25519 make keys; RSA, which is slow to make, is the same
// 2,048 bits for a whole process.
func NewECDSA() crypto.Signer { return must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) }

func NewEd25519() crypto.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	return must(key, err)
}

var RSA = sync.OnceValue(func() crypto.Signer { return must(rsa.GenerateKey(rand.Reader, 2048)) })

func must[T any](v T, err error) T {
	if err != nil {
		panic("certtest: " + err.Error())
	}
	return v
}

package sim

import (
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"strings"
	"time"
)

// Certificate returns a certificate for the names, signed by itself: the same
// bytes for the same names, in every run. Its private key is known to all, so
// it is for tests only. Without names it panics.
func Certificate(names ...string) tls.Certificate {
	if len(names) == 0 {
		panic("sim: Certificate without names")
	}
	seed := sha256.Sum256([]byte(strings.Join(names, ",")))
	key := ed25519.NewKeyFromSeed(seed[:])
	template := &x509.Certificate{
		SerialNumber: new(big.Int).SetBytes(seed[:8]),
		Subject:      pkix.Name{CommonName: names[0]},
		DNSNames:     names,
		NotBefore:    time.Date(2000, time.January, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2100, time.January, 1, 0, 0, 0, 0, time.UTC),
		IsCA:         true, BasicConstraintsValid: true,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key) // Ed25519 draws no chance
	if err != nil {
		panic("sim: certificate: " + err.Error())
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		panic("sim: certificate: " + err.Error())
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

// Roots is a pool that trusts the certificates.
func Roots(certs ...tls.Certificate) *x509.CertPool {
	pool := x509.NewCertPool()
	for _, c := range certs {
		pool.AddCert(c.Leaf)
	}
	return pool
}

// serverChain is the certificate that the server shows: the one that fits the
// name, else the first.
func (s *session) serverChain(info *tls.ClientHelloInfo) ([][]byte, error) {
	if f := s.config.GetCertificate; f != nil && (len(s.config.Certificates) == 0 || info.ServerName != "") {
		if c, err := f(info); err != nil {
			return nil, err
		} else if c != nil {
			return c.Certificate, nil
		}
	}
	if len(s.config.Certificates) == 0 {
		return nil, errors.New("tls: no certificates configured")
	}
	for _, c := range s.config.Certificates {
		if leaf := leafOf(c); leaf != nil && leaf.VerifyHostname(info.ServerName) == nil {
			return c.Certificate, nil
		}
	}
	return s.config.Certificates[0].Certificate, nil
}

func leafOf(c tls.Certificate) *x509.Certificate {
	if c.Leaf != nil || len(c.Certificate) == 0 {
		return c.Leaf
	}
	leaf, _ := x509.ParseCertificate(c.Certificate[0])
	return leaf
}

// clientChain is the certificate that the client shows, if it has one.
func (s *session) clientChain() ([][]byte, error) {
	if f := s.config.GetClientCertificate; f != nil {
		c, err := f(&tls.CertificateRequestInfo{Version: tls.VersionTLS13})
		if err != nil {
			return nil, err
		}
		return c.Certificate, nil
	}
	if len(s.config.Certificates) > 0 {
		return s.config.Certificates[0].Certificate, nil
	}
	return nil, nil
}

// check looks at the other side's certificates: with verify, for the name, and
// for who signed them where roots are given.
func (s *session) check(chain [][]byte, verify bool, name string, roots *x509.CertPool, usage x509.ExtKeyUsage) error {
	var certs []*x509.Certificate
	for _, der := range chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return err
		}
		certs = append(certs, c)
	}
	s.state.PeerCertificates = certs
	if verify {
		if err := s.verify(certs, name, roots, usage); err != nil {
			return &tls.CertificateVerificationError{UnverifiedCertificates: certs, Err: err}
		}
	}
	if f := s.config.VerifyPeerCertificate; f != nil {
		if err := f(chain, s.state.VerifiedChains); err != nil {
			return err
		}
	}
	if f := s.config.VerifyConnection; f != nil {
		return f(s.state)
	}
	return nil
}

func (s *session) verify(certs []*x509.Certificate, name string, roots *x509.CertPool, usage x509.ExtKeyUsage) error {
	if len(certs) == 0 {
		return errors.New("tls: no certificate")
	}
	if name != "" {
		if err := certs[0].VerifyHostname(name); err != nil {
			return err
		}
	}
	if roots == nil {
		return nil
	}
	between := x509.NewCertPool()
	for _, c := range certs[1:] {
		between.AddCert(c)
	}
	chains, err := certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: between,
		CurrentTime: s.now(), KeyUsages: []x509.ExtKeyUsage{usage}})
	s.state.VerifiedChains = chains
	return err
}

package tlslayer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"slices"

	"github.com/twistor-go/twistor/deferred"
)

// quick reports whether key signs in some ten microseconds. RSA takes a
// millisecond, and keys that live elsewhere take as long as they like.
func quick(key crypto.PrivateKey) bool {
	switch key.(type) {
	case *ecdsa.PrivateKey, ed25519.PrivateKey, nil:
		return true
	}
	return false
}

// needsPool reports whether config has, or may choose, keys that are not quick.
func needsPool(config *tls.Config) bool {
	return config.GetCertificate != nil || config.GetClientCertificate != nil ||
		slices.ContainsFunc(config.Certificates, func(c tls.Certificate) bool { return !quick(c.PrivateKey) })
}

// signOnPool makes config choose certificates, by its own rules, whose keys
// belong to the handshake that asks.
func signOnPool(config *tls.Config) {
	//lint:ignore SA1019 a config that has it chooses by it: leave it all to crypto/tls
	if config.NameToCertificate != nil {
		return
	}
	list := slices.Clone(config.Certificates)
	for i := range list {
		if list[i].Leaf == nil && len(list[i].Certificate) > 0 {
			list[i].Leaf, _ = x509.ParseCertificate(list[i].Certificate[0]) // else at each handshake
		}
	}
	config.Certificates = nil
	forServer, forClient := config.GetCertificate, config.GetClientCertificate
	config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if forServer != nil && (len(list) == 0 || hello.ServerName != "") {
			if cert, err := forServer(hello); cert != nil || err != nil {
				return bind(cert, hello.Context()), err
			}
		}
		for i := range list {
			if len(list) == 1 || hello.SupportsCertificate(&list[i]) == nil {
				return bind(&list[i], hello.Context()), nil
			}
		}
		if len(list) > 0 {
			return bind(&list[0], hello.Context()), nil
		}
		return nil, nil
	}
	config.GetClientCertificate = func(ask *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		if forClient != nil {
			cert, err := forClient(ask)
			return bind(cert, ask.Context()), err
		}
		for i := range list {
			if ask.SupportsCertificate(&list[i]) == nil {
				return bind(&list[i], ask.Context()), nil
			}
		}
		return new(tls.Certificate), nil // none
	}
}

// handshakeKey finds the handshake in the context of crypto/tls.
type handshakeKey struct{}

func (h *handshake) context() context.Context {
	return context.WithValue(context.Background(), handshakeKey{}, h)
}

// bind is cert with a key that signs on the pool, while the coroutine of the
// handshake waits.
func bind(cert *tls.Certificate, ctx context.Context) *tls.Certificate {
	h, _ := ctx.Value(handshakeKey{}).(*handshake)
	if cert == nil || h == nil || quick(cert.PrivateKey) {
		return cert
	}
	signs, ok := cert.PrivateKey.(crypto.Signer)
	if !ok {
		return cert
	}
	bound := *cert
	bound.PrivateKey = signer{signs, h}
	if decrypts, ok := cert.PrivateKey.(crypto.Decrypter); ok {
		bound.PrivateKey = decrypter{signer{signs, h}, decrypts}
	}
	return &bound
}

// A signer signs on the pool of workers.
type signer struct {
	crypto.Signer
	shake *handshake
}

func (s signer) Sign(rand io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.shake.await(func() ([]byte, error) { return s.Signer.Sign(rand, digest, opts) })
}

func (s signer) SignMessage(rand io.Reader, msg []byte, opts crypto.SignerOpts) ([]byte, error) {
	return s.shake.await(func() ([]byte, error) { return crypto.SignMessage(s.Signer, rand, msg, opts) })
}

// A decrypter serves the RSA key exchange of TLS 1.2 too, for who insists.
type decrypter struct {
	signer
	key crypto.Decrypter
}

func (d decrypter) Decrypt(rand io.Reader, msg []byte, opts crypto.DecrypterOpts) ([]byte, error) {
	return d.shake.await(func() ([]byte, error) { return d.key.Decrypt(rand, msg, opts) })
}

// await runs f on the pool, and waits. A full pool fails the handshake.
func (h *handshake) await(f func() ([]byte, error)) ([]byte, error) {
	if h.co == nil {
		return nil, errors.New("tlslayer: signature outside of a handshake")
	}
	return deferred.Go(h.layer.below.Loop(), func(context.Context) ([]byte, error) { return f() }).Await(h.co)
}

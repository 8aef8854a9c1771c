package endpoint

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"github.com/twistor-go/twistor"
)

// maxPEMBytes is the size of a file of certificates; a longer one is refused.
const maxPEMBytes = 1 << 20

// readFile reads a whole file of certificates or keys.
func readFile(files twistor.FS, name string) ([]byte, error) {
	f, err := files.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPEMBytes+1))
	switch {
	case err != nil:
		return nil, err
	case len(text) > maxPEMBytes:
		return nil, fmt.Errorf("%s: too long: want at most %d bytes", name, maxPEMBytes)
	}
	return text, nil
}

// readPair reads a certificate and its key. key "" means that cert holds it
// too; chain "" that cert holds the whole chain.
func readPair(files twistor.FS, cert, key, chain string) (tls.Certificate, error) {
	certs, err := readFile(files, cert)
	if err != nil {
		return tls.Certificate{}, err
	}
	keys, from := certs, cert
	if key != "" {
		if keys, err = readFile(files, key); err != nil {
			return tls.Certificate{}, err
		}
		from = key
	}
	if chain != "" {
		more, err := readFile(files, chain)
		if err != nil {
			return tls.Certificate{}, err
		}
		certs = append(append(certs[:len(certs):len(certs)], '\n'), more...)
	}
	pair, err := tls.X509KeyPair(certs, keys)
	if err != nil {
		return pair, fmt.Errorf("%s with the key of %s: %w", cert, from, err)
	}
	return pair, nil
}

// readRoots reads the certificates of those who may sign others': a file's,
// or those of all *.pem of a directory, where what is not readable or holds
// none is skipped. None at all is an error: it would trust nobody.
func readRoots(files twistor.FS, name string) (*x509.CertPool, error) {
	stat, err := files.Stat(name)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !stat.IsDir() {
		text, err := readFile(files, name)
		if err != nil {
			return nil, err
		}
		if !pool.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("%s: %w", name, errNoCertificate)
		}
		return pool, nil
	}
	entries, err := files.ReadDir(name)
	if err != nil {
		return nil, err
	}
	found := false
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".pem") {
			continue
		}
		if text, err := readFile(files, path.Join(name, e.Name())); err == nil {
			found = pool.AppendCertsFromPEM(text) || found
		}
	}
	if !found {
		return nil, fmt.Errorf("%s: no certificates in its *.pem: want one or more", name)
	}
	return pool, nil
}

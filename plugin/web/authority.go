package web

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/acme"
)

// readACME reads where certificates come from.
func (p *plan) readACME() error {
	if len(p.ACME) == 0 {
		for _, option := range []struct {
			name  string
			given bool
		}{
			{"contact", len(p.ACMEContact) > 0}, {"directory", p.ACMEDirectory != ""}, {"roots", p.ACMERoots != ""},
			{"accept-terms", p.ACMETerms}, {"http", p.ACMEHTTP != New().ACMEHTTP},
		} {
			if option.given {
				return plugin.Usage("--acme-%s: want --acme DOMAIN, too", option.name)
			}
		}
		return nil
	}
	for _, domain := range p.ACME {
		if name := strings.ToLower(domain); !isHost(name) || !strings.Contains(name, ".") || net.ParseIP(name) != nil {
			return plugin.Usage("--acme %q: want a name of the public DNS, such as example.com", domain)
		}
	}
	if u, err := url.Parse(p.ACMEDirectory); p.ACMEDirectory != "" && (err != nil || u.Scheme != "https" || u.Host == "") {
		return plugin.Usage("--acme-directory %q: want an https URL", p.ACMEDirectory)
	}
	for _, mail := range p.ACMEContact {
		if name, host, ok := strings.Cut(mail, "@"); !ok || name == "" || host == "" || strings.ContainsAny(mail, " \r\n\x00?,:") {
			return plugin.Usage("--acme-contact %q: want the address of a mailbox, such as admin@example.com", mail)
		}
	}
	if !p.ACMETerms {
		return plugin.Usage("--acme: want --acme-accept-terms, too: read them first, https://letsencrypt.org/repository/")
	}
	if p.ACMEHTTP == none {
		return nil
	}
	if _, err := endpoint.ParseListener(p.ACMEHTTP); err != nil {
		return plugin.Usage("--acme-http: %w; or %s", err, none)
	}
	p.acmeHTTP = p.ACMEHTTP
	return nil
}

// maxRootsBytes is how large the file of --acme-roots may be.
const maxRootsBytes = 1 << 20

// An authority is the service of certificates; before it starts, it reads by
// which roots the authority's own server is trusted.
type authority struct {
	*acme.Certificates
	roots string // "": the system's
}

func (a *authority) Start(co *deferred.Co, h service.Host) error {
	if a.roots == "" {
		return a.Certificates.Start(co, h)
	}
	files := h.Loop().FS()
	pem, err := deferred.Go(h.Loop(), func(context.Context) ([]byte, error) {
		f, err := files.OpenFile(a.roots, os.O_RDONLY, 0)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, maxRootsBytes))
	}).Await(co)
	if err != nil {
		return noInput(fmt.Errorf("--acme-roots: %w", err))
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return &plugin.Error{Status: plugin.StatusConfig, Err: fmt.Errorf("--acme-roots %s: no certificate in it: want PEM", a.roots)}
	}
	a.Client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, Proxy: http.ProxyFromEnvironment}}
	return a.Certificates.Start(co, h)
}

package acme

import (
	"crypto/tls"
	"slices"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
)

// protocol is what an authority names by ALPN when it looks, and nobody else:
// https://www.rfc-editor.org/rfc/rfc8737#section-6.2.
const protocol = "acme-tls/1"

// challengePath is where http-01 looks:
// https://www.rfc-editor.org/rfc/rfc8555#section-8.3.
const challengePath = "/.well-known/acme-challenge/"

// served is what loops serve from at one moment. Immutable, but for the keys of
// tickets.
type served struct {
	sites map[string]*tls.Config // by domain; "": clients that name none
	none  *tls.Config            // no certificate: unrecognized_name
	answers
}

// answers are those to the authority that looks just now.
type answers struct {
	handshakes map[string]*tls.Config // tls-alpn-01, by domain
	files      map[string]string      // http-01, by the whole path
}

// publish makes loops serve what there is now.
func (c *Certificates) publish() {
	next := &served{
		sites: map[string]*tls.Config{},
		none:  c.template(),
		answers: answers{
			handshakes: map[string]*tls.Config{},
			files:      map[string]string{},
		},
	}
	for _, n := range c.names {
		if n.held != nil {
			next.sites[n.domain] = n.held.config
			if next.sites[""] == nil {
				next.sites[""] = n.held.config
			}
		}
	}
	for domain, config := range c.answers.handshakes {
		next.handshakes[domain] = config
	}
	for path, text := range c.answers.files {
		next.files[path] = text
	}
	c.served.Store(next)
}

// template is Template without certificates, or its default.
func (c *Certificates) template() *tls.Config {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.Template != nil {
		config = c.Template.Clone()
	}
	config.Certificates, config.GetCertificate, config.GetConfigForClient = nil, nil, nil
	if config.NextProtos == nil {
		config.NextProtos = c.protos
	}
	return config
}

// Config returns the configuration that serves the certificates, and the
// authority's handshakes, for a twistor.ListenConfig. A factory that is served
// by it has to refuse transports whose NegotiatedProtocol is "acme-tls/1", as
// Factory does.
func (c *Certificates) Config() *tls.Config {
	c.opens(TLSALPN)
	config := c.template()
	config.GetConfigForClient = c.choose
	return config
}

// Factory puts TLS with these certificates below f: what f serves at "tcp:443"
// is HTTPS then. The connections of an authority that looks never come to f.
func (c *Certificates) Factory(f twistor.Factory) twistor.Factory {
	if p, ok := f.(interface{ NextProtos() []string }); ok && c.protos == nil {
		c.protos = p.NextProtos()
		for _, n := range c.names {
			if n.held != nil {
				n.held.configure(c.template())
			}
		}
		if c.loop != nil { // it has started
			c.publish()
		}
	}
	return policy.TLS(c.Config(), twistor.AsServer, &visited{f})
}

// choose is crypto/tls's question which certificate a client wants. It may come
// from any goroutine.
func (c *Certificates) choose(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	s := c.served.Load()
	if s == nil {
		return c.template(), nil // not started: unrecognized_name
	}
	domain := canonical(hello.ServerName)
	// "The ACME server MUST provide an ALPN extension with the single protocol
	// name "acme-tls/1" and an SNI extension containing only the domain name
	// being validated": https://www.rfc-editor.org/rfc/rfc8737#section-3.
	if slices.Equal(hello.SupportedProtos, []string{protocol}) {
		if config := s.handshakes[domain]; config != nil {
			return config, nil
		}
		return s.none, nil
	}
	if config := s.sites[domain]; config != nil {
		return config, nil
	}
	return s.none, nil
}

// challengeConfig is that of a handshake for the authority: with a certificate
// for it alone, and no session that could be resumed elsewhere.
func (c *Certificates) challengeConfig(cert tls.Certificate) *tls.Config {
	return &tls.Config{
		MinVersion:             tls.VersionTLS12, // authorities "MUST only negotiate TLS 1.2 [...] or higher"
		NextProtos:             []string{protocol},
		Certificates:           []tls.Certificate{cert},
		SessionTicketsDisabled: true,
	}
}

// answer is what http-01 is to find at a path.
func (c *Certificates) answer(path string) (string, bool) {
	s := c.served.Load()
	if s == nil || !strings.HasPrefix(path, challengePath) {
		return "", false
	}
	text, ok := s.files[path]
	return text, ok
}

// visited is a factory that authorities visit: their "protocol does not carry
// application data", so there is nothing for the factory in it:
// https://www.rfc-editor.org/rfc/rfc8737#section-4.
type visited struct{ twistor.Factory }

// Build refuses authorities.
func (v *visited) Build(t twistor.Transport) twistor.Protocol {
	if state := t.TLS(); state != nil && state.NegotiatedProtocol == protocol {
		return nil
	}
	return v.Factory.Build(t)
}

// Opened and Closed are the factory's, if it wants to know.
func (v *visited) Opened(l twistor.Loop) error {
	if o, ok := v.Factory.(twistor.Opener); ok {
		return o.Opened(l)
	}
	return nil
}

// Closed is Opened's other end.
func (v *visited) Closed() {
	if o, ok := v.Factory.(twistor.Opener); ok {
		o.Closed()
	}
}

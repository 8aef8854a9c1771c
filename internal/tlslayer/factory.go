package tlslayer

import (
	"crypto/tls"
	"fmt"

	"github.com/twistor-go/twistor"
)

// Factory speaks TLS below f: each connection shakes hands, and then f builds
// its Protocol, which hears Connected and plaintext. If f returns nil, what it
// wrote is flushed and the connection closed. Package reactor uses it for
// ListenConfig.TLS and DialConfig.TLS, package policy over any Transport.
//
// config may be nil, which is enough only where it could be empty; it must not
// be changed afterwards, but for SetSessionTicketKeys. done may be nil; it is
// called once for each connection, with its Protocol after Connected, with
// twistor.ErrRefused, or with why the handshake failed: io.ErrUnexpectedEOF if
// the peer left, ErrHandshakeTimeout, twistor.ErrAborted, or what crypto/tls
// says. A server whose config offers nothing by ALPN offers what f, a
// twistor.Negotiator, wants. Loop-only.
func Factory(config *tls.Config, as twistor.Role, f twistor.Factory, done func(p twistor.Protocol, err error)) twistor.Factory {
	return &factory{config: config, as: as, above: f, done: done}
}

type factory struct {
	config *tls.Config
	as     twistor.Role
	above  twistor.Factory
	done   func(p twistor.Protocol, err error)

	// For the loop on which the first connection is built.
	gate     *Gate
	security *security
}

func (f *factory) Build(t twistor.Transport) twistor.Protocol {
	role, err := resolve(f.as, t)
	if err != nil {
		if f.done != nil {
			f.done(nil, err)
		}
		return nil
	}
	l := t.Loop()
	engine := engineOf(l)
	if f.security == nil {
		if f.gate == nil {
			f.gate = gateOf(l)
		}
		_, pool := engine.(standard)
		var protos []string
		if role == twistor.AsServer {
			protos = twistor.NextProtos(f.above)
		}
		f.security = f.gate.secure(f.config, protos, role, pool)
	}
	c := newLayer(t, f.gate)
	c.shake = &handshake{
		layer: c, engine: engine, security: f.security,
		role: role, factory: f.above, done: f.done,
	}
	return (*events)(c)
}

// Opened and Closed pass the words on to f.
func (f *factory) Opened(l twistor.Loop) error {
	if o, ok := f.above.(twistor.Opener); ok {
		return o.Opened(l)
	}
	return nil
}

func (f *factory) Closed() {
	if o, ok := f.above.(twistor.Opener); ok {
		o.Closed()
	}
}

// resolve makes ByDirection a side: the client is who dialed, as TCP does.
func resolve(as twistor.Role, t twistor.Transport) (twistor.Role, error) {
	switch as {
	case twistor.AsServer, twistor.AsClient:
		return as, nil
	case twistor.ByDirection:
		d, ok := twistor.As[interface{ Dialed() bool }](t)
		switch {
		case !ok:
			return 0, fmt.Errorf("tlslayer: %T does not know who dialed: want AsServer or AsClient", t)
		case d.Dialed():
			return twistor.AsClient, nil
		}
		return twistor.AsServer, nil
	}
	return 0, fmt.Errorf("tlslayer: role %d: want ByDirection, AsServer or AsClient", as)
}

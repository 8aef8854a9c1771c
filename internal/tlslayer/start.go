package tlslayer

import (
	"crypto/tls"
	"errors"

	"github.com/twistor-go/twistor"
)

// Start begins TLS in mid-conversation: it is StartTLS for the Transports that
// have bytes of their own. t is the bare one, p the protocol that talks over it;
// unread is the part of what p received that is TLS already, nil after a
// STARTTLS command. Start copies it.
//
// It returns the Transport that p's calls must go to from now on, and the
// Protocol that must hear t's events from now on instead of p; it has heard
// Connected. p hears Secured when the handshake is done, then what the peer
// says; what p writes before that waits, and counts against its Limits.Max. A
// failed handshake ends the connection: p hears Disconnected with the reason.
//
// Nothing said in clear counts afterwards: what came behind a STARTTLS command
// in the same Received is the caller's to refuse, never unread. Loop-only.
func Start(t twistor.Transport, config *tls.Config, as twistor.Role, p twistor.Protocol, unread []byte) (twistor.Transport, twistor.Protocol, error) {
	c, err := start(t, config, as, p, unread)
	if err != nil {
		return nil, nil, err
	}
	return newFront(c), (*events)(c), nil
}

func start(t twistor.Transport, config *tls.Config, as twistor.Role, p twistor.Protocol, unread []byte) (*layer, error) {
	role, err := resolve(as, t)
	if err != nil {
		return nil, err
	}
	l := t.Loop()
	engine := engineOf(l)
	_, standard := engine.(standard)
	if err := check(config, role, standard); err != nil {
		return nil, err
	}
	g := gateOf(l)
	c := newLayer(t, g)
	c.protocol = p
	c.queue = &queue{layer: c}
	c.shake = &handshake{layer: c, engine: engine, security: g.secure(config, nil, role, standard), role: role}
	c.shake.in = append(c.shake.in, unread...)
	c.shake.late = true // p is being called: nothing may come of this before it returns
	c.shake.begin()
	c.shake.late = false
	return c, nil
}

// check finds what could not work, before the peer is told.
func check(config *tls.Config, role twistor.Role, standard bool) error {
	switch {
	case config == nil:
		return errors.New("tlslayer: StartTLS without a *tls.Config")
	case !standard: // has its own wants
	case role == twistor.AsClient && config.ServerName == "" && !config.InsecureSkipVerify:
		return errors.New("tlslayer: StartTLS as client: want Config.ServerName, the name to verify")
	case role == twistor.AsServer && len(config.Certificates) == 0 && config.GetCertificate == nil && config.GetConfigForClient == nil:
		return errors.New("tlslayer: StartTLS as server: want a certificate in the Config")
	}
	return nil
}

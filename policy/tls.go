package policy

import (
	"crypto/tls"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

// TLS speaks TLS below f, over any transport: a UNIX socket, a tunnel, another
// TLS. f builds its protocol after the handshake; if that fails it builds
// none. A plain port does not need it: twistor.ListenConfig has TLS.
//
// What stands outside of it acts before the handshake costs anything: so
// Caps{Factory: TLS(config, twistor.AsServer, f)}.
func TLS(config *tls.Config, as twistor.Role, f twistor.Factory) twistor.Factory {
	return &secured{tlslayer.Factory(config, as, f, nil), f}
}

// secured passes what tlslayer's factory does not: f's Opener.
type secured struct {
	twistor.Factory
	inside twistor.Factory
}

func (s *secured) Opened(l twistor.Loop) error { return opened(s.inside, l) }
func (s *secured) Closed()                     { closed(s.inside) }

package tlslayer

import (
	"crypto/tls"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
)

// A security is a configuration made ready for one loop. Nothing the caller does
// to his own afterwards changes it, but for SetSessionTicketKeys. Immutable after
// first use.
type security struct {
	original *tls.Config
	now      func() time.Time // the loop's, by which certificates are judged
	protos   []string         // offered by ALPN where a configuration offers none
	pool     bool             // keys that take their time sign on the pool of workers
	shared   *tls.Config      // of all connections; nil: each has one of its own
}

// prepare makes config ready. Session tickets stay original's: its keys, which
// it rotates, are shared by all loops, and by all that is prepared from it.
func prepare(config *tls.Config, protos []string, as twistor.Role, now func() time.Time, pool bool) *security {
	if config == nil {
		config = new(tls.Config)
	}
	s := &security{original: config, protos: protos, now: now, pool: pool}
	if as == twistor.AsServer && config.GetConfigForClient != nil && pool {
		return s
	}
	s.shared = s.clone()
	if as == twistor.AsServer && !config.SessionTicketsDisabled && config.WrapSession == nil && config.UnwrapSession == nil {
		s.shared.WrapSession = config.EncryptTicket
		s.shared.UnwrapSession = config.DecryptTicket
	}
	return s
}

// config is the configuration of one connection.
//
// One that chooses another by GetConfigForClient is cloned for each, because
// crypto/tls takes the ticket keys from the first if the second has none, and a
// clone's would not follow a later SetSessionTicketKeys.
func (s *security) config() *tls.Config {
	if s.shared != nil {
		return s.shared
	}
	if !s.original.SessionTicketsDisabled {
		// Makes or rotates the keys, before they are cloned; decrypts nothing.
		s.original.DecryptTicket(nil, tls.ConnectionState{})
	}
	config := s.clone()
	config.Time = s.original.Time // by which the keys' age counts
	choose := config.GetConfigForClient
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		chosen, err := choose(hello)
		if chosen == nil || err != nil {
			return chosen, err
		}
		slow, silent := needsPool(chosen), len(chosen.NextProtos) == 0 && len(s.protos) > 0
		if !slow && !silent {
			return chosen, nil
		}
		chosen = chosen.Clone()
		if slow {
			signOnPool(chosen)
		}
		if silent {
			chosen.NextProtos = s.protos
		}
		return chosen, nil
	}
	return config
}

// clone is a copy of the original with what this layer wants of it.
func (s *security) clone() *tls.Config {
	config := s.original.Clone()
	if config.MinVersion == 0 {
		config.MinVersion = tls.VersionTLS12
	}
	if config.Time == nil {
		config.Time = s.now
	}
	if len(config.NextProtos) == 0 {
		config.NextProtos = s.protos
	}
	// A second handshake would need a second coroutine, for what TLS 1.3 has
	// abolished: https://www.rfc-editor.org/rfc/rfc8446#section-1.2.
	config.Renegotiation = tls.RenegotiateNever
	if s.pool && needsPool(config) {
		signOnPool(config)
	}
	return config
}

// secure prepares config for connections of this loop. A server's last few are
// kept, so that one which hears STARTTLS shares them among its connections.
func (g *Gate) secure(config *tls.Config, protos []string, as twistor.Role, pool bool) *security {
	if as == twistor.AsClient {
		return prepare(config, protos, as, g.loop.Now, pool)
	}
	for _, s := range g.recent {
		if s != nil && s.original == config && slices.Equal(s.protos, protos) {
			return s
		}
	}
	s := prepare(config, protos, as, g.loop.Now, pool)
	g.recent[g.oldest] = s
	g.oldest = (g.oldest + 1) % len(g.recent)
	return s
}

package tlslayer

import (
	"crypto/tls"
	"net"
)

// An Engine makes the TLS sessions of a loop: crypto/tls, or the simulator's
// identity engine.
type Engine interface {
	Client(conn net.Conn, config *tls.Config) Session
	Server(conn net.Conn, config *tls.Config) Session
}

// A Session is one end of one TLS connection; *tls.Conn is one.
type Session interface {
	Handshake() error
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	CloseWrite() error
	ConnectionState() tls.ConnectionState
}

// An Engined is a Loop that brings its own Engine.
type Engined interface{ TLSEngine() Engine }

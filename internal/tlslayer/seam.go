package tlslayer

import (
	"crypto/tls"
	"net"
)

// An Engine makes the TLS sessions of a loop: crypto/tls, or the simulator's
// identity engine. It may keep config; nobody changes it any more.
type Engine interface {
	Client(conn net.Conn, config *tls.Config) Session
	Server(conn net.Conn, config *tls.Config) Session
}

// A Session is one end of one TLS connection; *tls.Conn is one. Loop-only.
//
// Handshake is called once, in a coroutine: there conn.Read waits for bytes, and
// returns io.EOF or an error when none will come. The other methods are called
// after it, outside of coroutines: now conn.Read fails with a temporary
// net.Error when no bytes are there, which Read must return as it is, and go on
// from at the next call, also in the middle of a record. conn.Write takes
// everything at once, and deadlines do nothing.
//
// Read returns io.EOF when the peer said that it ends: nil never with 0 bytes.
// CloseWrite tells the peer that we end.
type Session interface {
	Handshake() error
	Read(p []byte) (int, error)
	Write(p []byte) (int, error)
	CloseWrite() error
	ConnectionState() tls.ConnectionState
}

// An Engined is a Loop that brings its own Engine; nil: crypto/tls.
type Engined interface{ TLSEngine() Engine }

// engineOf is the Engine of a loop.
func engineOf(l any) Engine {
	if e, ok := l.(Engined); ok {
		if engine := e.TLSEngine(); engine != nil {
			return engine
		}
	}
	return standard{}
}

// standard is crypto/tls.
type standard struct{}

func (standard) Client(conn net.Conn, config *tls.Config) Session { return tls.Client(conn, config) }
func (standard) Server(conn net.Conn, config *tls.Config) Session { return tls.Server(conn, config) }

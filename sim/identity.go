package sim

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	"github.com/twistor-go/twistor/internal/tlslayer"
)

// Identity is TLS without cryptography, which would not replay: a handshake of
// one round trip that carries names, protocols and certificates, and then the
// bytes as they are, in records with TLS's headers. Certificates are checked
// for their names, and against RootCAs and ClientCAs where these are set;
// signatures of the handshake, versions and ciphers are not. It protects
// nothing, and is for tests only. A World uses it; a Clock may.
type Identity struct {
	// Fail, if not nil, is asked by each server for the name its client
	// asked for; an error fails the handshake on both sides.
	Fail func(serverName string) error

	world *World // nil: on a Clock
}

var _ tlslayer.Engine = (*Identity)(nil)

// Identity is the TLS of all hosts.
func (w *World) Identity() *Identity {
	if w.tls == nil {
		w.tls = &Identity{world: w}
	}
	return w.tls
}

// Client and Server make one end of a connection.
func (e *Identity) Client(conn net.Conn, config *tls.Config) tlslayer.Session {
	return &session{engine: e, conn: conn, config: config, client: true}
}

func (e *Identity) Server(conn net.Conn, config *tls.Config) tlslayer.Session {
	return &session{engine: e, conn: conn, config: config}
}

// Record types and alerts, as TLS has them:
// https://www.rfc-editor.org/rfc/rfc8446#section-5.1 and #section-6
const (
	recordAlert     = 21
	recordHandshake = 22
	recordData      = 23
	maxRecord       = 16 << 10

	alertClose            = 0
	alertHandshakeFailure = 40
	alertBadCertificate   = 42
	alertNoProtocol       = 120
)

// A session is one end.
type session struct {
	engine *Identity
	conn   net.Conn
	config *tls.Config
	client bool

	state tls.ConnectionState
	in    []byte // of records not complete
	plain []byte
	err   error // ends reading, for good
	done  bool
}

// A greeting is what both sides say in the handshake.
type greeting struct {
	Name     string   `json:",omitempty"` // that the client asks for
	Protos   []string `json:",omitempty"` // the client's wishes, or the server's choice
	Chain    [][]byte `json:",omitempty"` // certificates
	Finished bool     `json:",omitempty"` // the client agrees
}

func (s *session) Handshake() error {
	if s.done {
		return nil
	}
	var alert byte
	var err error
	if s.client {
		alert, err = s.greet()
	} else {
		alert, err = s.answer()
	}
	if err != nil {
		if alert != 0 {
			s.send(recordAlert, []byte{alert})
		}
		s.err = err
		return err
	}
	s.state.HandshakeComplete = true
	s.state.Version = tls.VersionTLS13
	s.state.CipherSuite = tls.TLS_AES_128_GCM_SHA256
	s.done = true
	return nil
}

// greet is the client's side.
func (s *session) greet() (alert byte, err error) {
	c := s.config
	if c.ServerName == "" && !c.InsecureSkipVerify {
		return 0, errors.New("tls: either ServerName or InsecureSkipVerify must be specified in the tls.Config")
	}
	mine, err := s.clientChain()
	if err != nil {
		return 0, err
	}
	s.state.ServerName = c.ServerName
	if err := s.say(greeting{Name: c.ServerName, Protos: c.NextProtos, Chain: mine}); err != nil {
		return 0, err
	}
	reply, err := s.listen()
	if err != nil {
		return 0, err
	}
	if len(reply.Protos) > 0 {
		s.state.NegotiatedProtocol = reply.Protos[0]
	}
	if err := s.check(reply.Chain, !c.InsecureSkipVerify, c.ServerName, c.RootCAs, x509.ExtKeyUsageServerAuth); err != nil {
		return alertBadCertificate, err
	}
	return 0, s.say(greeting{Finished: true})
}

// answer is the server's side.
func (s *session) answer() (alert byte, err error) {
	hello, err := s.listen()
	if err != nil {
		return 0, err
	}
	if err := s.fail(hello.Name); err != nil {
		return alertHandshakeFailure, err
	}
	info := &tls.ClientHelloInfo{ServerName: hello.Name, SupportedProtos: hello.Protos, Conn: s.conn,
		SupportedVersions: []uint16{tls.VersionTLS13}, CipherSuites: []uint16{tls.TLS_AES_128_GCM_SHA256}}
	if f := s.config.GetConfigForClient; f != nil {
		if c, err := f(info); err != nil {
			return alertHandshakeFailure, err
		} else if c != nil {
			s.config = c
		}
	}
	chain, err := s.serverChain(info)
	if err != nil {
		return alertHandshakeFailure, err
	}
	s.state.ServerName = hello.Name
	reply := greeting{Chain: chain}
	if theirs, ours := hello.Protos, s.config.NextProtos; len(theirs) > 0 && len(ours) > 0 {
		i := slices.IndexFunc(ours, func(p string) bool { return slices.Contains(theirs, p) })
		if i < 0 {
			return alertNoProtocol, fmt.Errorf("tls: client requested unsupported application protocols (%q)", theirs)
		}
		reply.Protos = ours[i : i+1]
		s.state.NegotiatedProtocol = ours[i]
	}
	auth := s.config.ClientAuth
	verify := auth == tls.RequireAndVerifyClientCert || auth == tls.VerifyClientCertIfGiven && len(hello.Chain) > 0
	switch {
	case auth == tls.NoClientCert:
	case len(hello.Chain) == 0 && (auth == tls.RequireAnyClientCert || auth == tls.RequireAndVerifyClientCert):
		return alertBadCertificate, errors.New("tls: client didn't provide a certificate")
	default:
		if err := s.check(hello.Chain, verify, "", s.config.ClientCAs, x509.ExtKeyUsageClientAuth); err != nil {
			return alertBadCertificate, err
		}
	}
	if err := s.say(reply); err != nil {
		return 0, err
	}
	if last, err := s.listen(); err != nil {
		return 0, err
	} else if !last.Finished {
		return alertHandshakeFailure, errors.New("sim: unexpected greeting of a client")
	}
	return 0, nil
}

// fail asks whether this handshake is to fail.
func (s *session) fail(name string) error {
	if f := s.engine.Fail; f != nil {
		if err := f(name); err != nil {
			return err
		}
	}
	if w := s.engine.world; w != nil && chance(w.chance, w.Net.TLSFailure) {
		return errors.New("sim: handshake failed, as Net.TLSFailure has it")
	}
	return nil
}

func (s *session) now() time.Time {
	switch {
	case s.config.Time != nil:
		return s.config.Time()
	case s.engine.world != nil:
		return s.engine.world.Now()
	}
	return Epoch
}

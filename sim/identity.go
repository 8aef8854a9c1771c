package sim

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
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

// say sends one message of the handshake, listen receives one.
func (s *session) say(g greeting) error {
	b, err := json.Marshal(g)
	if err != nil {
		return err
	}
	if len(b) > maxRecord {
		return fmt.Errorf("sim: greeting of %d bytes, want at most %d", len(b), maxRecord)
	}
	return s.send(recordHandshake, b)
}

func (s *session) listen() (g greeting, err error) {
	for {
		kind, body, err := s.record()
		switch {
		case err == io.EOF:
			return g, io.ErrUnexpectedEOF
		case err != nil:
			return g, err
		case kind == 0:
			if err := s.fill(); err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return g, err
			}
		case kind != recordHandshake:
			return g, errors.New("tls: unexpected message")
		default:
			return g, json.Unmarshal(body, &g)
		}
	}
}

// fill reads once.
func (s *session) fill() error {
	var b [4096]byte
	n, err := s.conn.Read(b[:])
	s.in = append(s.in, b[:n]...)
	if n > 0 {
		return nil
	}
	if err == io.EOF && len(s.in) > 0 {
		return io.ErrUnexpectedEOF
	}
	return err
}

// record takes the next complete record; kind 0: there is none yet. Alerts are
// errors, io.EOF a good end.
func (s *session) record() (kind byte, body []byte, err error) {
	if len(s.in) < 5 {
		return 0, nil, nil
	}
	kind = s.in[0]
	n := int(binary.BigEndian.Uint16(s.in[3:]))
	if kind < recordAlert || kind > recordData || s.in[1] != 3 || n > maxRecord {
		e := tls.RecordHeaderError{Msg: "first record does not look like a TLS handshake", Conn: s.conn}
		copy(e.RecordHeader[:], s.in)
		return 0, nil, e
	}
	if len(s.in) < 5+n {
		return 0, nil, nil
	}
	body = s.in[5 : 5+n]
	s.in = s.in[5+n:]
	if kind == recordAlert {
		if n == 1 && body[0] == alertClose {
			return 0, nil, io.EOF
		}
		if n == 1 {
			return 0, nil, &net.OpError{Op: "remote error", Err: tls.AlertError(body[0])}
		}
		return 0, nil, errors.New("tls: malformed alert")
	}
	return kind, body, nil
}

func (s *session) send(kind byte, b []byte) error {
	out := make([]byte, 0, len(b)+5*(1+len(b)/maxRecord))
	for {
		n := min(len(b), maxRecord)
		out = append(out, kind, 3, 3, byte(n>>8), byte(n))
		out = append(out, b[:n]...)
		if b = b[n:]; len(b) == 0 {
			break
		}
	}
	_, err := s.conn.Write(out)
	return err
}

// Read returns plaintext; an error of the conn that is temporary leaves
// everything as it is.
func (s *session) Read(p []byte) (int, error) {
	if !s.done {
		return 0, errors.New("sim: Read before Handshake")
	}
	for len(s.plain) == 0 {
		if s.err != nil {
			return 0, s.err
		}
		kind, body, err := s.record()
		switch {
		case err != nil:
			s.err = err
		case kind == recordData:
			s.plain = append(s.plain, body...)
		case kind != 0:
			s.err = errors.New("tls: unexpected message")
		default:
			if err := s.fill(); err != nil {
				var temporary interface{ Temporary() bool }
				if !errors.As(err, &temporary) || !temporary.Temporary() {
					s.err = err
				}
				return 0, err
			}
		}
	}
	n := copy(p, s.plain)
	s.plain = s.plain[n:]
	return n, nil
}

func (s *session) Write(p []byte) (int, error) {
	if !s.done {
		return 0, errors.New("sim: Write before Handshake")
	}
	if len(p) == 0 {
		return 0, nil
	}
	if err := s.send(recordData, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (s *session) CloseWrite() error {
	if !s.done {
		return errors.New("sim: CloseWrite before Handshake")
	}
	return s.send(recordAlert, []byte{alertClose})
}

func (s *session) ConnectionState() tls.ConnectionState { return s.state }

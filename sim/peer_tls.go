package sim

import (
	"crypto/tls"
	"io"
	"net"
	"time"

	"github.com/twistor-go/twistor/internal/poll"
	"github.com/twistor-go/twistor/internal/tlslayer"
)

// A secured is a Peer's TLS.
type secured struct {
	session tlslayer.Session
	line    *line
	clear   []byte
}

// Secure shakes hands as the World's loops do, as the client if the Peer
// dialed; what it sends and receives from then on goes through TLS. It returns
// why the handshake failed.
func (p *Peer) Secure(config *tls.Config) error {
	l := &line{peer: p, waits: true}
	engine := p.host.world.Identity()
	s := &secured{line: l}
	if p.server {
		s.session = engine.Server(l, config)
	} else {
		s.session = engine.Client(l, config)
	}
	if err := s.session.Handshake(); err != nil {
		return err
	}
	l.waits = false
	p.secure = s
	return nil
}

// TLS is what the handshake agreed on; nil: there was none.
func (p *Peer) TLS() *tls.ConnectionState {
	if p.secure == nil {
		return nil
	}
	state := p.secure.session.ConnectionState()
	return &state
}

// notify is TLS's closing message.
func (s *secured) notify() []byte {
	s.line.out = nil
	s.session.CloseWrite()
	return s.line.out
}

// seal encrypts, open decrypts what has come.
func (s *secured) seal(b []byte) []byte {
	s.line.out = nil
	s.session.Write(b)
	return s.line.out
}

func (s *secured) open() []byte {
	for {
		var b [4096]byte
		n, err := s.session.Read(b[:])
		s.clear = append(s.clear, b[:n]...)
		if err != nil {
			if p := s.line.peer; err == io.EOF && p.err == nil {
				p.err, p.atEnd = io.EOF, true // close_notify
			}
			return s.clear
		}
	}
}

// A line is a Peer as a net.Conn: during the handshake its Read makes the World
// run, afterwards it does not wait, and what is written is kept.
type line struct {
	peer  *Peer
	waits bool
	out   []byte
}

func (l *line) Read(b []byte) (int, error) {
	p := l.peer
	if len(p.got) == 0 && l.waits {
		if !p.host.world.wait(func() bool { return len(p.got) > 0 || p.err != nil }) {
			return 0, errSilent
		}
	}
	if len(p.got) > 0 {
		n := copy(b, p.got)
		p.got = p.got[n:]
		return n, nil
	}
	if p.err != nil {
		return 0, p.err
	}
	return 0, errNothingYet
}

func (l *line) Write(b []byte) (int, error) {
	if l.waits {
		l.peer.queue = append(l.peer.queue, b...)
		l.peer.push()
		return len(b), nil
	}
	l.out = append(l.out, b...)
	return len(b), nil
}

func (l *line) Close() error                     { return nil }
func (l *line) LocalAddr() net.Addr              { return netAddr(l.peer.conn.local) }
func (l *line) RemoteAddr() net.Addr             { return netAddr(l.peer.conn.remote) }
func (l *line) SetDeadline(time.Time) error      { return nil }
func (l *line) SetReadDeadline(time.Time) error  { return nil }
func (l *line) SetWriteDeadline(time.Time) error { return nil }

func netAddr(a poll.Addr) net.Addr {
	if a.AddrPort.IsValid() {
		return net.TCPAddrFromAddrPort(a.AddrPort)
	}
	return &net.UnixAddr{Name: a.Path, Net: "unix"}
}

// A wait is a temporary net.Error.
type wait string

const (
	errNothingYet wait = "sim: nothing has come yet"
	errSilent     wait = "sim: the other side is silent"
)

func (e wait) Error() string { return string(e) }
func (wait) Timeout() bool   { return true }
func (wait) Temporary() bool { return true }

package sim

import (
	"crypto/tls"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
)

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

package framing

import (
	"crypto/tls"
	"slices"

	"github.com/twistor-go/twistor"
)

// A talker is what LineProtocol and MessageProtocol have in common.
type talker interface {
	Connected()
	Disconnected(err error)
}

// A framer knows what a message is. Both its methods see the bytes of one
// message, and perhaps more, at the front of p.
type framer interface {
	// take delivers the first message of p and returns the bytes it used; not
	// ok: it is not whole. Before it calls the protocol it calls delivering.
	take(p []byte) (n int, ok bool)
	// reach is how many bytes of more, which follow kept, may be needed to
	// complete the message that kept begins.
	reach(kept, more []byte) int
}

// A stream is the part that all event framings share: it holds back bytes that
// make no whole message yet, or that come while the protocol pauses, and stops
// at once when a message asks for it. It is the Transport that the protocol
// sees; its events come in through events.
type stream struct {
	twistor.Transport // below
	protocol          talker
	framer            framer

	kept    []byte        // came, and is not delivered
	after   int           // bytes that came behind the message being delivered
	pending int           // of the Received going on: not yet looked at
	later   twistor.Timer // delivers kept in another turn
	armed   bool          // later was made
	queued  []byte        // came while busy
	busy    bool          // messages are being delivered
	paused  bool
	eager   bool // the next message may need no bytes
	over    bool // nothing is delivered any more
	ended   bool // the peer has ended its direction, and we closed for that
	broken  error
	next    *successor
}

// A successor is a Switch to come.
type successor struct {
	protocol twistor.Protocol
	unread   []byte
}

// feed takes what came, and delivers what is whole.
func (s *stream) feed(p []byte) {
	if s.over {
		return
	}
	if s.busy {
		// Transports deliver nothing during a callback. A policy below that
		// forgets this must not change the order of bytes.
		s.queued = append(s.queued, p...)
		return
	}
	s.busy = true
	for {
		if p = s.complete(p); len(s.kept) == 0 {
			p = s.direct(p)
		}
		if s.over {
			break
		}
		s.kept = append(s.kept, p...)
		if p, s.queued = s.queued, nil; len(p) == 0 {
			break
		}
	}
	s.busy = false
	if n := s.next; n != nil {
		s.next = nil
		s.Transport.Switch(n.protocol, slices.Concat(n.unread, s.kept, p, s.queued))
	}
	if s.over || len(s.kept) == 0 {
		s.kept = nil
	}
}

// complete delivers from kept, adding no more of p than the message at its
// front needs, and returns the rest of p.
func (s *stream) complete(p []byte) []byte {
	for len(s.kept) > 0 && !s.over && !s.paused {
		s.pending = len(p)
		if n, ok := s.framer.take(s.kept); ok {
			s.kept = s.kept[min(n, len(s.kept)):]
			continue
		}
		if len(p) == 0 || s.over || s.paused {
			break
		}
		n := s.framer.reach(s.kept, p)
		s.kept = append(s.kept, p[:n]...)
		p = p[n:]
	}
	return p
}

// direct delivers from p, without a copy, and returns the rest.
func (s *stream) direct(p []byte) []byte {
	for (len(p) > 0 || s.eager) && len(s.kept) == 0 && !s.over && !s.paused {
		s.pending, s.eager = 0, false
		n, ok := s.framer.take(p)
		if !ok {
			break
		}
		p = p[n:]
	}
	return p
}

// delivering notes, before a message is delivered, how many bytes came behind
// it in the window that take was given.
func (s *stream) delivering(behind int) { s.after = behind + s.pending }

// wake delivers kept in the next turn, so that whoever calls Resume or SetRaw
// is not called back before it is done.
func (s *stream) wake() {
	switch {
	case s.busy || s.over || len(s.kept) == 0 && !s.eager:
	case s.armed:
		s.later.Reset(0)
	default:
		s.armed = true
		s.later = s.Loop().CallLater(0, s.redeliver)
	}
}

func (s *stream) redeliver() {
	if s.paused || s.over {
		return
	}
	done := false
	defer func() {
		if !done {
			s.Transport.Abort() // the protocol panicked: as in any event
		}
	}()
	s.feed(nil)
	done = true
	if !s.paused {
		s.Transport.Resume()
	}
}

// reject refuses what the peer sent.
func (s *stream) reject(why error) {
	s.broken = why
	if r, ok := s.protocol.(Rejecter); ok {
		r.InputRejected(why)
	}
	if s.broken != nil && !s.over {
		s.Close()
	}
}

// Pause holds back everything, messages that are already here too.
func (s *stream) Pause() {
	s.paused = true
	s.Transport.Pause()
}

// Resume goes on, with what is already here, in the next turn.
func (s *stream) Resume() {
	if !s.paused {
		return
	}
	s.paused = false
	if s.busy || s.over || len(s.kept) == 0 && !s.eager {
		s.Transport.Resume()
		return
	}
	s.wake() // below stays paused, so that ReadClosed comes after kept
}

// Close delivers no more messages, then closes the transport.
func (s *stream) Close() error {
	s.over = true
	return s.Transport.Close()
}

// Abort delivers no more messages, then aborts the transport.
func (s *stream) Abort() {
	s.over = true
	s.Transport.Abort()
}

// Switch hands the connection, with unread and all that came behind the
// current message, to p. The framing is out of it from then on.
func (s *stream) Switch(p twistor.Protocol, unread []byte) {
	s.over = true
	if s.busy {
		s.next = &successor{p, slices.Clone(unread)}
		return
	}
	s.Transport.Switch(p, slices.Concat(unread, s.kept))
	s.kept = nil
}

// StartTLS refuses with a *ProtocolError, and does nothing, if the peer sent
// more behind the message that asked for TLS: taken for encrypted later, those
// bytes would let a third party speak in the peer's name.
// https://www.rfc-editor.org/rfc/rfc3207#section-4.2
func (s *stream) StartTLS(config *tls.Config, as twistor.Role, unread []byte) error {
	behind := len(s.kept)
	if s.busy {
		behind = s.after
	}
	if behind > 0 {
		return &ProtocolError{"nothing before the TLS handshake", "bytes in clear"}
	}
	return s.Transport.StartTLS(config, as, unread)
}

// Unwrap is for twistor.As.
func (s *stream) Unwrap() twistor.Transport { return s.Transport }

package dns

import (
	"encoding/binary"
	"net"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Answer answers the message p, that came over a network which this package
// does not speak itself, such as HTTPS: by the same policy and the same Handler
// as all others. It fires with the answer, which is the caller's to keep, or
// with nil if there is to be none. p is the Server's until then only if the
// Deferred has not fired when Answer returns. To cancel it gives up.
func (s *Server) Answer(l twistor.Loop, p []byte, from twistor.Peer, n Network) *deferred.Deferred[[]byte] {
	s.loop = l
	one := &single{s: s, d: deferred.New[[]byte](l)}
	if x := s.serve(p, from, n, one); x != nil {
		done := x.done
		one.d.OnCancel(done.Cancel)
	} else if !one.over {
		one.d.Succeed(nil) // it was no query
	}
	return one.d
}

// A single takes one answer.
type single struct {
	s    *Server
	d    *deferred.Deferred[[]byte]
	p    []byte
	over bool
}

func (o *single) send(_ *ResponseWriter, p []byte, more bool) {
	if !more {
		o.p = append([]byte(nil), p...)
	}
}

// room is the sink's: there is no answer in several messages.
func (o *single) room() *deferred.Signal {
	return deferred.Failed[struct{}](o.s.loop, net.ErrClosed)
}

func (o *single) completed(*exchange) {
	o.over = true
	o.d.Succeed(o.p)
}

// Lifetime is how many seconds the answer p may be kept: the least TTL of its
// answers, or without any what its SOA record says of names that are not there
// (RFC 2308 section 5). 0: not at all, as of errors.
func Lifetime(p []byte) uint32 {
	if len(p) < headerBytes {
		return 0
	}
	if r := Rcode(p[3] & 0xf); r != RcodeSuccess && r != RcodeNameError || p[2]&0x02 != 0 {
		return 0
	}
	var name [MaxNameBytes]byte
	off := headerBytes
	for range binary.BigEndian.Uint16(p[4:]) {
		_, end, err := readName(p, off, name[:])
		if err != nil {
			return 0
		}
		off = end + 4
	}
	answers := int(binary.BigEndian.Uint16(p[6:]))
	least, known := uint32(0), false
	for i := range answers + int(binary.BigEndian.Uint16(p[8:])) {
		if i == answers && known {
			break
		}
		h, err := readHead(p, off, name[:])
		if err != nil {
			return 0
		}
		off = h.end
		ttl := h.ttl
		if i >= answers {
			if h.rtype != TypeSOA || h.end-h.data < 4 {
				continue
			}
			ttl = min(ttl, binary.BigEndian.Uint32(p[h.end-4:]))
		}
		if !known || ttl < least {
			least, known = ttl, true
		}
	}
	return least
}

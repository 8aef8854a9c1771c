package service

import (
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
)

// Patience is how long connections that are to go on in another process may
// take to come to rest, and how long what a Supervisor starts anew may take to
// stop.
const Patience = 5 * time.Second

// farewell is how long it waits for peers to whom all was said, and who have
// not closed: the system goes on delivering what it has.
const farewell = time.Second

// handshakeGrace is how long TLS handshakes that are under way may take when
// the Service stops: their clients were accepted, and are to be served.
const handshakeGrace = 2 * time.Second

// A hall is the connections of a Service on one loop. Its zero is closed.
type hall struct {
	seats   []*seat
	doors   bool // open: connections may come in
	leaving bool // who comes in is dismissed at once
}

// open lets connections in, until seeOut.
func (h *hall) open() { h.doors, h.leaving = true, false }

// seat gives t a seat with a protocol of f: nil if f refuses, or the doors are
// closed, as for a handshake that ends when the Service has stopped.
func (h *hall) seat(t twistor.Transport, f twistor.Factory, endpoint string) twistor.Protocol {
	return h.seatThen(t, f, endpoint, nil)
}

// seatThen is seat, and has left called when the connection is over.
func (h *hall) seatThen(t twistor.Transport, f twistor.Factory, endpoint string, left func(error)) twistor.Protocol {
	if !h.doors {
		return nil
	}
	return policy.Wrap(&seat{hall: h, place: -1, endpoint: endpoint, left: left}, t, f)
}

// seeOut dismisses everyone, and those who come in meanwhile, since their
// handshake with one of the ports was under way. It waits until they have gone, or co
// is cancelled, closes the doors and aborts who is there then.
func (h *hall) seeOut(co *deferred.Co, ports []twistor.Port) {
	h.leaving = true
	for i := len(h.seats) - 1; i >= 0; i-- { // from the last, for those that leave meanwhile
		h.seats[i].Dismissed()
	}
	now := co.Loop().Now
	for began := now(); ; {
		took := now().Sub(began)
		if took >= handshakeGrace || !slices.ContainsFunc(ports, shaking) {
			h.doors = false
			if len(h.seats) == 0 || took >= farewell && !slices.ContainsFunc(h.seats, (*seat).busy) {
				break
			}
		}
		if co.Sleep(10*time.Millisecond) != nil {
			break
		}
	}
	h.doors = false
	for i := len(h.seats) - 1; i >= 0; i-- {
		if h.seats[i].busy() {
			h.seats[i].Abort()
		}
	}
}

// shaking reports whether a handshake of p's is under way.
func shaking(p twistor.Port) bool {
	h, ok := p.(twistor.Handshaker)
	return ok && h.Handshakes() > 0
}

// A seat is a connection in a hall, and the layer that watches for its end.
type seat struct {
	policy.Wrapper
	hall     *hall
	endpoint string
	place    int             // in hall.seats; -1: not there
	closed   bool            // by its protocol
	ended    bool            // by the peer, first
	left     func(err error) // called when it is over; nil: nobody minds
}

// Close is the protocol's last word: only its bytes are still to be sent.
func (s *seat) Close() error {
	s.closed = true
	return s.Wrapper.Close()
}

// busy tells whether there is more to do than to wait for the peer.
func (s *seat) busy() bool { return !s.closed || s.Buffered() > 0 }

func (s *seat) Connected() {
	s.place = len(s.hall.seats)
	s.hall.seats = append(s.hall.seats, s)
	s.Wrapper.Connected()
	if s.hall.leaving && s.place >= 0 {
		s.Dismissed()
	}
}

func (s *seat) ReadClosed() {
	_, goesOn := s.Above().(twistor.HalfCloser)
	s.ended = s.ended || !goesOn && !s.closed
	s.Wrapper.ReadClosed()
}

func (s *seat) Disconnected(err error) {
	h := s.hall
	if s.place >= 0 { // the last one takes its place
		last := len(h.seats) - 1
		h.seats[s.place] = h.seats[last]
		h.seats[s.place].place = s.place
		h.seats[last] = nil
		h.seats = h.seats[:last]
		s.place = -1
	}
	s.Wrapper.Disconnected(err)
	if s.left == nil {
		return
	}
	if s.ended && err == net.ErrClosed {
		err = io.EOF // as the protocol has it
	}
	s.left(err)
}

// LogValue names the protocol above, not the layer.
func (s *seat) LogValue() slog.Value {
	return slog.GroupValue(slog.String("proto", fmt.Sprintf("%T", s.Above())),
		slog.Any("peer", s.RemoteAddr()), slog.Any("local", s.LocalAddr()))
}

// WriteShared passes on what the layer does not change.
func (s *seat) WriteShared(p []byte) error {
	if below, ok := s.Transport.(twistor.Sharer); ok {
		return below.WriteShared(p)
	}
	_, err := s.Write(p)
	return err
}

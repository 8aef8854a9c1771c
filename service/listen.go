package service

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
)

// Patience is how long a Service of Listen waits when it stops for connections
// that go on, before it aborts them.
const Patience = 5 * time.Second

// farewell is how long it waits for peers to whom all was said, and who have
// not closed: the system goes on delivering what it has.
const farewell = time.Second

// Listen is the Service that has f serve at a place, such as "tcp:8888". When
// it stops, the port closes and every connection hears Dismissed; those that
// are not over after Patience, or when Stop is cancelled, are aborted. Peers
// that have been told everything have a second to close, and are left then.
func Listen(endpoint string, f twistor.Factory) Service { return ListenAll([]string{endpoint}, f) }

// ListenAll is Listen at several places: f hears Opened before the first of
// them accepts, and Closed after the last. An f given to several Services is
// opened by each.
func ListenAll(endpoints []string, f twistor.Factory) Service {
	return &listener{endpoints: slices.Clone(endpoints), factory: f}
}

// A listener is the factory of its ports, too: it knows who is connected.
type listener struct {
	// Immutable.
	endpoints []string
	factory   twistor.Factory

	// Owned by the loop.
	ports []twistor.Port
	seats []*seat
}

func (n *listener) Start(co *deferred.Co, h Host) error {
	for _, endpoint := range n.endpoints {
		port, err := h.Listen(endpoint, n)
		if err != nil {
			return errors.Join(err, n.close(co))
		}
		n.ports = append(n.ports, port)
		h.Loop().Log().Info("listening", "at", endpoint, "addr", port.Addr())
	}
	return nil
}

func (n *listener) Stop(co *deferred.Co) error {
	err := n.close(co)
	for i := len(n.seats) - 1; i >= 0; i-- { // from the last, for those that leave meanwhile
		n.seats[i].Dismissed()
	}
	now := co.Loop().Now
	for began := now(); len(n.seats) > 0; {
		waited := now().Sub(began)
		if waited >= Patience || waited >= farewell && !slices.ContainsFunc(n.seats, (*seat).busy) {
			break
		}
		if co.Sleep(10*time.Millisecond) != nil {
			break
		}
	}
	for i := len(n.seats) - 1; i >= 0; i-- {
		if n.seats[i].busy() {
			n.seats[i].Abort()
		}
	}
	return err
}

// close closes the ports.
func (n *listener) close(co *deferred.Co) (err error) {
	for _, port := range n.ports {
		_, failed := port.Close().Await(co)
		err = errors.Join(err, failed)
	}
	n.ports = nil
	return err
}

func (n *listener) Opened(l twistor.Loop) error {
	if o, ok := n.factory.(twistor.Opener); ok {
		return o.Opened(l)
	}
	return nil
}

func (n *listener) Closed() {
	if o, ok := n.factory.(twistor.Opener); ok {
		o.Closed()
	}
}

func (n *listener) Build(t twistor.Transport) twistor.Protocol {
	return policy.Wrap(&seat{listener: n, place: -1}, t, n.factory)
}

// A seat is a connection of a listener, and the layer that watches for its end.
type seat struct {
	policy.Wrapper
	listener *listener
	place    int // in listener.seats; -1: not there
	closed   bool
}

// Close is the protocol's last word: only its bytes are still to be sent.
func (s *seat) Close() error {
	s.closed = true
	return s.Wrapper.Close()
}

// busy tells whether there is more to do than to wait for the peer.
func (s *seat) busy() bool { return !s.closed || s.Buffered() > 0 }

func (s *seat) Connected() {
	s.place = len(s.listener.seats)
	s.listener.seats = append(s.listener.seats, s)
	s.Wrapper.Connected()
}

func (s *seat) Disconnected(err error) {
	n := s.listener
	if s.place >= 0 { // the last one takes its place
		last := len(n.seats) - 1
		n.seats[s.place] = n.seats[last]
		n.seats[s.place].place = s.place
		n.seats[last] = nil
		n.seats = n.seats[:last]
	}
	s.Wrapper.Disconnected(err)
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

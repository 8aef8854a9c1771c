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
	heir   Heir // nil: the Host is none
	ports  []twistor.Port
	opened int // places
	seats  []*seat
}

// Bind implements Binder.
func (n *listener) Bind(h Host) error {
	heir, ok := h.(Heir)
	if !ok {
		return nil
	}
	for _, endpoint := range n.endpoints {
		if err := heir.Reserve(endpoint); err != nil {
			return err
		}
	}
	return nil
}

func (n *listener) Start(co *deferred.Co, h Host) error {
	n.heir, _ = h.(Heir)
	for _, endpoint := range n.endpoints {
		port, err := h.Listen(endpoint, place{n, endpoint})
		if err != nil {
			return errors.Join(err, n.close(co))
		}
		n.ports = append(n.ports, port)
		h.Loop().Log().Info("listening", "at", endpoint, "addr", port.Addr())
	}
	if n.heir != nil {
		for _, endpoint := range n.endpoints {
			n.heir.Inherit(endpoint, func(c Connection) { n.restore(h.Loop(), endpoint, c) })
		}
	}
	return nil
}

func (n *listener) Stop(co *deferred.Co) error {
	err := n.close(co)
	if n.heir != nil && n.heir.Bequeaths() {
		n.bequeath(co)
	}
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

// A place is the factory of one endpoint.
type place struct {
	*listener
	endpoint string
}

// Opened passes to the factory before the first place accepts.
func (p place) Opened(l twistor.Loop) error {
	if o, ok := p.factory.(twistor.Opener); ok && p.opened == 0 {
		if err := o.Opened(l); err != nil {
			return err
		}
	}
	p.opened++
	return nil
}

// Closed passes after the last.
func (p place) Closed() {
	p.opened--
	if o, ok := p.factory.(twistor.Opener); ok && p.opened == 0 {
		o.Closed()
	}
}

func (p place) Build(t twistor.Transport) twistor.Protocol { return p.build(t, p.endpoint) }

func (n *listener) build(t twistor.Transport, endpoint string) twistor.Protocol {
	return policy.Wrap(&seat{listener: n, place: -1, endpoint: endpoint}, t, n.factory)
}

// A seat is a connection of a listener, and the layer that watches for its end.
type seat struct {
	policy.Wrapper
	listener *listener
	endpoint string
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
		s.place = -1
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

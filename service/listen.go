package service

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/policy"
)

// Listen is the Service that has f serve at a place, such as "tcp:8888". When
// it stops, the port closes, every connection hears Dismissed, and those that
// are not over when there is no more time are aborted.
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
	empty *deferred.Signal // fires when the last connection is over; nil: nobody waits
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
	if len(n.seats) > 0 {
		n.empty = deferred.New[struct{}](co.Loop())
		if _, waited := n.empty.Await(co); waited != nil {
			for i := len(n.seats) - 1; i >= 0; i-- {
				n.seats[i].Abort()
			}
		}
		n.empty = nil
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
}

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
	if n.empty != nil && len(n.seats) == 0 {
		n.empty.Succeed(struct{}{})
	}
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

package app

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
)

// ports is the Host of a program's services, and the one registry of all that
// it listens to: what was bound while the program was privileged, what a former
// process left, and what is open, for the next process. Loop-only.
type ports struct {
	loop   twistor.Loop
	places *endpoint.Registry
	broken func(err error) // hears of a service that cannot go on
	store  *persist.Store

	ready []reserved // bound or inherited, and not served yet
	open  []*served

	arrived  []arrival // connections that nobody takes yet
	takers   map[string]func(service.Connection)
	bequeath func(endpoint string, c service.Connection) // nil: there is no next process
}

var (
	_ service.Guardian = (*ports)(nil)
	_ service.Host     = (*ports)(nil)
	_ service.Heir     = (*ports)(nil)
)

// A reserved is a socket that waits to be served.
type reserved struct {
	endpoint string
	file     *os.File
	place    *endpoint.Listener // prepared; nil: inherited
	claimed  bool
}

// An arrival is a connection of the former process at an endpoint.
type arrival struct {
	endpoint string
	service.Connection
}

// A served is an open port; closing it takes it out of the registry.
type served struct {
	twistor.Port
	endpoint string
	of       *ports
}

func (s *served) Close() *deferred.Signal {
	s.of.open = slices.DeleteFunc(s.of.open, func(o *served) bool { return o == s })
	return s.Port.Close()
}

// Handshakes implements twistor.Handshaker.
func (s *served) Handshakes() int {
	if h, ok := s.Port.(twistor.Handshaker); ok {
		return h.Handshakes()
	}
	return 0
}

func (p *ports) Loop() twistor.Loop    { return p.loop }
func (p *ports) Store() *persist.Store { return p.store }

func (p *ports) Listen(at string, f twistor.Factory) (twistor.Port, error) {
	return p.listen(at, func(n *endpoint.Listener) (twistor.Port, error) {
		return p.loop.Listen(n.Config, n.Wrap(f))
	}, func(n *endpoint.Listener) (twistor.Port, error) { return n.Listen(p.loop, f) })
}

func (p *ports) ListenEach(at string, build func(twistor.Loop) twistor.Factory) (twistor.Port, error) {
	return p.listen(at, func(n *endpoint.Listener) (twistor.Port, error) {
		each, ok := p.loop.(twistor.EachListener)
		if !ok {
			return p.loop.Listen(n.Config, n.Wrap(build(p.loop)))
		}
		return each.ListenEach(n.Config, func(l twistor.Loop) twistor.Factory { return n.Wrap(build(l)) })
	}, func(n *endpoint.Listener) (twistor.Port, error) { return n.ListenEach(p.loop, build) })
}

func (p *ports) ListenPacket(at string, f twistor.PacketProtocol) (twistor.Port, error) {
	return p.listen(at, func(n *endpoint.Listener) (twistor.Port, error) {
		return p.loop.ListenPacket(n.Config, f)
	}, func(n *endpoint.Listener) (twistor.Port, error) { return n.ListenPacket(p.loop, f) })
}

func (p *ports) ListenPacketEach(at string, build func(twistor.Loop) twistor.PacketProtocol) (twistor.Port, error) {
	return p.listen(at, func(n *endpoint.Listener) (twistor.Port, error) {
		each, ok := p.loop.(twistor.EachListener)
		if !ok {
			return p.loop.ListenPacket(n.Config, build(p.loop))
		}
		return each.ListenPacketEach(n.Config, build)
	}, func(n *endpoint.Listener) (twistor.Port, error) { return n.ListenPacketEach(p.loop, build) })
}

// Fail implements service.Guardian: a service that nobody starts anew ends the
// program.
func (p *ports) Fail(err error) { p.broken(err) }

// listen opens at: by on with the socket that is there already, or else anew.
func (p *ports) listen(at string, on, anew func(n *endpoint.Listener) (twistor.Port, error)) (twistor.Port, error) {
	n, err := p.places.ParseListener(at)
	if err != nil {
		return nil, err
	}
	var port twistor.Port
	if r, ok := p.take(at); ok {
		defer r.file.Close() // the loop has a duplicate
		port, err = p.resume(n, r, on)
	} else {
		port, err = anew(n)
	}
	if err != nil {
		return nil, err
	}
	s := &served{port, at, p}
	p.open = append(p.open, s)
	return s, nil
}

// resume serves a socket that is open already.
func (p *ports) resume(n *endpoint.Listener, r reserved, on func(n *endpoint.Listener) (twistor.Port, error)) (twistor.Port, error) {
	place := r.place
	if place == nil {
		// An endpoint without a network names an inherited socket: this is it.
		place = n
		if n.Config.Network != "" {
			var err error
			if place, err = n.Prepare(p.loop); err != nil {
				return nil, err
			}
		}
	}
	ready := *place
	ready.Config.File = r.file
	port, err := on(&ready)
	if err != nil {
		return nil, &endpoint.Error{Endpoint: r.endpoint, Err: err}
	}
	return port, nil
}

// take finds the first socket that waits for endpoint.
func (p *ports) take(at string) (reserved, bool) {
	for i, r := range p.ready {
		if r.endpoint == at {
			p.ready = slices.Delete(p.ready, i, i+1)
			return r, true
		}
	}
	return reserved{}, false
}

// Reserve implements service.Heir: it opens endpoint and lets the system queue
// what comes.
func (p *ports) Reserve(at string) error {
	for i := range p.ready {
		if r := &p.ready[i]; r.endpoint == at && !r.claimed {
			r.claimed = true // inherited
			return nil
		}
	}
	n, err := p.places.ParseListener(at)
	if err != nil {
		return err
	}
	if n.Open != nil {
		return nil // no port
	}
	place, err := n.Prepare(p.loop)
	if err != nil {
		return err
	}
	file := place.Config.File
	if file == nil {
		if file, err = p.bind(place.Config); err != nil {
			return &endpoint.Error{Endpoint: at, Err: err}
		}
	}
	if file != nil {
		p.ready = append(p.ready, reserved{at, file, place, true})
	}
	return nil
}

// bind opens a socket and returns it; nil if sockets of this system cannot be
// kept without being served, which then happens later.
func (p *ports) bind(c twistor.ListenConfig) (*os.File, error) {
	c.TLS = nil
	var port twistor.Port
	var err error
	switch c.Network {
	case "udp", "udp4", "udp6", "unixgram":
		port, err = p.loop.ListenPacket(c, nobody{})
	default:
		port, err = p.loop.Listen(c, twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return nil }))
	}
	if err != nil {
		return nil, err
	}
	defer port.Close()
	port.Pause() // before the loop's next turn: nobody is accepted
	filer, ok := port.(twistor.Filer)
	if !ok {
		return nil, nil
	}
	file, err := filer.File()
	if errors.Is(err, errors.ErrUnsupported) {
		return nil, nil
	}
	if err == nil {
		filer.KeepPath()
	}
	return file, err
}

// nobody is the PacketProtocol of a socket that is not served yet.
type nobody struct{}

func (nobody) Bound(twistor.PacketTransport)       {}
func (nobody) PacketReceived([]byte, twistor.Peer) {}
func (nobody) Unbound(error)                       {}

// inherit takes over a socket of the former process.
func (p *ports) inherit(at string, f *os.File) {
	p.ready = append(p.ready, reserved{endpoint: at, file: f})
}

// discard closes what nobody serves: the former process did, and this one is
// told something else.
func (p *ports) discard(log func(at string)) {
	for _, r := range p.ready {
		log(r.endpoint)
		r.file.Close()
	}
	p.ready = nil
	for _, a := range p.arrived {
		a.File.Close()
	}
	p.arrived = nil
}

// serves reports whether there is an open port of that endpoint.
func (p *ports) serves(at string) bool {
	return slices.ContainsFunc(p.open, func(s *served) bool { return s.endpoint == at })
}

// files are duplicates of all open ports, for another process.
func (p *ports) files() (list []reserved, err error) {
	for _, s := range p.open {
		filer, ok := s.Port.(twistor.Filer)
		if !ok {
			continue // such as stdio
		}
		f, err := filer.File()
		if err != nil {
			closeAll(list)
			return nil, fmt.Errorf("%s: %w", s.endpoint, err)
		}
		list = append(list, reserved{endpoint: s.endpoint, file: f})
	}
	return list, nil
}

func closeAll(list []reserved) {
	for _, r := range list {
		r.file.Close()
	}
}

// keepPaths makes the files of UNIX sockets stay, of all ports but one: another
// process serves them.
func (p *ports) keepPaths(but twistor.Port) {
	for _, s := range p.open {
		if filer, ok := s.Port.(twistor.Filer); ok && twistor.Port(s) != but {
			filer.KeepPath()
		}
	}
}

// takes reports whether a service takes connections of that endpoint.
func (p *ports) takes(at string) bool { return p.takers[at] != nil }

// arrive has a connection of the former process go on.
func (p *ports) arrive(at string, c service.Connection) {
	if take := p.takers[at]; take != nil {
		take(c)
		return
	}
	p.arrived = append(p.arrived, arrival{at, c})
}

// Inherit implements service.Heir.
func (p *ports) Inherit(at string, take func(service.Connection)) {
	if p.takers == nil {
		p.takers = map[string]func(service.Connection){}
	}
	p.takers[at] = take
	var rest []arrival
	for _, a := range p.arrived {
		if a.endpoint == at {
			take(a.Connection)
		} else {
			rest = append(rest, a)
		}
	}
	p.arrived = rest
}

// Bequeaths implements service.Heir.
func (p *ports) Bequeaths() bool { return p.bequeath != nil }

// Bequeath implements service.Heir.
func (p *ports) Bequeath(at string, c service.Connection) { p.bequeath(at, c) }

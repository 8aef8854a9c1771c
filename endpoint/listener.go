package endpoint

import (
	"errors"

	"github.com/twistor-go/twistor"
)

// A Listener is a place to listen, parsed. Who only wants to listen uses
// Listen; services that hand sockets over, and those that listen on every
// loop, take the data. Immutable after first use.
//
//	n, err := endpoint.ParseListener("tls:443:cert=site.pem")
//	n, err = n.Prepare(loop) // reads the certificate
//	port, err := loop.Listen(n.Config, n.Wrap(f))
type Listener struct {
	// Config says where to listen. What has to be read or inherited, TLS and
	// File, is there only after Prepare.
	Config twistor.ListenConfig
	// Layer puts something around the factory, such as the PROXY header's
	// parser; nil: nothing. Wrap calls it.
	Layer func(f twistor.Factory) twistor.Factory
	// Load completes n, which is Prepare's own copy, with what l's world holds:
	// certificates, inherited sockets. nil: n is complete.
	Load func(l twistor.Loop, n *Listener) error
	// Open listens in place of l.Listen, where there is no port to open, as
	// with stdio:. nil: l.Listen.
	Open func(l twistor.Loop, f twistor.Factory) (twistor.Port, error)

	text string
}

// String is the endpoint as it was written.
func (n *Listener) String() string { return n.text }

// Prepare returns a copy of n that is complete: certificates are read, and
// inherited sockets taken, which can be done only once. Config.File, if there
// is one, is the caller's to close after Loop.Listen, which duplicates it. It
// reads files and is thus for the start of a program, before it drops its
// privileges. Loop-only.
func (n *Listener) Prepare(l twistor.Loop) (*Listener, error) {
	ready := *n
	if n.Load == nil {
		return &ready, nil
	}
	ready.Load = nil
	if err := n.Load(l, &ready); err != nil {
		return nil, n.fail(err)
	}
	return &ready, nil
}

// Wrap puts the endpoint's layers around f.
func (n *Listener) Wrap(f twistor.Factory) twistor.Factory {
	if n.Layer == nil {
		return f
	}
	return n.Layer(f)
}

// Listen opens the place on l. Loop-only.
func (n *Listener) Listen(l twistor.Loop, f twistor.Factory) (twistor.Port, error) {
	return n.listen(l, func(ready *Listener) (twistor.Port, error) {
		if ready.Open != nil {
			return ready.Open(l, ready.Wrap(f))
		}
		return l.Listen(ready.Config, ready.Wrap(f))
	})
}

// ListenEach opens the place for all loops of l's reactor, each with a factory
// of its own: see twistor.EachListener. On a Loop that is none, and for what is
// no port, such as stdio:, l listens alone. Loop-only.
func (n *Listener) ListenEach(l twistor.Loop, build func(at twistor.Loop) twistor.Factory) (twistor.Port, error) {
	each, ok := l.(twistor.EachListener)
	if !ok || n.Open != nil {
		return n.Listen(l, build(l))
	}
	return n.listen(l, func(ready *Listener) (twistor.Port, error) {
		return each.ListenEach(ready.Config, func(at twistor.Loop) twistor.Factory { return ready.Wrap(build(at)) })
	})
}

// listen has open called with what Prepare makes of n.
func (n *Listener) listen(l twistor.Loop, open func(ready *Listener) (twistor.Port, error)) (twistor.Port, error) {
	if n.packets() {
		return nil, n.fail(errors.New("it is for packets: want one for streams, such as tcp: or unix:"))
	}
	ready, err := n.Prepare(l)
	if err != nil {
		return nil, err
	}
	defer ready.release()
	port, err := open(ready)
	if err != nil {
		return nil, n.fail(err)
	}
	return port, nil
}

// ListenPacket opens the place on l for packets. Loop-only.
func (n *Listener) ListenPacket(l twistor.Loop, p twistor.PacketProtocol) (twistor.Port, error) {
	return n.listenPacket(l, func(ready *Listener) (twistor.Port, error) { return l.ListenPacket(ready.Config, p) })
}

// listenPacket has open called with what Prepare makes of n.
func (n *Listener) listenPacket(l twistor.Loop, open func(ready *Listener) (twistor.Port, error)) (twistor.Port, error) {
	inherited := n.Config.Network == "" && n.Open == nil && n.Layer == nil
	if !n.packets() && !inherited {
		return nil, n.fail(errors.New("it is for streams: want one for packets, such as udp: or unixgram:"))
	}
	ready, err := n.Prepare(l)
	if err != nil {
		return nil, err
	}
	defer ready.release()
	port, err := open(ready)
	if err != nil {
		return nil, n.fail(err)
	}
	return port, nil
}

// ListenPacketEach opens the place for all loops of l's reactor, each with a
// PacketProtocol of its own: see twistor.EachListener. On a Loop that is none l
// listens alone. Loop-only.
func (n *Listener) ListenPacketEach(l twistor.Loop, build func(at twistor.Loop) twistor.PacketProtocol) (twistor.Port, error) {
	return n.listenPacket(l, func(ready *Listener) (twistor.Port, error) {
		if each, ok := l.(twistor.EachListener); ok {
			return each.ListenPacketEach(ready.Config, build)
		}
		return l.ListenPacket(ready.Config, build(l))
	})
}

// packets reports whether n is surely not for streams.
func (n *Listener) packets() bool {
	switch n.Config.Network {
	case "udp", "udp4", "udp6", "unixgram":
		return true
	}
	return false
}

// release closes the inherited socket, of which the loop has a duplicate.
func (n *Listener) release() {
	if n.Config.File != nil {
		n.Config.File.Close()
	}
}

// fail names the endpoint in err.
func (n *Listener) fail(err error) error { return &Error{Endpoint: n.text, Err: err} }

package dns

import (
	"net"
	"net/netip"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
)

// Factory is the factory of connections over TCP or TLS.
//
// See https://www.rfc-editor.org/rfc/rfc7766 and https://www.rfc-editor.org/rfc/rfc7858.
func (s *Server) Factory() twistor.Factory {
	return framing.Prefixed16{Build: func(t *framing.MessageTransport) framing.MessageProtocol {
		return &stream{MessageTransport: t, s: s}
	}}.Factory()
}

// A stream is a connection of a client. Answers may overtake each other.
type stream struct {
	*framing.MessageTransport
	s        *Server
	from     twistor.Peer
	network  Network
	inFlight []*exchange
	waiting  []*deferred.Signal // until Drained
	gone     bool
}

// Connected implements framing.MessageProtocol.
func (c *stream) Connected() {
	c.s.loop = c.Loop()
	if a, ok := addrPort(c.RemoteAddr()); ok {
		c.from = twistor.Peer{Addr: a}
	}
	c.network = OverTCP
	if c.TLS() != nil {
		c.network = OverTLS
	}
}

// MessageReceived implements framing.MessageProtocol.
func (c *stream) MessageReceived(p []byte) {
	x := c.s.serve(p, c.from, c.network, c)
	if x == nil {
		return
	}
	c.inFlight = append(c.inFlight, x)
	if len(c.inFlight) >= c.s.maxInFlight() {
		c.Pause()
	}
}

// Drained implements twistor.Drainer.
func (c *stream) Drained() {
	waiting := c.waiting
	c.waiting = nil
	for _, d := range waiting {
		d.Succeed(struct{}{})
	}
	c.resume()
}

// Disconnected implements framing.MessageProtocol.
func (c *stream) Disconnected(err error) {
	c.gone = true
	for _, d := range c.waiting {
		d.Fail(err)
	}
	for _, x := range slices.Clone(c.inFlight) {
		x.done.Cancel()
	}
}

// send is the sink's.
func (c *stream) send(_ *ResponseWriter, p []byte, _ bool) {
	if c.gone {
		return
	}
	c.WriteMessage(p)
	if c.Full() {
		c.Pause()
	}
}

// room is the sink's.
func (c *stream) room() *deferred.Signal {
	switch {
	case c.gone:
		return deferred.Failed[struct{}](c.Loop(), net.ErrClosed)
	case !c.Full():
		return deferred.Succeeded(struct{}{})
	}
	d := deferred.New[struct{}](c.Loop())
	c.waiting = append(c.waiting, d)
	return d
}

// completed is the sink's.
func (c *stream) completed(x *exchange) {
	if i := slices.Index(c.inFlight, x); i >= 0 {
		c.inFlight = slices.Delete(c.inFlight, i, i+1)
		c.resume()
	}
}

// resume reads on, if the client takes its answers and has not too many to come.
func (c *stream) resume() {
	if !c.gone && !c.Full() && len(c.inFlight) < c.s.maxInFlight() {
		c.Resume()
	}
}

// addrPort is the address in a.
func addrPort(a net.Addr) (netip.AddrPort, bool) {
	var ap netip.AddrPort
	switch a := a.(type) {
	case *net.UDPAddr:
		ap = a.AddrPort()
	case *net.TCPAddr:
		ap = a.AddrPort()
	default:
		return ap, false
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), true
}

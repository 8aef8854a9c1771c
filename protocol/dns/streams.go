package dns

import (
	"net"
	"net/netip"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/policy"
)

// Factory is the factory of connections over TCP or TLS. They are read until
// MaxInFlight answers are on their way, or 64 KiB are written and not taken; who
// takes nothing for 30 s is cut off.
//
// See https://www.rfc-editor.org/rfc/rfc7766 and https://www.rfc-editor.org/rfc/rfc7858.
func (s *Server) Factory() twistor.Factory {
	f := &streams{s: s}
	f.framing = framing.Prefixed16{Build: f.stream}.Factory()
	return &policy.Timeouts{Factory: f, Idle: -1}
}

// A streams is a Server's factory.
type streams struct {
	s       *Server
	framing twistor.Factory
}

// Build implements twistor.Factory.
func (f *streams) Build(t twistor.Transport) twistor.Protocol {
	return policy.Wrap(&keeper{s: f.s}, t, f.framing)
}

// NextProtos is how clients name DNS over TLS (RFC 7858).
func (f *streams) NextProtos() []string { return []string{"dot"} }

func (f *streams) stream(t *framing.MessageTransport) framing.MessageProtocol {
	c := &stream{MessageTransport: t, s: f.s}
	c.keeper, _ = twistor.As[*keeper](t)
	c.keeper.c = c
	return c
}

// A stream is a connection of a client. Answers may overtake each other.
type stream struct {
	*framing.MessageTransport
	s        *Server
	keeper   *keeper
	from     twistor.Peer
	network  Network
	inFlight []*exchange
	waiting  []*deferred.Signal // until Drained
	paused   bool
	leaving  bool // it is closed when nothing is in flight
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

// MessageReceived implements framing.MessageProtocol. Who sends what is no
// query is no client.
func (c *stream) MessageReceived(p []byte) {
	c.keeper.took(len(p))
	if len(p) < headerBytes || p[2]&0x80 != 0 {
		c.s.stats.Ignored++
		c.Close()
		return
	}
	x := c.s.serve(p, c.from, c.network, c)
	if x == nil {
		return
	}
	c.inFlight = append(c.inFlight, x)
	if len(c.inFlight) >= c.s.maxInFlight() {
		c.pause()
	}
}

// ReadClosed implements twistor.HalfCloser: what was asked is answered.
func (c *stream) ReadClosed() { c.Dismissed() }

// Dismissed implements twistor.Dismisser: what is under way is finished.
func (c *stream) Dismissed() {
	c.leaving = true
	c.pause()
	c.leave()
}

func (c *stream) leave() {
	if c.leaving && len(c.inFlight) == 0 {
		c.Close()
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
	c.keeper.set()
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
		c.pause()
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

// completed is the sink's. Who sends nonsense is out of step, and hears that it
// was: the next length would be nonsense, too.
func (c *stream) completed(x *exchange) {
	if x.found == formError || x.found == notImplemented {
		c.Dismissed()
	}
	if i := slices.Index(c.inFlight, x); i >= 0 {
		c.inFlight = slices.Delete(c.inFlight, i, i+1)
		c.resume()
		c.leave()
	}
}

func (c *stream) pause() {
	c.paused = true
	c.Pause()
	c.keeper.set()
}

// resume reads on, if the client takes its answers and has not too many to come.
func (c *stream) resume() {
	if !c.gone && !c.leaving && !c.Full() && len(c.inFlight) < c.s.maxInFlight() {
		if c.paused { // what waited for us has its time from now
			c.keeper.begun = c.Loop().Now()
		}
		c.paused = false
		c.Resume()
	}
	c.keeper.set()
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

package dns

import (
	"testing"

	"github.com/miekg/dns"
	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/sim"
)

// A fakeServer says to each query what a test wants.
type fakeServer struct {
	twistor.PacketTransport
	// udp and tcp return the datagrams, or messages, that answer a query.
	udp, tcp func(q *Message, from twistor.Peer) []*Message
	// raw, if not nil, is told of each datagram before udp is, and replaces it
	// if it returns true.
	raw     func(p []byte, from twistor.Peer) bool
	heard   []*Message // over UDP
	from    []twistor.Peer
	asked   []*Message // over TCP
	conns   int
	tcpConn *fakeStream
	dropTCP bool // closes after each answer
}

func (f *fakeServer) Bound(t twistor.PacketTransport) { f.PacketTransport = t }
func (f *fakeServer) Unbound(error)                   {}
func (f *fakeServer) PacketReceived(p []byte, from twistor.Peer) {
	m := new(Message)
	if err := m.Unpack(p); err != nil {
		panic(err)
	}
	f.heard = append(f.heard, m)
	f.from = append(f.from, from)
	if f.raw != nil && f.raw(append([]byte(nil), p...), from) || f.udp == nil {
		return
	}
	for _, a := range f.udp(m, from) {
		f.Send(packed(a), from)
	}
}

func packed(m *Message) []byte {
	p, err := m.Pack()
	if err != nil {
		panic(err)
	}
	return p
}

type fakeStream struct {
	*framing.MessageTransport
	f *fakeServer
}

func (s *fakeStream) Connected()         { s.f.conns++; s.f.tcpConn = s }
func (s *fakeStream) Disconnected(error) {}
func (s *fakeStream) MessageReceived(p []byte) {
	m := new(Message)
	if err := m.Unpack(p); err != nil {
		panic(err)
	}
	s.f.asked = append(s.f.asked, m)
	if s.f.tcp == nil {
		return
	}
	for _, a := range s.f.tcp(m, twistor.Peer{}) {
		s.WriteMessage(packed(a))
	}
	if s.f.dropTCP {
		s.Close()
	}
}

// streams is the factory of f's connections.
func (f *fakeServer) streams() twistor.Factory {
	return framing.Prefixed16{Build: func(t *framing.MessageTransport) framing.MessageProtocol {
		return &fakeStream{MessageTransport: t, f: f}
	}}.Factory()
}

// serve has f listen on a host's port 53.
func (f *fakeServer) serve(t *testing.T, h *sim.Host) *fakeServer {
	t.Helper()
	if _, err := h.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, f); err != nil {
		t.Fatal(err)
	}
	if f.tcp != nil {
		h.Listen("tcp", ":53", f.streams())
	}
	return f
}

// upstreamAt is a host as an Upstream.
func upstreamAt(h *sim.Host) Upstream { u, _ := ParseUpstream(h.Addr().String()); return u }

// rr reads a record.
func rr(s string) RR {
	r, err := dns.NewRR(s)
	if err != nil || r == nil {
		panic(s)
	}
	return r
}

// reply is an answer to q with records; from text.
func reply(q *Message, records ...string) *Message {
	m := new(Message)
	m.SetReply(q)
	m.RecursionAvailable = true
	for _, s := range records {
		m.Answer = append(m.Answer, rr(s))
	}
	if o := q.IsEdns0(); o != nil {
		m.SetEdns0(1232, o.Do())
	}
	return m
}

// saying is a server's udp or tcp that answers everything with records of the
// name that was asked for.
func saying(rest ...string) func(*Message, twistor.Peer) []*Message {
	return func(q *Message, _ twistor.Peer) []*Message {
		var all []string
		for _, s := range rest {
			all = append(all, q.Question[0].Name+" "+s)
		}
		return []*Message{reply(q, all...)}
	}
}

// ask waits for a client's answer.
func ask(t *testing.T, w *sim.World, d *deferred.Deferred[*Message]) (m *Message, err error) {
	t.Helper()
	fired := false
	d.Done(func(got *Message, e error) { m, err, fired = got, e, true })
	w.Run(func() bool { return fired })
	return m, err
}

// withCookie is an option with a cookie, in hexadecimal.
func withCookie(hex string) dns.EDNS0 {
	return &dns.EDNS0_COOKIE{Code: optionCookie, Cookie: hex}
}

package dns

import (
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// overTCP is a client that asks a fake server over TCP only.
func overTCP(t *testing.T, w *sim.World, f *fakeServer) *Client {
	c := asking(t, w, f)
	c.Servers[0].Network = OverTCP
	return c
}

// asks asks for n names at once, and waits for all answers.
func asks(t *testing.T, w *sim.World, c *Client, n int) {
	t.Helper()
	left := n
	for i := range n {
		name := fmt.Sprintf("n%d.test.", i)
		c.Resolve(Question{Name: name, Qtype: TypeA}, Options{}).Done(func(m *Message, err error) {
			if left--; err != nil || len(m.Answer) != 1 || m.Answer[0].Header().Name != name {
				t.Errorf("%s: got %v, %v", name, m, err)
			}
		})
	}
	w.Run(func() bool { return left == 0 })
}

// TestLinePipelined: many queries share a connection, whatever the order of the
// answers, however the bytes are cut; it is kept, and closed when it is idle.
func TestLinePipelined(t *testing.T) {
	sim.Seeds(t, 12, func(t *testing.T, w *sim.World) {
		f := new(fakeServer)
		var held []*Message
		f.tcp = func(q *Message, _ twistor.Peer) []*Message {
			held = append([]*Message{reply(q, q.Question[0].Name+" 60 A 192.0.2.1")}, held...)
			if len(held) < 20 {
				return nil
			}
			all := held // the other way round
			held = nil
			return all
		}
		c := overTCP(t, w, f)
		asks(t, w, c, 40)
		w.Advance(5 * time.Second)
		c.Servers = []Upstream{c.Servers[0]}
		asks(t, w, c, 20)
		if f.conns != 1 || len(f.heard) != 0 {
			t.Errorf("%d connections, %d datagrams: want 1 and 0", f.conns, len(f.heard))
		}
		w.Advance(11 * time.Second)
		if len(c.lines) != 0 {
			t.Error("an idle connection is kept for ever")
		}
		asks(t, w, c, 20)
		if f.conns != 2 {
			t.Errorf("%d connections: want 2", f.conns)
		}
	})
}

// TestLineEveryByte: an answer cut in two anywhere.
func TestLineEveryByte(t *testing.T) {
	size := 0
	for at := 0; at == 0 || at < size; at++ {
		w := sim.New(t, 0)
		l := w.Host("client").Loop()
		port := w.Host("server").Accepting(":53")
		c := &Client{Loop: l, Servers: []Upstream{upstreamAt(w.Host("server"))}}
		c.Servers[0].Network = OverTCP
		d := c.Resolve(Question{Name: "www.example.", Qtype: TypeA}, Options{})
		p := port.Accept()
		w.Run(func() bool {
			return len(p.Received()) > 2 && len(p.Received()) == 2+int(binary.BigEndian.Uint16([]byte(p.Received())))
		})
		q := new(Message)
		if err := q.Unpack([]byte(p.Take())[2:]); err != nil {
			t.Fatal(err)
		}
		body := packed(reply(q, "www.example. 60 A 192.0.2.1"))
		whole := string(binary.BigEndian.AppendUint16(nil, uint16(len(body)))) + string(body)
		size = len(whole)
		p.Send(whole[:at])
		w.Advance(time.Second)
		if _, fired := d.Result(); fired {
			t.Fatalf("answered by %d of %d bytes", at, size)
		}
		p.Send(whole[at:])
		if m, err := ask(t, w, d); err != nil || len(m.Answer) != 1 {
			t.Errorf("cut at %d: got %v, %v", at, m, err)
		}
		p.Close()
		c.Close()
	}
}

// TestLineOneAnswerEach: a server that closes after each answer gets the others
// again, and in the end one at a time.
func TestLineOneAnswerEach(t *testing.T) {
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		f := &fakeServer{tcp: holes, dropTCP: true}
		c := overTCP(t, w, f)
		asks(t, w, c, 10)
		if f.conns < 10 || f.conns > 20 { // some answers are lost with their connection
			t.Errorf("%d connections: want 10", f.conns)
		}
	})
}

// TestLineBroken: a connection that breaks before the answer is made again,
// three times; one that is dead is left, and the others' queries go by a new one.
func TestLineBroken(t *testing.T) {
	w := sim.New(t, 0)
	f := new(fakeServer)
	f.tcp = func(*Message, twistor.Peer) []*Message { f.tcpConn.Abort(); return nil }
	c := overTCP(t, w, f)
	c.Timeouts = []time.Duration{time.Second}
	if _, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); err == nil || f.conns != maxSends {
		t.Errorf("got %v after %d connections", err, f.conns)
	}
	f.conns = 0
	f.tcp = func(q *Message, p twistor.Peer) []*Message {
		if f.conns == 1 {
			return nil // dead
		}
		return holes(q, p)
	}
	left := 2
	for i := range 2 { // the second one 2 s later: it is saved
		c.Loop.CallLater(time.Duration(i)*2*time.Second, func() {
			c.Resolve(Question{Name: fmt.Sprintf("n%d.test.", i), Qtype: TypeA}, Options{}).Done(func(m *Message, err error) {
				if left--; (err == nil) != (i == 1) {
					t.Errorf("%d: got %v, %v", i, m, err)
				}
			})
		})
	}
	w.Run(func() bool { return left == 0 })
	if f.conns != 2 {
		t.Errorf("%d connections: want 2", f.conns)
	}
}

// TestLineStrays: what nobody asked for, and answers to what was given up, are
// dropped; a message without a header ends the connection.
func TestLineStrays(t *testing.T) {
	w := sim.New(t, 0)
	f := new(fakeServer)
	f.tcp = func(q *Message, _ twistor.Peer) []*Message {
		stray, other := reply(q, "x. 60 A 203.0.113.66"), reply(q, "x. 60 A 203.0.113.66")
		stray.Id++
		other.Question[0].Name = "other.test."
		return []*Message{stray, other, reply(q, q.Question[0].Name+" 60 A 192.0.2.1")}
	}
	c := overTCP(t, w, f)
	asks(t, w, c, 5)
	if got := c.Stats().Wrong; got != 10 {
		t.Errorf("%d wrong: want 10", got)
	}
	answer := f.tcp
	f.tcp = func(*Message, twistor.Peer) []*Message { return nil }
	d := c.Resolve(Question{Name: "late.test.", Qtype: TypeA}, Options{})
	w.Advance(time.Second)
	d.Cancel()
	f.tcpConn.WriteMessage(packed(reply(f.asked[len(f.asked)-1])))
	f.tcp = answer
	asks(t, w, c, 1)
	f.tcpConn.WriteMessage([]byte("short"))
	w.Advance(time.Second)
	asks(t, w, c, 1)
	if f.conns != 2 {
		t.Errorf("%d connections: want 2", f.conns)
	}
}

// TestLineTLS: over TLS the server's name is verified, queries are padded, and
// nothing goes in clear text.
func TestLineTLS(t *testing.T) {
	w := sim.New(t, 0)
	cert := sim.Certificate("dns.test")
	f := &fakeServer{tcp: holes}
	h := w.Host("server")
	if _, err := h.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":853", TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: []string{"dot"}}}, f.streams()); err != nil {
		t.Fatal(err)
	}
	u, err := ParseUpstream("tls://" + h.Addr().String() + "#dns.test")
	if err != nil {
		t.Fatal(err)
	}
	u.TLS = &tls.Config{RootCAs: sim.Roots(cert)}
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{u}}
	asks(t, w, c, 20)
	if f.conns != 1 {
		t.Errorf("%d connections", f.conns)
	}
	for _, q := range f.asked {
		if q.Len()%paddedTo != 0 || sentCookie(q) != "" {
			t.Errorf("a query of %d bytes", q.Len())
		}
	}
	if s := f.tcpConn.TLS(); s == nil || s.NegotiatedProtocol != "dot" || s.ServerName != "dns.test" {
		t.Errorf("got %+v", s)
	}
	c.Close()
	f.asked = nil
	u.ServerName = "other.test"
	c = &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{u}}
	if _, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); err == nil || len(f.asked) != 0 {
		t.Errorf("another's certificate: got %v, and %d were asked", err, len(f.asked))
	}
}

// TestClientSigned: a key signs queries over both networks; an answer that is
// not signed, or wrongly, is none.
func TestClientSigned(t *testing.T) {
	w := sim.New(t, 0)
	key, other := mustKey(t, "k.test.", "c2VjcmV0LXNlY3JldA=="), mustKey(t, "k.test.", "b3RoZXItc2VjcmV0LS0=")
	ring, err := NewKeyring(key)
	if err != nil {
		t.Fatal(err)
	}
	var by []string
	s := &Server{Keys: ring, Handler: HandlerFunc(func(w *ResponseWriter, q *Query) {
		by = append(by, q.Key.String()+" "+q.Network.String())
		w.SetTruncated(q.Network == OverUDP && strings.HasPrefix(q.Name.String(), "long"))
		w.Answer(&A{Hdr: q.Header(60), A: []byte{192, 0, 2, 1}})
	})}
	h := w.Host("server")
	if _, err := h.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets()); err != nil {
		t.Fatal(err)
	}
	h.Listen("tcp", ":53", s.Factory())
	u := upstreamAt(h)
	u.Key = key
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{u}}
	for _, name := range []string{"a.test.", "long.test."} {
		if m, err := ask(t, w, c.Resolve(Question{Name: name, Qtype: TypeA}, Options{})); err != nil || len(m.Answer) != 1 {
			t.Errorf("%s: got %v, %v", name, m, err)
		}
	}
	if got := fmt.Sprint(by); got != "[k.test. udp k.test. udp k.test. tcp]" {
		t.Errorf("got %s", got)
	}
	u.Key = other
	_, err = ask(t, w, c.Exchange(&Message{Question: []Question{{Name: "a.test.", Qtype: TypeA, Qclass: ClassIN}}}, u))
	var e *TSIGError
	if !errors.As(err, &e) {
		t.Errorf("another secret: got %v", err)
	}
	c.Close()

	w = sim.New(t, 0)
	f := &fakeServer{udp: saying("60 A 203.0.113.66"), tcp: saying("60 A 203.0.113.66")}
	c = asking(t, w, f)
	c.Servers[0].Key = key
	if m, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); !errors.As(err, &e) {
		t.Errorf("no signature: got %v, %v", m, err)
	}
}

func mustKey(t *testing.T, name, secret string) *TSIGKey {
	t.Helper()
	k, err := ParseTSIGKey(name + ":" + secret)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// A carrier is an Exchanger.
type carrier struct {
	asked  []*Message
	answer func(m *Message) *deferred.Deferred[*Message]
}

func (c *carrier) Exchange(m *Message) *deferred.Deferred[*Message] {
	c.asked = append(c.asked, m)
	return c.answer(m)
}
func (c *carrier) String() string { return "carrier" }

// TestClientExchanger: an Upstream of another making, whose answers are looked
// at as well.
func TestClientExchanger(t *testing.T) {
	w := sim.New(t, 0)
	k := &carrier{answer: func(m *Message) *deferred.Deferred[*Message] {
		return deferred.Succeeded(reply(m, m.Question[0].Name+" 60 A 192.0.2.1"))
	}}
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{{Exchanger: k}}}
	asks(t, w, c, 3)
	k.answer = func(m *Message) *deferred.Deferred[*Message] { return deferred.New[*Message](c.Loop) }
	if _, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); !errors.Is(err, ErrTimeout) {
		t.Errorf("silent: got %v", err)
	}
	k.answer = func(m *Message) *deferred.Deferred[*Message] {
		a := reply(m)
		a.Question[0].Name = "other."
		return deferred.Succeeded(a)
	}
	if _, err := ask(t, w, c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); !errors.Is(err, ErrFormat) {
		t.Errorf("another question: got %v", err)
	}
}

// TestUpstream: how servers are written.
func TestUpstream(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1": "192.0.2.1:53", "192.0.2.1:5353": "192.0.2.1:5353", "2001:db8::1": "[2001:db8::1]:53", "[2001:db8::1]": "[2001:db8::1]:53",
		"[2001:db8::1]:54": "[2001:db8::1]:54", "tcp://192.0.2.1": "tcp://192.0.2.1:53", "udp://192.0.2.1": "192.0.2.1:53",
		"tls://192.0.2.1#dns.test": "tls://192.0.2.1:853#dns.test", "::ffff:192.0.2.1": "192.0.2.1:53",
	} {
		u, err := ParseUpstream(in)
		if err != nil || u.String() != want {
			t.Errorf("%s: got %s, %v", in, u, err)
		}
		if again, err := ParseUpstream(u.String()); err != nil || again != u {
			t.Errorf("%s: not read back: %v", in, err)
		}
	}
	for _, bad := range []string{"", "dns.test", "http://192.0.2.1", "192.0.2.1:0", "192.0.2.1:99999", "tls://192.0.2.1#", "192.0.2.1#x", "tls://dns.test"} {
		if u, err := ParseUpstream(bad); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%q: got %v, %v", bad, u, err)
		}
	}
	w := sim.New(t, 0)
	c := &Client{Loop: w.Host("client").Loop()}
	q := &Message{Question: []Question{{Name: "a.", Qtype: TypeA, Qclass: ClassIN}}}
	for _, u := range []Upstream{{}, {Addr: upstreamAt(w.Host("client")).Addr, Network: OverHTTPS}} {
		if _, err := outcome(c.Exchange(q, u)); err == nil {
			t.Errorf("%+v: no error", u)
		}
	}
	for _, m := range []*Message{{}, reply(q), {Question: []Question{{Name: strings.Repeat("x", 64) + "."}}}} {
		if _, err := outcome(c.Exchange(m, upstreamAt(w.Host("client")))); err == nil {
			t.Errorf("%v: no error", m)
		}
	}
	if c.pending != 0 {
		t.Errorf("%d pending", c.pending)
	}
}

// TestClientClose: all that is on its way fails at once, by whatever way it
// went, and nothing is left behind.
func TestClientClose(t *testing.T) {
	w := sim.New(t, 0)
	f := &fakeServer{tcp: func(*Message, twistor.Peer) []*Message { return nil }}
	c := asking(t, w, f)
	u := c.Servers[0]
	tcp := u
	tcp.Network = OverTCP
	k := &carrier{answer: func(m *Message) *deferred.Deferred[*Message] { return deferred.New[*Message](c.Loop) }}
	c.Servers = []Upstream{u, tcp, {Exchanger: k}}
	c.MaxSockets = 3
	c.Order = InTurn
	failed, n := 0, 0
	note := func(_ *Message, err error) {
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("got %v", err)
		}
		failed++
	}
	for i := range 30 {
		c.Resolve(Question{Name: fmt.Sprintf("n%d.test.", i), Qtype: TypeA}, Options{}).Done(note)
		n++
	}
	for _, u := range c.Servers {
		c.Exchange(&Message{Question: []Question{{Name: "x.test.", Qtype: TypeA, Qclass: ClassIN}}}, u).Done(note)
		n++
	}
	w.Advance(100 * time.Millisecond)
	if len(f.heard) != 3 || len(f.asked) != 11 || len(k.asked) != 11 || failed != 0 {
		t.Fatalf("%d, %d and %d asked, %d failed", len(f.heard), len(f.asked), len(k.asked), failed)
	}
	c.Close()
	if failed != n || c.pending != 0 || len(c.errands) != 0 || len(c.lines) != 0 || c.sockets != 0 || c.tries.Len()+c.fresh.Len()+c.parked.Len()+c.delegated.Len() != 0 {
		t.Errorf("%d of %d failed; %d pending, %d lines, %d sockets", failed, n, c.pending, len(c.lines), c.sockets)
	}
	if _, err := outcome(c.Resolve(Question{Name: "a.test.", Qtype: TypeA}, Options{})); !errors.Is(err, net.ErrClosed) {
		t.Errorf("got %v", err)
	}
}

// TestClientFallbackOverTCP: what is to be asked in another way is, over TCP
// too: without EDNS, and with the cookie that the server wants.
func TestClientFallbackOverTCP(t *testing.T) {
	w := sim.New(t, 0)
	f := &fakeServer{}
	f.tcp = func(q *Message, _ twistor.Peer) []*Message {
		m := reply(q, q.Question[0].Name+" 60 A 192.0.2.1")
		if q.IsEdns0() != nil {
			m.Rcode, m.Answer, m.Extra = RcodeFormatError, nil, nil
		}
		return []*Message{m}
	}
	c := overTCP(t, w, f)
	asks(t, w, c, 3)
	if len(f.asked) != 6 || f.conns != 1 {
		t.Errorf("%d queries over %d connections", len(f.asked), f.conns)
	}
	f.asked = nil
	f.tcp = func(q *Message, _ twistor.Peer) []*Message {
		m := reply(q, q.Question[0].Name+" 60 A 192.0.2.1")
		cookie := sentCookie(q)
		m.IsEdns0().Option = append(m.IsEdns0().Option, withCookie(cookie[:16]+"0102030405060708"))
		if len(cookie) == 16 {
			m.Rcode, m.Answer = RcodeBadCookie, nil
		}
		return []*Message{m}
	}
	asks(t, w, c, 1)
	asks(t, w, c, 1)
	if len(f.asked) != 3 {
		t.Errorf("%d queries", len(f.asked))
	}
}

// TestLineFull: queries that nobody waits for any more, and that are never
// answered, cannot fill a connection for good.
func TestLineFull(t *testing.T) {
	w := sim.New(t, 0)
	f := &fakeServer{tcp: holes}
	c := overTCP(t, w, f)
	asks(t, w, c, 1)
	k := f.conns
	for l := range c.lines {
		for id := 0; len(c.lines[l].conn.sent) < maxSent; id++ {
			c.lines[l].conn.sent[uint16(id)] = &request{l: c.lines[l], settled: true}
		}
	}
	asks(t, w, c, 3)
	if f.conns != k+1 {
		t.Errorf("%d connections: want another one", f.conns)
	}
}

// TestLineOneByOne: who has seen that a server ends connections after an answer
// sends it one query at a time.
func TestLineOneByOne(t *testing.T) {
	w := sim.New(t, 0)
	port := w.Host("server").Accepting(":53")
	c := &Client{Loop: w.Host("client").Loop(), Servers: []Upstream{upstreamAt(w.Host("server"))}}
	c.Servers[0].Network = OverTCP
	left := 3
	for i := range 3 {
		c.Resolve(Question{Name: fmt.Sprintf("n%d.test.", i), Qtype: TypeA}, Options{}).Done(func(_ *Message, err error) {
			if left--; err != nil {
				t.Error(err)
			}
		})
	}
	for n := range 3 {
		p := port.Accept()
		w.Advance(10 * time.Millisecond)
		queries := []byte(p.Take())
		size := 2 + int(binary.BigEndian.Uint16(queries))
		if want := []int{3, 1, 1}[n]; len(queries) != want*size {
			t.Errorf("connection %d: %d queries, want %d", n, len(queries)/size, want)
		}
		q := new(Message)
		if err := q.Unpack(queries[2:size]); err != nil {
			t.Fatal(err)
		}
		body := packed(reply(q, q.Question[0].Name+" 60 A 192.0.2.1"))
		p.Send(string(binary.BigEndian.AppendUint16(nil, uint16(len(body)))) + string(body))
		w.Advance(10 * time.Millisecond)
		p.Close()
	}
	w.Run(func() bool { return left == 0 })
	c.Close()
}

package doh

import (
	"crypto/tls"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

const policyZone = `$ORIGIN example.com.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
ns 60 IN A 192.0.2.53
www 60 IN A 192.0.2.1
www 60 IN TXT "one" 
www 60 IN MX 10 www
`

// An asker sends queries over one network.
type asker func(co *deferred.Co, p []byte) (*dns.Message, error)

// datagrams is a client's port over UDP.
type datagrams struct {
	twistor.PacketTransport
	next *deferred.Deferred[[]byte]
}

func (d *datagrams) Bound(t twistor.PacketTransport) { d.PacketTransport = t }
func (d *datagrams) Unbound(error)                   {}
func (d *datagrams) PacketReceived(p []byte, _ twistor.Peer) {
	d.next.Succeed(append([]byte(nil), p...))
}

// messages is a client's connection over TCP or TLS.
type messages struct {
	*framing.MessageTransport
	next *deferred.Deferred[[]byte]
}

func (m *messages) Connected() {}
func (m *messages) MessageReceived(p []byte) {
	m.next.Succeed(append([]byte(nil), p...))
	m.Close()
}
func (m *messages) Disconnected(err error) { m.next.Fail(err) }

// askers are the ways to ask the host server, which serves s over all networks.
func askers(t *testing.T, w *sim.World, s *dns.Server) (ways map[dns.Network]asker, leave func()) {
	t.Helper()
	h, l := w.Host("server"), w.Host("client").Loop()
	cert := sim.Certificate("server")
	if _, err := h.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets()); err != nil {
		t.Fatal(err)
	}
	h.Listen("tcp", ":53", s.Factory())
	site := &web.Server{Handler: &Server{DNS: s}}
	for address, f := range map[string]twistor.Factory{":853": s.Factory(), ":443": site} {
		_, err := h.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: address,
			TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: twistor.NextProtos(f)}}, f)
		if err != nil {
			t.Fatal(err)
		}
	}
	trust := &tls.Config{RootCAs: sim.Roots(cert), ServerName: "server", MinVersion: tls.VersionTLS12}
	stream := func(address string, c *tls.Config) asker {
		return func(co *deferred.Co, p []byte) (*dns.Message, error) {
			m := &messages{next: deferred.New[[]byte](l)}
			f := framing.Prefixed16{Build: func(t *framing.MessageTransport) framing.MessageProtocol {
				m.MessageTransport = t
				return m
			}}.Factory()
			if _, err := l.Dial(twistor.DialConfig{Network: "tcp", Address: address, TLS: c}, f).Await(co); err != nil {
				return nil, err
			}
			m.WriteMessage(p)
			return parsed(co, m.next)
		}
	}
	wc := &web.Client{Loop: l, TLS: trust}
	return map[dns.Network]asker{
		dns.OverUDP: func(co *deferred.Co, p []byte) (*dns.Message, error) {
			d := &datagrams{next: deferred.New[[]byte](l)}
			port, err := l.ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":0"}, d)
			if err != nil {
				return nil, err
			}
			defer port.Close()
			d.Send(p, twistor.Peer{Addr: netip.AddrPortFrom(h.Addr(), 53)})
			return parsed(co, d.next.Timeout(5*time.Second))
		},
		dns.OverTCP: stream("server:53", nil),
		dns.OverTLS: stream("server:853", trust),
		dns.OverHTTPS: func(co *deferred.Co, p []byte) (*dns.Message, error) {
			r, err := wc.Post("https://server/dns-query", web.Bytes(ContentType, p)).Await(co)
			if err != nil {
				return nil, err
			}
			return parsed(co, r.Bytes(-1))
		},
	}, wc.Close
}

func parsed(co *deferred.Co, d *deferred.Deferred[[]byte]) (*dns.Message, error) {
	p, err := d.Await(co)
	if err != nil {
		return nil, err
	}
	return dns.ParseMessage(p)
}

// TestDNS_05: the policy is the same over UDP, TCP, TLS and HTTPS: what is
// refused over one is refused over each, and what is answered is answered.
func TestDNS_05(t *testing.T) {
	z, err := zone.Read(strings.NewReader(policyZone), zone.Options{Origin: dns.MustParseName("example.com")})
	if err != nil {
		t.Fatal(err)
	}
	key, _ := dns.ParseTSIGKey("k:c2VjcmV0")
	stranger, _ := dns.ParseTSIGKey("other:c2VjcmV0")
	ring, _ := dns.NewKeyring(key)
	ask := func(name string, t uint16) *dns.Message {
		m := new(dns.Message)
		m.SetQuestion(name, t)
		return m
	}
	for _, tt := range []struct {
		name   string
		m      *dns.Message
		server func(s *dns.Server)
		key    *dns.TSIGKey
		rcode  dns.Rcode
		answer int
	}{
		{name: "a good one", m: ask("www.example.com.", dns.TypeA), answer: 1},
		{name: "signed", m: ask("www.example.com.", dns.TypeA), key: key, answer: 1},
		{name: "signed by a stranger", m: ask("www.example.com.", dns.TypeA), key: stranger, rcode: dns.RcodeNotAuth},
		{name: "UPDATE", m: func() *dns.Message {
			m := new(dns.Message)
			m.SetUpdate("example.com.")
			m.Ns = []dns.RR{&dns.A{Hdr: dns.RecordHeader{Name: "x.example.com.", Rrtype: dns.TypeA, Class: dns.ClassIN, Ttl: 60}, A: []byte{192, 0, 2, 9}}}
			return m
		}(), rcode: dns.RcodeNotImplemented},
		{name: "NOTIFY", m: new(dns.Message).SetNotify("example.com."), rcode: dns.RcodeNotImplemented},
		{name: "STATUS", m: func() *dns.Message { m := ask("example.com.", dns.TypeA); m.Opcode = dns.OpcodeStatus; return m }(), rcode: dns.RcodeNotImplemented},
		{name: "AXFR", m: ask("example.com.", dns.TypeAXFR), rcode: dns.RcodeRefused},
		{name: "IXFR", m: ask("example.com.", dns.TypeIXFR), rcode: dns.RcodeRefused},
		{name: "ANY", m: ask("www.example.com.", dns.TypeANY), answer: 1},
		{name: "class CH", m: func() *dns.Message {
			m := ask("version.bind.", dns.TypeTXT)
			m.Question[0].Qclass = dns.ClassCH
			return m
		}(), rcode: dns.RcodeRefused},
		{name: "another zone", m: ask("example.org.", dns.TypeA), rcode: dns.RcodeRefused},
		{name: "two questions", m: func() *dns.Message {
			m := ask("www.example.com.", dns.TypeA)
			m.Question = append(m.Question, m.Question[0])
			return m
		}(), rcode: dns.RcodeFormatError},
		{name: "who is not allowed", m: ask("www.example.com.", dns.TypeA),
			server: func(s *dns.Server) { s.Allow = func(netip.Addr) bool { return false } }, rcode: dns.RcodeRefused},
		{name: "EDNS version 1", m: func() *dns.Message {
			m := ask("www.example.com.", dns.TypeA)
			m.SetEdns0(1232, false)
			m.IsEdns0().SetVersion(1)
			return m
		}(), rcode: dns.RcodeBadVersion},
	} {
		s := &dns.Server{Handler: z, Keys: ring}
		if tt.server != nil {
			tt.server(s)
		}
		w := sim.New(t, 0)
		ways, leave := askers(t, w, s)
		for _, n := range []dns.Network{dns.OverUDP, dns.OverTCP, dns.OverTLS, dns.OverHTTPS} {
			w.Host("client").Do(func(co *deferred.Co) error {
				p, err := tt.m.Pack()
				if err != nil {
					return err
				}
				if tt.key != nil {
					p, _, _ = tt.key.Sign(p, w.Now())
				}
				m, err := ways[n](co, p)
				if err != nil {
					return errors.Join(errors.New(tt.name+" over "+n.String()), err)
				}
				records := 0
				if len(m.Answer) > 0 {
					records = 1 // an RRset
					for _, rr := range m.Answer[1:] {
						if rr.Header().Rrtype != m.Answer[0].Header().Rrtype {
							records++
						}
					}
				}
				if dns.Rcode(m.Rcode) != tt.rcode || records != tt.answer || m.Opcode != tt.m.Opcode {
					t.Errorf("%s over %v: got %v with %d RRsets, want %v with %d", tt.name, n, dns.Rcode(m.Rcode), records, tt.rcode, tt.answer)
				}
				return nil
			})
		}
		if st := s.Stats(); st.Queries != [4]uint64{1, 1, 1, 1} {
			t.Errorf("%s: got %v queries, want one over each network", tt.name, st.Queries)
		}
		w.Host("client").Do(func(*deferred.Co) error { leave(); return nil })
		w.Advance(time.Minute)
	}
}

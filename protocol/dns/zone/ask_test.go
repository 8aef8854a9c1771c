package zone

import (
	"iter"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A port is what a server's datagrams leave by: it keeps the last one.
type port struct {
	twistor.PacketTransport
	loop twistor.Loop // nil: what is asked needs none
	p    []byte
}

func (p *port) Send(b []byte, _ twistor.Peer) error { p.p = append(p.p[:0], b...); return nil }
func (p *port) Addr() net.Addr                      { return nil }
func (p *port) Loop() twistor.Loop                  { return p.loop }

// An asker asks a handler as a client over UDP does: bytes in, bytes out.
type asker struct {
	packets twistor.PacketProtocol
	port    port
	from    twistor.Peer
}

func newAsker(h dns.Handler) *asker { return newAskerOn(nil, h) }

func newAskerOn(loop twistor.Loop, h dns.Handler) *asker {
	a := &asker{packets: (&dns.Server{Handler: h, MaxUDPBytes: 65_000, MaxAmplification: -1}).Packets()}
	a.port.loop = loop
	a.from.Addr = netip.MustParseAddrPort("127.0.0.1:5353")
	a.packets.Bound(&a.port)
	return a
}

func (a *asker) ask(p []byte) []byte {
	a.port.p = a.port.p[:0]
	a.packets.PacketReceived(p, a.from)
	return a.port.p
}

// query is a question on the wire; signed asks for signatures too.
func query(t testing.TB, name string, rtype dns.Type, signed bool) []byte {
	t.Helper()
	n, err := dns.ParseName(name)
	if err != nil {
		t.Fatal(err)
	}
	return queryName(n, rtype, signed)
}

func queryName(n dns.Name, rtype dns.Type, signed bool) []byte {
	p := []byte{0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	p = append(p, n...)
	p = append(p, byte(rtype>>8), byte(rtype), 0, dns.ClassIN)
	if signed {
		p[11] = 1
		p = append(p, 0, 0, dns.TypeOPT, 0xff, 0xff, 0, 0, 0x80, 0, 0, 0)
	}
	return p
}

// lookup is the answer of z.
func lookup(t testing.TB, z *Zone, name string, rtype dns.Type, signed bool) *dns.Message {
	t.Helper()
	p := newAsker(z).ask(query(t, name, rtype, signed))
	m, err := dns.ParseMessage(p)
	if err != nil {
		t.Fatalf("%s %s: %v", name, rtype, err)
	}
	return m
}

// lines are records as text, one blank between fields, sorted.
func lines(rrs []dns.RR) []string {
	out := []string{}
	for _, rr := range rrs {
		if rr.Header().Rrtype != dns.TypeOPT {
			name, rest, _ := strings.Cut(strings.Join(strings.Fields(rr.String()), " "), " ")
			out = append(out, strings.ToLower(name)+" "+rest)
		}
	}
	slices.Sort(out)
	return out
}

func read(t testing.TB, text string) *Zone {
	t.Helper()
	z, err := Read(strings.NewReader(text), Options{Origin: dns.MustParseName("example"), File: "example.zone"})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func records(t testing.TB, text ...string) []dns.RR {
	t.Helper()
	var rrs []dns.RR
	for _, s := range text {
		rr, err := dns.ParseRR(s)
		if err != nil {
			t.Fatal(err)
		}
		rrs = append(rrs, rr)
	}
	return rrs
}

func all(z *Zone) iter.Seq[dns.RR] {
	return func(yield func(dns.RR) bool) {
		for name, set := range z.All() {
			rrs, err := set.RRs(name)
			if err != nil {
				panic(err)
			}
			for _, rr := range rrs {
				if !yield(rr) {
					return
				}
			}
		}
	}
}

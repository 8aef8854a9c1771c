package dnssec

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/reactor"
)

// A port keeps the last datagram of a server.
type port struct {
	twistor.PacketTransport
	p []byte
}

func (p *port) Send(b []byte, _ twistor.Peer) error { p.p = append(p.p[:0], b...); return nil }
func (p *port) Addr() net.Addr                      { return nil }
func (p *port) Loop() twistor.Loop                  { return nil }

// An asker asks a zone as a client that wants signatures does.
type asker struct {
	packets twistor.PacketProtocol
	port    port
}

func newAsker(z *zone.Zone) *asker {
	a := &asker{packets: (&dns.Server{Handler: z, MaxUDPBytes: 65_000, MaxAmplification: -1}).Packets()}
	a.packets.Bound(&a.port)
	return a
}

func (a *asker) ask(t testing.TB, q dns.Name, qtype dns.Type) *dns.Message {
	t.Helper()
	p := append([]byte{1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1}, q...)
	p = append(p, byte(qtype>>8), byte(qtype), 0, dns.ClassIN, 0, 0, dns.TypeOPT, 0xff, 0xff, 0, 0, 0x80, 0, 0, 0)
	a.packets.PacketReceived(p, twistor.Peer{Addr: netip.MustParseAddrPort("127.0.0.1:5353")})
	m, err := dns.ParseMessage(a.port.p)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// validate is what a validator that knows z's keys says of an answer: nil if all
// of it is proved.
func validate(z *zone.Zone, m *dns.Message, q dns.Name, qtype dns.Type) error {
	keys := keysOf(z)
	answer, expanded, err := verified(m.Answer, keys)
	if err != nil {
		return err
	}
	authority, _, err := verified(m.Ns, keys)
	if err != nil {
		return err
	}
	final := false
	for _, rr := range answer {
		h := rr.Header()
		final = final || h.Rrtype == uint16(qtype) || h.Rrtype == dns.TypeCNAME || h.Rrtype == dns.TypeDNAME
	}
	d, err := NewDenial(z.Origin(), authority, &Budget{})
	for _, x := range expanded {
		if err != nil {
			return err
		}
		if _, err := d.Wildcard(x.name, x.v.Wildcard); err != nil {
			return err
		}
	}
	if final {
		return nil
	}
	if m.Rcode == dns.RcodeNameError {
		if err != nil {
			return err
		}
		_, err = d.NameError(q)
		return err
	}
	for _, rr := range m.Ns {
		if ns, ok := rr.(*dns.NS); ok && !m.Authoritative {
			cut := dns.MustParseName(ns.Hdr.Name)
			if count(authority, dns.TypeDS) > 0 {
				return nil // a secure delegation
			}
			if err != nil {
				return err
			}
			return d.Delegation(cut)
		}
	}
	if err != nil {
		return err
	}
	_, err = d.NoData(q, qtype)
	return err
}

// An expansion is a set that a wildcard made.
type expansion struct {
	name dns.Name
	v    Verified
}

// verified are the sets of a section that are signed; all are to be but NS of a
// delegation and aliases that a DNAME makes.
func verified(section []dns.RR, keys []*dns.DNSKEY) (out []dns.RR, expanded []expansion, err error) {
	var dname *dns.DNAME
	for len(section) > 0 {
		h, n := section[0].Header(), 1
		for n < len(section) && section[n].Header().Rrtype == h.Rrtype && section[n].Header().Name == h.Name {
			n++
		}
		set := section[:n]
		section = section[n:]
		if h.Rrtype == dns.TypeRRSIG {
			continue
		}
		var sigs []*dns.RRSIG
		for _, rr := range section {
			if sig, ok := rr.(*dns.RRSIG); ok && sig.TypeCovered == h.Rrtype && strings.EqualFold(sig.Hdr.Name, h.Name) {
				sigs = append(sigs, sig)
			}
		}
		if len(sigs) == 0 && h.Rrtype == dns.TypeNS {
			continue
		}
		if cname, ok := set[0].(*dns.CNAME); ok && len(sigs) == 0 && dname != nil && Synthesized(cname, dname) {
			continue
		}
		v, err := VerifyRRset(set, sigs, keys, now, &Budget{})
		if err != nil {
			return nil, nil, err
		}
		if v.Wildcard != nil {
			expanded = append(expanded, expansion{dns.MustParseName(h.Name), v})
		}
		if d, ok := set[0].(*dns.DNAME); ok {
			dname = d
		}
		out = append(out, set...)
	}
	return out, expanded, nil
}

// questions are of everything that the hard zone has and has not.
var questions = []string{
	"hard.example A", "hard.example SOA", "hard.example DNSKEY", "hard.example NSEC3PARAM", "mail.hard.example TXT", "MAIL.hard.example MX",
	"ent.hard.example A", "c.ent.hard.example TXT", "a.b.c.ent.hard.example A", "nothing.c.ent.hard.example A", "nothing.hard.example TXT", "nothing.hard.example A",
	"w.hard.example A", "one.w.hard.example A", "one.two.w.hard.example MX", "one.w.hard.example AAAA", "x.w.hard.example A", "one.x.w.hard.example A", "*.w.hard.example A",
	"alias.hard.example A", "alias.hard.example CNAME", "tree.hard.example A", "tree.hard.example DNAME", "hidden.tree.hard.example A", "x.y.tree.hard.example MX",
	"secure.hard.example A", "secure.hard.example DS", "www.secure.hard.example A", "insecure.hard.example A", "insecure.hard.example DS", "www.insecure.hard.example A", "ns.insecure.hard.example A",
	"insecure.deep.er.hard.example A", "deep.er.hard.example A", "er.hard.example NS", "nothing.deep.er.hard.example A",
	"_sip._tcp.hard.example SRV", "_tcp.hard.example A", "naptr.hard.example NAPTR", "svc.hard.example HTTPS", "many.hard.example A", "many.hard.example AAAA", "unknown.hard.example A", "rp.hard.example RP",
	"zzzz.hard.example A", "a.hard.example A", "0.hard.example A",
}

func question(t testing.TB, s string) (dns.Name, dns.Type) {
	t.Helper()
	name, rtype, _ := strings.Cut(s, " ")
	rr, err := dns.ParseRR("x. NSEC x. " + rtype)
	if err != nil {
		t.Fatal(err)
	}
	return dns.MustParseName(name), dns.Type(rr.(*dns.NSEC).TypeBitMap[0])
}

// TestUC22_ServedAnswersValidate: what package zone answers from a zone that was
// signed here, a validator can prove, for each question; and without the proofs
// it cannot.
func TestUC22_ServedAnswersValidate(t *testing.T) {
	for _, v := range variants {
		keys := pair(t, "hard.example", ED25519)
		z := sign(t, readZone(t, hard, "hard.example"), keys, v.policy, now)
		a := newAsker(z)
		for _, s := range questions {
			q, qtype := question(t, s)
			m := a.ask(t, q, qtype)
			if err := validate(z, m, q, qtype); err != nil {
				t.Errorf("%s: %s: %v\n%s", v.name, s, err, m)
				continue
			}
			proved := count(m.Ns, dns.TypeNSEC) + count(m.Ns, dns.TypeNSEC3)
			whole := m.Ns
			if proved > 0 {
				m.Ns = nil
				for _, rr := range whole {
					if rtype := rr.Header().Rrtype; rtype != dns.TypeNSEC && rtype != dns.TypeNSEC3 {
						m.Ns = append(m.Ns, rr)
					}
				}
				if err := validate(z, m, q, qtype); err == nil {
					t.Errorf("%s: %s: proved without any proof", v.name, s)
				}
			}
		}
	}
	// What a zone says of its own DS records is not its to say: RFC 6840 section
	// 4.1 and RFC 5155 section 8.6.
	z := sign(t, readZone(t, hard, "hard.example"), pair(t, "hard.example", ED25519), Policy{}, now)
	if m := newAsker(z).ask(t, z.Origin(), dns.TypeDS); validate(z, m, z.Origin(), dns.TypeDS) == nil {
		t.Error("the zone itself has proved that the parent has no DS record")
	}
	// Random zones, random questions.
	zones := uint64(100)
	if testing.Short() {
		zones = 8
	}
	for seed := range zones {
		for _, v := range variants {
			r := rand.New(rand.NewPCG(seed, 2))
			z, _ := small(t, r, v.policy)
			a := newAsker(z)
			for range 20 {
				q := dns.MustParseName(smallOrigin)
				for q.Labels() == 2 || r.IntN(2) == 0 && q.Labels() < 6 {
					q, _ = q.Prefix(label(r))
				}
				qtype := []dns.Type{dns.TypeA, dns.TypeNS, dns.TypeDS, dns.TypeTXT}[r.IntN(4)]
				m := a.ask(t, q, qtype)
				if err := validate(z, m, q, qtype); err != nil {
					t.Fatalf("seed %d, %s: %s %s: %v\n%s", seed, v.name, q, qtype, err, m)
				}
			}
		}
	}
}

// TestUC22_DelvValidatesWhatWeServe: bind9's validator, with our key as its anchor,
// proves each answer; with another key it does not.
func TestUC22_DelvValidatesWhatWeServe(t *testing.T) {
	now := time.Now() // delv knows no other
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			keys := pair(t, "hard.example", ECDSAP256SHA256)
			z := sign(t, readZone(t, hard, "hard.example"), keys, v.policy, now)
			addr := serve(t, z)
			delv := func(k *Key, q string) string {
				ds, err := NewDS(k.DNSKEY, DigestSHA256)
				if err != nil {
					t.Fatal(err)
				}
				anchors := filepath.Join(t.TempDir(), "anchors")
				text := fmt.Sprintf("trust-anchors { hard.example. static-ds %d %d %d %q; };\n", ds.KeyTag, ds.Algorithm, ds.DigestType, ds.Digest)
				if err := os.WriteFile(anchors, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
				args := append([]string{"@127.0.0.1", "-p", fmt.Sprint(addr.Port()), "-a", anchors, "+root=hard.example"}, strings.Fields(q)...)
				out, err := dnstest.Feed(t, "", "delv", args...)
				if err != nil {
					out += err.Error()
				}
				return out
			}
			for q, want := range map[string]string{
				"many.hard.example A":            "; fully validated",
				"one.two.w.hard.example A":       "; fully validated",
				"alias.hard.example CNAME":       "; fully validated",
				"tree.hard.example DNAME":        "; fully validated",
				"secure.hard.example DS":         "; fully validated",
				"unknown.hard.example TYPE65280": "; fully validated",
				"nothing.c.ent.hard.example A":   "; negative response, fully validated",
				"ent.hard.example A":             "; negative response, fully validated",
				"one.w.hard.example AAAA":        "; negative response, fully validated",
				"many.hard.example AAAA":         "; negative response, fully validated",
				"nothing.w.ent.hard.example NS":  "; negative response, fully validated",
			} {
				if v.policy.OptOut && strings.Contains(q, "two.w") {
					want = "; unsigned answer" // an unsigned delegation may be nearer: RFC 5155 section 9.2
				}
				if out := delv(keys[0], q); !strings.Contains(out, want) {
					t.Errorf("%s: got\n%s\nwant %s", q, out, want)
				}
			}
			stranger := newKey(t, KeyOptions{Zone: z.Origin(), KSK: true}, 99)
			if out := delv(stranger, "many.hard.example A"); strings.Contains(out, "fully validated") {
				t.Errorf("with another key: %s", out)
			}
		})
	}
}

// serve answers from z on the loopback, over UDP and TCP.
func serve(t *testing.T, z *zone.Zone) netip.AddrPort {
	t.Helper()
	r := reactor.New(&reactor.Config{Loops: 1})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
		r.Close()
	})
	at := netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), dnstest.FreePort(t))
	l := r.Loop()
	_, err := deferred.Call(t.Context(), l, func() *deferred.Signal {
		s := &dns.Server{Handler: z}
		if _, err := l.ListenPacket(twistor.ListenConfig{Network: "udp", Address: at.String()}, s.Packets()); err != nil {
			return deferred.Failed[struct{}](l, err)
		}
		if _, err := l.Listen(twistor.ListenConfig{Network: "tcp", Address: at.String()}, s.Factory()); err != nil {
			return deferred.Failed[struct{}](l, err)
		}
		return deferred.Succeeded(struct{}{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

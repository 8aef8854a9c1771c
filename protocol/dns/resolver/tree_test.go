package resolver

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

// A tree is a small internet of name servers in a World: who asks, and the
// servers as a test adds them.
type tree struct {
	*testing.T
	w      *sim.World
	client *sim.Host
	r      *Recursive
	served map[string]int // questions that came, by host
}

// newTree is a tree without servers. Its root is to be served by host "root".
func newTree(t *testing.T, w *sim.World) *tree {
	tr := &tree{T: t, w: w, served: map[string]int{}}
	root := w.Host("root")
	tr.client = w.Host("client")
	tr.r = &Recursive{Loop: tr.client.Loop(), Allow: anyAddr, Hints: rrs(
		". 3600 IN NS ns.root.", "ns.root. 3600 IN A "+root.Addr().String())}
	return tr
}

func anyAddr(netip.Addr) bool { return true }

// rrs reads records.
func rrs(lines ...string) (out []dns.RR) {
	for _, s := range lines {
		rr, err := dns.ParseRR(s)
		if err != nil {
			panic(err)
		}
		out = append(out, rr)
	}
	return out
}

// ip is the address of a host, to be written into zones.
func (tr *tree) ip(host string) string { return tr.w.Host(host).Addr().String() }

// serve has a host serve zones, each a text whose first line is its name; $HOST
// stands for the address of a host.
func (tr *tree) serve(host string, zones ...string) {
	tr.Helper()
	var all []*zone.Zone
	for _, text := range zones {
		all = append(all, tr.zone(text))
	}
	tr.handle(host, closestOf(all))
}

func (tr *tree) zone(text string) *zone.Zone {
	tr.Helper()
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	name, rest := lines[0], strings.Join(lines[1:], "\n")
	for {
		at := strings.Index(rest, "$")
		if at < 0 || strings.HasPrefix(rest[at:], "$TTL") {
			break
		}
		end := at + 1
		for end < len(rest) && (rest[end] >= 'a' && rest[end] <= 'z' || rest[end] >= '0' && rest[end] <= '9') {
			end++
		}
		rest = rest[:at] + tr.ip(rest[at+1:end]) + rest[end:]
	}
	origin := dns.MustParseName(name)
	text = "@ 300 IN SOA ns hostmaster 1 3600 600 86400 60\n" + rest + "\n"
	z, err := zone.Read(strings.NewReader(text), zone.Options{Origin: origin, DefaultTTL: 300})
	if err != nil {
		tr.Fatalf("zone %s: %v", origin, err)
	}
	return z
}

// closestOf serves of several zones the one that is closest.
func closestOf(zones []*zone.Zone) dns.Handler {
	return handler(func(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
		var best *zone.Zone
		for _, z := range zones {
			under := q.Name
			if q.Type == dns.TypeDS {
				under = under.Parent()
			}
			if under.In(z.Origin()) && (best == nil || len(z.Origin()) > len(best.Origin())) {
				best = z
			}
		}
		if best == nil {
			w.SetRcode(dns.RcodeRefused)
			return nil
		}
		return best.Serve(w, q)
	})
}

type handler func(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal

func (h handler) Serve(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal { return h(w, q) }

// handle has a host answer by h, over UDP and TCP.
func (tr *tree) handle(host string, h dns.Handler) {
	tr.Helper()
	at := tr.w.Host(host)
	s := &dns.Server{MaxAmplification: -1, Handler: handler(func(w *dns.ResponseWriter, q *dns.Query) *deferred.Signal {
		tr.served[host]++
		return h.Serve(w, q)
	})}
	if _, err := at.Loop().ListenPacket(twistor.ListenConfig{Network: "udp", Address: ":53"}, s.Packets()); err != nil {
		tr.Fatal(err)
	}
	at.Listen("tcp", ":53", s.Factory())
}

// ask asks r, and waits.
func (tr *tree) ask(r dns.Resolver, name string, t dns.Type) (*dns.Message, error) {
	return tr.askFor(r, name, t, dns.Options{DNSSECOK: true})
}

func (tr *tree) askFor(r dns.Resolver, name string, t dns.Type, o dns.Options) (m *dns.Message, err error) {
	tr.Helper()
	fired := false
	d := r.Resolve(dns.Question{Name: name, Qtype: uint16(t), Qclass: dns.ClassIN}, o)
	d.Done(func(got *dns.Message, e error) { m, err, fired = got, e, true })
	if !fired {
		tr.w.Run(func() bool { return fired })
	}
	return m, err
}

// text is an answer in one line: its code, and the data of its records.
func text(m *dns.Message, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	parts := []string{dns.Rcode(m.Rcode).String()}
	for _, rr := range m.Answer {
		if rr.Header().Rrtype != dns.TypeRRSIG {
			fields := strings.SplitN(rr.String(), "\t", 5)
			parts = append(parts, fields[3]+" "+fields[4])
		}
	}
	return strings.Join(parts, ", ")
}

// want compares what text says.
func (tr *tree) want(r dns.Resolver, name string, t dns.Type, want string) {
	tr.Helper()
	if got := text(tr.ask(r, name, t)); got != want {
		tr.Errorf("%s %s: got %q, want %q", name, t, got, want)
	}
}

// plain is a tree of three levels: the root, com, and some zones below, each on
// a server of its own.
func plain(t *testing.T, w *sim.World) *tree {
	tr := newTree(t, w)
	tr.serve("root", ".\n@ NS ns.root.\nns.root. A $root\ncom. NS ns.com.\nns.com. A $com\nnet. NS ns.com.\n")
	tr.serve("com", `com
		@ NS ns
		ns A $com
		good NS ns.good
		ns.good A $good
		glueless NS ns.elsewhere.net.
		lame NS ns1.lame
		lame NS ns2.lame
		ns1.lame A $stranger
		ns2.lame A $good
		slow NS ns1.slow
		slow NS ns2.slow
		ns1.slow A $silent
		ns2.slow A $good
		dead NS ns.dead
		ns.dead A $silent`, `net
		@ NS ns.com.
		elsewhere NS ns.elsewhere
		ns.elsewhere A $good`)
	tr.serve("good", goodZone, "glueless.com\n@ NS ns.elsewhere.net.\nwww A 192.0.2.2\n",
		"elsewhere.net\n@ NS ns\nns A $good\n", "lame.com\n@ NS ns1\nns1 A $stranger\nns2 A $good\nwww A 192.0.2.4\n@ NS ns2\n",
		"slow.com\n@ NS ns1\nns1 A $silent\n@ NS ns2\nns2 A $good\nwww A 192.0.2.5\n")
	tr.serve("stranger", "strange.org\n@ NS ns\nns A 192.0.2.99\n")
	w.Partition(tr.client, w.Host("silent"))
	return tr
}

const goodZone = `good.com
	@ NS ns
	ns A $good
	www A 192.0.2.1
	www AAAA 2001:db8::1
	alias CNAME www
	far CNAME www.glueless.com.
	a.b.c.d.e.f.g.h.i.j.k.l.m A 192.0.2.9
	*.wild A 192.0.2.7
	old DNAME new.good.com.
	x.new A 192.0.2.3
	loop1 CNAME loop2
	loop2 CNAME loop1`

func addrOf(s string) netip.Addr { return netip.MustParseAddr(s) }

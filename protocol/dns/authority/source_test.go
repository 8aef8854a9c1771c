package authority

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

// A database is a Source that has a zone, and takes a while.
type database struct {
	loop  twistor.Loop
	z     *zone.Zone
	asked int
	delay time.Duration
	fail  error
}

func (d *database) Lookup(name dns.Name) *deferred.Deferred[Node] {
	d.asked++
	n := Node{Exists: d.z.Has(name)}
	for _, t := range d.z.Types(name) {
		n.Records = append(n.Records, d.z.RRs(name, t)...)
	}
	return deferred.Then(deferred.After(d.loop, d.delay), func(struct{}) (Node, error) { return n, d.fail })
}

// TestN14Source: a zone that is elsewhere is answered as one that is here: every
// name and type, absent ones, wildcards, delegations, aliases.
func TestN14Source(t *testing.T) {
	w := sim.New(t, 0)
	s := open(t, w, "one", Config{})
	z := zoneOf(t, 1, "www A 192.0.2.1", "alias CNAME www", "far CNAME www.other.", "loop CNAME loop2", "loop2 CNAME loop",
		"* TXT anything", "*.w CNAME alias", "a.b.c A 192.0.2.3", "sub NS ns.sub", "sub NS ns.else.", "ns.sub A 192.0.2.4",
		"mail MX 10 www", "mail MX 20 a.b.c", "d DNAME c", "_s._tcp SRV 1 1 1 www")
	db := &database{loop: s.host.Loop(), z: z, delay: time.Millisecond}
	if err := s.AddSource(example, db); err != nil {
		t.Fatal(err)
	}
	here := &dns.Server{Handler: z}
	names := []string{"example.", "no.example.", "x.y.no.example.", "b.c.example.", "x.b.c.example.", "deep.w.example.", "w.example.",
		"deep.sub.example.", "a.b.d.example.", "x.d.example.", "\\000.b.c.example.", "_tcp.example.", "*.example.", "*.w.example."}
	for name := range z.All() {
		names = append(names, name.String())
	}
	for _, name := range names {
		for _, rtype := range []uint16{dns.TypeA, dns.TypeTXT, dns.TypeMX, dns.TypeCNAME, dns.TypeNS, dns.TypeSOA, dns.TypeDS, dns.TypeSRV} {
			p, err := question(name, rtype).Pack()
			if err != nil {
				t.Fatal(err)
			}
			var got [2]string
			for i, server := range []*dns.Server{here, s.server} {
				d := server.Answer(s.host.Loop(), p, twistor.Peer{}, dns.OverTCP)
				w.Run(func() bool { _, fired := d.Result(); return fired })
				m, err := dns.ParseMessage(sim.Result(t, d))
				if err != nil {
					t.Fatal(err)
				}
				got[i] = m.String()
			}
			if got[0] != got[1] {
				t.Errorf("%s %s: got\n%s\nwant\n%s", name, dns.Type(rtype), got[1], got[0])
			}
		}
	}
	for _, c := range []struct {
		name string
		set  func()
		want string
	}{
		{"it fails", func() { db.fail = errors.New("no connection") }, "SERVFAIL 0"},
		{"it is not here", func() { db.fail = fmt.Errorf("cannot: %w", ErrNotHere) }, "REFUSED 0"},
		{"it is silent", func() { db.fail, db.delay = nil, time.Hour }, "SERVFAIL 0"},
	} {
		c.set()
		before := w.Elapsed()
		if got := s.answer(question("www.example.", dns.TypeA), nil, "192.0.2.1", dns.OverUDP); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
		if took := w.Elapsed() - before; took > sourceTimeout {
			t.Errorf("%s: the answer took %v", c.name, took)
		}
	}
	db.delay, db.asked = 0, 0
	s.answer(question(strings.Repeat("a.", 100)+"example.", dns.TypeA), nil, "192.0.2.1", dns.OverUDP)
	if db.asked > 4 {
		t.Errorf("a deep name that is not there: %d lookups, want few", db.asked)
	}
	for _, m := range []*dns.Message{question("example.", dns.TypeAXFR), updating(nil, nil)} {
		if got := s.answer(m, nil, "192.0.2.1", dns.OverTCP); got != "REFUSED 0" {
			t.Errorf("%s: got %s, want REFUSED", dns.Opcode(m.Opcode), got)
		}
	}
	s.stop()
}

// FuzzInbound: whatever records come, in whatever order, a transfer ends, keeps
// within its bounds, and what it gives are records of the zone.
func FuzzInbound(f *testing.F) {
	lines := []string{soa1, soa2, strings.Replace(soa1, " 1 ", " 3 ", 1), ns, "www.example. 60 IN A 192.0.2.1", "www.other. 60 IN A 192.0.2.1", "a.example. 60 CH TXT x", "www.example. 60 IN SOA a. b. 2 1 1 1 1"}
	all := records(f, lines...)
	f.Add([]byte{1, 0, 4, 1, 4, 1}, true)
	f.Add([]byte{0, 3, 4, 0}, false)
	f.Add([]byte{2, 0, 4, 1, 1, 4, 2, 3, 2}, true)
	f.Fuzz(func(t *testing.T, order []byte, have bool) {
		in := &inbound{origin: example, maxRecords: 50}
		if have {
			in.have = all[0].(*dns.SOA)
		}
		for i, b := range order {
			if err := in.take(all[int(b)%len(all)]); err != nil {
				return
			}
			if b&0x80 != 0 {
				in.messageEnded()
			}
			if in.done() && i < len(order)-1 && in.take(all[4]) == nil {
				t.Fatal("it takes a record behind the end")
			}
			if in.done() {
				break
			}
		}
		if in.count > in.maxRecords {
			t.Fatalf("%d records, want up to %d", in.count, in.maxRecords)
		}
		if in.stage != complete {
			return
		}
		for i := range in.steps {
			s := &in.steps[i]
			if s.From == nil || s.To == nil || !newer(s.To.Serial, s.From.Serial) || i > 0 && s.From.Serial != in.steps[i-1].To.Serial {
				t.Fatalf("step %d is from %v to %v", i, s.From, s.To)
			}
		}
		for _, rr := range in.records {
			if rr.Header().Class != dns.ClassIN || !strings.HasSuffix(rr.Header().Name, "example.") {
				t.Fatalf("it took %s", rr)
			}
		}
		if in.steps == nil && len(in.records) == 0 {
			t.Fatal("complete, and nothing came")
		}
	})
}

// TestN15Difference: of any two zones, the difference leads from one to the
// other, and two differences made one do too.
func TestN15Difference(t *testing.T) {
	chance := rand.New(rand.NewPCG(1, 2))
	random := func(serial uint32) *zone.Zone {
		var lines []string
		for range chance.IntN(30) {
			lines = append(lines, fmt.Sprintf("n%d %d TXT %d", chance.IntN(10), []int{60, 300}[chance.IntN(2)], chance.IntN(3)))
		}
		return zoneOf(t, serial, lines...)
	}
	for range 200 {
		a, b, c := random(1), random(2), random(3)
		ab, err := difference(a, b, nil)
		if err != nil {
			t.Fatal(err)
		}
		bc, err := difference(b, c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range []struct {
			from, to *zone.Zone
			c        zone.Change
		}{{a, b, ab}, {b, c, bc}, {a, c, fold(ab, bc)}} {
			got, err := s.from.Apply(s.c)
			if err != nil || text(got) != text(s.to) {
				t.Fatalf("from\n%s\nby %v\ngot\n%s\n%v\nwant\n%s", text(s.from), s.c, text(got), err, text(s.to))
			}
		}
		if same, err := difference(a, a, nil); err != nil || len(same.Added)+len(same.Removed) != 0 {
			t.Fatalf("of a zone and itself: got %v, %v", same, err)
		}
	}
}

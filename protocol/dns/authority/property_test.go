package authority

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/sim"
)

// A pair is a primary and its secondary, each on a host that crashes.
type pair struct {
	t        *testing.T
	w        *sim.World
	chance   *rand.Rand
	file     *zone.Zone // what the primary's owner has
	memory   *memory
	one, two *site
	signing  *Signing // of a quarter of the worlds
	c        *person
	serial   int             // of names
	pending  int             // updates
	promised map[string]bool // names whose update was acknowledged; false: removed
}

// TestN16Property: whatever happens to a primary and its secondary, over a network
// that loses, cuts and delays, with crashes, partitions, updates and new files:
// what was acknowledged stays, and in the end both have the same zone.
func TestN16Property(t *testing.T) {
	seeds := 32
	if testing.Short() {
		seeds = 8
	}
	sim.Seeds(t, seeds, func(t *testing.T, w *sim.World) {
		if w.Seed != 0 {
			w.Net = sim.Havoc(w.Seed)
			w.Net.Reset, w.Net.ResetAfter = 0, 0 // the client's answers would be lost: then nothing is promised
		}
		w.Tolerate.Timers = true
		p := &pair{t: t, w: w, chance: w.Split("events"), memory: &memory{}, promised: map[string]bool{},
			file: zoneOf(t, 1, "www A 192.0.2.1")}
		if w.Seed%4 == 1 {
			p.signing = signing(t)
		}
		for _, name := range []string{"one", "two"} {
			w.Host(name).Disk.Mount().Mkdir("zones", 0o700)
			w.Host(name).Disk.Mount().SyncDir(".")
		}
		p.openOne()
		p.openTwo()
		p.c = client(t, w, "client")
		for range 25 {
			p.event()
			w.Advance(time.Duration(p.chance.IntN([]int{60, 20_000}[p.chance.IntN(2)])) * time.Millisecond)
		}
		w.Heal(p.one.host, p.two.host)
		w.Run(func() bool { return p.pending == 0 })
		w.Run(func() bool { return text(p.one.Zone(example)) == text(p.two.Zone(example)) && !p.one.primaryBusy() })
		z := p.one.Zone(example)
		if p.signing != nil {
			check(t, z, w.Now())
		}
		for i := range p.serial {
			name := fmt.Sprintf("n%d.example.", i)
			if kept, ok := p.promised[name]; ok && z.Has(dns.MustParseName(name)) != kept {
				t.Errorf("%s: got %v, and it was promised that it is %v", name, !kept, kept)
			}
		}
		w.Errors() // zones that expired
		p.c.close()
		p.one.stop()
		p.two.stop()
	})
}

func (s *site) primaryBusy() bool { return s.zones[string(example)].(*primary).working }

func (p *pair) openOne() {
	p.memory.loop = p.w.Host("one").Loop()
	p.memory.delay = time.Duration(p.chance.IntN(50)) * time.Millisecond
	p.one = open(p.t, p.w, "one", Config{Journal: p.memory, Dir: "zones"})
	p.one.do(p.one.AddPrimary(p.file, Primary{Transfer: everybody, Update: anything, Signing: p.signing,
		Notify: []Peer{{Addr: addrOf(p.w.Host("two"))}}}))
}

func (p *pair) openTwo() {
	p.two = open(p.t, p.w, "two", Config{Dir: "zones"})
	p.two.do(p.two.AddSecondary(example, Secondary{Primaries: []Peer{{Addr: addrOf(p.w.Host("one"))}},
		MinRefresh: 20 * time.Second, MaxRefresh: 30 * time.Second, MinRetry: 5 * time.Second, MaxRetry: 10 * time.Second,
		IdleTimeout: 10 * time.Second, Timeout: 30 * time.Second}))
}

// event has something happen.
func (p *pair) event() {
	switch p.chance.IntN(10) {
	case 0:
		p.one.host.Crash()
		p.w.Advance(time.Duration(p.chance.IntN(5000)) * time.Millisecond)
		p.one.host.Restart()
		p.openOne()
	case 1:
		p.two.host.Crash()
		p.w.Advance(time.Duration(p.chance.IntN(5000)) * time.Millisecond)
		p.two.host.Restart()
		p.openTwo()
	case 2:
		p.w.Partition(p.one.host, p.two.host)
	case 3:
		p.w.Heal(p.one.host, p.two.host)
	case 4:
		p.rewrite()
	default:
		for range 1 + p.chance.IntN(5) {
			p.update()
		}
	}
}

// rewrite has the owner write the zone anew, from what is served; an update that
// came between would be lost, as it is where people do that.
func (p *pair) rewrite() {
	p.w.Run(func() bool { return p.pending == 0 })
	served := p.one.Zone(example)
	soa := served.SOA()
	soa.Serial += 3
	all := append(records(p.t, fmt.Sprintf("owner.example. 60 IN TXT %d", soa.Serial)), soa)
	for name, set := range served.All() {
		if isMade(set.Type) || set.Type == dns.TypeSOA || string(name) == string(dns.MustParseName("owner.example")) {
			continue
		}
		rrs, err := set.RRs(name)
		if err != nil {
			p.t.Fatal(err)
		}
		all = append(all, rrs...)
	}
	z, err := zone.New(example, slices.Values(all))
	if err != nil {
		p.t.Fatal(err)
	}
	p.one.do(p.one.Replace(z))
	p.file = z
}

// update adds or removes a name; if that is acknowledged it is promised.
func (p *pair) update() {
	var m *dns.Message
	name, kept := fmt.Sprintf("n%d.example.", p.serial), true
	if old := fmt.Sprintf("n%d.example.", p.chance.IntN(p.serial+1)); p.promised[old] {
		name, kept = old, false
		m = updating(nil, []dns.RR{removeName(name)})
	} else {
		p.serial++
		m = updating(nil, add(p.t, name+" 60 IN A 192.0.2.7", name+" 60 IN TXT something"))
	}
	delete(p.promised, name) // until it is acknowledged nobody knows
	p.pending++
	d := p.c.c.Exchange(m, dns.Upstream{Addr: p.one.peer().Addr, Network: dns.OverTCP})
	d.Done(func(a *dns.Message, _ error) {
		if p.pending--; a != nil && a.Rcode == dns.RcodeSuccess {
			p.promised[name] = kept
		}
	})
}

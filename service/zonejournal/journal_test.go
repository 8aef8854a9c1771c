package zonejournal

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/authority"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/service/persist"
	"github.com/twistor-go/twistor/sim"
)

const file = `@ 300 IN SOA ns host 1 3600 600 86400 60
@ 300 NS ns
ns 300 A 192.0.2.53
`

var origin = dns.MustParseName("example.")

func read(t testing.TB, text string) *zone.Zone {
	z, err := zone.Read(strings.NewReader(text), zone.Options{Origin: origin})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// run opens the journal on a host, and an authority with the zone of the file; if
// body says so it leaves them as they are, for a crash.
func run(h *sim.Host, z *zone.Zone, body func(co *deferred.Co, a *authority.Authority, j *Journal) error) {
	h.Do(func(co *deferred.Co) error {
		store, err := persist.Open(co, h.Loop(), persist.Config{Dir: "state", Name: "dns"})
		if err != nil {
			return err
		}
		j := &Journal{}
		if err := j.Open(co, store); err != nil {
			return err
		}
		a := authority.New(h.Loop(), authority.Config{Journal: j})
		if _, err := a.AddPrimary(z, authority.Primary{}).Await(co); err != nil {
			return err
		}
		if err := body(co, a, j); err == errCrash {
			return nil
		} else if err != nil {
			return err
		}
		if err := a.Stop(co); err != nil {
			return err
		}
		return store.Close(co)
	})
}

var errCrash = errors.New("crash")

func adding(t testing.TB, text string) zone.Change {
	rr, err := dns.ParseRR(text)
	if err != nil {
		t.Fatal(err)
	}
	return zone.Change{Added: []dns.RR{rr}}
}

// TestUC22UpdatesOutliveCrash: an update that was acknowledged is there after the
// host lost its power in the next moment, over any disk; differences lead across
// the restart; and a newer zone file decides.
func TestUC22UpdatesOutliveCrash(t *testing.T) {
	sim.Seeds(t, 30, func(t *testing.T, w *sim.World) {
		h := w.Host("primary")
		made := 0
		run(h, read(t, file), func(co *deferred.Co, a *authority.Authority, _ *Journal) error {
			for i := range 10 {
				if _, err := a.Change(origin, adding(t, fmt.Sprintf("n%d.example. 60 IN A 192.0.2.1", i))).Await(co); err != nil {
					return err
				}
				made++
			}
			return errCrash
		})
		h.Crash()
		h.Restart()
		run(h, read(t, file), func(co *deferred.Co, a *authority.Authority, _ *Journal) error {
			z := a.Zone(origin)
			for i := range made {
				if name := fmt.Sprintf("n%d.example", i); !z.Has(dns.MustParseName(name)) {
					t.Errorf("%s is gone", name)
				}
			}
			if got := a.Status()[0].Steps; got != 10 || z.Serial() != 11 {
				t.Errorf("got %d steps and serial %d, want 10 and 11", got, z.Serial())
			}
			return nil
		})
		run(h, read(t, strings.Replace(file, " 1 3600", " 20 3600", 1)), func(co *deferred.Co, a *authority.Authority, j *Journal) error {
			if got := a.Zone(origin).Records(); got != 3 {
				t.Errorf("got %d records, want the 3 of the newer file", got)
			}
			steps, err := j.Steps(origin)
			if len(steps) != 0 {
				t.Errorf("got %d steps, want none", len(steps))
			}
			return err
		})
	})
}

// TestShorten: the journal of names that come and go stays small, and leads to
// the same zone.
func TestShorten(t *testing.T) {
	s := state{Zones: map[string]*kept{}}
	z, most := read(t, file), 0
	for i := range 20_000 {
		st := step{From: z.SOA().String(), To: strings.Replace(z.SOA().String(), " 1 ", fmt.Sprintf(" %d ", i+2), 1)}
		st.Added = []string{fmt.Sprintf("n%d.example.\t60\tIN\tA\t192.0.2.1", i)}
		if i >= 100 {
			st.Removed = []string{fmt.Sprintf("n%d.example.\t60\tIN\tA\t192.0.2.1", i-100)}
		}
		s.apply(change{Zone: "example.", Base: 1, Step: &st})
		size := 0
		for j := range s.Zones["example."].Steps {
			size += s.Zones["example."].Steps[j].size()
		}
		most = max(most, size)
	}
	if most > slack+1000 {
		t.Errorf("the journal had %d records, want up to %d for 100 names", most, slack+1000)
	}
	all := s.Zones["example."].Steps[0]
	for _, next := range s.Zones["example."].Steps[1:] {
		all = all.and(next)
	}
	if len(all.Added) != 100 || len(all.Removed) != 0 || !slices.ContainsFunc(all.Added, func(l string) bool { return strings.HasPrefix(l, "n19999.") }) {
		t.Errorf("got %d added and %d removed, want the last 100 names", len(all.Added), len(all.Removed))
	}
}

// TestRoundTrip: every type of record is the same after it was text.
func TestRoundTrip(t *testing.T) {
	for _, text := range []string{
		`a.example. 60 IN TXT "with \"quotes\", \\ and ; " "\007"`,
		`a\.b.example. 60 IN MX 10 Mail.example.`,
		`a.example. 60 IN TYPE65280 \# 3 010203`,
		`a.example. 60 IN CAA 0 issue "ca.example; x=y"`,
		`a.example. 60 IN HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1`,
		`a.example. 60 IN LOC 52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m`,
	} {
		rr, err := dns.ParseRR(text)
		if err != nil {
			t.Fatal(err)
		}
		back, err := readLines(lines([]dns.RR{rr}))
		if err != nil || !dns.Same(back[0], rr) {
			t.Errorf("%s: got %v, %v", text, back, err)
		}
	}
}

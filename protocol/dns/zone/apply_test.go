package zone

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
)

// apex is what random zones always have.
var apex = []string{"example. 60 IN SOA ns.example. hostmaster.example. 1 2 3 4 5", "example. 60 IN NS ns.example."}

// randomRecord is one of few names, so that they meet.
func randomRecord(r *rand.Rand) string {
	name := "example."
	for range 1 + r.IntN(4) {
		name = []string{"a", "b", "*", "m", "zz"}[r.IntN(5)] + "." + name
	}
	data := []string{"A 192.0.2.1", "A 192.0.2.2", "TXT \"t\"", "NS ns.a.example.", "MX 1 a.b.example.", "NSEC3 1 0 0 - 0123456789ABCDEFGHIJKLMNOPQRSTUV A"}
	if r.IntN(6) == 0 {
		return name + " 60 IN CNAME a.example."
	}
	return name + " 60 IN " + data[r.IntN(len(data))]
}

// TestApply: a zone that went through hundreds of changes is the one that is
// made of its records at once: in what it holds, in its order, and in what it
// answers. Versions that are held on to stay what they were.
func TestApply(t *testing.T) {
	seeds := uint64(10)
	if testing.Short() || raceEnabled {
		seeds = 4
	}
	for seed := range seeds {
		r := rand.New(rand.NewPCG(seed, 7))
		have := slices.Clone(apex)
		z, err := New(dns.MustParseName("example"), slices.Values(records(t, have...)))
		if err != nil {
			t.Fatal(err)
		}
		first, before := z, text(t, z)
		for range 60 {
			var c Change
			next := slices.Clone(have)
			for range 1 + r.IntN(6) {
				if len(next) > len(apex) && r.IntN(5) < 2 {
					i := len(apex) + r.IntN(len(next)-len(apex))
					if !slices.Contains(have, next[i]) {
						continue // it only came with this change
					}
					c.Removed = append(c.Removed, records(t, next[i])...)
					next = slices.Delete(next, i, i+1)
				} else if s := randomRecord(r); !slices.Contains(next, s) && !slices.Contains(have, s) {
					c.Added = append(c.Added, records(t, s)...)
					next = append(next, s)
				}
			}
			want, wantErr := New(z.Origin(), slices.Values(records(t, next...)))
			got, gotErr := z.Apply(c)
			if (wantErr == nil) != (gotErr == nil) {
				t.Fatalf("seed %d: got %v, want %v", seed, gotErr, wantErr)
			}
			if gotErr != nil {
				continue
			}
			z, have = got, next
			if g, w := text(t, got), text(t, want); g != w {
				t.Fatalf("seed %d: got\n%swant\n%s", seed, g, w)
			}
			if got.Names() != want.Names() || got.Records() != want.Records() {
				t.Fatalf("seed %d: got %d names and %d records, want %d and %d", seed, got.Names(), got.Records(), want.Names(), want.Records())
			}
			sameAnswers(t, r, seed, got, want)
		}
		if text(t, first) != before {
			t.Fatalf("seed %d: the first version has changed", seed)
		}
	}
}

func sameAnswers(t *testing.T, r *rand.Rand, seed uint64, got, want *Zone) {
	t.Helper()
	a, b := newAsker(got), newAsker(want)
	for range 30 {
		name, _, _ := strings.Cut(randomRecord(r), " ")
		for _, rtype := range []dns.Type{dns.TypeA, dns.TypeNS} {
			q := query(t, name, rtype, true)
			if string(a.ask(q)) != string(b.ask(q)) {
				t.Fatalf("seed %d: %s %s: got another answer than from a fresh zone:\n%v\nwant\n%v", seed, name, rtype,
					lookup(t, got, name, rtype, true), lookup(t, want, name, rtype, true))
			}
		}
	}
	for e := range want.names.all(nil) {
		if !got.Has(e.name()) {
			t.Fatalf("seed %d: %s is missing", seed, e.name())
		}
	}
	for e := range got.names.all(nil) {
		if !want.Has(e.name()) {
			t.Fatalf("seed %d: %s is too much", seed, e.name())
		}
		if at := got.names.atOrBefore(e.name()); string(at.name()) != string(e.name()) {
			t.Fatalf("seed %d: at or before %s is %s", seed, e.name(), at.name())
		}
	}
}

// TestApplyMany: what has changed much gets new flat memory, and is the same.
func TestApplyMany(t *testing.T) {
	z := read(t, hard)
	var added []dns.RR
	for i := range 3 * minChanged {
		added = append(added, records(t, fmt.Sprintf("h%d.many.example. 60 IN A 192.0.2.1", i))...)
	}
	for _, step := range []struct {
		c    Change
		flat bool
	}{
		{Change{Added: added[:10]}, false},
		{Change{Added: added[10:]}, true},
		{Change{Removed: added[:maxDeleted]}, false},
		{Change{Removed: added[maxDeleted : maxDeleted+10]}, true},
	} {
		want, err := New(z.Origin(), func(yield func(dns.RR) bool) {
			for rr := range all(z) {
				if !slices.ContainsFunc(step.c.Removed[:min(10, len(step.c.Removed))], func(x dns.RR) bool { return dns.Same(x, rr) }) && !yield(rr) {
					return
				}
			}
			for _, rr := range step.c.Added {
				if !yield(rr) {
					return
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		next, err := z.Apply(step.c)
		if err != nil {
			t.Fatal(err)
		}
		if flat := next.names.changes == nil; flat != step.flat {
			t.Errorf("%d added, %d removed: got new flat memory %v, want %v", len(step.c.Added), len(step.c.Removed), flat, step.flat)
		}
		if len(step.c.Removed) <= 10 && text(t, next) != text(t, want) {
			t.Errorf("%d added, %d removed: got another zone than a fresh one", len(step.c.Added), len(step.c.Removed))
		}
		if n := z.Records() + len(step.c.Added) - len(step.c.Removed); next.Records() != n {
			t.Errorf("got %d records, want %d", next.Records(), n)
		}
		checkRows(t, next)
		z = next
	}
}

// TestApplyErrors: what cannot be says why, and the zone stays.
func TestApplyErrors(t *testing.T) {
	z := read(t, hard)
	before := text(t, z)
	for _, tc := range []struct {
		name, removed, added, want string
	}{
		{"what is not there", "nobody.example. 60 IN A 192.0.2.1", "", "no such record"},
		{"other data", "ns.example. 60 IN A 192.0.2.77", "", "no such record"},
		{"the SOA record", "example. 3600 IN SOA ns.example. hostmaster.example. 2024010101 3600 900 604800 600", "", "want a SOA record"},
		{"a second one", "", "example. 3600 IN SOA ns.example. hostmaster.example. 2 3600 900 604800 600", "want one"},
		{"one elsewhere", "", "ns.example. 3600 IN SOA ns.example. hostmaster.example. 2 3600 900 604800 600", "want it at example. only"},
		{"an alias beside others", "", "ns.example. 60 IN CNAME mail.example.", "want no other records beside it"},
		{"others beside an alias", "", "www.example. 60 IN A 192.0.2.1", "want no other records beside it"},
		{"another zone's", "", "www.example.test. 60 IN A 192.0.2.1", "want a name in example."},
		{"another class", "", "new.example. 60 CH TXT x", "want IN"},
	} {
		var c Change
		if tc.removed != "" {
			c.Removed = records(t, tc.removed)
		}
		if tc.added != "" {
			c.Added = records(t, tc.added)
		}
		next, err := z.Apply(c)
		if err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, %v; want an error with %q", tc.name, next, err, tc.want)
		}
		if tc.want == ErrNoRecord.Error() && !errors.Is(err, ErrNoRecord) {
			t.Errorf("%s: got %v, want ErrNoRecord", tc.name, err)
		}
	}
	if text(t, z) != before {
		t.Error("a change that failed has changed the zone")
	}
	next, err := z.Apply(Change{
		Removed: records(t, "example. 3600 IN SOA ns.example. hostmaster.example. 2024010101 3600 900 604800 600", "mail.example. 300 IN A 192.0.2.2"),
		Added:   records(t, "example. 3600 IN SOA ns.example. hostmaster.example. 2024010102 3600 900 604800 600", "mail.example. 77 IN A 192.0.2.3"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if got := next.RRs(dns.MustParseName("mail.example"), dns.TypeA); next.Serial() != 2024010102 || next.SOA().Serial != 2024010102 || len(got) != 1 || got[0].Header().Ttl != 77 {
		t.Errorf("got serial %d and %v", next.Serial(), got)
	}
}

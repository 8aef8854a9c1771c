package zone

import (
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// FuzzRead: a text is a zone or an error; of what it is, everything can be asked,
// and it survives being written.
func FuzzRead(f *testing.F) {
	f.Add(hard)
	f.Add(nsecZone)
	f.Add(nsec3Zone)
	f.Add(head + "a DNAME a.a\n* NS x\n*.* CNAME *\n\\000 A 192.0.2.1\n")
	f.Fuzz(func(t *testing.T, s string) {
		o := Options{Origin: dns.MustParseName("example"), MaxRecords: 1000}
		z, err := Read(strings.NewReader(s), o)
		if err != nil {
			return
		}
		var b strings.Builder
		if _, err := z.WriteTo(&b); err != nil {
			t.Fatal(err)
		}
		again, err := Read(strings.NewReader(b.String()), o)
		if err != nil {
			t.Fatalf("%v\n%s", err, b.String())
		}
		if got := text(t, again); got != b.String() {
			t.Fatalf("got\n%swant\n%s", got, b.String())
		}
		a, n := newAsker(z), 0
		for e := range z.names.all(nil) {
			if n++; n > 50 {
				break
			}
			for _, rtype := range []dns.Type{dns.TypeA, dns.TypeDS, dns.TypeANY, dns.TypeRRSIG} {
				check(t, a, queryName(e.name(), rtype, true))
			}
			if name, err := e.name().Prefix("x"); err == nil {
				check(t, a, queryName(name, dns.TypeA, true))
			}
		}
	})
}

// check asks, and wants an answer that can be read.
func check(t *testing.T, a *asker, q []byte) {
	t.Helper()
	p := a.ask(q)
	if len(p) == 0 {
		return // no query, or one of a server
	}
	if _, err := dns.ParseMessage(p); err != nil {
		t.Fatalf("%x: got %x: %v", q, p, err)
	}
}

// FuzzServe: whatever is asked, the answer can be read, and no datagram is
// longer than it may be.
func FuzzServe(f *testing.F) {
	var zones []*asker
	loop := sim.NewClock(f) // for who signs, or shows a cookie
	for _, s := range []string{hard, nsecZone, nsec3Zone} {
		zones = append(zones, newAskerOn(loop, read(f, s)))
	}
	for _, r := range rows {
		f.Add(query(f, r.name, r.rtype, false))
		f.Add(query(f, r.name, r.rtype, true))
	}
	f.Fuzz(func(t *testing.T, q []byte) {
		for _, a := range zones {
			check(t, a, q)
		}
	})
}

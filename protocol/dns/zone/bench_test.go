package zone

import (
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
)

// large is a zone of n names with an address each, as a file.
func large(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		fmt.Fprint(w, "$TTL 300\n@ SOA ns hostmaster 1 3600 900 604800 600\n NS ns\nns A 192.0.2.1\n")
		var b []byte
		for i := range n {
			b = append(b, 'h')
			b = strconv.AppendInt(b, int64(i), 10)
			b = append(b, " A 10."...)
			b = strconv.AppendInt(b, int64(i>>16&255), 10)
			b = append(b, '.')
			b = strconv.AppendInt(b, int64(i>>8&255), 10)
			b = append(b, '.')
			b = strconv.AppendInt(b, int64(i&255), 10)
			b = append(b, '\n')
			if len(b) > 60_000 || i == n-1 {
				w.Write(b)
				b = b[:0]
			}
		}
		w.Close()
	}()
	return r
}

func readLarge(b testing.TB, n int) *Zone {
	b.Helper()
	z, err := Read(large(n), Options{Origin: dns.MustParseName("example.com")})
	if err != nil {
		b.Fatal(err)
	}
	return z
}

// BenchmarkServe goes from the bytes of a query to those of its answer.
func BenchmarkServe(b *testing.B) {
	z := read(b, hard)
	for _, q := range []struct {
		what, name string
		rtype      dns.Type
	}{
		{"A", "ns.example", dns.TypeA},
		{"NXDOMAIN", "missing.example", dns.TypeA},
		{"referral", "www.sub.example", dns.TypeA},
		{"MX", "example", dns.TypeMX},
		{"wildcard", "x.wild.example", dns.TypeA},
		{"alias", "alias.example", dns.TypeA},
	} {
		b.Run(q.what, func(b *testing.B) {
			a, p := newAsker(z), query(b, q.name, q.rtype, false)
			b.ReportAllocs()
			for b.Loop() {
				a.ask(p)
			}
		})
	}
}

// BenchmarkServeMillion asks for names of a million at random.
func BenchmarkServeMillion(b *testing.B) {
	const names = 1_000_000
	z := readLarge(b, names)
	for _, q := range []struct{ what, format string }{{"A", "h%d.example.com"}, {"NXDOMAIN", "x%d.example.com"}} {
		b.Run(q.what, func(b *testing.B) {
			r := rand.New(rand.NewPCG(1, 2))
			queries := make([][]byte, 1<<16)
			for i := range queries {
				queries[i] = query(b, fmt.Sprintf(q.format, r.IntN(names)), dns.TypeA, false)
			}
			a, i := newAsker(z), 0
			b.ReportAllocs()
			for b.Loop() {
				a.ask(queries[i&(1<<16-1)])
				i++
			}
		})
	}
}

// BenchmarkRead is a million names, and says what they hold.
func BenchmarkRead(b *testing.B) {
	for b.Loop() {
		const names = 1_000_000
		var before, after, m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		start := time.Now()
		z := readLarge(b, names)
		b.ReportMetric(time.Since(start).Seconds(), "s/zone")
		runtime.ReadMemStats(&m)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/names, "B/name")
		b.ReportMetric(float64(m.Sys>>20), "MiB-sys")
		runtime.KeepAlive(z)
	}
}

// BenchmarkServeChanged asks for names of a million, of which 100,000 have
// changed.
func BenchmarkServeChanged(b *testing.B) {
	const names = 1_000_000
	z := readLarge(b, names)
	var c Change
	for i := range 100_000 {
		rr, err := dns.ParseRR(fmt.Sprintf("h%d.example.com. 60 IN A 192.0.2.1", i*10))
		if err != nil {
			b.Fatal(err)
		}
		c.Added = append(c.Added, rr)
	}
	start := time.Now()
	z, err := z.Apply(c)
	if err != nil {
		b.Fatal(err)
	}
	took := time.Since(start)
	r := rand.New(rand.NewPCG(1, 2))
	queries := make([][]byte, 1<<16)
	for i := range queries {
		queries[i] = query(b, fmt.Sprintf("h%d.example.com", r.IntN(names)), dns.TypeA, false)
	}
	a, i := newAsker(z), 0
	b.ReportAllocs()
	for b.Loop() {
		a.ask(queries[i&(1<<16-1)])
		i++
	}
	b.ReportMetric(float64(took.Nanoseconds())/100_000, "ns/change")
}

// BenchmarkApply changes one name of a million.
func BenchmarkApply(b *testing.B) {
	z := readLarge(b, 1_000_000)
	rr, err := dns.ParseRR("h5000.example.com. 60 IN A 192.0.2.1")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := z.Apply(Change{Added: []dns.RR{rr}}); err != nil {
			b.Fatal(err)
		}
	}
}

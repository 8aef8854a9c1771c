package resolver

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/sim"
)

// A fake answers questions by a function, after a delay.
type fake struct {
	loop  twistor.Loop
	delay time.Duration
	asked []string
	say   func(q dns.Question) (*dns.Message, error)
}

func (f *fake) Resolve(q dns.Question, _ dns.Options) *deferred.Deferred[*dns.Message] {
	f.asked = append(f.asked, q.Name+" "+dns.Type(q.Qtype).String())
	m, err := f.say(q)
	d := deferred.New[*dns.Message](f.loop)
	fire := func() {
		if err != nil {
			d.Fail(err)
		} else {
			d.Succeed(m)
		}
	}
	if f.delay == 0 {
		fire()
	} else {
		f.loop.CallLater(f.delay, fire)
	}
	return d
}

// said is an answer with records of the answer section, and after "--" those
// of the authority section; "NXDOMAIN" is a code.
func said(lines ...string) *dns.Message {
	m := new(dns.Message)
	m.Response = true
	for i, s := range lines {
		switch s {
		case "NXDOMAIN":
			m.Rcode = dns.RcodeNameError
			continue
		case "AD":
			m.AuthenticatedData = true
			continue
		case "--":
			m.Ns = rrs(lines[i+1:]...)
			return m
		}
		m.Answer = append(m.Answer, rrs(s)...)
	}
	return m
}

const soa = "example. 3600 IN SOA ns.example. host.example. 1 2 3 4 60"

// A bench is a Cache before a fake, on a clock.
type bench struct {
	*testing.T
	clock *sim.Clock
	c     *Cache
	f     *fake
}

func newBench(t *testing.T, say func(q dns.Question) (*dns.Message, error)) *bench {
	clock := sim.NewClock(t)
	b := &bench{T: t, clock: clock, f: &fake{loop: clock, say: say}}
	b.c = &Cache{Loop: clock, Resolver: b.f}
	return b
}

// ask is what the Cache answers, with the TTL of the first record, once it has
// answered.
func (b *bench) ask(name string, t dns.Type) string {
	b.Helper()
	return b.askFor(name, t, dns.Options{})
}

func (b *bench) askFor(name string, t dns.Type, o dns.Options) string {
	b.Helper()
	d := b.c.Resolve(dns.Question{Name: name, Qtype: uint16(t), Qclass: dns.ClassIN}, o)
	for range 200 {
		if _, ok := d.Result(); ok {
			break
		}
		b.clock.Advance(100 * time.Millisecond)
	}
	got, ok := d.Result()
	if !ok {
		return "nothing yet"
	}
	s := text(got.Value, got.Err)
	if got.Err == nil && len(got.Value.Answer) > 0 {
		s = fmt.Sprintf("%d: %s", got.Value.Answer[0].Header().Ttl, s)
	}
	return s
}

func (b *bench) want(name string, t dns.Type, want string) {
	b.Helper()
	if got := b.ask(name, t); got != want {
		b.Errorf("%s %s at %v: got %q, want %q", name, t, b.clock.Elapsed(), got, want)
	}
}

// asked is how often the Resolver was asked since the last time.
func (b *bench) asked(want int) {
	b.Helper()
	if len(b.f.asked) != want {
		b.Errorf("at %v the resolver was asked %q: want %d questions", b.clock.Elapsed(), b.f.asked, want)
	}
	b.f.asked = nil
}

// TestN09: an answer is kept as long as it says, its TTL counts down, and each
// set's by itself.
func TestN09(t *testing.T) {
	b := newBench(t, func(q dns.Question) (*dns.Message, error) {
		switch q.Name {
		case "www.example.":
			return said("www.example. 300 IN CNAME host.example.", "host.example. 100 IN A 192.0.2.1"), nil
		case "zero.example.":
			return said("zero.example. 0 IN A 192.0.2.2"), nil
		}
		return said("NXDOMAIN", "--", soa), nil
	})
	b.want("www.example.", dns.TypeA, "300: NOERROR, CNAME host.example., A 192.0.2.1")
	b.clock.Advance(40 * time.Second)
	b.want("WWW.example.", dns.TypeA, "260: NOERROR, CNAME host.example., A 192.0.2.1")
	b.asked(1)
	b.clock.Advance(60 * time.Second)
	b.want("www.example.", dns.TypeA, "300: NOERROR, CNAME host.example., A 192.0.2.1")
	b.asked(1)
	b.want("zero.example.", dns.TypeA, "0: NOERROR, A 192.0.2.2")
	b.want("zero.example.", dns.TypeA, "0: NOERROR, A 192.0.2.2")
	b.asked(2)
	b.want("none.example.", dns.TypeA, "NXDOMAIN")
	b.clock.Advance(59 * time.Second)
	b.want("none.example.", dns.TypeTXT, "NXDOMAIN") // RFC 2308 section 5: whatever the type
	b.asked(1)
	b.clock.Advance(time.Second)
	b.want("none.example.", dns.TypeA, "NXDOMAIN")
	b.asked(1)
}

// TestDNS_11: sets of over 100 records are refused, TTLs capped at a day and
// 2^31 and more taken for 0, and a negative answer of TTL 0 is not kept.
func TestDNS_11(t *testing.T) {
	b := newBench(t, func(q dns.Question) (*dns.Message, error) {
		switch q.Name {
		case "many.example.", "most.example.":
			var lines []string
			for i := range 10_000 {
				if q.Name == "most.example." && i == maxSetRecords {
					break
				}
				lines = append(lines, fmt.Sprintf("%s 60 IN A 10.0.%d.%d", q.Name, i/256, i%256))
			}
			return said(lines...), nil
		case "long.example.":
			return said("long.example. 604800 IN A 192.0.2.1"), nil
		case "huge.example.":
			m := said("huge.example. 60 IN A 192.0.2.1")
			m.Answer[0].Header().Ttl = 1 << 31
			return m, nil
		case "no.example.":
			return said("NXDOMAIN", "--", "example. 60 IN SOA ns.example. host.example. 1 2 3 4 0"), nil
		}
		return said(q.Name + " 3600 IN " + dns.Type(q.Qtype).String() + " \\# 1 00"), nil
	})
	if got := b.ask("many.example.", dns.TypeA); !strings.Contains(got, "over 100 records") {
		t.Errorf("10,000 records: got %.80q", got)
	}
	if got := b.ask("most.example.", dns.TypeA); strings.Count(got, "A 10.0.0.") != maxSetRecords {
		t.Errorf("100 records: got %.80q", got)
	}
	b.f.asked = nil
	b.ask("long.example.", dns.TypeA)
	b.clock.Advance(24*time.Hour - time.Second)
	b.ask("long.example.", dns.TypeA)
	b.clock.Advance(time.Second)
	if len(b.f.asked) != 2 { // the second was asked before it expired
		t.Errorf("a TTL of a week, for a day: asked %q", b.f.asked)
	}
	b.f.asked = nil
	b.want("huge.example.", dns.TypeA, "0: NOERROR, A 192.0.2.1")
	b.want("huge.example.", dns.TypeA, "0: NOERROR, A 192.0.2.1")
	b.asked(2)
	b.want("no.example.", dns.TypeA, "NXDOMAIN")
	b.want("no.example.", dns.TypeA, "NXDOMAIN")
	b.asked(2)
	// 5,000 types at one owner take bytes, and nothing else.
	b.c.CacheBytes = 200_000
	for i := range 5000 {
		b.ask("types.example.", dns.Type(1000+i))
	}
	if got := b.c.Stats; got.Bytes > 200_000 || got.Answers > 1000 {
		t.Errorf("5,000 types at one owner: the cache holds %+v", got)
	}
}

// TestServeStale: an old answer is given when asking fails, or takes over 1.8 s.
func TestServeStale(t *testing.T) {
	failing := false
	b := newBench(t, func(q dns.Question) (*dns.Message, error) {
		if failing {
			return nil, errors.New("no network")
		}
		return said(q.Name + " 60 IN A 192.0.2.1"), nil
	})
	b.want("www.example.", dns.TypeA, "60: NOERROR, A 192.0.2.1")
	b.clock.Advance(time.Hour)
	failing = true
	b.want("www.example.", dns.TypeA, "30: NOERROR, A 192.0.2.1")
	b.asked(2)
	b.want("www.example.", dns.TypeA, "30: NOERROR, A 192.0.2.1")
	b.asked(0) // RFC 8767 section 5: the failure recheck timer
	failing, b.f.delay = false, 5*time.Second
	b.clock.Advance(31 * time.Second)
	began := b.clock.Elapsed()
	b.want("www.example.", dns.TypeA, "30: NOERROR, A 192.0.2.1")
	if took := b.clock.Elapsed() - began; took < staleAfter || took > 2*time.Second {
		t.Errorf("a stale answer took %v, want 1.8 s", took)
	}
	b.clock.Advance(5 * time.Second)
	if got := b.ask("www.example.", dns.TypeA); !strings.HasSuffix(got, "NOERROR, A 192.0.2.1") || strings.HasPrefix(got, "30:") {
		t.Errorf("when the late answer has come: got %q", got)
	}
	b.asked(1)
	failing, b.f.delay = true, 0
	b.clock.Advance(25 * time.Hour)
	if got := b.ask("www.example.", dns.TypeA); !strings.Contains(got, "no network") {
		t.Errorf("after more than a day: got %q", got)
	}
}

// TestFailuresAreKept: RFC 9520, for 5 s at first, and twice as long each time.
func TestFailuresAreKept(t *testing.T) {
	b := newBench(t, func(q dns.Question) (*dns.Message, error) { return nil, errors.New("no network") })
	for _, life := range []time.Duration{5, 10, 20, 40, 80, 160, 300, 300} {
		b.ask("www.example.", dns.TypeA)
		b.clock.Advance(life*time.Second - 1)
		b.ask("www.example.", dns.TypeA)
		b.asked(1)
		b.clock.Advance(1)
	}
}

// TestPrefetch: who asks in the last tenth of an answer's life has it asked
// for anew.
func TestPrefetch(t *testing.T) {
	b := newBench(t, func(q dns.Question) (*dns.Message, error) { return said(q.Name + " 100 IN A 192.0.2.1"), nil })
	b.ask("www.example.", dns.TypeA)
	b.clock.Advance(89 * time.Second)
	b.want("www.example.", dns.TypeA, "11: NOERROR, A 192.0.2.1")
	b.clock.Advance(2 * time.Second)
	b.asked(1)
	b.want("www.example.", dns.TypeA, "9: NOERROR, A 192.0.2.1")
	b.clock.Advance(time.Second)
	b.asked(1)
	b.want("www.example.", dns.TypeA, "99: NOERROR, A 192.0.2.1")
	b.asked(0)
}

// TestCut: what is below a name that is not there is not there either, if that
// was validated (RFC 8020).
func TestCut(t *testing.T) {
	b := newBench(t, func(q dns.Question) (*dns.Message, error) {
		if q.Name == "secure.example." {
			return said("NXDOMAIN", "AD", "--", soa), nil
		}
		return said("NXDOMAIN", "--", soa), nil
	})
	b.ask("secure.example.", dns.TypeA)
	b.ask("plain.example.", dns.TypeA)
	b.asked(2)
	b.want("a.b.secure.example.", dns.TypeA, "NXDOMAIN")
	b.asked(0)
	b.want("a.plain.example.", dns.TypeA, "NXDOMAIN")
	b.asked(1)
	b.c.CutUnsigned = true
	b.want("b.plain.example.", dns.TypeA, "NXDOMAIN")
	b.asked(0)
}

// TestFlood: a million names that are asked for once do not drive out those
// that are asked for again, and the bytes stay within their bound.
func TestFlood(t *testing.T) {
	b := newBench(t, func(q dns.Question) (*dns.Message, error) { return said(q.Name + " 3600 IN A 192.0.2.1"), nil })
	b.c.CacheBytes = 300_000
	for i := range 100 {
		b.ask(fmt.Sprintf("popular%d.example.", i), dns.TypeA)
		b.ask(fmt.Sprintf("popular%d.example.", i), dns.TypeA)
	}
	for i := range 5000 {
		b.ask(fmt.Sprintf("random%d.example.", i), dns.TypeA)
	}
	if b.c.Stats.Bytes > 300_000 || b.c.Stats.Answers < 400 {
		t.Errorf("after a flood: %+v", b.c.Stats)
	}
	b.f.asked = nil
	for i := range 100 {
		b.ask(fmt.Sprintf("popular%d.example.", i), dns.TypeA)
	}
	b.asked(0)
}

// TestMerged: who asks what is under way waits for that, and who gives up does
// not end it for others.
func TestMerged(t *testing.T) {
	b := newBench(t, func(q dns.Question) (*dns.Message, error) { return said(q.Name + " 60 IN A 192.0.2.1"), nil })
	b.f.delay = time.Second
	q := dns.Question{Name: "www.example.", Qtype: dns.TypeA, Qclass: dns.ClassIN}
	one, two := b.c.Resolve(q, dns.Options{}), b.c.Resolve(q, dns.Options{})
	one.Cancel()
	b.clock.Advance(time.Second)
	sim.Result(t, two)
	b.asked(1)
	b.c.MaxPending = 1
	three := b.c.Resolve(dns.Question{Name: "a.example.", Qtype: dns.TypeA, Qclass: dns.ClassIN}, dns.Options{})
	if got := b.ask("b.example.", dns.TypeA); !strings.Contains(got, ErrBusy.Error()) {
		t.Errorf("one question too many: got %q", got)
	}
	b.clock.Advance(time.Second)
	sim.Result(t, three)
}

// TestFlush forgets a name, and a tree.
func TestFlush(t *testing.T) {
	b := newBench(t, func(q dns.Question) (*dns.Message, error) { return said(q.Name + " 60 IN A 192.0.2.1"), nil })
	b.ask("a.example.", dns.TypeA)
	b.ask("b.a.example.", dns.TypeA)
	b.c.Flush(dns.MustParseName("a.example."), false)
	b.f.asked = nil
	b.ask("b.a.example.", dns.TypeA)
	b.asked(0)
	b.ask("a.example.", dns.TypeA)
	b.asked(1)
	b.c.Flush(dns.Root, AndBelow)
	if b.c.Stats.Bytes != 0 || b.c.Stats.Answers != 0 {
		t.Errorf("after Flush: %+v", b.c.Stats)
	}
}

package policy_test

import (
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/policy"
	"github.com/twistor-go/twistor/sim"
)

// from connects a peer of an address; it returns nil if it was refused.
func from(c *sim.Clock, f twistor.Factory, addr string) (tr *sim.Transport, refusal string) {
	tr = sim.NewTransport(c)
	tr.SetAddrs(tr.LocalAddr(), &net.TCPAddr{IP: net.ParseIP(addr), Port: 4000})
	if tr.Build(f) == nil {
		return nil, tr.Written()
	}
	return tr, ""
}

func end(c *sim.Clock, tr *sim.Transport) {
	tr.End()
	c.Advance(0)
}

var quiet = twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return nobody{} })

// TestL06Total refuses politely beyond the whole, and lets in again who comes
// when somebody has left.
func TestL06Total(t *testing.T) {
	c := sim.NewClock(t)
	built := 0
	f := &policy.Caps{Total: 3, Refusal: "421 too many\r\n", Factory: twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol {
		built++
		return nobody{}
	})}
	var open []*sim.Transport
	for i := range 3 {
		tr, _ := from(c, f, fmt.Sprintf("10.0.0.%d", i))
		open = append(open, tr)
	}
	tr, refusal := from(c, f, "10.0.0.9")
	if tr != nil || refusal != "421 too many\r\n" || built != 3 {
		t.Fatalf("the fourth: %v, %q, %d built; want refused with the text, 3 built", tr, refusal, built)
	}
	end(c, open[0])
	if tr, _ := from(c, f, "10.0.0.9"); tr == nil {
		t.Error("refused although one had left")
	}
	if got, want := f.Counts(), (policy.Counts{Open: 3, Unauthenticated: 3, Hosts: 4, Refused: 1}); got != want {
		t.Errorf("counts %+v, want %+v", got, want)
	}
}

// TestL05PerHost counts IPv4 by address and IPv6 by /64, mapped addresses as
// what they are.
func TestL05PerHost(t *testing.T) {
	for _, c := range []struct {
		a, b string
		same bool
	}{
		{"10.0.0.1", "10.0.0.1", true},
		{"10.0.0.1", "10.0.0.2", false},
		{"10.0.0.1", "::ffff:10.0.0.1", true},
		{"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
		{"2001:db8::1", "2001:db8:0:1::1", false},
	} {
		clock := sim.NewClock(t)
		f := &policy.Caps{Factory: quiet, PerHost: 2}
		from(clock, f, c.a)
		from(clock, f, c.a)
		if tr, _ := from(clock, f, c.b); (tr == nil) != c.same {
			t.Errorf("two of %s, one of %s: refused %v, want %v", c.a, c.b, tr == nil, c.same)
		}
	}
}

// TestL05Unix: peers without an address do not count as one host.
func TestL05Unix(t *testing.T) {
	c := sim.NewClock(t)
	f := &policy.Caps{Factory: quiet, PerHost: 1, NewPerHostBurst: 1}
	for range 5 {
		tr := sim.NewTransport(c)
		tr.SetAddrs(&net.UnixAddr{Name: "/run/x", Net: "unix"}, &net.UnixAddr{Net: "unix"})
		if tr.Build(f) == nil {
			t.Fatal("a peer of a UNIX socket was refused")
		}
	}
}

// TestL05NewPerHost lets a burst in, then so many a second, however soon they
// leave again; another host is not concerned.
func TestL05NewPerHost(t *testing.T) {
	c := sim.NewClock(t)
	f := &policy.Caps{Factory: quiet, NewPerHost: 20, NewPerHostBurst: 50}
	try := func(host string) bool {
		tr, _ := from(c, f, host)
		if tr == nil {
			return false
		}
		end(c, tr)
		return true
	}
	got := 0
	for range 100 {
		if try("10.0.0.1") {
			got++
		}
	}
	if got != 50 {
		t.Errorf("%d of 100 at once let in, want the burst of 50", got)
	}
	if !try("10.0.0.2") {
		t.Error("another host was refused")
	}
	got = 0
	for range 100 {
		c.Advance(10 * time.Millisecond)
		if try("10.0.0.1") {
			got++
		}
	}
	if got != 20 {
		t.Errorf("%d let in during the next second, want 20", got)
	}
}

// TestL05HostsAreForgotten when they are as good as new.
func TestL05HostsAreForgotten(t *testing.T) {
	c := sim.NewClock(t)
	f := &policy.Caps{Factory: quiet, MaxHosts: 100}
	for i := range 100 {
		tr, _ := from(c, f, fmt.Sprintf("10.0.0.%d", i))
		end(c, tr)
	}
	if tr, _ := from(c, f, "10.0.1.1"); tr != nil {
		t.Error("a stranger was let in although no more hosts can be kept in mind")
	}
	c.Advance(10 * time.Second)
	for i := range 100 {
		tr, _ := from(c, f, fmt.Sprintf("10.0.2.%d", i))
		if tr == nil {
			t.Fatalf("host %d refused although the others are long gone", i)
		}
		end(c, tr)
	}
	if n := f.Counts().Hosts; n > 100 {
		t.Errorf("%d hosts in mind, want 100 at most", n)
	}
}

// TestUnauthenticated refuses nobody up to half of the cap, all at the cap, and
// in between more and more; who has logged in does not count.
func TestUnauthenticatedCap(t *testing.T) {
	c := sim.NewClock(t)
	var all []*server
	f := &policy.Caps{Unauthenticated: 200, PerHost: -1, NewPerHost: -1, Factory: twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		s := &server{Transport: t}
		all = append(all, s)
		return s
	})}
	tried := 0
	for len(all) < 100 {
		tried++
		from(c, f, "10.0.0.1")
	}
	if tried != 100 {
		t.Errorf("%d tries for the first 100, want none refused", tried)
	}
	var quarter [4]int // tries for each 25 more
	for i := range quarter {
		for want := len(all) + 25; len(all) < want && quarter[i] < 100_000; {
			quarter[i]++
			from(c, f, "10.0.0.1")
		}
	}
	if quarter[0] < 25 || quarter[0] >= quarter[1] || quarter[1] >= quarter[2] || quarter[2] >= quarter[3] {
		t.Errorf("tries for each 25 more: %v, want more and more", quarter)
	}
	if tr, _ := from(c, f, "10.0.0.1"); tr != nil {
		t.Error("let in at the cap")
	}
	for _, s := range all[:120] {
		policy.Admit(s.Transport)
		policy.Admit(s.Transport) // a second time counts nothing
	}
	if got := f.Counts().Unauthenticated; got != 80 {
		t.Errorf("%d unauthenticated, want 80", got)
	}
	if tr, _ := from(c, f, "10.0.0.1"); tr == nil {
		t.Error("refused although most have logged in")
	}
}

// TestCapsInnerRefusal: a refusal, and a panic, inside of the cap is counted
// out again.
func TestCapsInnerRefusal(t *testing.T) {
	c := sim.NewClock(t)
	f := &policy.Caps{Total: 1, Factory: twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return nil })}
	from(c, f, "10.0.0.1")
	f.Factory = twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { panic("build") })
	func() {
		defer func() { recover() }()
		f.Build(sim.NewTransport(c))
	}()
	if got := f.Counts(); got.Open != 0 || got.Unauthenticated != 0 {
		t.Errorf("counts %+v, want nobody", got)
	}
}

// TestTwoLoops: state without locks must not be shared by two loops.
func TestTwoLoops(t *testing.T) {
	for name, wrap := range layers() {
		if name == "Wrapper" {
			continue // has no state
		}
		f := wrap(quiet)
		sim.Connect(sim.NewClock(t), f)
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: a second loop does not panic", name)
				}
			}()
			sim.Connect(sim.NewClock(t), f)
		}()
	}
}

// TestAdmitMisuse: a protocol that embeds its Transport hides the policies
// below; to take it for one without any would let its login deadline strike.
func TestAdmitMisuse(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("Admit of a protocol does not panic")
		}
	}()
	policy.Admit(&server{Transport: sim.NewTransport(sim.NewClock(t))})
}

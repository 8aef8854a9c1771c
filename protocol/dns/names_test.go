package dns

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// lateFamilies answers after a time that depends on the type; 0: never.
type lateFamilies struct {
	l         twistor.Loop
	four, six time.Duration
	err       error // of four
	cancelled int
}

func (r *lateFamilies) Resolve(q Question, o Options) *deferred.Deferred[*Message] {
	d := deferred.New[*Message](r.l)
	d.OnCancel(func() { r.cancelled++ })
	m := &Message{Question: []Question{q}}
	after := r.six
	if q.Qtype == TypeA {
		after = r.four
		m.Answer = []RR{rr("a.test. A 192.0.2.1")}
	} else {
		m.Answer = []RR{rr("a.test. AAAA 2001:db8::1")}
	}
	if after > 0 {
		r.l.CallLater(after, func() {
			if q.Qtype == TypeA && r.err != nil {
				d.Fail(r.err)
				return
			}
			d.Succeed(m)
		})
	}
	return d
}

// TestNamesFamilies: one family does not wait long for the other, but has all
// the time if the other failed; nothing takes longer than the deadline.
func TestNamesFamilies(t *testing.T) {
	for _, tt := range []struct {
		what      string
		four, six time.Duration
		err       error
		want      string
		took      time.Duration
		cancelled int
	}{
		{"both", 10 * time.Millisecond, 20 * time.Millisecond, nil, "[2001:db8::1 192.0.2.1]", 20 * time.Millisecond, 0},
		{"no AAAA comes", 10 * time.Millisecond, 0, nil, "[192.0.2.1]", 260 * time.Millisecond, 1},
		{"no A comes", 0, 10 * time.Millisecond, nil, "[2001:db8::1]", 260 * time.Millisecond, 1},
		{"AAAA comes late", 10 * time.Millisecond, time.Second, nil, "[192.0.2.1]", 260 * time.Millisecond, 1},
		{"A fails", 10 * time.Millisecond, time.Second, ErrTimeout, "[2001:db8::1]", time.Second, 0},
		{"none comes", 0, 0, nil, "dns: a.test A: no answer in time", 10 * time.Second, 2},
	} {
		t.Run(tt.what, func(t *testing.T) {
			w := sim.New(t, 0)
			l := w.Host("client").Loop()
			r := &lateFamilies{l: l, four: tt.four, six: tt.six, err: tt.err}
			n := &Names{Loop: l, Resolver: r}
			got := ""
			n.Resolve("a.test").Done(func(all []netip.Addr, err error) {
				if got = fmt.Sprint(all); err != nil {
					got = err.Error()
				}
			})
			w.Run(func() bool { return got != "" })
			if got != tt.want || w.Elapsed() != tt.took || r.cancelled != tt.cancelled {
				t.Errorf("got %s after %v, and %d were cancelled; want %s, %v, %d", got, w.Elapsed(), r.cancelled, tt.want, tt.took, tt.cancelled)
			}
			w.Advance(20 * time.Second)
		})
	}
}

// TestNamesWithoutIPv6: where there is no way to IPv6 its addresses come last;
// that is found out at most every 10 s.
func TestNamesWithoutIPv6(t *testing.T) {
	clock := sim.NewClock(t)
	n := &Names{Loop: clock, Resolver: tableOf("a.test. A 192.0.2.1", "a.test. A 192.0.2.2", "a.test. AAAA 2001:db8::1", "six.test. AAAA 2001:db8::1")}
	want := func(name, want string) {
		t.Helper()
		got, err := outcome(n.Resolve(name))
		if s := fmt.Sprint(got); err != nil || s != want {
			t.Errorf("%s: got %s, %v; want %s", name, s, err, want)
		}
	}
	want("a.test", "[2001:db8::1 192.0.2.1 192.0.2.2]")
	clock.FailListen = errors.New("network is unreachable")
	want("a.test", "[2001:db8::1 192.0.2.1 192.0.2.2]")
	clock.Advance(10 * time.Second)
	want("a.test", "[192.0.2.1 192.0.2.2 2001:db8::1]")
	want("six.test", "[2001:db8::1]")
	want("localhost", "[127.0.0.1 ::1]")
	want("api.LocalHost.", "[127.0.0.1 ::1]")
	_, err := outcome(n.Resolve("none.test"))
	var e *net.DNSError
	if !errors.As(err, &e) || !e.IsNotFound || e.Name != "none.test" {
		t.Errorf("got %#v", err)
	}
	for _, bad := range []string{"", "a..b", "x y."} {
		if got, err := outcome(n.Resolve(bad)); err == nil {
			t.Errorf("%q: got %v", bad, got)
		}
	}
	d := n.Resolve("a.test")
	d.Cancel()
	clock.Advance(0)
	if clock.Pending() != 0 {
		t.Errorf("%d timers are left", clock.Pending())
	}
}

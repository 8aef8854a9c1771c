package reactor

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A racetrack is a loop with a clock that the test moves, and the list of
// addresses that were dialed and when.
type racetrack struct {
	t      *testing.T
	core   deferred.Core
	now    time.Time
	timers []*gun
	dialed []string // "0ms 192.0.2.1"
	open   map[string]*deferred.Deferred[string]
	gone   []string // cancelled
	thrown []string // discarded
}

// A gun is one of its timers.
type gun struct {
	track *racetrack
	at    time.Time // zero: stopped
	f     func()
}

func (g *gun) Stop() bool {
	armed := !g.at.IsZero()
	g.at = time.Time{}
	return armed
}
func (g *gun) Reset(d time.Duration) { g.at = g.track.now.Add(d) }
func (g *gun) When() time.Time       { return g.at }

func newRacetrack(t *testing.T) *racetrack {
	return &racetrack{t: t, now: time.Unix(1e9, 0), open: make(map[string]*deferred.Deferred[string])}
}

func (r *racetrack) Now() time.Time { return r.now }
func (r *racetrack) CallLater(d time.Duration, f func()) deferred.Timer {
	g := &gun{track: r, f: f}
	g.Reset(d)
	r.timers = append(r.timers, g)
	return deferred.TimerOf(g)
}
func (r *racetrack) Post(f func()) bool { f(); return true }
func (r *racetrack) Work(func(context.Context) func()) (func(), error) {
	return nil, deferred.ErrPoolFull
}
func (r *racetrack) Report(err error)     { r.t.Errorf("got unhandled failure %v", err) }
func (r *racetrack) Core() *deferred.Core { return &r.core }

// pass moves the clock, stopping at each timer that is due.
func (r *racetrack) pass(d time.Duration) {
	for end := r.now.Add(d); ; {
		var due *gun
		for _, g := range r.timers {
			if !g.at.IsZero() && !g.at.After(end) && (due == nil || g.at.Before(due.at)) {
				due = g
			}
		}
		if due == nil {
			r.now = end
			return
		}
		r.now, due.at = due.at, time.Time{}
		due.f()
	}
}

// dial notes the attempt; "203.0.113.0/24" fails at once.
func (r *racetrack) dial(a netip.AddrPort) *deferred.Deferred[string] {
	name := a.Addr().String()
	r.dialed = append(r.dialed, fmt.Sprintf("%dms %s", r.now.Sub(time.Unix(1e9, 0)).Milliseconds(), name))
	if strings.HasPrefix(name, "203.0.113.") {
		return deferred.Failed[string](r, errors.New(name+" refused"))
	}
	d := deferred.New[string](r)
	d.OnCancel(func() { r.gone = append(r.gone, name) })
	r.open[name] = d
	return d
}
func (r *racetrack) discard(s string) { r.thrown = append(r.thrown, s) }

func (r *racetrack) race(delay time.Duration, addrs ...string) *deferred.Deferred[string] {
	var list []netip.AddrPort
	for _, a := range addrs {
		list = append(list, netip.AddrPortFrom(netip.MustParseAddr(a), 80))
	}
	return race(r, list, delay, r.dial, r.discard)
}

// want compares a list, written with commas.
func (r *racetrack) want(what string, got []string, want string) {
	r.t.Helper()
	if got := strings.Join(got, ", "); got != want {
		r.t.Errorf("got %s %q, want %q", what, got, want)
	}
}

// armed says how many timers are to come.
func (r *racetrack) armed() (n int) {
	for _, g := range r.timers {
		if !g.at.IsZero() {
			n++
		}
	}
	return n
}

// outcome is what d has come to: "" not yet.
func outcome(d *deferred.Deferred[string]) string {
	switch o, ok := d.Result(); {
	case !ok:
		return ""
	case o.Err != nil:
		return "error: " + o.Err.Error()
	default:
		return o.Value
	}
}

// E19: an attempt every 250 ms, families in turn, the resolver's first family first.
func TestE19AttemptsAreStaggered(t *testing.T) {
	r := newRacetrack(t)
	d := r.race(0, "2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1")
	r.want("dials at once", r.dialed, "0ms 2001:db8::1")
	r.pass(249 * time.Millisecond)
	r.want("dials before the delay", r.dialed, "0ms 2001:db8::1")
	r.pass(10 * time.Second)
	r.want("dials", r.dialed, "0ms 2001:db8::1, 250ms 192.0.2.1, 500ms 2001:db8::2, 750ms 2001:db8::3")
	if got := outcome(d); got != "" {
		t.Errorf("got %q while all attempts wait, want nothing", got)
	}
	d.Cancel()
}

// E19: the first success wins, and the others are cancelled.
func TestE19FirstSuccessCancelsOthers(t *testing.T) {
	r := newRacetrack(t)
	d := r.race(0, "2001:db8::1", "192.0.2.1", "192.0.2.2")
	r.pass(300 * time.Millisecond)
	r.open["192.0.2.1"].Succeed("four")
	if got, want := outcome(d), "four"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.want("cancelled", r.gone, "2001:db8::1")
	r.pass(time.Minute)
	r.want("dials", r.dialed, "0ms 2001:db8::1, 250ms 192.0.2.1")
	if n := r.armed(); n != 0 {
		t.Errorf("got %d timers after the race, want 0", n)
	}
}

// E19: a failure need not wait for the delay, and the delay then counts anew.
func TestE19FailureStartsNext(t *testing.T) {
	r := newRacetrack(t)
	d := r.race(0, "192.0.2.1", "192.0.2.2", "192.0.2.3")
	r.pass(100 * time.Millisecond)
	r.open["192.0.2.1"].Fail(errors.New("refused"))
	r.pass(time.Second)
	r.want("dials", r.dialed, "0ms 192.0.2.1, 100ms 192.0.2.2, 350ms 192.0.2.3")
	r.open["192.0.2.3"].Succeed("three")
	if got, want := outcome(d), "three"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.want("cancelled", r.gone, "192.0.2.2")
}

// E19: if all fail, the errors come joined, in order; one comes as it is.
func TestE19AllFail(t *testing.T) {
	r := newRacetrack(t)
	d := r.race(0, "203.0.113.1", "192.0.2.1", "203.0.113.2")
	r.want("dials", r.dialed, "0ms 203.0.113.1, 0ms 192.0.2.1")
	r.pass(250 * time.Millisecond)
	if got := outcome(d); got != "" {
		t.Errorf("got %q while one attempt is open, want nothing", got)
	}
	last := errors.New("last")
	r.open["192.0.2.1"].Fail(last)
	_, err := deferredResult(d)
	if got, want := fmt.Sprint(err), "203.0.113.1 refused\n203.0.113.2 refused\nlast"; got != want {
		t.Errorf("got error %q, want %q", got, want)
	}
	if !errors.Is(err, last) {
		t.Errorf("got error %v, want one that wraps %v", err, last)
	}
	if n := r.armed(); n != 0 {
		t.Errorf("got %d timers after the race, want 0", n)
	}

	d = newRacetrack(t).race(0, "203.0.113.7")
	if _, err := deferredResult(d); fmt.Sprint(err) != "203.0.113.7 refused" {
		t.Errorf("got error %v, want 203.0.113.7 refused", err)
	}
}

// deferredResult takes d's failure, so that it counts as handled.
func deferredResult[T any](d *deferred.Deferred[T]) (v T, err error) {
	d.Done(func(got T, failure error) { v, err = got, failure })
	return v, err
}

// E19: no addresses is an error, not a race that never ends.
func TestE19NoAddresses(t *testing.T) {
	r := newRacetrack(t)
	if _, err := deferredResult(r.race(0)); !errors.Is(err, errNoAddresses) {
		t.Errorf("got error %v, want %v", err, errNoAddresses)
	}
}

// E19: cancelling stops what is under way and what was to come.
func TestE19Cancel(t *testing.T) {
	r := newRacetrack(t)
	d := r.race(0, "2001:db8::1", "192.0.2.1", "192.0.2.2")
	r.pass(250 * time.Millisecond)
	d.Cancel()
	r.want("cancelled", r.gone, "2001:db8::1, 192.0.2.1")
	r.pass(time.Minute)
	r.want("dials", r.dialed, "0ms 2001:db8::1, 250ms 192.0.2.1")
	if n := r.armed(); n != 0 {
		t.Errorf("got %d timers after Cancel, want 0", n)
	}
}

// E19: what succeeds while it is being cancelled is not lost but discarded.
func TestE19LateSuccessIsDiscarded(t *testing.T) {
	r := newRacetrack(t)
	var late *deferred.Deferred[string]
	addrs := []netip.AddrPort{netip.MustParseAddrPort("192.0.2.1:80"), netip.MustParseAddrPort("192.0.2.2:80")}
	d := race(r, addrs, 0, func(a netip.AddrPort) *deferred.Deferred[string] {
		if late == nil {
			late = deferred.New[string](r)
			late.OnCancel(func() { late.Succeed("late") })
			return late
		}
		return r.dial(a)
	}, r.discard)
	r.pass(250 * time.Millisecond)
	r.open["192.0.2.2"].Succeed("second")
	if got, want := outcome(d), "second"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	r.want("discarded", r.thrown, "late")
}

// E19: a delay that is too short to tell attempts apart is lengthened.
func TestE19ShortestDelay(t *testing.T) {
	r := newRacetrack(t)
	d := r.race(time.Nanosecond, "192.0.2.1", "192.0.2.2")
	r.pass(time.Second)
	r.want("dials", r.dialed, "0ms 192.0.2.1, 10ms 192.0.2.2")
	d.Cancel()
}

func TestE19Interleave(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"v6 first", "::1 ::2 ::3 1.0.0.1 1.0.0.2", "::1 1.0.0.1 ::2 1.0.0.2 ::3"},
		{"v4 first", "1.0.0.1 ::1 ::2 1.0.0.2", "1.0.0.1 ::1 1.0.0.2 ::2"},
		{"one family", "1.0.0.3 1.0.0.1 1.0.0.2", "1.0.0.3 1.0.0.1 1.0.0.2"},
		{"repeated", "::1 ::1 1.0.0.1 ::1", "::1 1.0.0.1"},
		{"mapped is v4", "::ffff:1.0.0.1 ::1 1.0.0.1", "1.0.0.1 ::1"},
		{"zones differ", "fe80::1%a fe80::1%b", "fe80::1%a fe80::1%b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var in []netip.AddrPort
			for _, a := range strings.Fields(tt.in) {
				in = append(in, netip.AddrPortFrom(netip.MustParseAddr(a), 1))
			}
			var got []string
			for _, a := range interleave(in) {
				got = append(got, a.Addr().String())
			}
			if want := strings.Fields(tt.want); !slices.Equal(got, want) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}

	var many []netip.AddrPort
	for i := range 1000 {
		many = append(many, netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1))
	}
	if got := len(interleave(many)); got != maxAttempts {
		t.Errorf("got %d addresses of 1000, want %d", got, maxAttempts)
	}
}

package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// TestF14TimerOrder proves F-14 in simulation, as a property over random
// timers: none is early, or late by more than the wait it asked for; equal
// deadlines keep the order in which they were made; stopped ones stay silent;
// and a timer that is due at once, again and again, starves nobody.
func TestF14TimerOrder(t *testing.T) {
	Seeds(t, 30, func(t *testing.T, w *World) {
		h := w.Host("one")
		r := w.Split("test")
		l := h.Loop()
		type armed struct {
			timer twistor.Timer
			due   time.Time
			made  int
			want  int // calls
			got   int
		}
		var all []*armed
		var last *armed
		made := 0
		arm := func(a *armed, d time.Duration) {
			made++
			a.due, a.made = l.Now().Add(d), made
		}
		for range 300 {
			a := &armed{want: 1}
			d := time.Duration(r.IntN(20)) * time.Millisecond
			a.timer = l.CallLater(d, func() {
				a.got++
				if !l.Now().Equal(a.due) {
					t.Errorf("called at %v, due at %v", l.Now(), a.due)
				}
				if last != nil && (last.due.After(a.due) || last.due.Equal(a.due) && last.made > a.made) {
					t.Errorf("timer %d due %v came after timer %d due %v", a.made, a.due, last.made, last.due)
				}
				last = a
			})
			arm(a, d)
			all = append(all, a)
			if o := all[r.IntN(len(all))]; o.got == 0 && o.want == 1 {
				switch r.IntN(4) {
				case 0:
					o.timer.Stop()
					o.want = 0
				case 1:
					d := time.Duration(1+r.IntN(20)) * time.Millisecond
					o.timer.Reset(d)
					arm(o, d)
				}
			}
			w.Advance(time.Duration(r.IntN(2)) * time.Millisecond)
		}
		w.Advance(time.Second)
		for _, a := range all {
			if a.got != a.want {
				t.Errorf("timer %d: called %d times, want %d", a.made, a.got, a.want)
			}
		}
	})
	t.Run("starvation", func(t *testing.T) {
		w := New(t, 0)
		server := w.Host("server")
		server.Listen("tcp", ":7", echoes)
		p := w.Host("client").Dial("server:7")
		spins := 0
		var again twistor.Timer
		again = server.Loop().CallLater(0, func() {
			if spins++; spins < 10_000 {
				again.Reset(0)
			}
		})
		p.Send("x")
		p.Expect("x")
		if spins > 10 {
			t.Errorf("the echo came after %d calls of a timer that is always due", spins)
		}
		w.Settle()
	})
}

// TestF20Fairness proves F-20 in simulation: among equal senders that never
// pause, and one that sends now and then, all get their share in every turn.
func TestF20Fairness(t *testing.T) {
	const blasters = 50
	w := New(t, 0)
	server, client := w.Host("server"), w.Host("client")
	got := make([]int, 0, blasters+1)
	served := 0 // reads of blasters since the ping was sent
	var pings []int
	server.Listen("tcp", ":7", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		i := len(got)
		got = append(got, 0)
		return &recorder{Transport: t, answer: func(r *recorder, p []byte) {
			r.got = nil
			got[i] += len(p)
			if i == 0 {
				pings = append(pings, served)
				return
			}
			served++
		}}
	}))
	ping := client.Dial("server:7")
	var all []*Peer
	flood := strings.Repeat("x", 1<<20)
	for range blasters {
		p := client.Dial("server:7")
		p.Send(flood)
		all = append(all, p)
	}
	rounds := 20
	if testing.Short() || raceEnabled {
		rounds = 4
	}
	for range rounds {
		w.play(w.mono, func() bool { return served > 10 })
		served = 0
		n := len(pings)
		ping.Send("ping")
		w.Run(func() bool { return len(pings) > n })
		for _, p := range all {
			if p.Unacked() < 512<<10 {
				p.Send(flood)
			}
		}
	}
	for _, n := range pings {
		if n > 3*blasters {
			t.Errorf("a ping waited for %d reads of %d others, want at most 3 of each", n, blasters)
		}
	}
	var sum, squares float64
	for _, n := range got[1:] {
		sum += float64(n)
		squares += float64(n) * float64(n)
	}
	if jain := sum * sum / (blasters * squares); jain < 0.95 {
		t.Errorf("Jain's index of fairness %.3f, want 0.95: %v", jain, got[1:])
	}
}

// TestF22LostNames proves F-22 in simulation: half of all names are never
// answered, and the other half is not slower for that.
func TestF22LostNames(t *testing.T) {
	w := New(t, 0)
	w.Net.WorkTime = 20 * time.Millisecond
	l := w.Host("client").Loop()
	slow := 0
	for i := range 1000 {
		name := fmt.Sprintf("host%d", i)
		lost := i%2 == 0
		if lost {
			w.Net.LostNames = append(w.Net.LostNames, name)
		} else if i < 50 {
			w.Host(name)
		}
		l.Resolve(name).Done(func(_ []netip.Addr, err error) {
			took := w.Elapsed()
			var dns *net.DNSError
			switch {
			case lost && (!errors.As(err, &dns) || !dns.IsTimeout || took < 10*time.Second || took > 11*time.Second):
				t.Errorf("%s, lost: %v after %v, want a timeout after 10 s", name, err, took)
			case !lost && took > 50*time.Millisecond:
				slow++
			case !lost && i < 50 && err != nil:
				t.Errorf("%s: %v", name, err)
			}
		})
	}
	w.Advance(time.Minute)
	if slow > 0 {
		t.Errorf("%d of 500 names that are answered took more than 50 ms", slow)
	}
}

// TestF42CallsAcrossLoops proves F-42 in simulation: of calls posted between
// four loops, none is lost, and what one caller posts keeps its order.
func TestF42CallsAcrossLoops(t *testing.T) {
	Seeds(t, 10, func(t *testing.T, w *World) {
		h := w.Host("one")
		h.LoopCount = 4
		loops := h.Loops()
		const each = 500
		var got [4][4][]int // by receiver and caller
		for from, l := range loops {
			n := 0
			var post func()
			post = func() {
				for range 10 { // a burst
					n++
					for to, other := range loops {
						i := n
						if !other.Post(func() { got[to][from] = append(got[to][from], i) }) {
							t.Error("Post refused")
						}
					}
				}
				if n < each {
					l.CallLater(upTo(w.chance, time.Millisecond), post)
				}
			}
			l.Post(post)
		}
		w.Advance(time.Minute)
		for to := range got {
			for from, list := range got[to] {
				if len(list) != each || !slices.IsSorted(list) {
					t.Errorf("from loop %d to %d: %d calls of %d, in order: %v", from, to, len(list), each, slices.IsSorted(list))
				}
			}
		}
	})
}

// TestF23PoolFull proves F-23 in simulation: beyond its limit of jobs, the pool
// says so, at once and by type.
func TestF23PoolFull(t *testing.T) {
	w := New(t, 0)
	w.Net.WorkTime = time.Second
	l := w.Host("one").Loop()
	full, done := 0, 0
	for range maxJobs + 10 {
		deferred.Go(l, func(context.Context) (int, error) { return 1, nil }).Done(func(_ int, err error) {
			if err == deferred.ErrPoolFull {
				full++
			} else if err == nil {
				done++
			}
		})
	}
	w.Settle()
	if full != 10 || done != maxJobs {
		t.Errorf("got %d refused, %d done", full, done)
	}
}

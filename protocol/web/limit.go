package web

import (
	"container/list"
	"errors"
	"maps"
	"net/netip"
	"strconv"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// A Crowd bounds how many requests a Handler serves at a time. Those beyond wait
// in line, and beyond that are answered 503 with Retry-After. Wrap one Handler, or
// several that share the bound. Set the fields before first use. Loop-only.
type Crowd struct {
	// Max is how many are served at a time. 0 or less: 100.
	Max int
	// MaxClient is how many of one client are; those beyond are answered 429. Hosts of
	// IPv6 count by their /64. 0 or less: as many as Max.
	MaxClient int
	// MaxWaiting is how many may wait. 0: as many as Max; negative: none.
	MaxWaiting int
	// MaxWait is how long they may. 0: 10 s; negative: for ever.
	MaxWait time.Duration

	serving int
	line    list.List // of *deferred.Signal
	clients map[netip.Addr]int
}

// Wrap is h behind c.
func (c *Crowd) Wrap(h Handler) Handler {
	return Later(func(w *ResponseWriter, r *Request) *deferred.Signal {
		who := clientKeyOf(r)
		if c.MaxClient > 0 {
			if c.clients[who] >= c.MaxClient {
				return refuseBusy(w, r, 429, time.Second)
			}
			if c.clients == nil {
				c.clients = map[netip.Addr]int{}
			}
			c.clients[who]++
			w.After(func(int, int64, error) {
				if c.clients[who]--; c.clients[who] == 0 {
					delete(c.clients, who)
				}
			})
		}
		if c.serving < positive(c.Max, 100) {
			c.serving++
			w.After(c.leave)
			return h.Serve(w, r)
		}
		room := c.MaxWaiting
		if room == 0 {
			room = positive(c.Max, 100)
		}
		if c.line.Len() >= room {
			return refuseBusy(w, r, 503, time.Second)
		}
		return c.wait(h, w, r)
	})
}

// leave ends one: the first in line takes its place.
func (c *Crowd) leave(int, int64, error) {
	if first := c.line.Front(); first != nil {
		c.line.Remove(first).(*deferred.Signal).Succeed(struct{}{})
		return
	}
	c.serving--
}

// wait serves r when its turn comes.
func (c *Crowd) wait(h Handler, w *ResponseWriter, r *Request) *deferred.Signal {
	turn := deferred.New[struct{}](r.Loop())
	place := c.line.PushBack(turn)
	turn.OnCancel(func() { c.line.Remove(place) })
	patience := within(c.MaxWait, 10*time.Second)
	if patience > 0 {
		turn.Timeout(patience)
	}
	entered := deferred.Then(turn, func(struct{}) (bool, error) { return true, nil }).Catch(func(err error) (bool, error) {
		if errors.Is(err, deferred.ErrTimeout) {
			return false, nil
		}
		return false, err
	})
	return deferred.Chain(entered, func(ok bool) *deferred.Signal {
		if !ok {
			refuseBusy(w, r, 503, time.Second)
			return deferred.Succeeded(struct{}{})
		}
		w.After(c.leave)
		if done := h.Serve(w, r); done != nil {
			return done
		}
		return deferred.Succeeded(struct{}{})
	})
}

// A Pace bounds how often each client may ask; what comes faster is answered 429
// with Retry-After. Clients are told apart by Request.Client, hosts of IPv6 by their
// /64. Wrap one Handler, or several that share the bound. Set the fields before first
// use. Loop-only.
type Pace struct {
	// PerSecond is how many requests a client may make, over time. 0 or less: 10.
	PerSecond float64
	// Burst is how many it may make at once after a rest. 0 or less: what it may in one
	// second, at least one.
	Burst int
	// MaxClients is how many clients are told apart; strangers beyond share one
	// account until others have rested. 0 or less: 65,536.
	MaxClients int

	paid  map[netip.Addr]time.Time // until when each has paid: see charge
	swept time.Time
}

// Wrap is h behind p.
func (p *Pace) Wrap(h Handler) Handler {
	return Later(func(w *ResponseWriter, r *Request) *deferred.Signal {
		if wait := p.charge(clientKeyOf(r), r.Loop().Now()); wait > 0 {
			return refuseBusy(w, r, 429, wait)
		}
		return h.Serve(w, r)
	})
}

// charge takes the price of one request from who, and returns 0; or how long
// who must wait first. Each request costs an interval of time, and a client may be
// Burst of them ahead of the clock.
func (p *Pace) charge(who netip.Addr, now time.Time) (wait time.Duration) {
	rate := p.PerSecond
	if rate <= 0 {
		rate = 10
	}
	price := max(time.Duration(float64(time.Second)/rate), 1)
	ahead := price * time.Duration(positive(p.Burst, max(1, int(min(rate, 1<<20)))))
	if p.paid == nil {
		p.paid = map[netip.Addr]time.Time{}
	}
	until, known := p.paid[who]
	if !known && len(p.paid) >= positive(p.MaxClients, 1<<16) {
		// Looked through once in the time after which all have rested.
		if now.Sub(p.swept) >= ahead {
			p.swept = now
			maps.DeleteFunc(p.paid, func(_ netip.Addr, until time.Time) bool { return !until.After(now) })
		}
		if len(p.paid) >= positive(p.MaxClients, 1<<16) {
			who = netip.Addr{}
			until = p.paid[who]
		}
	}
	if until.Before(now) {
		until = now
	}
	until = until.Add(price)
	if wait = until.Sub(now) - ahead; wait > 0 {
		return wait
	}
	p.paid[who] = until
	return 0
}

// refuseBusy asks the client to come again.
func refuseBusy(w *ResponseWriter, r *Request, status int, after time.Duration) *deferred.Signal {
	w.SetHeader("Retry-After", strconv.FormatInt(int64((after+time.Second-1)/time.Second), 10))
	Refuse(w, r, status, "")
	return nil
}

// clientKeyOf tells clients apart: one who has an address of IPv6 has 2^64 of them.
func clientKeyOf(r *Request) netip.Addr {
	a := r.Client().WithZone("")
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.Addr()
		}
	}
	return a
}

// positive is n, or what holds when nothing was said.
func positive(n, whenZero int) int {
	if n <= 0 {
		return whenZero
	}
	return n
}

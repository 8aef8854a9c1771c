package cred

import (
	"container/list"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Tries slow down who guesses: the first few wrong proofs of a user from one
// host cost nothing, the next a second, two, four, up to a longest delay, and
// each attempt waits for those before it. The right proof clears the count; so
// do 15 quiet minutes. A user's other hosts are not affected: nobody can lock
// somebody else out. SSH keys and Anonymous are not counted, because neither
// can be guessed.
//
// It is one host and one user that are counted: who tries one password on many
// users, or one user from many hosts, is slowed by Portal.MaxWork and by
// package policy's caps. The zero Tries is useful. Loop-only.
type Tries struct {
	// Free is how many wrong ones cost nothing; 0: 5; negative: none.
	Free int
	// MaxDelay is the longest delay; an attempt that would wait longer, because
	// others wait before it, fails with ErrUnavailable at once. 0: 30 s;
	// negative: there are no delays.
	MaxDelay time.Duration

	pairs map[pair]*list.Element
	order list.List // of *tried, the longest untouched first
}

type pair struct {
	host netip.Prefix
	user string
}

type tried struct {
	pair
	count int
	until time.Time // when the next attempt may begin
	last  time.Time
}

var errTooMany = errors.New("too many attempts wait")

// wait waits for the turn of an attempt. done is to be called with its result.
func (t *Tries) wait(co *deferred.Co, l twistor.Loop, c Credentials, from Origin) (done func(error), err error) {
	if k := c.Kind(); t.MaxDelay < 0 || k == KindAnonymous || k == KindSSHKey {
		return func(error) {}, nil
	}
	// Spelled in capitals it is the same user, to be tried no oftener.
	key := pair{from.host(), strings.ToLower(c.Claim())}
	delay, ok := t.begin(key, l.Now())
	if !ok {
		return nil, unavailable(errTooMany)
	}
	if delay > 0 {
		if err := co.Sleep(delay); err != nil {
			return nil, err // it stays counted: hanging up is not a way to try again
		}
	}
	return func(err error) {
		switch {
		case err == nil, errors.Is(err, ErrDenied):
			t.forget(key)
		case errors.Is(err, ErrUnavailable):
			t.uncount(key) // it was not looked at
		}
	}, nil
}

// begin counts an attempt as wrong until it proves right, so that many at the
// same time are no way around, and says how long it has to wait.
func (t *Tries) begin(key pair, now time.Time) (delay time.Duration, ok bool) {
	t.sweep(now)
	longest := t.MaxDelay
	if longest == 0 {
		longest = defaultMaxDelay
	}
	free := t.Free
	if free == 0 {
		free = defaultFree
	}
	e := t.pairs[key]
	if e == nil {
		if t.pairs == nil {
			t.pairs = make(map[pair]*list.Element)
		}
		e = t.order.PushBack(&tried{pair: key})
		t.pairs[key] = e
	}
	t.order.MoveToBack(e)
	r := e.Value.(*tried)
	r.last = now
	begins := now
	if over := r.count - max(free, 0); over >= 0 {
		begins = later(now, r.until).Add(min(firstDelay<<min(over, 30), longest))
		if begins.Sub(now) > longest {
			return 0, false
		}
		r.until = begins
	}
	r.count++
	return begins.Sub(now), true
}

func (t *Tries) uncount(key pair) {
	if e := t.pairs[key]; e != nil {
		r := e.Value.(*tried)
		r.count = max(r.count-1, 0)
	}
}

func (t *Tries) forget(key pair) {
	if e := t.pairs[key]; e != nil {
		t.order.Remove(e)
		delete(t.pairs, key)
	}
}

// sweep forgets what is old, and makes room.
func (t *Tries) sweep(now time.Time) {
	for e := t.order.Front(); e != nil; e = t.order.Front() {
		r := e.Value.(*tried)
		if len(t.pairs) < maxPairs && now.Sub(r.last) < forgetAfter {
			return
		}
		t.forget(r.pair)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

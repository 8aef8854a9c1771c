package reactor

import (
	"errors"
	"net/netip"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// The timing of attempts: https://www.rfc-editor.org/rfc/rfc8305#section-8
const (
	attemptDelay    = 250 * time.Millisecond
	minAttemptDelay = 10 * time.Millisecond
	maxAttempts     = 32 // addresses tried; a longer list is cut
)

// errNoAddresses is what race fails with when there is nobody to dial; the
// caller knows the name and says it.
var errNoAddresses = errors.New("no addresses")

// race dials addrs one after another, each delay after the one before or as
// soon as one fails, until the first succeeds ("happy eyeballs"): a broken
// address family costs a quarter of a second, not a time-out. The others are
// cancelled then; one that succeeds all the same is given to discard.
//
// addrs come in the resolver's order, which race keeps within each family. It
// alternates families, beginning with the first address's, drops repetitions
// and tries at most 32. delay 0 means 250 ms, and less than 10 ms means 10 ms.
//
// The Deferred fails with the one failure, all failures joined in the order in
// which they came, or errNoAddresses. Cancelling it cancels what is under way.
// An attempt's own time-out is dial's affair. Loop-only.
func race[T any](l deferred.Loop, addrs []netip.AddrPort, delay time.Duration, dial func(netip.AddrPort) *deferred.Deferred[T], discard func(T)) *deferred.Deferred[T] {
	if len(addrs) == 0 {
		return deferred.Failed[T](l, errNoAddresses)
	}
	if delay == 0 {
		delay = attemptDelay
	}
	e := &eyeballs[T]{
		dial:    dial,
		discard: discard,
		delay:   max(delay, minAttemptDelay),
		waiting: interleave(addrs),
		first:   deferred.New[T](l),
	}
	e.first.OnCancel(e.stop)
	e.timer = l.CallLater(e.delay, e.start)
	e.start()
	return e.first
}

// eyeballs is a race under way.
type eyeballs[T any] struct {
	// Immutable.
	dial    func(netip.AddrPort) *deferred.Deferred[T]
	discard func(T)
	delay   time.Duration

	// Owned by the loop.
	waiting []netip.AddrPort        // not yet dialed, in order
	tried   []*deferred.Deferred[T] // under way; nil where over
	pending int                     // of tried, not nil
	errs    []error
	timer   deferred.Timer // dials the next
	over    bool
	first   *deferred.Deferred[T]
}

// start dials the next address, now.
func (e *eyeballs[T]) start() {
	if e.over || len(e.waiting) == 0 {
		return
	}
	addr := e.waiting[0]
	e.waiting = e.waiting[1:]
	if len(e.waiting) > 0 {
		e.timer.Reset(e.delay)
	} else {
		e.timer.Stop()
	}
	i := len(e.tried)
	attempt := e.dial(addr)
	e.tried = append(e.tried, attempt)
	e.pending++
	attempt.Done(func(v T, err error) { e.ended(i, v, err) })
	if e.over { // dial itself cancelled the race
		attempt.Cancel()
	}
}

// ended hears of attempt i. When dial fails at once it is called from start,
// and calls it: no deeper than maxAttempts.
func (e *eyeballs[T]) ended(i int, v T, err error) {
	e.tried[i] = nil
	e.pending--
	switch {
	case err == nil && e.over:
		e.discard(v)
	case err == nil:
		e.stop()
		if !e.first.Succeed(v) {
			e.discard(v)
		}
	case e.over:
	default:
		e.errs = append(e.errs, err)
		e.failed()
	}
}

// failed goes on after a failure: the next address need not wait, for what
// delayed it is gone.
func (e *eyeballs[T]) failed() {
	if len(e.waiting) > 0 {
		e.start()
		return
	}
	if e.pending > 0 {
		return
	}
	e.stop()
	if len(e.errs) == 1 {
		e.first.Fail(e.errs[0])
		return
	}
	e.first.Fail(errors.Join(e.errs...))
}

// stop ends the race: nothing is dialed any more, all attempts are cancelled.
func (e *eyeballs[T]) stop() {
	e.over = true
	e.timer.Stop()
	for _, attempt := range e.tried {
		attempt.Cancel()
	}
}

// interleave orders addresses for a race: families take turns, the first
// address's family first, the order within each kept.
// https://www.rfc-editor.org/rfc/rfc8305#section-4
func interleave(addrs []netip.AddrPort) []netip.AddrPort {
	seen := make(map[netip.AddrPort]bool, len(addrs))
	var family [2][]netip.AddrPort // the first address's, and the other
	is4 := addrs[0].Addr().Unmap().Is4()
	for _, a := range addrs {
		a = netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
		if seen[a] {
			continue
		}
		seen[a] = true
		if a.Addr().Is4() == is4 {
			family[0] = append(family[0], a)
		} else {
			family[1] = append(family[1], a)
		}
	}
	var mixed []netip.AddrPort
	for i := 0; i < max(len(family[0]), len(family[1])) && len(mixed) < maxAttempts; i++ {
		for _, f := range family {
			if i < len(f) {
				mixed = append(mixed, f[i])
			}
		}
	}
	return mixed[:min(len(mixed), maxAttempts)]
}

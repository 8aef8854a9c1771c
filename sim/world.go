package sim

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"time"
)

// A World is some hosts, the network between them, and their time, all made of
// one seed: everything that happens, happens again with the same seed. It runs
// on the goroutine of its test, inside Run, Advance, Settle and what a Peer
// waits for.
//
// At the end of the test the World is closed, and fails the test for what was
// left behind: see Close. Loop-only.
type World struct {
	// Seed makes the World. Immutable.
	Seed uint64
	// Net is how the network behaves.
	Net Net
	// Patience is how much virtual time Run and a Peer wait for something
	// before they fail the test; 0: 10 minutes.
	Patience time.Duration
	// Tolerate says what may be left behind at the end.
	Tolerate Leaks

	t      T
	mono   int64
	agenda agenda
	active int // entries of agenda that are not in the background
	hosts  []*Host
	parted map[way]bool
	ids    uint64

	streams map[string]*chances
	chance  *rand.Rand // the network's
	stalled []*conn
	extra   time.Duration // that the running job takes longer
	trace   trace
	book    book
	tls     *Identity

	running bool
	closed  bool
	turns   int // in a row, without an event
}

// New returns a World of the seed, or of the environment's SIM_SEED, which a
// failure prints. Its Net is Chaos(seed): with seed 0 a perfect one, and with
// each other seed one that cuts and delays bytes in another way.
func New(t T, seed uint64) *World {
	if s, ok := seedFromEnvironment(); ok {
		seed = s
	}
	w := &World{Seed: seed, t: orPanic(t), parted: map[way]bool{}, streams: map[string]*chances{}, trace: newTrace()}
	w.Net = Chaos(seed)
	w.chance = w.Split("network")
	w.book.now = w.Now
	w.t.Cleanup(w.Close)
	return w
}

func seedFromEnvironment() (uint64, bool) {
	text := os.Getenv("SIM_SEED")
	if text == "" {
		return 0, false
	}
	seed, err := strconv.ParseUint(text, 0, 64)
	if err != nil {
		panic(fmt.Sprintf("sim: SIM_SEED=%q: want a number such as 0x2a", text))
	}
	return seed, true
}

// Now is the wall time of all hosts.
func (w *World) Now() time.Time { return Epoch.Add(time.Duration(w.mono)) }

// Elapsed is the virtual time since New.
func (w *World) Elapsed() time.Duration { return time.Duration(w.mono) }

// Errors returns the failures nobody handled and the errors that were logged,
// and forgets them: a test calls it when it expects them.
func (w *World) Errors() []error { return w.book.take() }

// Logged is what all hosts logged so far, one line a record; at most 1 MiB is
// kept.
func (w *World) Logged() string { return w.book.text.String() }

// after has f called d from now, as part of what Settle waits for.
func (w *World) after(d time.Duration, f func()) {
	w.active++
	w.plan(w.mono+int64(max(d, 0)), func() {
		w.active--
		f()
	})
}

// inBackground has f called at the given time, unless the test is over before.
func (w *World) inBackground(at int64, f func()) {
	w.plan(max(at, w.mono), f)
}

// plan puts f on the agenda.
func (w *World) plan(at int64, f func()) {
	w.agenda.ties = nil
	if w.Net.ShuffleTies {
		w.agenda.ties = w.chance.Uint64
	}
	w.agenda.add(&entry{call: f}, at)
}

// More turns in a row without an event between them are taken for a loop that
// spins, and more events at one instant for a conversation without end.
const (
	maxTurns = 100_000
	maxSteps = 10_000_000
)

// turn lets each host that has something to do have one turn; it reports
// whether there was any.
func (w *World) turn() (some bool) {
	for i := range w.hosts {
		if h := w.hosts[i]; h.hot() {
			h.turn()
			some = true
		}
	}
	return some
}

// step makes the next thing happen that does so not later than until: what is
// due now, then a turn of each host that has something to do, then what is due
// next, to which time jumps. False: there is none.
func (w *World) step(until int64) bool {
	at, ok := w.agenda.next()
	if ok && at <= w.mono && (!w.Net.ShuffleTies || w.chance.IntN(2) == 0) {
		w.deliver()
		return true
	}
	if w.turn() {
		w.turns++
		return true
	}
	timer, armed := w.nextTimer()
	switch {
	case armed && (!ok || timer < at):
		if timer > until {
			return false
		}
		w.mono = max(timer, w.mono) // its host has something to do now
	case ok && at <= until:
		w.mono = max(at, w.mono)
		w.deliver()
	default:
		return false
	}
	return true
}

// deliver makes the earliest event happen.
func (w *World) deliver() {
	w.turns = 0
	w.agenda.pop().call()
}

// nextTimer is the earliest timer of any host.
func (w *World) nextTimer() (at int64, ok bool) {
	for _, h := range w.hosts {
		if h.reactor == nil {
			continue
		}
		if t, armed := h.reactor.NextTimer(); armed && (!ok || t < at) {
			at, ok = t, true
		}
	}
	return at, ok
}

// play makes things happen up to the given time, until done reports true or
// nothing is left; it reports which.
func (w *World) play(until int64, done func() bool) bool {
	if w.running {
		panic("sim: Run, Advance, Settle or a Peer's wait inside of a callback")
	}
	w.running = true
	defer func() { w.running = false }()
	for _, h := range w.hosts {
		h.poked = true // the test may have called something since
	}
	w.turns = 0
	for steps, at := 0, w.mono; ; steps++ {
		if done != nil && done() {
			return true
		}
		if !w.step(until) {
			return false
		}
		if w.mono > at {
			steps, at, w.turns = 0, w.mono, 0
		}
		if w.turns > maxTurns || steps > maxSteps {
			w.t.Fatalf("sim: %d events at %v, and no end: hosts that talk without pause need a Net.Latency", steps, w.Elapsed())
		}
	}
}

// Advance lets d pass, with all that happens in it.
func (w *World) Advance(d time.Duration) {
	w.t.Helper()
	until := w.mono + int64(d)
	w.play(until, nil)
	w.mono = max(until, w.mono)
}

// Run plays until done reports true; it is asked after every event. If nothing
// is left to happen, or Patience is over, before that, the test fails.
func (w *World) Run(done func() bool) {
	w.t.Helper()
	if !w.wait(done) {
		w.t.Fatalf("sim: waited in vain, from %v to %v", w.Elapsed()-w.patience(), w.Elapsed())
	}
}

// wait plays until done reports true, for at most Patience, and says whether it
// did. When it did not, the Patience is over.
func (w *World) wait(done func() bool) bool {
	until := w.mono + int64(w.patience())
	if w.play(until, done) {
		return true
	}
	w.mono = max(until, w.mono)
	return false
}

func (w *World) patience() time.Duration {
	if w.Patience <= 0 {
		return 10 * time.Minute
	}
	return w.Patience
}

// Settle plays until nothing is under way: no packet, no job, and no host has
// anything to do but to wait for timers that are not due. Time passes as far as
// that takes; beyond Patience, the test fails.
func (w *World) Settle() {
	w.t.Helper()
	if !w.wait(func() bool { return w.active == 0 && !w.busy() }) && w.active > 0 {
		w.t.Fatalf("sim: not settled after %v", w.patience())
	}
}

// busy reports whether any host has something to do now.
func (w *World) busy() bool {
	for _, h := range w.hosts {
		if h.hot() {
			return true
		}
	}
	return false
}

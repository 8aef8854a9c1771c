package tlslayer

import (
	"runtime"
	"time"

	"github.com/twistor-go/twistor"
)

const (
	stepsPerTurn = 8           // of handshakes
	stallGrace   = time.Second // a peer's, while others want to shake hands
)

// A Gate is what the TLS connections of one loop share: how many handshakes may
// go on, scratch memory, prepared configurations. A loop keeps one and shows it
// by a method TLSGate() *Gate; without, each Factory has its own. The zero value
// is ready. Loop-only.
//
// Handshakes are the dear part of TLS, and anybody may ask for one. At most 8
// steps are made in one turn of the loop; the rest waits for the next turn. At
// most MaxHandshakes go on at a time; the rest waits until one ends. So that
// peers which stall cannot lock the others out, the one that keeps us waiting
// longest, and longer than a second, then gives way and is aborted.
type Gate struct {
	// MaxHandshakes is how many handshakes go on at a time. 0: 64 times
	// GOMAXPROCS; negative: no limit. A server's counts from its client's
	// complete hello.
	MaxHandshakes int

	loop  twistor.Loop
	timer twistor.Timer // the next turn's; zero until it is first needed
	armed bool

	// Handshakes.
	steps    int          // made in this turn
	ready    []*handshake // want to make a step, in order
	running  int
	outside  []*handshake // want to begin, in order; some have given up
	crowd    int          // of these, have not
	stalled  list         // wait for their peers, longest first
	eviction twistor.Timer

	// Events.
	depth  int
	dirty  []*layer // wrote something
	later  []*layer // have something to do in the next turn
	deeds  []func() // to be done in the next turn
	blocks [][]byte // free ones
	lent   int      // blocks that hold plaintext to be encrypted

	recent [8]*security // of servers
	oldest int          // of recent
}

// gateOf is the loop's Gate, or a new one.
func gateOf(l twistor.Loop) *Gate {
	if k, ok := l.(interface{ TLSGate() *Gate }); ok {
		return k.TLSGate().of(l)
	}
	return new(Gate).of(l)
}

func (g *Gate) of(l twistor.Loop) *Gate {
	g.loop = l
	return g
}

// step lets h make a step, in this turn or a later one.
func (g *Gate) step(h *handshake) {
	if h.queued {
		return
	}
	g.nextTurn()
	if g.steps >= stepsPerTurn || len(g.ready) > 0 || h.late {
		h.queued = true
		g.ready = append(g.ready, h)
		return
	}
	g.steps++
	h.step()
}

// admit lets h begin, now or when another one has ended.
func (g *Gate) admit(h *handshake) {
	if g.room() {
		g.begin(h)
		return
	}
	g.outside = append(g.outside, h)
	h.outside = true
	g.crowd++
	h.hold()
	g.evict()
}

// room reports whether one more may begin.
func (g *Gate) room() bool {
	if g.MaxHandshakes == 0 {
		return g.running < 64*runtime.GOMAXPROCS(0)
	}
	return g.MaxHandshakes < 0 || g.running < g.MaxHandshakes
}

func (g *Gate) begin(h *handshake) {
	g.running++
	h.running = true
	g.step(h)
}

// release takes note that h has ended, and lets the next one begin. It is not
// called inside of a protocol's callback but for handshakes that have no
// coroutine yet, and then others wait for a step already.
func (g *Gate) release(h *handshake) {
	if !h.running {
		return
	}
	h.running = false
	g.running--
	for len(g.outside) > 0 && g.room() {
		if next := pop(&g.outside); next.outside {
			next.outside = false
			g.crowd--
			next.unhold()
			g.begin(next)
		}
	}
	g.evict()
}

// evict makes the handshake that waits longest for its peer give way, now or
// when its grace is over, if another one waits outside.
func (g *Gate) evict() {
	h := g.stalled.first
	if g.crowd == 0 || h == nil {
		return
	}
	if left := stallGrace - g.loop.Now().Sub(h.since); left > 0 {
		if g.eviction == (twistor.Timer{}) {
			g.eviction = g.loop.CallLater(left, g.evict)
		} else if g.eviction.When().IsZero() {
			g.eviction.Reset(left)
		}
		return
	}
	h.layer.abort(errCrowded)
}

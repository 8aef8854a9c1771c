package deferred

import "container/list"

// A Gate holds up, while it is shut, all who want to pass: the way to pause and
// resume coroutines that pass it in their loops. Its zero is open. Loop-only.
type Gate struct {
	// MaxWaiters is how many may wait; 0: 10,000; negative: none.
	MaxWaiters int

	shut    bool
	waiters list.List // of *Signal
}

// Shut makes those wait who come from now on.
func (g *Gate) Shut() { g.shut = true }

// Open lets pass those who wait, in the order in which they came, and all who
// come until the next Shut.
func (g *Gate) Open() {
	g.shut = false
	for n := g.waiters.Len(); n > 0 && g.waiters.Len() > 0; n-- {
		g.waiters.Remove(g.waiters.Front()).(*Signal).Succeed(struct{}{})
	}
}

// Pass returns a Signal that fires when the gate is open: at once if it is. It
// fails with ErrQueueFull if too many wait.
func (g *Gate) Pass(l Loop) *Signal {
	d := New[struct{}](l)
	switch {
	case !g.shut:
		d.Succeed(struct{}{})
	case g.waiters.Len() >= bound(g.MaxWaiters, defaultWaiters):
		d.Fail(ErrQueueFull)
	default:
		e := g.waiters.PushBack(d)
		d.OnCancel(func() { g.waiters.Remove(e) })
	}
	return d
}

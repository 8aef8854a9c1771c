package tlslayer

import "github.com/twistor-go/twistor"

// nextTurn has turn called in the next turn of the loop.
func (g *Gate) nextTurn() {
	if g.armed {
		return
	}
	g.armed = true
	if g.timer == (twistor.Timer{}) {
		g.timer = g.loop.CallLater(0, g.turn)
		return
	}
	g.timer.Reset(0)
}

// turn does what was left for this turn of the loop. A panic, which the loop
// contains, leaves the rest for the next one.
func (g *Gate) turn() {
	g.armed, g.steps = false, 0
	defer func() {
		if g.steps+len(g.ready)+len(g.later)+len(g.deeds) > 0 {
			g.nextTurn() // be it only to count steps anew
		}
	}()
	for range len(g.later) {
		c := pop(&g.later)
		c.pending = false
		c.again()
	}
	for range len(g.deeds) {
		pop(&g.deeds)()
	}
	g.enter()
	g.leave() // encrypts what was written from elsewhere
	for len(g.ready) > 0 && g.steps < stepsPerTurn {
		h := pop(&g.ready)
		h.queued = false
		g.steps++
		h.step()
	}
}

// pop takes the first of s.
func pop[T any](s *[]T) T {
	first := (*s)[0]
	(*s)[0] = *new(T)
	if *s = (*s)[1:]; len(*s) == 0 {
		*s = nil
	}
	return first
}

// soon has c.again called in the next turn.
func (g *Gate) soon(c *layer) {
	if !c.pending {
		c.pending = true
		g.later = append(g.later, c)
		g.nextTurn()
	}
}

// after has f called in the next turn.
func (g *Gate) after(f func()) {
	g.deeds = append(g.deeds, f)
	g.nextTurn()
}

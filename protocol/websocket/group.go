package websocket

import "errors"

// A Group is connections that are told the same: a room of a chat, the readers of a
// page. A connection leaves by itself when it ends. Its zero is ready. Loop-only.
type Group struct {
	conns []*Conn
	at    map[*Conn]int
}

// Add makes c a member. A second time, and after c has ended, it does nothing.
func (g *Group) Add(c *Conn) {
	if _, in := g.at[c]; in || c.gone {
		return
	}
	if g.at == nil {
		g.at = make(map[*Conn]int)
	}
	g.at[c] = len(g.conns)
	g.conns = append(g.conns, c)
	c.groups = append(c.groups, g)
}

// Remove ends c's membership.
func (g *Group) Remove(c *Conn) {
	g.forget(c)
	for i, other := range c.groups {
		if other == g {
			c.groups = append(c.groups[:i], c.groups[i+1:]...)
			return
		}
	}
}

// Len is how many members there are.
func (g *Group) Len() int { return len(g.conns) }

// WriteText queues a text for all members; see Write.
func (g *Group) WriteText(s string) error { return g.Write(Prepare(Text, []byte(s))) }

// Write queues m for all members. One that does not keep up is cut where
// Conn.Full says, and hinders nobody. The error is ErrText.
func (g *Group) Write(m *Prepared) error {
	for i := 0; i < len(g.conns); i++ {
		if err := g.conns[i].WritePrepared(m); errors.Is(err, ErrText) {
			return err
		}
	}
	return nil
}

// forget takes c out of the list; the last one gets its place.
func (g *Group) forget(c *Conn) {
	i, in := g.at[c]
	if !in {
		return
	}
	last := len(g.conns) - 1
	moved := g.conns[last]
	g.conns[i], g.at[moved] = moved, i
	g.conns[last] = nil
	g.conns = g.conns[:last]
	delete(g.at, c)
}

package tlslayer

// blockBytes is the size of scratch memory: what one TLS record can carry, "the
// length MUST NOT exceed 2^14 bytes".
// https://www.rfc-editor.org/rfc/rfc8446#section-5.1
const blockBytes = 16 << 10

const (
	maxBlocksFree = 8  // kept for the next event: 128 KiB
	maxBlocksLent = 32 // hold plaintext of this event: 512 KiB; then it is encrypted
)

// enter begins a callback of a protocol; its writes are collected until leave.
func (g *Gate) enter() { g.depth++ }

// leave ends a callback. The outermost one's end encrypts what was written.
func (g *Gate) leave() {
	if g.depth == 1 {
		g.flush()
	}
	g.depth--
}

// flush encrypts what all connections of the loop have collected.
func (g *Gate) flush() {
	for i := 0; i < len(g.dirty); i++ {
		c := g.dirty[i]
		if c == nil {
			continue // lend called us while we flushed
		}
		g.dirty[i] = nil
		c.dirty = false
		c.flush()
		if c.full && !c.Full() {
			g.soon(c) // Drained is due, and below does not know
		}
	}
	g.dirty = g.dirty[:0]
	if cap(g.dirty) > 1024 {
		g.dirty = nil
	}
}

// take returns a block to decrypt into.
func (g *Gate) take() []byte {
	if n := len(g.blocks); n > 0 {
		b := g.blocks[n-1]
		g.blocks = g.blocks[:n-1]
		return b[:blockBytes]
	}
	return make([]byte, blockBytes)
}

// give takes a block back.
func (g *Gate) give(b []byte) {
	if len(g.blocks) < maxBlocksFree {
		g.blocks = append(g.blocks, b)
	}
}

// lend returns a block to collect c's plaintext in; who writes to thousands at
// once gets few blocks, and therefore more records.
func (g *Gate) lend(c *layer) []byte {
	if g.lent >= maxBlocksLent {
		g.flush()
	}
	g.lent++
	if !c.dirty {
		c.dirty = true
		g.dirty = append(g.dirty, c)
		if g.depth == 0 {
			g.nextTurn() // written from elsewhere
		}
	}
	return g.take()[:0]
}

// giveBack takes a lent block back.
func (g *Gate) giveBack(b *[]byte) {
	if *b != nil {
		g.lent--
		g.give(*b)
		*b = nil
	}
}

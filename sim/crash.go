package sim

// Crash ends the host's program as kill -9 and a lost power line do: nothing is
// sent and nobody on it hears of it. What was called later, or waited, never
// happens; what was written and not synced is lost, or some of it is: see
// Disk.Crash. Other hosts find out when they wait in vain.
func (h *Host) Crash() {
	w := h.world
	w.record(h, kindFault, 0, []byte("crash"))
	for _, c := range h.conns {
		c.dead, c.shut, c.poller, c.hear = true, true, nil, nil
		c.out, c.flying, c.in = nil, 0, nil
	}
	for _, o := range h.sockets {
		o.base().shut, o.base().poller = true, nil
	}
	gone := h.conns
	h.conns, h.sockets, h.pollers, h.peers = nil, nil, nil, nil
	h.reactor, h.open, h.down, h.children = nil, 0, true, 0
	h.life++
	h.Disk.Crash()
	for _, c := range gone {
		if c.peer != nil {
			c.peer.probe()
		}
	}
}

// Restart makes a crashed host answer again, with a new reactor that knows
// nothing, and the Disk of before.
func (h *Host) Restart() {
	if h.down {
		h.down = false
		h.world.record(h, kindFault, 0, []byte("restart"))
		h.world.retransmit()
	}
}

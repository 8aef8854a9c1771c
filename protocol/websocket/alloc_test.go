package websocket

import (
	"strings"
	"testing"
	"unsafe"
)

// TestEchoAllocatesNothing: a small message, and one that fits a read, cost no
// memory from bytes to bytes: plain, of a client, compressed without a context.
func TestEchoAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	for _, n := range []int{0, 64, 1000, 16 << 10} {
		for name, set := range map[string]func(c *Conn){
			"server":  nil,
			"client":  func(c *Conn) { c.client = true },
			"deflate": func(c *Conn) { deflating(c); c.deflate.out.noContext = true },
		} {
			c, _ := newSink(t, set)
			p, first := strings.Repeat("0123456789abcdef", n/16), byte(0x81)
			if c.deflate.on {
				p, first = deflated(t, p)[0], 0xC1
			}
			in := input(c, first, p)
			for range 10 {
				c.receive(in) // buffers come to be
			}
			if got := testing.AllocsPerRun(100, func() { c.receive(in) }); got != 0 {
				t.Errorf("%s, %d bytes: %v allocations", name, n, got)
			}
			// Cut in two, it goes through a buffer of the pool.
			if got := testing.AllocsPerRun(100, func() { c.receive(in[:len(in)/2]); c.receive(in[len(in)/2:]) }); got != 0 {
				t.Errorf("%s, %d bytes in two pieces: %v allocations", name, n, got)
			}
		}
	}
}

// TestPingAllocatesNothing: nor does a ping.
func TestPingAllocatesNothing(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	c, _ := newSink(t, nil)
	in := []byte(masked(0x89, "ping"))
	c.receive(in)
	if got := testing.AllocsPerRun(100, func() { c.receive(in) }); got != 0 {
		t.Errorf("%v allocations", got)
	}
}

// TestIdleSize: an idle connection is its struct, as package doc says.
func TestIdleSize(t *testing.T) {
	if got := unsafe.Sizeof(Conn{}); got > 512 {
		t.Errorf("a Conn has %d bytes, want at most 512", got)
	} else {
		t.Logf("a Conn has %d bytes", got)
	}
}

package protocoltest

import (
	"runtime"
	"strings"
	"time"

	"github.com/twistor-go/twistor/sim"
)

const (
	endless   = 8 << 20   // bytes of input without an end
	mayKeep   = 256 << 10 // bytes of heap that it may cost
	part      = 16 << 10  // bytes at a time
	maxGrowth = 2.3       // of cost, when input doubles
)

// nonsense is what endless input is made of: no text protocol's terminator.
var nonsense = []string{"A", "\xff", "(", ",", "\x00"}

// Unbounded proves X-01: of 8 MiB of one byte, before anything is
// authenticated, the server keeps at most 256 KiB, and it closes the connection.
func Unbounded(t sim.T, e Entry) {
	t.Helper()
	for _, b := range nonsense {
		c, tr := e.connect(t)
		input := strings.Repeat(b, part)
		before, most := heap(), 0
		fed := 0
		for fed < endless && !over(tr) {
			tr.Receive(input)
			c.Advance(0)
			tr.Clear()
			if fed += part; fed%(8*part) == 0 || over(tr) {
				most = max(most, heap()-before)
			}
		}
		if most > mayKeep {
			t.Errorf("%s: %q without end: %d KiB kept after at most %d KiB came, want at most %d KiB",
				e.Name, b, most>>10, fed>>10, mayKeep>>10)
		}
		if !over(tr) && !e.Discards {
			t.Errorf("%s: %q without end: still open after 8 MiB", e.Name, b)
		}
		leave(c, tr)
	}
}

func over(tr *sim.Transport) bool { return tr.Closed() || tr.Aborted() || tr.Err() != nil }

// heap is how many bytes are in use.
func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// Deadline proves X-02: a peer that sends one byte a second, whatever byte, is
// closed within the Deadline, which no byte puts off.
func Deadline(t sim.T, e Entry) {
	t.Helper()
	limit := e.Deadline
	if limit == 0 {
		limit = 30 * time.Second
	}
	for _, b := range append([]string{""}, nonsense...) {
		c, tr := e.connect(t)
		for c.Elapsed() <= limit && !over(tr) {
			if b != "" {
				tr.Receive(b)
			}
			c.Advance(time.Second)
		}
		if !over(tr) {
			t.Errorf("%s: still open %v after a peer began to send one %q a second", e.Name, c.Elapsed(), b)
		}
		leave(c, tr)
	}
}

// Linear proves X-03: twice the input costs at most 2.3 times the memory
// allocated in all. Input is what Talks and nonsense repeat, a few bytes at a
// time.
func Linear(t sim.T, e Entry) {
	t.Helper()
	patterns := append([]string{"\r\n", "A\r\n", "A A\r\n"}, nonsense...)
	for _, pattern := range append(patterns, e.Talks...) {
		once := cost(t, e, pattern, 64<<10)
		twice := cost(t, e, pattern, 128<<10)
		if growth := float64(twice) / float64(once); growth > maxGrowth {
			t.Errorf("%s: %.60q repeated: 64 KiB cost %d, 128 KiB %d: %.2f times as much, want at most %.1f",
				e.Name, pattern, once, twice, growth, maxGrowth)
		}
	}
}

// cost is what is allocated while n bytes of the pattern are received, in bytes
// and 16 for each piece. One connection after another is used, as each is
// closed.
func cost(t sim.T, e Entry, pattern string, n int) (sum uint64) {
	t.Helper()
	const bite = 23 // bytes: coprime to all that protocols like
	input := strings.Repeat(pattern, n/len(pattern)+1)[:n]
	var before, after runtime.MemStats
	c, tr := e.connect(t)
	runtime.ReadMemStats(&before)
	for at := 0; at < n && !over(tr); at += bite {
		tr.Receive(input[at:min(at+bite, n)])
		tr.Clear()
	}
	c.Advance(0)
	runtime.ReadMemStats(&after)
	leave(c, tr)
	return after.TotalAlloc - before.TotalAlloc + 16*(after.Mallocs-before.Mallocs) + 1
}

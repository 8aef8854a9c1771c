package reactor

import (
	"sort"

	"github.com/twistor-go/twistor"
)

// shed aborts the connections with the most output queued, when all of a loop's
// together have more than its share of Config.MaxBuffered: slow readers pay for
// it and nobody else.
func (l *loop) shed() {
	var slow []*conn
	for i := range l.slots {
		if c, ok := l.slots[i].s.(*conn); ok && c.out.n > 0 && !c.is(doomed) {
			slow = append(slow, c)
		}
	}
	sort.SliceStable(slow, func(i, j int) bool { return slow[i].out.n > slow[j].out.n })
	freed, count := 0, 0
	for _, c := range slow {
		if l.buffered-freed <= l.maxBuffered-l.maxBuffered/8 {
			break
		}
		freed += c.out.n
		count++
		c.overflow()
	}
	// Their output is gone with them, at the end of the turn; but what is
	// written meanwhile must not shed again.
	for _, c := range slow[:count] {
		c.dropOutput(twistor.ErrOverflow)
	}
	l.log.Warn("too much output queued: slowest readers dropped", "op", "write", "connections", count, "bytes", freed)
}

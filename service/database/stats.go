package database

import (
	"database/sql"
	"math/bits"
	"time"
)

// Stats is what a Pool has done since Start. Immutable after first use.
type Stats struct {
	Running int // calls that run now; also those cancelled whose driver has not let go
	Waiting int // calls that wait for their turn now

	Done     uint64 // calls that succeeded
	Failed   uint64 // calls that failed, for whatever reason but the next ones
	Canceled uint64 // calls that were cancelled, or took longer than Timeout
	Refused  uint64 // calls that failed at once: ErrBusy, ErrClosed
	Lost     uint64 // of those that Failed: ErrLost

	Waited Durations // how long calls waited for their turn
	Ran    Durations // how long they ran, those that failed and were cancelled, too

	Conns sql.DBStats // what package database/sql tells of the connections
}

// Stats returns what p has done. Times are measured by the loop's clock, which
// stands still during a turn.
func (p *Pool) Stats() Stats {
	s := p.stats
	s.Running, s.Waiting = p.running.Len(), p.waiting.Len()
	if p.db != nil {
		s.Conns = p.db.Stats()
	}
	return s
}

// Durations says how many times were how long. Immutable after first use.
type Durations struct {
	// Counts[i] is how many were shorter than Bound(i), and not than the bound
	// before; the last one is how many were longer than that.
	Counts [17]uint64
	// Total is their sum.
	Total time.Duration
}

// Bound is 1 ms, 2 ms, 4 ms and so on: 32.768 s for 15.
func (Durations) Bound(i int) time.Duration { return time.Millisecond << i }

// Count is how many there are.
func (d *Durations) Count() (n uint64) {
	for _, c := range d.Counts {
		n += c
	}
	return n
}

func (d *Durations) add(t time.Duration) {
	d.Counts[min(bits.Len64(uint64(t/time.Millisecond)), len(d.Counts)-1)]++
	d.Total += t
}

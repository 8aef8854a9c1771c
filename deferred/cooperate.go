package deferred

import (
	"iter"
	"time"
)

// A Meter is a Loop that can tell how long the present turn has lasted. A real
// loop is one; a loop that must replay is not. Loop-only.
type Meter interface {
	TurnTime() time.Duration
}

// Cooperate runs a long computation in steps: as many a turn as begin before the
// turn has lasted for slice, and one at least; on a Loop that is no Meter, 100.
// So several of them share a turn. A slice of 0 or less is 10 ms. The Signal
// fires when steps end; its Cancel stops them; a panic fails it.
//
// A computation that also has to wait is better an Inline that calls Yield.
func Cooperate(l Loop, slice time.Duration, steps iter.Seq[struct{}]) *Signal {
	if slice <= 0 {
		slice = defaultSlice
	}
	meter, _ := l.(Meter)
	return Inline(l, func(co *Co) (struct{}, error) {
		n := 0
		for range steps {
			n++
			if err := co.Err(); err != nil {
				return struct{}{}, err
			}
			if meter == nil && n < unmetered || meter != nil && meter.TurnTime() < slice {
				continue
			}
			n = 0
			if err := co.Yield(); err != nil {
				return struct{}{}, err
			}
		}
		return struct{}{}, nil
	})
}

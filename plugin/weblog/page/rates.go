package page

import "time"

// rateSeconds is how far back a new browser's chart begins.
const rateSeconds = 120

// A rate is how many hits a second of Unix had, by the first digit of their
// status; 0 has those of no such digit. It is written as an array, to be short.
type rate [1 + 6]int64

// rates are those of the last rateSeconds, each at its place in a circle, so that
// a browser that comes now has the chart of one that was there all the time.
type rates [rateSeconds]rate

// add counts hits.
func (r *rates) add(at time.Time, kinds *[6]int) {
	second := at.Unix()
	slot := &r[uint64(second)%rateSeconds]
	switch {
	case slot[0] > second:
		return // so long ago that its place is another's
	case slot[0] < second:
		*slot = rate{second}
	}
	for k, n := range kinds {
		slot[1+k] += int64(n)
	}
}

// until are those up to now, oldest first, without seconds in which nobody came.
func (r *rates) until(now time.Time) (all []rate) {
	end := now.Unix()
	for second := end - rateSeconds + 1; second <= end; second++ {
		if slot := &r[uint64(second)%rateSeconds]; slot[0] == second && second > 0 {
			all = append(all, *slot)
		}
	}
	return all
}

// kindOf is the place of a status in a rate.
func kindOf(status int) int {
	if status < 100 || status > 599 {
		return 0
	}
	return status / 100
}

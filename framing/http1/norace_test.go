//go:build !race

package http1

// RaceEnabled says whether the race detector looks on: less is tried then.
const RaceEnabled = false

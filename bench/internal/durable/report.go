//go:build linux

package durable

import "fmt"

// A Report is what a program has measured, and what it knows of each writer.
type Report struct {
	// Figures are "rate", changes a second; "wall", microseconds of time for a
	// change, all writers together; "cpu", microseconds of processor time, that
	// of child processes included; "p50" and "p99", microseconds that a writer
	// has waited; and "flushes", how often a second the disk was told to flush,
	// by anybody, where the system counts this.
	Figures map[string]float64 `json:"figures"`
	// Begun is how many changes a writer may have made, Acknowledged how many
	// of them it was told are durable.
	Begun        []int64 `json:"begun"`
	Acknowledged []int64 `json:"acknowledged"`
}

// Verify compares with what was found in the folder after the program had died.
// nil stands for a program that keeps no counters.
func (r Report) Verify(kept []int64) error {
	if kept == nil {
		return nil
	}
	if len(kept) != len(r.Acknowledged) {
		return fmt.Errorf("kept %d counters, want %d", len(kept), len(r.Acknowledged))
	}
	for i, n := range kept {
		if n < r.Acknowledged[i] {
			return fmt.Errorf("%s: kept %d changes, but %d were acknowledged", Key(i), n, r.Acknowledged[i])
		}
		if n > r.Begun[i] {
			return fmt.Errorf("%s: kept %d changes, but only %d were made", Key(i), n, r.Begun[i])
		}
	}
	return nil
}

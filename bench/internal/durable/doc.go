//go:build linux

// Package durable is what the programs of the suite "durable" share: writers
// that each make a change, wait until it is on the disk, and make the next; what
// they count; and the question afterwards whether the store kept its word.
//
// All peers do the same job. A writer owns one counter, whose name is Key, and a
// change adds one to it. A program is run twice in the same folder:
//
//	durable-bbolt -dir D -writers 16 -way batch    # measures, and dies without closing anything
//	durable-bbolt -dir D -writers 16 -kept         # opens what is there: one count a writer
//
// What was acknowledged before the end must be there afterwards, and nothing may
// be there that was not begun.
package durable

//go:build linux

// Package micro times small operations by the process's CPU clock and prints
// them the way the runner reads them: one JSON object a line.
package micro

import (
	"encoding/json"
	"log"
	"os"
	"strconv"

	"github.com/twistor-go/twistor/bench/internal/proc"
)

// A Row is one figure: microseconds of CPU for one operation.
type Row struct {
	Peer string  `json:"peer"`
	Cell string  `json:"cell"`
	CPU  float64 `json:"cpu"`
}

// Args are the suite and the number of operations that the command line asks
// for: "timers 1000000".
func Args() (suite string, n int) {
	log.SetFlags(0)
	if len(os.Args) == 3 {
		if n, err := strconv.Atoi(os.Args[2]); err == nil && n > 0 {
			return os.Args[1], n
		}
	}
	log.Fatalf("usage: %s timers|deferreds|coroutines N", os.Args[0])
	return "", 0
}

// Clock is the CPU time that this process has used, in seconds.
func Clock() float64 { return proc.CPU([]int{os.Getpid()}) }

// Print reports that n operations took the CPU time since the Clock read since.
func Print(peer, cell string, n int, since float64) {
	row := Row{peer, cell, (Clock() - since) / float64(n) * 1e6}
	if err := json.NewEncoder(os.Stdout).Encode(row); err != nil {
		log.Fatal(err)
	}
}

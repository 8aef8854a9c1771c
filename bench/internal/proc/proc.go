//go:build linux

// Package proc reads the CPU time and memory of a running server, children
// included.
package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Tree returns pid and all of its descendants.
func Tree(pid int) []int {
	pids := []int{pid}
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		b, _ := os.ReadFile(f)
		for _, s := range strings.Fields(string(b)) {
			if p, err := strconv.Atoi(s); err == nil {
				pids = append(pids, Tree(p)...)
			}
		}
	}
	return pids
}

// CPU returns the seconds of user+system time that pids have used, in
// nanosecond resolution (the processes' CPU clocks).
func CPU(pids []int) float64 {
	var sum float64
	for _, p := range pids {
		var ts unix.Timespec
		if unix.ClockGettime(int32((^p)<<3|2), &ts) == nil {
			sum += float64(ts.Sec) + float64(ts.Nsec)/1e9
		}
	}
	return sum
}

// RSS returns the resident memory of pids in KiB, from one field of
// /proc/PID/status: "VmRSS" (now) or "VmHWM" (peak).
func RSS(pids []int, field string) int {
	sum := 0
	for _, p := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p))
		for _, l := range strings.Split(string(b), "\n") {
			if f := strings.Fields(l); len(f) > 1 && f[0] == field+":" {
				n, _ := strconv.Atoi(f[1])
				sum += n
			}
		}
	}
	return sum
}

// PSS returns the memory of pids in KiB, what they share counted once.
func PSS(pids []int) int {
	sum := 0
	for _, p := range pids {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p))
		for l := range strings.Lines(string(b)) {
			if f := strings.Fields(l); len(f) > 1 && f[0] == "Pss:" {
				n, _ := strconv.Atoi(f[1])
				sum += n
			}
		}
	}
	return sum
}

// Slab returns the kernel's slab memory in KiB (sockets, epoll items, ...).
func Slab() int {
	b, _ := os.ReadFile("/proc/meminfo")
	for _, l := range strings.Split(string(b), "\n") {
		if f := strings.Fields(l); len(f) > 1 && f[0] == "Slab:" {
			n, _ := strconv.Atoi(f[1])
			return n
		}
	}
	return 0
}

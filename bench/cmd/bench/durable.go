//go:build linux

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"

	"github.com/twistor-go/twistor/bench/internal/durable"
	"github.com/twistor-go/twistor/bench/internal/proc"
	"golang.org/x/sys/unix"
)

// The durable suite's cells, by which the marks find them.
const (
	oneWriter       = "1 writer"
	sixteenWriters  = "16 writers"
	thousandWriters = "1,000 writers"
)

// Limits of the durable suite.
const (
	bareAppend = "bare append"
	bareAhead  = "bare ahead"
)

func durables(p plan, built map[string]binary) suite {
	missing := noDisk(p.dir)
	program := func(name, program string, args ...string) peer {
		b := built[program]
		x := peer{name: name, words: append([]string{b.path}, args...), absent: b.absent}
		if missing != "" {
			x.absent = missing
		}
		return x
	}
	redis := func(name, way string) peer {
		x := program(name, "durable-redis", "-way", way)
		if _, err := exec.LookPath("redis-server"); err != nil && x.absent == "" {
			x.absent = "no redis-server (apt-get install redis-server)"
		}
		return x
	}
	writers := func(title string, n int) cell {
		args := []string{"-writers", strconv.Itoa(n), "-warm", "300ms", "-dur", "2s"}
		if p.short {
			args = []string{"-writers", strconv.Itoa(n), "-warm", "100ms", "-dur", "500ms"}
		}
		return cell{name: title, args: args}
	}
	return suite{
		name: "durable", figure: "wall", limit: bareAppend, sample: fresh,
		columns: []column{
			{"wall", "µs a change", "%.1f"}, {"rate", "changes/s", "%.0f"}, {"cpu", "CPU µs", "%.1f"},
			{"p50", "wait p50 µs", "%.0f"}, {"p99", "wait p99 µs", "%.0f"}, {"flushes", "disk flushes/s", "%.0f"},
		},
		peers: []peer{
			program(us, "durable-twistor"),
			program("bbolt Update", "durable-bbolt", "-way", "update"),
			program("bbolt Batch", "durable-bbolt", "-way", "batch"),
			program("SQLite", "durable-sqlite"),
			redis("Redis", "each"),
			redis("Redis pipelined", "shared"),
			program(bareAppend, "durable-limit", "-way", "append"),
			program(bareAhead, "durable-limit", "-way", "ahead"),
		},
		cells: []cell{writers(oneWriter, 1), writers(sixteenWriters, 16), writers(thousandWriters, 1000)},
	}
}

// noDisk says why a folder cannot show what is durable; "": it can.
func noDisk(dir string) string {
	var s unix.Statfs_t
	if err := unix.Statfs(dir, &s); err != nil {
		return fmt.Sprintf("-dir %s: %v", dir, err)
	}
	if s.Type == unix.TMPFS_MAGIC || s.Type == unix.RAMFS_MAGIC {
		return fmt.Sprintf("-dir %s: is in memory, want a folder on a disk", dir)
	}
	return ""
}

// disk says what the folder is on.
func disk(dir string) string {
	d, err := proc.DiskOf(dir)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("disk %s, %s cache", d.Name, d.WriteCache())
}

// fresh runs a program of the durable suite in a folder of its own, and again to
// see that it has kept what it said.
func fresh(p plan, x peer, c cell) (figures map[string]float64, err error) {
	dir, err := os.MkdirTemp(p.dir, "durable")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	args := append(append(x.words[1:len(x.words):len(x.words)], c.args...), "-dir", dir)
	var report durable.Report
	if err := output(&report, x.words[0], args...); err != nil {
		return nil, err
	}
	var kept []int64
	if err := output(&kept, x.words[0], append(args, "-kept")...); err != nil {
		return nil, fmt.Errorf("what it has kept: %w", err)
	}
	return report.Figures, report.Verify(kept)
}

// patience is how long a program of some seconds may take.
const patience = time.Minute

// output runs a program and decodes what it prints.
func output(into any, path string, args ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	out, err := exec.CommandContext(ctx, path, args...).Output()
	if ctx.Err() != nil {
		return fmt.Errorf("did not end within %v", patience)
	}
	if err != nil {
		return failure(err)
	}
	return json.Unmarshal(out, into)
}

//go:build linux

// Command bench measures Twistor beside its peers and prints Markdown tables.
//
//	bench [-short] [-rounds 5] [-peers a,b] [SUITE...]
//
// Suites: echo idle tls timers deferreds coroutines durable dns http files
// https h2 websocket slow; all of them unless named.
// Rounds are interleaved: each peer once, then each again. A peer that this
// machine lacks is left out, with the reason.
package main

import (
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"slices"
	"strings"
)

// A plan is what the command line asks for.
type plan struct {
	short  bool
	rounds int
	peers  string // comma separated; "": all
	cells  string // regular expression
	bin    string // where built programs are
	root   string // the bench folder
	dir    string // where the suite durable writes
}

func (p plan) wants(peer string) bool {
	return p.peers == "" || slices.Contains(strings.Split(p.peers, ","), peer)
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("bench: ")
	var p plan
	flag.BoolVar(&p.short, "short", false, "one round, fewer connections and operations: does it work, roughly how fast")
	flag.IntVar(&p.rounds, "rounds", 5, "samples of each peer and cell; 1 with -short")
	flag.StringVar(&p.peers, "peers", "", "measure only these, comma separated")
	flag.StringVar(&p.cells, "cells", "", "measure only cells that match this regular expression")
	flag.StringVar(&p.bin, "bin", "bin", "where to build programs")
	flag.StringVar(&p.root, "root", ".", "the bench folder")
	flag.StringVar(&p.dir, "dir", "bin/disk", "a folder on the disk that the suite durable is to measure")
	names := parse(os.Args[1:])
	if p.short {
		p.rounds = 1
	}
	match, err := regexp.Compile(p.cells)
	if err != nil {
		log.Fatal("-cells: ", err)
	}
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		log.Fatal("wants two cores, and taskset (util-linux) to keep server and load apart")
	}
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		log.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "twistor-bench")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	built := build(p, names...)
	all, err := suites(p, built, dir)
	if err != nil {
		log.Fatal(err)
	}
	known := make([]string, len(all))
	for i, s := range all {
		known[i] = s.name
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			log.Fatalf("no suite %q, want some of %s", name, strings.Join(known, " "))
		}
	}
	describe(p)
	var verdicts []verdict
	for _, s := range all {
		if len(names) > 0 && !slices.Contains(names, s.name) {
			continue
		}
		samples := s.measure(p, match)
		s.print(os.Stdout, samples)
		verdicts = append(verdicts, judge(s.name, samples)...)
	}
	printVerdicts(os.Stdout, verdicts)
}

// parse takes flags before, between and after the suites' names.
func parse(args []string) (names []string) {
	for {
		flag.CommandLine.Parse(args)
		if flag.NArg() == 0 {
			return names
		}
		names, args = append(names, flag.Arg(0)), flag.Args()[1:]
	}
}

// describe says where the figures are from.
func describe(p plan) {
	version, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	fmt.Printf("Linux %s, %s, %d cores; server on core 0, load on core 1, all on the loopback; durable on both, %s.\n",
		strings.TrimSpace(string(version)), runtime.Version(), runtime.NumCPU(), disk(p.dir))
	fmt.Println("Figures are medians with [least most] of the rounds: microseconds of server CPU for one operation (of time in durable),")
	fmt.Println("or what the column says. Compare them within one run only: a shared machine is noisy, and noise can only add.")
	if p.short {
		fmt.Println("One short round: whether it works, and an order of magnitude. Marks are for full runs.")
	}
}

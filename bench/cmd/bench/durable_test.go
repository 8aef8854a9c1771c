//go:build linux

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

// scripted is a peer that reports five changes acknowledged and a sixth begun,
// and then shows kept.
func scripted(t *testing.T, kept string) peer {
	path := filepath.Join(t.TempDir(), "peer")
	text := fmt.Sprintf(`#!/bin/sh
case "$*" in
*-kept*) %s ;;
*) echo '{"figures": {"wall": 7}, "begun": [6], "acknowledged": [5]}' ;;
esac
`, kept)
	if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
		t.Fatal(err)
	}
	return peer{name: "scripted", words: []string{path}}
}

// A peer that loses what it has acknowledged is not measured.
func TestFreshRefusesAPeerThatLies(t *testing.T) {
	for _, tc := range []struct{ kept, want string }{
		{"echo '[5]'", ""},
		{"echo '[6]'", ""},
		{"echo null", ""},
		{"echo '[4]'", "kept 4 changes, but 5 were acknowledged"},
		{"echo '[7]'", "kept 7 changes, but only 6 were made"},
		{"echo damaged >&2; exit 1", "damaged"},
	} {
		p := plan{dir: t.TempDir()}
		figures, err := fresh(p, scripted(t, tc.kept), cell{})
		if tc.want == "" && (err != nil || figures["wall"] != 7) {
			t.Errorf("%s: got %v, %v; want its figures", tc.kept, figures, err)
		}
		if tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
			t.Errorf("%s: got %v, want %q", tc.kept, err, tc.want)
		}
		if left, _ := os.ReadDir(p.dir); len(left) > 0 {
			t.Errorf("%s: left %v behind", tc.kept, left)
		}
	}
}

// Each peer that is here does the job, for a moment, and keeps its word.
func TestDurablePeersKeepTheirWord(t *testing.T) {
	if testing.Short() {
		t.Skip("builds databases")
	}
	p := plan{bin: t.TempDir(), root: "../..", short: true}
	// Not t.TempDir, which may be in memory.
	var err error
	if p.dir, err = os.MkdirTemp(".", "disk"); err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(p.dir)
	built := build(p, "durable")
	for _, x := range durables(p, built).peers {
		t.Run(x.name, func(t *testing.T) {
			if x.absent != "" {
				peertest.Missing(t, x.absent)
			}
			figures, err := fresh(p, x, cell{args: []string{"-writers", "16", "-warm", "10ms", "-dur", "200ms"}})
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{"wall", "rate", "cpu", "p50", "p99"} {
				if figures[key] <= 0 {
					t.Errorf("%s: got %v, want more than 0", key, figures[key])
				}
			}
		})
	}
}

// In memory nothing is durable, and everything is fast.
func TestMemoryIsNoDisk(t *testing.T) {
	const memory = "/dev/shm"
	if _, err := os.Stat(memory); err != nil {
		t.Skip(err)
	}
	if got, want := noDisk(memory), "is in memory"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := noDisk("not-there"), "no such file"; !strings.Contains(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, x := range durables(plan{dir: memory}, map[string]binary{}).peers {
		if x.absent == "" {
			t.Errorf("%s would be measured in memory", x.name)
		}
	}
}

//go:build linux

package main

import (
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

// Each name server that is here does each job of the suite dns, for a moment. The
// load holds every answer against what is wanted.
func TestNameServersAnswer(t *testing.T) {
	if testing.Short() {
		t.Skip("builds servers")
	}
	if _, err := exec.LookPath("taskset"); err != nil || runtime.NumCPU() < 2 {
		t.Skip("wants two cores and taskset")
	}
	p := plan{bin: t.TempDir(), root: "../..", short: true}
	s := dnsSuite(p, build(p, "dns"), t.TempDir())
	if err := s.prepare(); err != nil {
		t.Fatal(err)
	}
	for _, c := range s.cells {
		c.args = append(slices.Clone(c.args), "-warm", "10ms", "-dur", "50ms")
		for _, x := range s.of(c) {
			t.Run(c.name+"/"+x.name, func(t *testing.T) {
				if x.absent != "" {
					if strings.Contains(x.absent, "without a SOA") { // left out, wherever it runs
						t.Skip(x.absent)
					}
					peertest.Missing(t, x.absent)
				}
				v, err := s.sample(p, x, c)
				if err != nil {
					t.Fatal(err)
				}
				if v["rate"] <= 0 {
					t.Errorf("got %v, want a rate", v)
				}
			})
		}
	}
}

//go:build unix

package main

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestF27FiftyStarts starts fifty daemons at once with one pid file, again and
// again: each time one of them runs, and the others say which.
func TestF27FiftyStarts(t *testing.T) {
	starts := scale(10, 50, 50)
	for range scale(1, 2, 20) {
		dir := t.TempDir()
		t.Cleanup(func() { killAll(dir) })
		type result struct {
			out []byte
			err error
		}
		results := make([]result, starts)
		var all sync.WaitGroup
		for i := range starts {
			all.Go(func() {
				c := exec.Command(program, "--daemon", "fibonacci", "--listen", "tcp:127.0.0.1:0", "--pidfile", "one.pid",
					"--state", fmt.Sprint("state", i))
				c.Dir = dir
				results[i].out, results[i].err = c.CombinedOutput()
			})
		}
		all.Wait()
		winners := 0
		for i, r := range results {
			if r.err == nil {
				winners++
			} else if !strings.Contains(string(r.out), "another process is running") {
				t.Errorf("start %d: %v, %s: want it to say that another runs", i, r.err, r.out)
			}
		}
		pid, err := readPID(filepath.Join(dir, "one.pid"))
		if err != nil {
			t.Error(err)
		}
		if winners != 1 || !ours(pid) {
			t.Errorf("%d of %d starts won, and the file has process %d: want one that runs", winners, starts, pid)
		}
		killAll(dir)
	}
}

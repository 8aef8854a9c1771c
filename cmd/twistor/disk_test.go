//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"github.com/rogpeppe/go-internal/testscript"
)

// smalldisk DIR: a file system of 1 MiB, until the script ends.
func smallDisk(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	ts.Check(os.Mkdir(dir, 0o755))
	ts.Check(mount(dir))
	ts.Defer(func() { unmount(dir) })
}

func mount(dir string) error {
	out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mount: %w: %s", err, out)
	}
	return nil
}

// unmount does so when nobody uses it any more.
func unmount(dir string) { exec.Command("umount", "--lazy", dir).Run() }

// mayMount reports whether this machine lets us mount a disk: root, but not in
// every container.
func mayMount() bool {
	dir, err := os.MkdirTemp("", "twistor-mount-")
	if err != nil {
		return false
	}
	defer os.Remove(dir)
	if mount(dir) != nil {
		return false
	}
	unmount(dir)
	return true
}

// fill FILE: with as much as the disk takes.
func fill(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Create(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	for chunk := make([]byte, 4096); ; {
		if _, err = f.Write(chunk); err != nil && len(chunk) > 1 {
			chunk = chunk[:1] // what is left of the last block
		} else if err != nil {
			break
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		ts.Fatalf("fill: got %v, want a full disk", err)
	}
}

// distinct FILE...: they have no line twice, but for errors.
func distinct(ts *testscript.TestScript, neg bool, args []string) {
	seen := map[string]string{}
	for _, name := range args {
		for line := range strings.Lines(ts.ReadFile(name)) {
			if strings.HasPrefix(line, "ERROR") {
				continue
			}
			if before, twice := seen[line]; twice {
				ts.Fatalf("%s and %s both have %s", before, name, line)
			}
			seen[line] = name
		}
	}
	if len(seen) == 0 {
		ts.Fatalf("there is nothing but errors")
	}
}

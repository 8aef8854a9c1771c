//go:build linux

package app

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A gated child waits at the gate whenever it starts, and so does its next
// version.
type gated struct {
	*child
	file string
}

// startGated starts a child; with open it goes through the gate.
func startGated(t *testing.T, open bool, memory string, args ...string) *gated {
	t.Helper()
	g := &gated{file: filepath.Join(t.TempDir(), "open")}
	if open {
		g.open(t)
	}
	g.child = startProgram(t, os.Args[0], []string{gateVariable + "=" + g.file, memoryVariable + "=" + memory},
		append([]string{"--pidfile", "pid", "--control", "control"}, args...)...)
	g.said.await(t, "waiting at the gate")
	if open {
		g.said.await(t, "INFO started")
	}
	return g
}

func (g *gated) open(t *testing.T) {
	if err := os.WriteFile(g.file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (g *gated) shut() { os.Remove(g.file) }

// times waits until it has said what n times.
func (l lines) times(t *testing.T, n int, what string) {
	t.Helper()
	for end := time.Now().Add(patience); strings.Count(l.String(), what) < n; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it does not say %q %d times:\n%s", what, n, l)
		}
	}
}

// gone waits until a process has ended.
func gone(t *testing.T, pid int) {
	t.Helper()
	for end := time.Now().Add(patience); alive(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			syscall.Kill(pid, syscall.SIGKILL)
			t.Fatalf("process %d goes on", pid)
		}
	}
}

// nothing of it may be there when it has ended.
func (g *gated) leftNothing(t *testing.T) {
	t.Helper()
	for _, name := range []string{"pid", "control"} {
		if _, err := os.Stat(filepath.Join(g.Dir, name)); err == nil {
			t.Errorf("%s is left", name)
		}
	}
}

// TestF25AtStart: F-25. While a program starts, signals do what they can do then: it
// is not reloaded, nor upgraded, and starts all the same; or it is stopped, in
// order.
func TestF25AtStart(t *testing.T) {
	for _, last := range []syscall.Signal{0, syscall.SIGTERM, syscall.SIGINT} {
		g := startGated(t, false, "yes")
		g.Process.Signal(syscall.SIGHUP)
		g.said.await(t, "greeter is starting: want it running")
		g.Process.Signal(syscall.SIGUSR2)
		g.said.await(t, "no upgrade now")
		g.Process.Signal(syscall.SIGUSR1)
		g.said.await(t, "received SIGUSR1")
		if last == 0 {
			last = syscall.SIGTERM
			g.open(t)
			g.said.await(t, "INFO started")
		}
		g.Process.Signal(last)
		if got := g.status(); got != 0 {
			t.Errorf("%v: got status %d, want 0:\n%s", last, got, g.said)
		}
		g.leftNothing(t)
	}
}

// TestF25AtStop: F-25. A program that stops is neither reloaded nor upgraded.
func TestF25AtStop(t *testing.T) {
	g := startGated(t, true, "", "--stop-timeout", "10m")
	p := g.dial()
	p.say("stuck")
	g.Process.Signal(syscall.SIGTERM)
	g.said.await(t, "shutting down")
	g.Process.Signal(syscall.SIGHUP)
	g.said.await(t, "greeter is stopping: want it running")
	g.Process.Signal(syscall.SIGUSR2)
	g.said.await(t, "no upgrade now")
	g.Process.Signal(syscall.SIGUSR1)
	g.said.await(t, "received SIGUSR1")
	p.Close()
	if got := g.status(); got != 0 {
		t.Errorf("got status %d, want 0:\n%s", got, g.said)
	}
	g.leftNothing(t)
}

// TestF25InUpgrade: F-25. While an upgrade is in progress there is no second one, and
// no reload; it goes on when who has asked for it leaves.
func TestF25InUpgrade(t *testing.T) {
	for _, memory := range []string{"", "yes"} {
		g := startGated(t, true, memory)
		g.shut()
		asker, err := net.Dial("unix", filepath.Join(g.Dir, "control"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(asker, `{"do":"upgrade"}`)
		g.said.times(t, 2, "waiting at the gate")
		asker.Close()
		g.Process.Signal(syscall.SIGUSR2)
		g.said.await(t, "no upgrade now")
		g.Process.Signal(syscall.SIGHUP)
		g.said.await(t, "greeter is upgrading: want it running")
		if got := len(children(t, g.Process.Pid)); got != 1 {
			t.Errorf("there are %d new processes, want one", got)
		}
		g.open(t)
		g.said.await(t, "upgraded pid=")
		if got := g.status(); got != 0 {
			t.Errorf("the old process: got status %d, want 0:\n%s", got, g.said)
		}
		g.said.times(t, 2, "INFO started")
		if got := g.dial().say("hello"); !strings.HasPrefix(got, "1 ") {
			t.Errorf("got %q from the new process", got)
		}
	}
}

// TestF25StopInUpgrade: F-25, F-38. Who tells a program to stop means the new process, too,
// however far that is. What the program remembers is saved.
func TestF25StopInUpgrade(t *testing.T) {
	for _, memory := range []string{"", "yes"} {
		g := startGated(t, true, memory)
		g.shut()
		g.Process.Signal(syscall.SIGUSR2)
		g.said.times(t, 2, "waiting at the gate")
		next := children(t, g.Process.Pid)
		if len(next) != 1 {
			t.Fatalf("there are new processes %q, want one", next)
		}
		g.Process.Signal(syscall.SIGTERM)
		if got := g.status(); got != 0 {
			t.Errorf("memory %q: got status %d, want 0:\n%s", memory, got, g.said)
		}
		var pid int
		fmt.Sscan(next[0], &pid)
		gone(t, pid)
		g.leftNothing(t)
		taps, _ := filepath.Glob(filepath.Join(g.Dir, "*.tap"))
		for i, name := range taps {
			taps[i] = filepath.Base(name)
		}
		if want := []string{"greeter-shutdown.tap"}; memory != "" && !slices.Equal(taps, want) {
			t.Errorf("got the files %q, want %q", taps, want)
		}
	}
}

// TestF25DeafNextVersion: a second signal does not wait for a new process that
// hears nothing.
func TestF25DeafNextVersion(t *testing.T) {
	program := copyProgram(t)
	c := startProgram(t, program, nil, "--pidfile", "pid")
	c.said.await(t, "INFO started")
	os.Remove(program)
	if err := os.WriteFile(program, []byte("#!/bin/sh\ntrap '' TERM\necho deaf\nwhile :; do sleep 0.1; done\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.Process.Signal(syscall.SIGUSR2)
	c.said.await(t, "deaf")
	c.Process.Signal(syscall.SIGTERM)
	c.said.await(t, "shutting down")
	c.Process.Signal(syscall.SIGTERM)
	if got := c.status(); got != 0 {
		t.Errorf("got status %d, want 0:\n%s", got, c.said)
	}
}

// TestF26BeforeReady: what ends a daemon before it serves is what its parent
// says and exits with.
func TestF26BeforeReady(t *testing.T) {
	for _, tc := range []struct {
		signal syscall.Signal
		status int
		says   string
	}{
		{syscall.SIGKILL, 137, "greeter: killed by signal 9 (killed) before it was ready"},
		{syscall.SIGTERM, 75, "greeter: told to stop before it was ready"},
		{syscall.SIGINT, 75, "greeter: told to stop before it was ready"},
	} {
		c := startProgram(t, os.Args[0], []string{gateVariable + "=" + filepath.Join(t.TempDir(), "open")},
			"--daemon", "--pidfile", "pid", "--logfile", "log")
		lines(filepath.Join(c.Dir, "log")).await(t, "waiting at the gate")
		leader := children(t, c.Process.Pid)
		if len(leader) != 1 {
			t.Fatalf("it has the children %q, want the leader of the session", leader)
		}
		var pid int
		fmt.Sscan(leader[0], &pid)
		daemon := children(t, pid)
		if len(daemon) != 1 {
			t.Fatalf("the leader has the children %q, want the daemon", daemon)
		}
		fmt.Sscan(daemon[0], &pid)
		syscall.Kill(pid, tc.signal)
		if got := c.status(); got != tc.status {
			t.Errorf("%v: got status %d, want %d", tc.signal, got, tc.status)
		}
		if got := strings.TrimSpace(c.said.String()); got != tc.says {
			t.Errorf("%v: got %q, want %q", tc.signal, got, tc.says)
		}
		gone(t, pid)
	}
}

//go:build linux

package app

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// copyProgram is the program in a directory of its own, so that another one can
// take its place.
func copyProgram(t *testing.T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "program")
	if os.Link(os.Args[0], name) == nil {
		return name
	}
	from, err := os.Open(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY, 0o755)
	if err == nil {
		_, err = io.Copy(to, from)
		to.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return name
}

// descriptors are what a process has open, but for what goes by numbers.
func descriptors(t *testing.T, pid int) (list []string) {
	t.Helper()
	names, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil || len(names) == 0 {
		t.Fatalf("process %d has no descriptors: %v", pid, err)
	}
	for _, name := range names {
		if to, err := os.Readlink(name); err == nil {
			kind, _, _ := strings.Cut(to, ":[")
			list = append(list, kind)
		}
	}
	slices.Sort(list)
	return list
}

// children are the processes that a process has started, zombies too.
func children(t *testing.T, pid int) (list []string) {
	t.Helper()
	names, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, name := range names {
		text, _ := os.ReadFile(name)
		list = append(list, strings.Fields(string(text))...)
	}
	return list
}

// same waits until look shows want again: what has ended goes a little later.
func same(t *testing.T, look func() []string, want []string) {
	t.Helper()
	got := look()
	for end := time.Now().Add(patience); !slices.Equal(got, want); got = look() {
		if time.Now().After(end) {
			t.Fatalf("got %q, want %q as before", got, want)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestF38BadPrograms upgrades to what is no next version of the program, of all
// sorts: each time the old process says why, and goes on with its connections,
// as if nothing had been: no process, descriptor or file is left.
func TestF38BadPrograms(t *testing.T) {
	script := func(text string) func(name string) error {
		return func(name string) error { return os.WriteFile(name, []byte("#!/bin/sh\n"+text), 0o755) }
	}
	programs := []struct {
		what string
		make func(name string) error
		says string
	}{
		{"missing", func(string) error { return nil }, "no such file"},
		{"not executable", func(name string) error { return os.WriteFile(name, []byte("#!/bin/sh\n"), 0o644) }, "permission denied"},
		{"not a program", func(name string) error { return os.WriteFile(name, []byte("\x00\x01\x02"), 0o755) }, "exec format error"},
		{"a directory", func(name string) error { return os.Mkdir(name, 0o755) }, "permission denied"},
		{"ends at once", script("exit 0"), "ended before it was ready: exit status 0"},
		{"fails at once", script("exit 3"), "ended before it was ready: exit status 3"},
		{"crashes", script("kill -SEGV $$"), "ended before it was ready: signal: segmentation fault"},
		{"says nothing", script("exec sleep 1000"), "has not said \"prepared\" after 300ms"},
		{"says nonsense", script("echo nonsense >&3; exec sleep 1000"), "nonsense"},
		{"says ready at once", script(`echo '{"kind":"ready"}' >&3; exec sleep 1000`), "want prepared"},
		{"leaves when it is its turn", script(`echo '{"kind":"prepared"}' >&3; exit 0`), "ended before it was ready: exit status 0"},
		{"sticks when it is its turn", script(`echo '{"kind":"prepared"}' >&3; exec sleep 1000`), "has not said \"ready\" after 300ms"},
		{"does not know the flags", script("exec " + os.Args[0] + " --no-such-flag"), "unknown flag: --no-such-flag"},
		{"cannot log", script("exec " + os.Args[0] + " --logfile no/such/log"), "no/such/log: no such file or directory"},
	}
	for _, memory := range []string{"", "yes"} {
		t.Run("memory="+memory, func(t *testing.T) {
			program := copyProgram(t)
			c := startProgram(t, program, []string{memoryVariable + "=" + memory, answerVariable + "=300ms"}, "--pidfile", "pid", "--control", "control")
			c.said.await(t, "started")
			p := c.dial()
			p.say("stay")
			lines := 1
			look := func() []string { return descriptors(t, c.Process.Pid) }
			before := look()
			files, _ := filepath.Glob(filepath.Join(c.Dir, "*"))
			for i, tc := range programs {
				os.RemoveAll(program)
				if err := tc.make(program); err != nil {
					t.Fatal(err)
				}
				c.Process.Signal(syscall.SIGUSR2)
				for end := time.Now().Add(patience); strings.Count(c.said.String(), "upgrade failed; going on") <= i; time.Sleep(time.Millisecond) {
					if time.Now().After(end) {
						t.Fatalf("%s: it does not fail:\n%s", tc.what, c.said)
					}
				}
				text := c.said.String()
				if last := text[strings.LastIndex(text, "upgrade failed"):]; !strings.Contains(last, strconv.Quote(tc.says)[1:len(strconv.Quote(tc.says))-1]) {
					t.Errorf("%s: got %q, want it to say %q", tc.what, last, tc.says)
				}
				lines++
				if got, want := p.say("again"), fmt.Sprint(lines, " ", c.Process.Pid); got != want {
					t.Fatalf("%s: got %q, want %q over the connection that was there before", tc.what, got, want)
				}
				another := c.dial()
				if got := another.say("hello"); !strings.HasPrefix(got, "1 ") {
					t.Fatalf("%s: got %q over a new connection", tc.what, got)
				}
				another.Close()
			}
			same(t, func() []string { return children(t, c.Process.Pid) }, nil)
			same(t, look, before)
			if now, _ := filepath.Glob(filepath.Join(c.Dir, "*")); memory == "" && !slices.Equal(now, files) {
				t.Errorf("got the files %q, want %q", now, files)
			}
			c.Process.Signal(syscall.SIGTERM)
			if got := c.status(); got != 0 {
				t.Errorf("got status %d, want 0:\n%s", got, c.said)
			}
			for _, name := range []string{"pid", "control", "greeter-upgrade.tap"} {
				if _, err := os.Stat(filepath.Join(c.Dir, name)); err == nil {
					t.Errorf("%s is left", name)
				}
			}
		})
	}
}

// TestF38Descriptors: what a process has open does not grow with the number of
// upgrades that led to it, and is what it serves.
func TestF38Descriptors(t *testing.T) {
	for _, memory := range []string{"", "yes"} {
		c := startProgram(t, os.Args[0], []string{memoryVariable + "=" + memory},
			"--pidfile", "pid", "--control", "control", "--logfile", "log")
		log := lines(filepath.Join(c.Dir, "log"))
		log.await(t, "INFO started")
		p := c.dial()
		p.say("stay")
		var first []string
		for pid, i := c.Process.Pid, 1; i <= 6; i++ {
			syscall.Kill(pid, syscall.SIGUSR2)
			log.times(t, i+1, "INFO started")
			gone(t, pid)
			text, err := os.ReadFile(filepath.Join(c.Dir, "pid"))
			if err != nil {
				t.Fatal(err)
			}
			fmt.Sscan(string(text), &pid)
			if got, want := p.say("again"), fmt.Sprint(i+1, " ", pid); got != want {
				t.Fatalf("upgrade %d: got %q, want %q", i, got, want)
			}
			if i == 1 {
				// A port, the control socket, a connection; the channel to the old process closes soon.
				for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
					if first = descriptors(t, pid); count(first, "socket") == 3 {
						break
					}
				}
				continue
			}
			same(t, func() []string { return descriptors(t, pid) }, first)
		}
		for name, want := range map[string]int{"socket": 3, "pid": 1} {
			if n := count(first, name); n != want {
				t.Errorf("it has %d %ss open, want %d: %q", n, name, want, first)
			}
		}
	}
}

// count is how many descriptors have that name.
func count(list []string, name string) (n int) {
	for _, s := range list {
		if filepath.Base(s) == name {
			n++
		}
	}
	return n
}

//go:build unix

package main

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestScript runs the sessions in testdata/script, as a person types them. Each
// has a directory of its own, and $ADDR, an address where nobody listens; $PORT is
// its port. What it leaves running is killed.
//
// The rows that they prove:
//
//   - article: S01, S03, W03, W04, W05, W09, W12 (--no-save is in daemon), A03, A12
//   - badinput: S02, W26, F-32
//   - daemon: A13, W02-W05, W07 by purpose (--log-format json), W12, W13, W17, W19
//     by purpose (--loops), W20 by purpose (--log-level debug), W22, W23, W27, W28,
//     W29, F-26; W29's way to run, in the foreground, is the only other one
//   - dns: G07, S02 for zones, UC22 for zones, keys, DoT and DoH
//   - full: F-30
//   - plugins: A04, U01, W01, W24, W31
//   - privileges: W15, F-26
//   - procmon: G18, F-39 and F-41 as a person sees them
//   - web: G01-G03 and G06 as a person uses them, UC14 for directories and users
//   - weblog: W09 for another plugin, and F-38
//
// S09 and W08, configuration as code, are programs of one's own with a.Main():
// see package app. What is left out, and why, says docs/coming-from-twisted.md.
func TestScript(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("PATH", filepath.Dir(program)+string(filepath.ListSeparator)+env.Getenv("PATH"))
			for _, name := range []string{"ADDR", "ADDR2"} {
				free, err := net.Listen("tcp", "127.0.0.1:0")
				if err != nil {
					return err
				}
				env.Setenv(name, free.Addr().String())
				_, port, _ := net.SplitHostPort(free.Addr().String())
				env.Setenv(strings.Replace(name, "ADDR", "PORT", 1), port)
				free.Close()
			}
			env.Defer(func() { killAll(env.WorkDir) })
			return nil
		},
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "peers": // they must be there
				return os.Getenv("TWISTOR_PEERS") == "required", nil
			case "mounts":
				return mayMount(), nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"ask":       ask,
			"signal":    sendSignal,
			"await":     awaitGone,
			"truncate":  truncate,
			"flip":      flip,
			"fails":     fails,
			"threads":   threads,
			"smalldisk": smallDisk,
			"recovers":  recovers,
			"says":      says,
			"append":    appendHits,
			"hits":      showHits,
			"seen":      seesAll,
			"fill":      fill,
			"distinct":  distinct,
		},
	})
}

// killAll ends what a script left running in dir, by the pid files there.
func killAll(dir string) {
	names, _ := filepath.Glob(filepath.Join(dir, "*.pid"))
	for _, name := range names {
		if pid, err := readPID(name); err == nil && ours(pid) {
			syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// ours reports whether pid is a process of the program under test.
func ours(pid int) bool {
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && filepath.Dir(exe) == filepath.Dir(program)
}

func readPID(name string) (int, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// ask ADDR N: a client that sends N lines, one after another, and prints what it
// is answered.
func ask(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	conn, err := net.Dial("tcp", args[0])
	ts.Check(err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	r := bufio.NewReader(conn)
	for range n {
		fmt.Fprintln(conn, "next")
		answer, err := r.ReadString('\n')
		ts.Check(err)
		fmt.Fprint(ts.Stdout(), answer)
	}
}

// recovers ADDR: asks until there is a number again, and prints it.
func recovers(ts *testscript.TestScript, neg bool, args []string) {
	conn, err := net.Dial("tcp", args[0])
	ts.Check(err)
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(patience))
	for r := bufio.NewReader(conn); ; time.Sleep(time.Millisecond) {
		fmt.Fprintln(conn, "next")
		answer, err := r.ReadString('\n')
		ts.Check(err)
		if !strings.HasPrefix(answer, "ERROR") {
			fmt.Fprint(ts.Stdout(), answer)
			return
		}
	}
}

// says FILE TEXT: waits until a log has it: records are written a little later.
func says(ts *testscript.TestScript, neg bool, args []string) {
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && strings.Contains(string(text), args[1]) {
			return
		}
	}
	ts.Fatalf("%s does not say %q:\n%s", args[0], args[1], ts.ReadFile(args[0]))
}

// signal SIGNAL PIDFILE
func sendSignal(ts *testscript.TestScript, neg bool, args []string) {
	signals := map[string]syscall.Signal{"TERM": syscall.SIGTERM, "KILL": syscall.SIGKILL, "HUP": syscall.SIGHUP,
		"USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2, "INT": syscall.SIGINT}
	s, ok := signals[args[0]]
	if !ok {
		ts.Fatalf("signal: %s", args[0])
	}
	pid, err := readPID(ts.MkAbs(args[1]))
	ts.Check(err)
	ts.Setenv("PID", strconv.Itoa(pid))
	ts.Check(syscall.Kill(pid, s))
}

// await: until the process $PID, which was killed, is gone.
func awaitGone(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := strconv.Atoi(ts.Getenv("PID"))
	ts.Check(err)
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		// A process that ends has no program any more a moment before it lets go of
		// its files; a zombie has let go once its other threads have gone, too.
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, state, _ := strings.Cut(string(stat), ") ")
		threads, _ := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
		if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) || err == nil && strings.HasPrefix(state, "Z") && len(threads) <= 1 {
			return
		}
	}
	ts.Fatalf("process %d is there still", pid)
}

// truncate FILE N: to its first N bytes; less than 0: without its last ones.
func truncate(ts *testscript.TestScript, neg bool, args []string) {
	text := []byte(ts.ReadFile(args[0]))
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	if n < 0 {
		n += len(text)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text[:n], 0o644))
}

// fails STATUS COMMAND...: with exactly that status, and a message.
func fails(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != want {
		ts.Fatalf("got %v, want exit status %d", err, want)
	}
}

// flip FILE TEXT: one bit of where TEXT begins.
func flip(ts *testscript.TestScript, neg bool, args []string) {
	text := []byte(ts.ReadFile(args[0]))
	i := strings.Index(string(text), args[1])
	if i < 0 {
		ts.Fatalf("there is no %q in %s", args[1], args[0])
	}
	text[i] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), text, 0o644))
}

// threads PIDFILE: prints the ids and capabilities of every thread, each
// different line once.
func threads(ts *testscript.TestScript, neg bool, args []string) {
	pid, err := readPID(ts.MkAbs(args[0]))
	ts.Check(err)
	tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	ts.Check(err)
	seen := map[string]bool{}
	for _, task := range tasks {
		text, err := os.ReadFile(task)
		if err != nil {
			continue // it has just ended
		}
		for line := range strings.Lines(string(text)) {
			name, rest, _ := strings.Cut(line, ":")
			switch name {
			case "Uid", "Gid", "Groups", "CapEff", "CapPrm", "CapBnd", "NoNewPrivs":
				line = name + " " + strings.Join(strings.Fields(rest), " ") + "\n"
				if !seen[line] {
					seen[line] = true
					fmt.Fprint(ts.Stdout(), line)
				}
			}
		}
	}
	if len(tasks) < 2 {
		ts.Fatalf("%d threads: want several to look at", len(tasks))
	}
}

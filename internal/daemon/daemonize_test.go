//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// A portrait is what a daemon says of itself.
type portrait struct {
	PID, Session, Group int
	Args                []string
	Dir                 string
	Stage, ListenPID    string
	Terminal            bool // there is one to open
	Null                []bool
	Third               string // what descriptor 3 has to read
}

func paint() portrait {
	session, _ := unix.Getsid(0)
	dir, _ := os.Getwd()
	tty, err := os.Open("/dev/tty")
	if err == nil {
		tty.Close()
	}
	p := portrait{
		PID: os.Getpid(), Session: session, Group: syscall.Getpgrp(),
		Args: os.Args[1:], Dir: dir,
		Stage: os.Getenv(stageVariable), ListenPID: os.Getenv("LISTEN_PID"),
		Terminal: err == nil,
	}
	null, _ := os.Stat(os.DevNull)
	for _, f := range []*os.File{os.Stdin, os.Stdout, os.Stderr} {
		info, err := f.Stat()
		p.Null = append(p.Null, err == nil && os.SameFile(info, null))
	}
	third, _ := io.ReadAll(io.LimitReader(os.NewFile(3, "third"), 100))
	p.Third = string(third)
	return p
}

func init() {
	roles["daemon"] = func() {
		fmt.Println("daemons print to nobody")
		if err := status.Ready(); err != nil {
			os.Exit(4)
		}
		tell(paint())
	}
	// The parent of a daemon: it prints what Daemonize returns.
	roles["parent"] = func() {
		f, err := os.Open(os.Getenv("THIRD"))
		if err != nil {
			os.Exit(5)
		}
		if f.Fd() != 3 {
			replace(int(f.Fd()), 3) // as if it had been inherited
		} else {
			unix.FcntlInt(3, unix.F_SETFD, 0)
		}
		code, message, err := Daemonize(context.Background(), Start{
			Args: []string{"one", "two words"},
			Env:  append(os.Environ(), roleVariable+"=daemon", "LISTEN_PID="+strconv.Itoa(os.Getpid())),
		})
		fmt.Print(code, message, err)
	}
}

// F-26, W03: the parent ends well only when the daemon is ready, which then has
// a session, no terminal and no way to one, and nothing of its parent but what
// it wants.
func TestF26Daemonize(t *testing.T) {
	third := filepath.Join(t.TempDir(), "third")
	os.WriteFile(third, []byte("a socket, say"), 0o600)
	l := newLine(t)
	parent := process(t, "parent", l.env, "THIRD="+third)
	var printed, complained strings.Builder
	parent.Stdout, parent.Stderr = &printed, &complained
	if err := parent.Run(); err != nil { // and its standard error ends: the daemon has left it
		t.Fatal(err, complained.String())
	}
	if printed.String() != "0<nil>" || complained.Len() != 0 {
		t.Errorf("got %q, %q, want status 0 and nothing else", printed.String(), complained.String())
	}
	var p portrait
	c := l.hear(t, &p)
	dir, _ := os.Getwd()
	ours, _ := unix.Getsid(0)
	for what, ok := range map[string]bool{
		"a session of its own":           p.Session != ours && p.Session != 0,
		"another leads the session":      p.Session != p.PID && p.Group != p.PID,
		"no terminal":                    !p.Terminal,
		"the arguments":                  len(p.Args) == 2 && p.Args[1] == "two words",
		"our directory":                  p.Dir == dir,
		"no variable for its children":   p.Stage == "",
		"LISTEN_PID is its own":          p.ListenPID == strconv.Itoa(p.PID),
		"standard files are /dev/null":   fmt.Sprint(p.Null) == "[true true true]",
		"descriptor 3 is what it was":    p.Third == "a socket, say",
		"the session's leader has ended": syscall.Kill(p.Session, 0) == syscall.ESRCH,
	} {
		if !ok {
			t.Errorf("want %s: %+v", what, p)
		}
	}
	ended(t, c)
}

func init() {
	roles["fail"] = func() {
		status.Fail(73, os.Getenv("TEXT"))
		status.Fail(1, "twice")
		status.Ready()
	}
	roles["fail at length"] = func() { status.Fail(0, strings.Repeat("é", 1<<20)) }
	roles["exit"] = func() { os.Exit(9) }
	roles["return"] = func() {}
	roles["panic"] = func() { panic("the reason") }
	roles["hang"] = func() {
		call(os.Getpid())
		forever()
	}
	roles["hang, and end slowly"] = func() {
		terminate := make(chan os.Signal, 1)
		signal.Notify(terminate, syscall.SIGTERM)
		c := call(os.Getpid())
		<-terminate
		io.Copy(c, c)
	}
	roles["hang, deaf"] = func() {
		call(os.Getpid())
		syscall.Kill(os.Getpid(), syscall.SIGSTOP) // not even SIGTERM ends it
		forever()
	}
	for name, sig := range map[string]syscall.Signal{"killed": syscall.SIGKILL, "terminated": syscall.SIGTERM} {
		roles[name] = func() {
			syscall.Kill(os.Getpid(), sig)
			forever()
		}
	}
	roles["leader killed"] = func() {
		c := call(os.Getpid())
		syscall.Kill(os.Getppid(), syscall.SIGKILL)
		c.Read(make([]byte, 1))
	}
}

// F-26: whatever the child dies of before it is ready, the parent's status and
// text are right.
func TestF26DaemonFails(t *testing.T) {
	text := "twistor web: listen tcp:80: permission denied\nwant to be root\n\n\x00\xff" + strings.Repeat("long ", 8000)
	long := strings.Repeat("é", (maxMessageBytes-len(" (cut)"))/2) + " (cut)"
	for _, tc := range []struct {
		role    string
		status  int
		message string
	}{
		{"fail", 73, strings.ReplaceAll(text, "\x00", "0")},
		{"fail at length", 70, long},
		{"exit", 9, "exited with status 9 before it was ready"},
		{"return", 70, "exited with status 0 before it was ready"},
		{"killed", 137, "killed by signal 9 (killed) before it was ready"},
		{"terminated", 143, "killed by signal 15 (terminated) before it was ready"},
	} {
		t.Run(tc.role, func(t *testing.T) {
			env := as(tc.role, "TEXT="+strings.ReplaceAll(text, "\x00", "0"))
			code, message, err := Daemonize(t.Context(), Start{Env: env})
			if code != tc.status || message != tc.message || err != nil {
				t.Errorf("got %d, %.100q (%d bytes), %v\nwant %d, %.100q (%d bytes)", code, message, len(message), err, tc.status, tc.message, len(tc.message))
			}
		})
	}
}

// What a child prints before it is ready, as the runtime's last words, is seen.
func TestDaemonPanics(t *testing.T) {
	cmd := process(t, "parent of a panic")
	var complained strings.Builder
	cmd.Stderr = &complained
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != 2 {
		t.Errorf("got %v, want status 2", err)
	}
	if !strings.Contains(complained.String(), "panic: the reason") || !strings.Contains(string(out), "exited with status 2") {
		t.Errorf("got %q and %q, want the reason", complained.String(), out)
	}
}

func init() {
	roles["parent of a panic"] = func() {
		code, message, _ := Daemonize(context.Background(), Start{Env: as("panic")})
		fmt.Println(message)
		os.Exit(code)
	}
}

// An impatient parent leaves nobody behind.
func TestDaemonIsStopped(t *testing.T) {
	t.Run("by its parent", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		l := newLine(t)
		stopped := make(chan error)
		go func() {
			_, _, err := Daemonize(ctx, Start{Env: as("hang, and end slowly", l.env)})
			stopped <- err
		}()
		c := l.hear(t, new(int))
		cancel(errors.New("^C"))
		// It is told to end, not killed: it echoes from then on, until we have enough.
		for range 3000 {
			fmt.Fprint(c, ".")
			if _, err := c.Read(make([]byte, 1)); err != nil {
				t.Fatal("it was killed: ", err)
			}
		}
		ended(t, c)
		if err := <-stopped; err == nil || !strings.Contains(err.Error(), "stopped before it was ready: ^C") {
			t.Errorf("got %v, want the cause", err)
		}
	})
	t.Run("by its parent, at once", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := Daemonize(ctx, Start{Env: as("hang", newLine(t).env)}); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
	})
	t.Run("by the clock", func(t *testing.T) {
		l := newLine(t)
		_, _, err := Daemonize(t.Context(), Start{Env: as("hang", l.env), Timeout: time.Second})
		if err == nil || !strings.Contains(err.Error(), "not ready after 1s") {
			t.Errorf("got %v, want the time", err)
		}
	})
	t.Run("when its leader is killed", func(t *testing.T) {
		l := newLine(t)
		code, message, err := Daemonize(t.Context(), Start{Env: as("leader killed", l.env)})
		if code != 137 || !strings.Contains(message, "killed by signal 9") || err != nil {
			t.Errorf("got %d, %q, %v, want 137", code, message, err)
		}
		var pid int
		dead(t, l.hear(t, &pid))
	})
}

// One that does not hear is killed when its grace is over.
func TestDeafDaemonIsKilled(t *testing.T) {
	if testing.Short() {
		t.Skip("waits for the grace to end")
	}
	t.Parallel()
	l := newLine(t)
	_, _, err := Daemonize(t.Context(), Start{Env: as("hang, deaf", l.env), Timeout: time.Second})
	if err == nil || !strings.Contains(err.Error(), "not ready after 1s") {
		t.Errorf("got %v, want the time", err)
	}
	dead(t, l.hear(t, new(int)))
}

func TestChildOfNobody(t *testing.T) {
	t.Setenv(stageVariable, stageDaemon) // somebody set it: our standard input is no status pipe
	stdin := os.Stdin
	defer func() { os.Stdin = stdin }()
	null, err := os.Open(os.DevNull)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	os.Stdin = null
	if s, ok := Child(); ok || s != nil {
		t.Errorf("got %v, %v, want nobody's child", s, ok)
	}
	if v, set := os.LookupEnv(stageVariable); set {
		t.Errorf("%s is still %q", stageVariable, v)
	}
}

// The parent closes what it opened.
func TestDaemonizeLeaks(t *testing.T) {
	if _, err := os.ReadDir("/proc/self/fd"); err != nil {
		t.Skip(err)
	}
	count := func() int { all, _ := os.ReadDir("/proc/self/fd"); return len(all) }
	Daemonize(t.Context(), Start{Env: as("exit")})
	before := count()
	for range 3 {
		Daemonize(t.Context(), Start{Env: as("exit")})
	}
	if after := count(); after != before {
		t.Errorf("%d descriptors, then %d", before, after)
	}
}

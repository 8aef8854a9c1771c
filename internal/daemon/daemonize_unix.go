//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// stageVariable tells a child that it is one, and which.
const stageVariable = "TWISTOR_DAEMON"

// The two children. The first leads a new session, which has no terminal, and
// starts the second: that leads none, so that no terminal it ever opens can
// become its own and hang it up. The first stays until the second is ready,
// because only a parent learns how a process died.
const (
	stageLeader = "leader"
	stageDaemon = "daemon"
)

const (
	// grace is how long a child that is not wanted any more may take to end.
	grace = 5 * time.Second
	// statusUnready is a child's that ended well before it was ready: a bug.
	statusUnready = 70
)

// Daemonize starts this program again as a daemon, and waits until that is ready
// or has failed. A Go program cannot fork: it has many threads, of which a child
// would have one. So the child is the same executable from its start; it calls
// Child first of all, and then what this process would have done.
//
// status is 0 when the child called Ready. Else it is what to exit with, message
// is the child's own error text, of up to 64 KiB, for the parent to print, and no
// child is left: status is that of Fail; or that of its exit, if it ended without
// a word (70 in place of 0); or 128 and the signal that killed it. err is of what
// never started, or of ctx, or the Timeout; then what was started is ended.
//
// The daemon has a session of its own and no terminal; it keeps our directory,
// umask and every descriptor that is not close-on-exec, but reads from and
// prints to /dev/null, and its standard error is ours until it is ready, so that
// a crash at the start is seen.
func Daemonize(ctx context.Context, s Start) (status int, message string, err error) {
	timeout := s.Timeout
	if timeout == 0 {
		timeout = 90 * time.Second
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, fmt.Errorf("not ready after %v", timeout))
		defer cancel()
	}
	env := s.Env
	if env == nil {
		env = os.Environ()
	}
	return start(ctx, stageLeader, s.Args, env)
}

// start runs one of the two children and waits for its word.
func start(ctx context.Context, stage string, args, env []string) (status int, message string, err error) {
	exe, err := os.Executable()
	if err != nil {
		return 0, "", fmt.Errorf("daemon: %w", err)
	}
	in, out, err := os.Pipe()
	if err != nil {
		return 0, "", fmt.Errorf("daemon: %w", err)
	}
	defer in.Close()
	child := exec.Command(exe, args...)
	child.Args[0] = os.Args[0]
	child.Env = append(without(env, stageVariable), stageVariable+"="+stage)
	// The pipe is its standard input, because every other number may be that of
	// a socket that we inherited and it wants.
	child.Stdin, child.Stderr = out, os.Stderr
	child.SysProcAttr = &syscall.SysProcAttr{Setsid: stage == stageLeader}
	err = child.Start()
	out.Close()
	if err != nil {
		return 0, "", fmt.Errorf("daemon: %w", err)
	}
	told := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(told)
		syscall.Kill(-child.Process.Pid, syscall.SIGTERM)
		in.SetReadDeadline(time.Now().Add(grace))
	})
	w, heard := readWord(in)
	stopped := !stop()
	if stopped {
		<-told // it names a process group, which may be another's after Wait
	}
	if heard == nil && w.ready && stage == stageDaemon {
		child.Process.Release() // it lives on
		return 0, "", nil
	}
	if heard != nil && stage == stageLeader {
		// The leader is dead or deaf: what it started must not outlive it.
		syscall.Kill(-child.Process.Pid, syscall.SIGKILL)
	}
	if err := child.Wait(); child.ProcessState == nil {
		return 0, "", fmt.Errorf("daemon: %w", err)
	}
	switch {
	case stopped:
		return 0, "", fmt.Errorf("daemon: stopped before it was ready: %w", context.Cause(ctx))
	case heard == nil:
		return w.status, w.message, nil
	}
	status, message = died(child.ProcessState)
	return status, message, nil
}

// died says how a child ended that said nothing.
func died(s *os.ProcessState) (status int, message string) {
	w := s.Sys().(syscall.WaitStatus)
	switch {
	case w.Signaled():
		return 128 + int(w.Signal()), fmt.Sprintf("killed by signal %d (%v) before it was ready", int(w.Signal()), w.Signal())
	case w.ExitStatus() == 0:
		return statusUnready, "exited with status 0 before it was ready"
	}
	return w.ExitStatus(), fmt.Sprintf("exited with status %d before it was ready", w.ExitStatus())
}

// A word is what a child says: READY, or FAIL and a status, in a line of its
// own, and then its error text up to the end.
type word struct {
	ready   bool
	status  int
	message string
}

var errNoWord = errors.New("daemon: no word of the child")

func readWord(from io.Reader) (word, error) {
	in := bufio.NewReaderSize(from, 64)
	line, err := in.ReadSlice('\n')
	if err != nil {
		return word{}, errors.Join(errNoWord, err)
	}
	if string(line) == "READY\n" {
		return word{ready: true}, nil
	}
	code, ok := strings.CutPrefix(strings.TrimSuffix(string(line), "\n"), "FAIL ")
	status, err := strconv.Atoi(code)
	if !ok || err != nil || status < 1 || status > 255 {
		return word{}, errNoWord
	}
	text, err := io.ReadAll(io.LimitReader(in, maxMessageBytes))
	if err != nil {
		return word{}, errors.Join(errNoWord, err)
	}
	return word{false, status, string(text)}, nil
}

// without leaves one variable out.
func without(env []string, name string) []string {
	kept := make([]string, 0, len(env)+1)
	for _, v := range env {
		if !strings.HasPrefix(v, name+"=") {
			kept = append(kept, v)
		}
	}
	return kept
}

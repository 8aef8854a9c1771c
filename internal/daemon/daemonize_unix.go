//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
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

// A Status is a daemon's line to the process that started it.
// Not safe for concurrent use.
type Status struct{ pipe *os.File }

// Child returns the Status of a process that Daemonize started; false: nobody
// did. A program calls it first of all, once: in the session's leader (see
// Daemonize) it does not return.
//
// It takes the variable that says so out of the environment, for children of
// ours are not daemons; and what LISTEN_PID and WATCHDOG_PID say of our parent
// holds for us.
func Child() (*Status, bool) {
	stage := os.Getenv(stageVariable)
	os.Unsetenv(stageVariable)
	if stage != stageLeader && stage != stageDaemon {
		return nil, false
	}
	if info, err := os.Stdin.Stat(); err != nil || info.Mode()&fs.ModeNamedPipe == 0 {
		return nil, false // a variable that somebody else set
	}
	pipe, err := takeStdin()
	if err != nil {
		fmt.Fprintln(os.Stderr, "daemon:", err)
		os.Exit(statusUnready)
	}
	parent := strconv.Itoa(os.Getppid())
	for _, name := range []string{"LISTEN_PID", "WATCHDOG_PID"} {
		if os.Getenv(name) == parent {
			os.Setenv(name, strconv.Itoa(os.Getpid()))
		}
	}
	s := &Status{pipe}
	if stage == stageLeader {
		lead(s)
	}
	return s, true
}

// lead is the life of the session's leader.
func lead(s *Status) {
	// Daemonize may tell both of us to end: we are the one to tell how that went.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
	status, message, err := start(context.Background(), stageDaemon, os.Args[1:], os.Environ())
	switch {
	case err != nil:
		s.Fail(statusUnready, err.Error())
	case status != 0:
		s.Fail(status, message)
	default:
		s.say("READY\n")
	}
	os.Exit(status)
}

// takeStdin moves the pipe away from descriptor 0, which becomes /dev/null, as
// standard output is from the start.
func takeStdin() (*os.File, error) {
	fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return nil, os.NewSyscallError("fcntl", err)
	}
	return os.NewFile(uintptr(fd), "status pipe"), null(0)
}

// null makes a standard descriptor /dev/null.
func null(fd int) error {
	f, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	return os.NewSyscallError("dup", control(f, func(from int) error { return replace(from, fd) }))
}

// Ready tells the parent that the daemon serves, whereupon that exits with
// status 0; standard error becomes /dev/null. If it fails the parent is gone,
// and what it said to its user unknown: the daemon may go on. Calls after the
// first of Ready and Fail do nothing.
func (s *Status) Ready() error {
	if s.pipe == nil {
		return nil
	}
	if err := null(2); err != nil {
		return fmt.Errorf("daemon: ready: %w", err)
	}
	if err := s.say("READY\n"); err != nil {
		return fmt.Errorf("daemon: ready: %w", err)
	}
	return nil
}

// Fail tells the parent what to exit with, from 1 to 255 (others are 70), and
// what to print: up to 64 KiB, the rest is cut. The daemon must end then: its
// parent waits for that, so that nothing is left when the user sees the error.
func (s *Status) Fail(status int, message string) {
	if s.pipe == nil {
		return
	}
	if status < 1 || status > 255 {
		status = statusUnready
	}
	if len(message) > maxMessageBytes {
		const cut = " (cut)"
		message = strings.ToValidUTF8(message[:maxMessageBytes-len(cut)], "") + cut
	}
	s.say(fmt.Sprintf("FAIL %d\n%s", status, message))
}

func (s *Status) say(text string) error {
	_, err := io.WriteString(s.pipe, text)
	return errors.Join(err, s.close())
}

func (s *Status) close() error {
	err := s.pipe.Close()
	s.pipe = nil
	return err
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

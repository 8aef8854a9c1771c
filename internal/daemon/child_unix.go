//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

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

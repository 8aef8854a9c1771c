//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package poll

import (
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// A Process is a child process that was started. It is reaped by Wait, which
// must be called once, and by nobody else: no SIGCHLD is waited for, and other
// children of this process are left alone.
type Process struct {
	process *os.Process
	exit    FD // a pidfd; -1: the system has none
	group   bool
}

// StartProcess starts a child. It inherits Files and nothing else: where the
// system can, also descriptors that were open when this process began, and
// were never marked, are close-on-exec from now on. It blocks until the child
// has become the new program, about a millisecond, or could not.
func StartProcess(s ProcessSpec) (*Process, error) {
	shield()
	sys := &syscall.SysProcAttr{Setsid: s.Terminal, Setctty: s.Terminal, Setpgid: s.Group && !s.Terminal}
	if s.User != nil {
		sys.Credential = &syscall.Credential{Uid: s.User.UID, Gid: s.User.GID, Groups: s.User.Groups}
	}
	exit := wantExit(sys)
	p, err := os.StartProcess(s.Path, s.Args, &os.ProcAttr{Dir: s.Dir, Env: s.Env, Files: s.Files, Sys: sys})
	if err != nil {
		return nil, err
	}
	return &Process{process: p, exit: exit(), group: s.Group}, nil
}

// PID is the child's number.
func (p *Process) PID() int { return p.process.Pid }

// Exit is a Socket that is ready In when the child has ended, to be adopted as
// a "process"; nil: there is none, Wait on a goroutine. It is for one caller,
// who owns it then.
func (p *Process) Exit() Socket {
	if p.exit < 0 {
		return nil
	}
	return p.exit
}

// Exited reports whether the child has ended, so that Wait need not wait. It is
// for a Process with an Exit that is open.
func (p *Process) Exited() bool {
	n, err := unix.Poll([]unix.PollFd{{Fd: int32(p.exit), Events: unix.POLLIN}}, 0)
	return err == nil && n > 0
}

// Wait waits for the child's end and reaps it.
func (p *Process) Wait() (*os.ProcessState, error) { return p.process.Wait() }

// Signal sends s to the child, or to its group if it has one. The child must
// not have been reaped yet, which is the caller's to know: its number may be
// another's.
func (p *Process) Signal(s os.Signal) error {
	if number, ok := s.(syscall.Signal); ok && p.group {
		return p.SignalGroup(number)
	}
	return p.process.Signal(s)
}

// SignalGroup sends s to what is left of the child's group, also when the child
// itself is reaped: the number of a group is not given out again while it has
// members. If it has none, the error is ESRCH.
func (p *Process) SignalGroup(s syscall.Signal) error {
	return wrap("kill", unix.Kill(-p.process.Pid, s))
}

// Pipe makes a pipe whose ends no child inherits by chance.
func Pipe() (reading, writing FD, err error) {
	var p [2]int
	syscall.ForkLock.RLock() // no child is started before they are close-on-exec
	defer syscall.ForkLock.RUnlock()
	if err := unix.Pipe(p[:]); err != nil {
		return -1, -1, wrap("pipe", err)
	}
	unix.CloseOnExec(p[0])
	unix.CloseOnExec(p[1])
	return FD(p[0]), FD(p[1]), nil
}

// FileOf makes an *os.File of an end of a Pipe, which blocks.
func FileOf(fd FD, name string) *os.File { return os.NewFile(uintptr(fd), name) }

// twin is a second descriptor of the same thing.
func twin(fd FD) (FD, error) {
	n, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, wrap("fcntl", err)
	}
	return FD(n), nil
}

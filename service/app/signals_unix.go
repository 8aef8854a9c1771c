//go:build unix

package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

var signals = []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2}

// on does what a signal means; on the loop.
func (v *life) on(s os.Signal) {
	switch s {
	case syscall.SIGHUP:
		v.log.Info("received SIGHUP")
		v.reloadSoon()
	case syscall.SIGUSR1:
		if err := v.process.sinks.reopen(); err != nil {
			v.log.Error("cannot reopen the log", "err", err)
		}
		v.log.Info("received SIGUSR1: the log is reopened")
	case syscall.SIGUSR2:
		v.log.Info("received SIGUSR2")
		if v.phase != running {
			v.log.Warn("no upgrade now", "phase", v.phase)
			return
		}
		v.upgrade().Done(func(int, error) {}) // it is logged where it failed
	case syscall.SIGINT:
		v.stop("received SIGINT")
	default:
		v.stop("received SIGTERM")
	}
}

// listen has the loop hear of signals, until the function that it returns is
// called. A peer that is gone is an error of a write, never a signal.
func (x *process) listen(v *life) (stop func()) {
	signal.Ignore(syscall.SIGPIPE)
	return x.pass(v)
}

// alive reports whether a process runs. One that has ended, and whose parent has
// not asked how, does not.
func alive(pid int) bool {
	p, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	defer p.Release()
	if err := p.Signal(syscall.Signal(0)); err != nil && !errors.Is(err, os.ErrPermission) {
		return false
	}
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return true // a system without /proc
	}
	_, rest, _ := bytes.Cut(stat, []byte(") ")) // its name may have anything in it
	return !bytes.HasPrefix(rest, []byte("Z"))
}

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package poll

import "syscall"

// shield does nothing: a child inherits what this process itself inherited
// without the mark, if it did not mark it since.
func shield() {}

// wantExit has nothing to ask for: there are no pidfds.
func wantExit(*syscall.SysProcAttr) func() FD { return func() FD { return -1 } }

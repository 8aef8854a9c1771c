//go:build unix

package sim

import (
	"os"
	"syscall"
)

// harmless reports whether a signal does nothing to a child that does not trap
// it.
func harmless(s os.Signal) bool {
	switch s {
	case syscall.SIGCHLD, syscall.SIGCONT, syscall.SIGSTOP, syscall.SIGURG, syscall.SIGWINCH, syscall.Signal(0):
		return true
	}
	return false
}

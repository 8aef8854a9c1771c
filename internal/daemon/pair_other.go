//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package daemon

import "os"

// Pair makes two ends of a UNIX stream socket where the system has such.
func Pair() (ours, theirs *os.File, err error) { return nil, nil, unsupported("socketpair") }

//go:build darwin || dragonfly || freebsd || netbsd || openbsd

package daemon

import "golang.org/x/sys/unix"

// replace makes descriptor to the same as from; children inherit it.
func replace(from, to int) error { return unix.Dup2(from, to) }

//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import "golang.org/x/sys/unix"

func chroot(dir string) error { return unix.Chroot(dir) }

func umask(mask int) error {
	unix.Umask(mask)
	return nil
}

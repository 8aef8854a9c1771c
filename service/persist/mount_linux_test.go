package persist

import "syscall"

func mountTmpfs(dir string) error {
	return syscall.Mount("persist", dir, "tmpfs", 0, "size=1m")
}

func unmount(dir string) error { return syscall.Unmount(dir, 0) }

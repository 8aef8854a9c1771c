//go:build unix

package static

import (
	"io/fs"
	"syscall"
)

// inode is the number of the file; 0: unknown.
func inode(info fs.FileInfo) uint64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(s.Ino)
	}
	return 0
}

//go:build !unix

package static

import "io/fs"

// inode is the number of the file; 0: unknown.
func inode(fs.FileInfo) uint64 { return 0 }

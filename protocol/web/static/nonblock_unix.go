//go:build unix

package static

import "syscall"

// nonblock has open return at once, whatever the name stands for.
const nonblock = syscall.O_NONBLOCK

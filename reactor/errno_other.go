//go:build !linux

package reactor

import "syscall"

// noNetwork stands for an error that only Linux has.
const noNetwork = syscall.ENETDOWN

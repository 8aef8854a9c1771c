package reactor

import "syscall"

// noNetwork is what accept(2) may pass on from a connection on Linux only.
const noNetwork = syscall.ENONET

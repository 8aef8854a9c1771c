package poll

import "golang.org/x/sys/unix"

// cmsgCloexec makes descriptors that come by a message close-on-exec at once.
const cmsgCloexec = unix.MSG_CMSG_CLOEXEC

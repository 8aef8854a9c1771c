package daemon

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rights are what limitRights did: what verify must find.
type rights struct {
	mask     uint64 // the capabilities to keep
	bounding bool   // the bounding set is down to mask
	retain   bool   // mask is to be kept across the change of ids
	dropped  bool   // by root, and not only effectively
}

// everywhere makes a system call on every thread of the process, for what the
// kernel keeps for each. In a program that is linked with cgo there may be
// threads that Go does not know: then it fails with ENOTSUP.
func everywhere(call, a1, a2, a3, a4, a5 uintptr) error {
	if _, _, e := syscall.AllThreadsSyscall6(call, a1, a2, a3, a4, a5, 0); e != 0 {
		return e
	}
	return nil
}

// linkedWithCgo says whether everywhere fails.
func linkedWithCgo() bool { return everywhere(unix.SYS_GETPID, 0, 0, 0, 0, 0) != nil }

// limitRights does what is to be done before the ids change.
func limitRights(root bool, p Privileges) (r rights, err error) {
	if p.BindLow {
		r.mask = 1 << unix.CAP_NET_BIND_SERVICE
	}
	if err := noNewPrivileges(); err != nil {
		return r, fmt.Errorf("no_new_privs: %w", err)
	}
	if !root || p.Effective {
		return r, nil
	}
	r.dropped = true
	for capability := uintptr(0); capability <= 63; capability++ {
		if r.mask&(1<<capability) != 0 {
			continue
		}
		err := everywhere(unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, capability, 0, 0, 0)
		if errors.Is(err, unix.EINVAL) && capability > 0 {
			r.bounding = true // the kernel has no more of them
			break
		}
		// The set bounds what an exec may give, and no_new_privs keeps an exec
		// from giving anything. So it is a second lock on the same door: we do
		// without where cgo, or a container, does not let us close it.
		if errors.Is(err, unix.ENOTSUP) || errors.Is(err, unix.EPERM) {
			break
		}
		if err != nil {
			return r, os.NewSyscallError("prctl", err)
		}
	}
	if r.mask == 0 {
		return r, nil // the kernel clears all when the last id is not root's
	}
	r.retain = true
	if err := everywhere(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		if errors.Is(err, unix.ENOTSUP) {
			err = errors.New("keep CAP_NET_BIND_SERVICE: want a program built with CGO_ENABLED=0, or ports from 1024 on")
		}
		return r, err
	}
	return r, nil
}

// keep does what is to be done after it.
func (r rights) keep() error {
	if !r.retain {
		return nil
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	sets := [2]unix.CapUserData{{Effective: uint32(r.mask), Permitted: uint32(r.mask)}}
	if err := everywhere(unix.SYS_CAPSET, uintptr(unsafe.Pointer(&header)), uintptr(unsafe.Pointer(&sets)), 0, 0, 0); err != nil {
		return os.NewSyscallError("capset", err)
	}
	return os.NewSyscallError("prctl", everywhere(unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 0, 0, 0, 0))
}

// noNewPrivileges keeps every exec from now on from giving more than we have.
// https://docs.kernel.org/userspace-api/no_new_privs.html
func noNewPrivileges() error {
	err := everywhere(unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	if !errors.Is(err, unix.ENOTSUP) {
		return err
	}
	// Linked with cgo. A seccomp filter can be laid on all threads at once, and
	// takes no_new_privs along; ours allows everything.
	// https://man7.org/linux/man-pages/man2/seccomp.2.html, SECCOMP_FILTER_FLAG_TSYNC
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	allow := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW}
	program := unix.SockFprog{Len: 1, Filter: &allow}
	thread, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&program)))
	if e != 0 {
		return os.NewSyscallError("seccomp", e)
	}
	if thread != 0 {
		return fmt.Errorf("thread %d has a seccomp filter of its own", thread)
	}
	return nil
}

// hide keeps the process from being dumped or traced by others of its user.
func hide() error {
	return os.NewSyscallError("prctl", unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0))
}

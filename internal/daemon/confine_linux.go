package daemon

import (
	"errors"
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// What Landlock can refuse, by the kernel's ABI that it came with.
// https://docs.kernel.org/userspace-api/landlock.html#filesystem-flags
const (
	mayRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	mayExecute = mayRead | unix.LANDLOCK_ACCESS_FS_EXECUTE
	mayWrite   = mayRead | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REMOVE_FILE |
		unix.LANDLOCK_ACCESS_FS_MAKE_DIR | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SYM |
		unix.LANDLOCK_ACCESS_FS_MAKE_SOCK | unix.LANDLOCK_ACCESS_FS_MAKE_FIFO |
		unix.LANDLOCK_ACCESS_FS_REFER | unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	mayNever = unix.LANDLOCK_ACCESS_FS_MAKE_CHAR | unix.LANDLOCK_ACCESS_FS_MAKE_BLOCK

	// ofFiles is what makes sense of a file that is no folder.
	ofFiles = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV

	portsABI = 4
	rulePort = 2 // LANDLOCK_RULE_NET_PORT
)

// handled are the accesses to files that a kernel of that ABI knows.
func handled(abi int) uint64 {
	all := uint64(mayExecute | mayWrite | mayNever)
	for _, since := range []struct {
		abi    int
		access uint64
	}{
		{2, unix.LANDLOCK_ACCESS_FS_REFER}, {3, unix.LANDLOCK_ACCESS_FS_TRUNCATE}, {5, unix.LANDLOCK_ACCESS_FS_IOCTL_DEV},
	} {
		if abi < since.abi {
			all &^= since.access
		}
	}
	return all
}

// Enforce confines every thread of the process, and all children, by Landlock,
// which needs no root and cannot be undone; it sets no_new_privs. What is open
// stays open. Call it last, when everything else is opened and dropped.
//
// It does as much as the kernel can and says what that was. The error is
// errors.ErrUnsupported where nothing can be confined: without Landlock, not on
// Linux, and in a program linked with cgo, whose threads Go does not all know;
// who wants as much as there is ignores that one. Other errors name the path
// that is wrong, or the system call, and the process should end.
func (c Confinement) Enforce() (Enforced, error) {
	version, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if e != 0 {
		return Enforced{}, fmt.Errorf("daemon: landlock: %w: %w", errors.ErrUnsupported, e)
	}
	if linkedWithCgo() {
		return Enforced{}, fmt.Errorf("daemon: landlock: %w in a program linked with cgo", errors.ErrUnsupported)
	}
	done := Enforced{int(version), int(version) >= portsABI}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: handled(done.ABI)}
	if done.Ports && c.Listen != nil {
		attr.Handled_access_net |= unix.LANDLOCK_ACCESS_NET_BIND_TCP
	}
	if done.Ports && c.Dial != nil {
		attr.Handled_access_net |= unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	fd, _, e := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr), 0)
	if e != 0 {
		return Enforced{}, fmt.Errorf("daemon: %w", os.NewSyscallError("landlock_create_ruleset", e))
	}
	rules := ruleset{int(fd), attr}
	defer unix.Close(rules.fd)
	if err := rules.add(c); err != nil {
		return Enforced{}, fmt.Errorf("daemon: confine: %w", err)
	}
	if err := noNewPrivileges(); err != nil {
		return Enforced{}, fmt.Errorf("daemon: no_new_privs: %w", err)
	}
	if err := everywhere(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0, 0, 0); err != nil {
		return Enforced{}, fmt.Errorf("daemon: %w", os.NewSyscallError("landlock_restrict_self", err))
	}
	return done, nil
}

// A ruleset is the kernel's.
type ruleset struct {
	fd   int
	attr unix.LandlockRulesetAttr
}

func (r ruleset) add(c Confinement) error {
	for _, paths := range []struct {
		names  []string
		access uint64
	}{{c.Read, mayRead}, {c.Execute, mayExecute}, {c.Write, mayWrite}} {
		for _, name := range paths.names {
			if err := r.path(name, paths.access&r.attr.Handled_access_fs); err != nil {
				return err
			}
		}
	}
	for _, ports := range []struct {
		numbers []uint16
		access  uint64
	}{{c.Listen, unix.LANDLOCK_ACCESS_NET_BIND_TCP}, {c.Dial, unix.LANDLOCK_ACCESS_NET_CONNECT_TCP}} {
		for _, port := range ports.numbers {
			if r.attr.Handled_access_net&ports.access == 0 {
				continue // this kernel knows nothing of ports
			}
			rule := struct{ access, port uint64 }{ports.access, uint64(port)}
			if _, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), rulePort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); e != 0 {
				return fmt.Errorf("port %d: %w", port, os.NewSyscallError("landlock_add_rule", e))
			}
		}
	}
	return nil
}

func (r ruleset) path(name string, access uint64) error {
	fd, err := unix.Open(name, unix.O_PATH|unix.O_CLOEXEC, 0)
	if err != nil {
		return &os.PathError{Op: "open", Path: name, Err: err}
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= ofFiles
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access, Parent_fd: int32(fd)}
	if _, _, e := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(&rule)), 0, 0, 0); e != 0 {
		return &os.PathError{Op: "landlock_add_rule", Path: name, Err: e}
	}
	return nil
}

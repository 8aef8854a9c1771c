//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// Drop gives up what the Privileges do not keep, on every thread: in this order
// no_new_privs, the capabilities' bounding set, supplementary groups, group, user,
// capabilities, core files; then it looks whether all that is so, and whether root
// cannot be had back. Not on Linux: the ids, and core files.
//
// It fails closed: after an error the process may be on half its way, and must
// end. A Credentials drops once, or once after each Regain.
func (c *Credentials) Drop() error {
	if c.Name == "" {
		if c.privileges.Sealed {
			return c.wrap(seal())
		}
		return nil
	}
	uid, gid := os.Geteuid(), os.Getegid()
	if uid != 0 && (uid != c.UID || gid != c.GID) {
		return fmt.Errorf("daemon: want to be root to become %s", c)
	}
	if uid == 0 {
		groups, err := syscall.Getgroups()
		if err != nil {
			return c.wrap(os.NewSyscallError("getgroups", err))
		}
		c.former = former{uid, gid, groups, c.privileges.Effective}
	}
	rights, err := limitRights(uid == 0, c.privileges)
	if err != nil {
		return c.wrap(err)
	}
	if uid == 0 {
		if err := c.change(); err != nil {
			return c.wrap(err)
		}
	}
	if err := rights.keep(); err != nil {
		return c.wrap(err)
	}
	// At the end, because a change of ids sets what this clears.
	if c.privileges.Sealed {
		if err := seal(); err != nil {
			return c.wrap(err)
		}
	}
	if err := c.verify(uid == 0, rights); err != nil {
		return c.wrap(err)
	}
	if !c.privileges.Effective {
		return c.wrap(c.view.close())
	}
	return nil
}

// change changes the ids: the groups first, while we may.
func (c *Credentials) change() error {
	type step struct {
		name string
		do   func() error
	}
	steps := []step{
		{"setgroups", func() error { return syscall.Setgroups(c.Groups) }},
		{"setgid", func() error { return syscall.Setgid(c.GID) }},
		{"setuid", func() error { return syscall.Setuid(c.UID) }},
	}
	if c.privileges.Effective {
		steps[1] = step{"setegid", func() error { return syscall.Setegid(c.GID) }}
		steps[2] = step{"seteuid", func() error { return syscall.Seteuid(c.UID) }}
	}
	for _, s := range steps {
		if err := s.do(); err != nil {
			return os.NewSyscallError(s.name, err)
		}
	}
	return nil
}

// verify looks at what Drop did.
func (c *Credentials) verify(changed bool, r rights) error {
	if os.Geteuid() != c.UID || os.Getegid() != c.GID {
		return fmt.Errorf("ids are %d:%d afterwards", os.Geteuid(), os.Getegid())
	}
	if !changed {
		return c.view.verify(c, false, r)
	}
	if !c.privileges.Effective {
		if syscall.Setuid(0) == nil || syscall.Seteuid(0) == nil || syscall.Setgid(0) == nil && c.GID != 0 {
			return errors.New("root could be had back")
		}
	}
	got, err := syscall.Getgroups()
	if err != nil {
		return os.NewSyscallError("getgroups", err)
	}
	for _, g := range got {
		// The BSDs list the effective group among them.
		if g != c.GID && !slices.Contains(c.Groups, g) {
			return fmt.Errorf("still in group %d", g)
		}
	}
	return c.view.verify(c, true, r)
}

// Regain becomes root again after a Drop that was Effective; another Drop gives
// it up once more.
func (c *Credentials) Regain() error {
	if !c.former.regains {
		return errors.New("daemon: root was not dropped, or for good: want Effective")
	}
	for _, err := range []error{
		os.NewSyscallError("seteuid", syscall.Seteuid(c.former.uid)),
		os.NewSyscallError("setegid", syscall.Setegid(c.former.gid)),
		os.NewSyscallError("setgroups", syscall.Setgroups(c.former.groups)),
	} {
		if err != nil {
			return fmt.Errorf("daemon: become root again: %w", err)
		}
	}
	return nil
}

func (c *Credentials) wrap(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%w: want to be root", err)
	}
	if c.Name == "" {
		return fmt.Errorf("daemon: %w", err)
	}
	return fmt.Errorf("daemon: become %s: %w", c, err)
}

// seal keeps what is in memory there.
func seal() error {
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}); err != nil {
		return os.NewSyscallError("setrlimit", err)
	}
	return hide()
}

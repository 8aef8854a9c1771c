package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
)

// A Place is where a daemon lives: its root, its directory, and what its files
// are kept from. The zero Place is where the process is. Immutable after first use.
type Place struct {
	// Chroot is the directory that becomes the root, for which one must be root
	// oneself; "": none. Everything that is opened later must be inside:
	// /etc/resolv.conf, certificates, time zones, /dev/null. It confines only who
	// then drops root; Landlock does so better.
	Chroot string
	// Dir is the working directory. "" and ".": the present one, or the new root.
	// With Chroot every Dir is inside it.
	Dir string
	// Umask is what new files are not open to, in octal, such as "027"; "": as it is.
	Umask string
}

// Enter goes there. After an error the process may be on half its way, and must
// end. Its messages name what was wanted.
func (p Place) Enter() error {
	mask := -1
	if p.Umask != "" {
		n, err := strconv.ParseUint(p.Umask, 8, 32)
		if err != nil || n > 0o777 {
			return fmt.Errorf("daemon: umask %.20q: want an octal number from 0 to 777", p.Umask)
		}
		mask = int(n)
	}
	dir := p.Dir
	if p.Chroot != "" {
		if err := chroot(p.Chroot); err != nil {
			if errors.Is(err, fs.ErrPermission) && os.Geteuid() != 0 {
				err = fmt.Errorf("%w: want to be root to change the root", err)
			}
			return fmt.Errorf("daemon: chroot %s: %w", p.Chroot, err)
		}
		// The working directory is outside until it is changed, and ".." of an
		// outside directory leads anywhere.
		dir = filepath.Join("/", dir)
	}
	if dir != "" {
		if err := os.Chdir(dir); err != nil {
			return fmt.Errorf("daemon: %w", err)
		}
	}
	if mask >= 0 {
		return umask(mask)
	}
	return nil
}

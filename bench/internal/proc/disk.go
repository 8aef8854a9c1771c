//go:build linux

package proc

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// A Disk is what a folder's files are on.
type Disk struct {
	Name string // vda
	dir  string // in /sys
}

// DiskOf finds it, if it is one that the kernel keeps statistics of.
func DiskOf(folder string) (Disk, error) {
	var s unix.Stat_t
	if err := unix.Stat(folder, &s); err != nil {
		return Disk{}, &os.PathError{Op: "stat", Path: folder, Err: err}
	}
	link := fmt.Sprintf("/sys/dev/block/%d:%d", unix.Major(s.Dev), unix.Minor(s.Dev))
	dir, err := filepath.EvalSymlinks(link)
	if err != nil {
		return Disk{}, fmt.Errorf("%s is on no disk: %w", folder, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "partition")); err == nil {
		dir = filepath.Dir(dir) // flushes are those of the whole disk
	}
	return Disk{filepath.Base(dir), dir}, nil
}

// WriteCache is "write back" if a flush has something to do, else "write
// through".
func (d Disk) WriteCache() string {
	b, err := os.ReadFile(filepath.Join(d.dir, "queue", "write_cache"))
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(b))
}

// Flushes returns how often the disk of a folder was told to flush its cache, by
// whomever, since it is there
// (https://www.kernel.org/doc/html/latest/admin-guide/iostats.html, field 16).
func Flushes(folder string) (int, error) {
	d, err := DiskOf(folder)
	if err != nil {
		return 0, err
	}
	b, err := os.ReadFile(filepath.Join(d.dir, "stat"))
	if err != nil {
		return 0, err
	}
	const field = 16
	f := strings.Fields(string(b))
	if len(f) < field {
		return 0, fmt.Errorf("%s: the kernel counts no flushes", d.Name)
	}
	return strconv.Atoi(f[field-1])
}

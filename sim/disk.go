package sim

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
)

// maxDiskBytes bounds what the files of one Disk hold together; more is ENOSPC.
const maxDiskBytes = 256 << 20

// A Disk is a twistor.FS in memory. Paths are slash-separated and count from
// the root, with or without a leading slash; the root and /tmp exist. It has
// no links and asks no permissions. Loop-only.
type Disk struct {
	now     func() time.Time
	root    *node
	used    int64
	watches []*watch
}

var _ twistor.FS = (*Disk)(nil)

// A node is a file, or a directory when entries is not nil.
type node struct {
	name    string
	mode    fs.FileMode
	changed time.Time
	bytes   []byte
	entries map[string]*node
}

// NewDisk returns an empty Disk whose file times are now's.
func NewDisk(now func() time.Time) *Disk {
	d := &Disk{now: now}
	d.root = d.newDir("/", 0o755)
	d.root.entries["tmp"] = d.newDir("tmp", 0o777)
	return d
}

func (d *Disk) newDir(name string, perm fs.FileMode) *node {
	return &node{name: name, mode: fs.ModeDir | perm.Perm(), changed: d.now(), entries: map[string]*node{}}
}

// find walks to the directory that name is in; base is "" for the root.
func (d *Disk) find(name string) (dir *node, base string, err error) {
	if name == "" {
		return nil, "", syscall.ENOENT
	}
	if strings.ContainsRune(name, 0) {
		return nil, "", syscall.EINVAL
	}
	parts := strings.Split(path.Clean("/" + name)[1:], "/")
	dir = d.root
	for _, part := range parts[:len(parts)-1] {
		next := dir.entries[part]
		switch {
		case next == nil:
			return nil, "", syscall.ENOENT
		case next.entries == nil:
			return nil, "", syscall.ENOTDIR
		}
		dir = next
	}
	return dir, parts[len(parts)-1], nil
}

// look finds what name names.
func (d *Disk) look(name string) (*node, error) {
	dir, base, err := d.find(name)
	if err != nil {
		return nil, err
	}
	if base == "" {
		return d.root, nil
	}
	if n := dir.entries[base]; n != nil {
		return n, nil
	}
	return nil, syscall.ENOENT
}

func failed(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: name, Err: err}
}

// OpenFile opens a file; of the flags it knows O_RDONLY, O_WRONLY, O_RDWR,
// O_APPEND, O_CREATE, O_EXCL, O_TRUNC and ignores the rest.
func (d *Disk) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	dir, base, err := d.find(name)
	if err != nil {
		return nil, failed("open", name, err)
	}
	n := d.root
	if base != "" {
		n = dir.entries[base]
	}
	writes := flag&(os.O_WRONLY|os.O_RDWR) != 0
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, failed("open", name, syscall.ENOENT)
	case n == nil:
		n = &node{name: base, mode: perm.Perm(), changed: d.now()}
		dir.entries[base] = n
		d.tell(name, twistor.FileCreated)
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, failed("open", name, syscall.EEXIST)
	case n.entries != nil && (writes || flag&os.O_TRUNC != 0):
		return nil, failed("open", name, syscall.EISDIR)
	}
	f := &file{disk: d, node: n, path: path.Clean("/" + name), flag: flag}
	if flag&os.O_TRUNC != 0 && writes {
		return f, f.Truncate(0)
	}
	return f, nil
}

// Stat says what name names.
func (d *Disk) Stat(name string) (fs.FileInfo, error) {
	n, err := d.look(name)
	if err != nil {
		return nil, failed("stat", name, err)
	}
	return n.info(), nil
}

// ReadDir lists a directory, sorted by name.
func (d *Disk) ReadDir(name string) ([]fs.DirEntry, error) {
	n, err := d.look(name)
	if err == nil && n.entries == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return nil, failed("readdir", name, err)
	}
	var list []fs.DirEntry
	for _, base := range slices.Sorted(maps.Keys(n.entries)) {
		list = append(list, fs.FileInfoToDirEntry(n.entries[base].info()))
	}
	return list, nil
}

// Mkdir makes one directory.
func (d *Disk) Mkdir(name string, perm fs.FileMode) error {
	dir, base, err := d.find(name)
	if err == nil && (base == "" || dir.entries[base] != nil) {
		err = syscall.EEXIST
	}
	if err != nil {
		return failed("mkdir", name, err)
	}
	dir.entries[base] = d.newDir(base, perm)
	d.tell(name, twistor.FileCreated)
	return nil
}

// Rename moves a file or directory, in place of one that is there already: a
// file, or an empty directory for a directory.
func (d *Disk) Rename(from, to string) error {
	fail := func(err error) error {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	src, a, err := d.find(from)
	if err != nil {
		return fail(err)
	}
	dst, b, err := d.find(to)
	if err != nil {
		return fail(err)
	}
	n, old := src.entries[a], dst.entries[b]
	switch inside := path.Clean("/" + to); {
	case n == nil:
		return fail(syscall.ENOENT)
	case b == "":
		return fail(syscall.EBUSY)
	case n == old:
		return nil
	case n.entries != nil && strings.HasPrefix(inside, path.Clean("/"+from)+"/"):
		return fail(syscall.EINVAL)
	case old != nil && n.entries != nil && old.entries == nil:
		return fail(syscall.ENOTDIR)
	case old != nil && n.entries == nil && old.entries != nil:
		return fail(syscall.EISDIR)
	case old != nil && len(old.entries) > 0:
		return fail(syscall.ENOTEMPTY)
	case old != nil:
		d.used -= int64(len(old.bytes))
	}
	delete(src.entries, a)
	dst.entries[b] = n
	n.name = b
	d.tell(from, twistor.FileRemoved)
	d.tell(to, twistor.FileCreated)
	return nil
}

// Remove removes a file, which stays readable where it is open, or an empty
// directory.
func (d *Disk) Remove(name string) error {
	dir, base, err := d.find(name)
	if err != nil {
		return failed("remove", name, err)
	}
	n := dir.entries[base]
	switch {
	case base == "":
		return failed("remove", name, syscall.EBUSY)
	case n == nil:
		return failed("remove", name, syscall.ENOENT)
	case len(n.entries) > 0:
		return failed("remove", name, syscall.ENOTEMPTY)
	}
	d.used -= int64(len(n.bytes))
	delete(dir.entries, base)
	d.tell(name, twistor.FileRemoved)
	return nil
}

// SyncDir makes the names of a directory durable; here they are already.
func (d *Disk) SyncDir(name string) error {
	n, err := d.look(name)
	if err == nil && n.entries == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return failed("sync", name, err)
	}
	return nil
}

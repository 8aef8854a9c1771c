package sim

import (
	"os"
	"path"
	"strings"
	"syscall"

	"github.com/twistor-go/twistor"
)

// A nameChange is what one call did to the names of one directory; a Crash
// keeps all of it or nothing.
type nameChange []struct {
	name string
	node *node // nil: the name is gone
}

func (c nameChange) apply(to map[string]*node) {
	for _, x := range c {
		if x.node == nil {
			delete(to, x.name)
		} else {
			to[x.name] = x.node
		}
	}
}

// maxUndone is how many changes of a directory, or writes of a file, are known
// one by one. Of more the older half becomes durable without a sync, as when
// the system finds time for it.
const maxUndone = 4096

// change changes names of a directory; the change lasts from the next SyncDir on.
func (n *node) change(c nameChange) {
	c.apply(n.entries)
	n.undone = append(n.undone, c)
	if len(n.undone) > maxUndone {
		for _, c := range n.undone[:maxUndone/2] {
			c.apply(n.lasting)
		}
		n.undone = append([]nameChange(nil), n.undone[maxUndone/2:]...)
	}
}

// Mkdir makes one directory.
func (d *Disk) Mkdir(name string, perm os.FileMode) error {
	dir, base, err := d.find(name)
	if err == nil && (base == "" || dir.entries[base] != nil) {
		err = syscall.EEXIST
	}
	if err == nil {
		err = d.before(DiskCall{Op: DiskMkdir, Name: name})
	}
	if err != nil {
		return failed("mkdir", name, err)
	}
	dir.change(nameChange{{base, d.newDir(base, perm)}})
	d.tell(name, twistor.FileCreated)
	return nil
}

// Rename moves a file or directory, in place of one that is there already: a
// file, or an empty directory for a directory. Within one directory a Crash
// keeps it whole or undoes it; between two, each name is for itself.
func (d *Disk) Rename(from, to string) error {
	src, a, err := d.find(from)
	var dst *node
	var b string
	if err == nil {
		dst, b, err = d.find(to)
	}
	var n, old *node
	if err == nil {
		n, old = src.entries[a], dst.entries[b]
		err = renames(n, old, b, path.Clean("/"+from), path.Clean("/"+to))
	}
	if err == nil && n == old {
		return nil
	}
	if err == nil {
		err = d.before(DiskCall{Op: DiskRename, Name: from, To: to})
	}
	if err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	if old != nil {
		d.used -= int64(len(old.bytes))
	}
	if src == dst {
		src.change(nameChange{{a, nil}, {b, n}})
	} else {
		src.change(nameChange{{a, nil}})
		dst.change(nameChange{{b, n}})
	}
	n.name = b
	d.tell(from, twistor.FileRemoved)
	d.tell(to, twistor.FileCreated)
	return nil
}

// renames says why n cannot take the place of old.
func renames(n, old *node, base, from, to string) error {
	switch {
	case n == nil:
		return syscall.ENOENT
	case base == "":
		return syscall.EBUSY
	case n == old:
		return nil
	case n.entries != nil && strings.HasPrefix(to, from+"/"):
		return syscall.EINVAL
	case old != nil && n.entries != nil && old.entries == nil:
		return syscall.ENOTDIR
	case old != nil && n.entries == nil && old.entries != nil:
		return syscall.EISDIR
	case old != nil && len(old.entries) > 0:
		return syscall.ENOTEMPTY
	}
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
		err = syscall.EBUSY
	case n == nil:
		err = syscall.ENOENT
	case len(n.entries) > 0:
		err = syscall.ENOTEMPTY
	default:
		err = d.before(DiskCall{Op: DiskRemove, Name: name})
	}
	if err != nil {
		return failed("remove", name, err)
	}
	d.used -= int64(len(n.bytes))
	dir.change(nameChange{{base, nil}})
	d.tell(name, twistor.FileRemoved)
	return nil
}

// SyncDir makes the names in a directory durable: not what the files hold, nor
// the directory's own name in the one above. If it fails, some of the names
// never will be.
func (d *Disk) SyncDir(name string) error {
	n, err := d.look(name)
	if err == nil && n.entries == nil {
		err = syscall.ENOTDIR
	}
	if err != nil {
		return failed("sync", name, err)
	}
	life := d.life
	if err := d.before(DiskCall{Op: DiskSyncDir, Name: name}); err != nil {
		if life == d.life {
			n.settle(d.chance, d.chance.Float64())
		}
		return failed("sync", name, err)
	}
	n.settle(d.chance, 1)
	return nil
}

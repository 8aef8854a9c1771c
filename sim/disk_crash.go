package sim

import (
	"io/fs"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"

	"github.com/twistor-go/twistor"
)

// Crash is a loss of power: what was not synced is lost, or not, or in part.
// Sectors of 512 bytes survive each for itself, some torn; so do names. Chance
// decides, and also whether much survives or little. All open files and locks
// are gone: calls on those files, and of an FS from Mount, fail with EIO.
//
// A Host's Crash crashes its Disk.
func (d *Disk) Crash() {
	keep := [...]float64{0, 1, 0.5, d.chance.Float64()}[d.chance.IntN(4)]
	d.CrashKeeping(keep)
}

// Kill is the end of a program whose machine goes on, as by kill -9: open files
// and locks are gone, as by Crash, but no bytes and no names. What was not synced
// still is not, and a later Crash may take it.
func (d *Disk) Kill() {
	d.life++
	d.watches, d.locks = nil, map[string]*lock{}
}

// CrashKeeping is Crash with a given chance of each sector and name that was not
// synced to survive: 0 is only what was synced, 1 all.
func (d *Disk) CrashKeeping(keep float64) {
	d.Kill()
	d.used = 0
	d.wake(d.root, keep, map[*node]bool{})
}

// wake makes n, and all below it, what the disk has of it.
func (d *Disk) wake(n *node, keep float64, seen map[*node]bool) {
	if seen[n] {
		return // it has two names: a rename between directories survived by half
	}
	seen[n] = true
	if n.entries == nil {
		n.image.tear(d.chance, keep)
		n.bytes = slices.Clone(n.image.durable)
		d.used += int64(len(n.bytes))
		return
	}
	n.settle(d.chance, keep)
	n.entries = maps.Clone(n.lasting)
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		n.entries[name].name = name
		d.wake(n.entries[name], keep, seen)
	}
}

// settle makes names durable, each change with a chance of keep, and forgets the
// others.
func (n *node) settle(r *rand.Rand, keep float64) {
	for _, c := range n.undone {
		if chance(r, keep) {
			c.apply(n.lasting)
		}
	}
	n.undone = nil
}

// Rot flips one bit of a file, where it is durable, as an old disk does. bit
// counts from the first bit of the first byte.
func (d *Disk) Rot(name string, bit int64) error {
	n, err := d.look(name)
	switch {
	case err != nil:
	case n.entries != nil:
		err = syscall.EISDIR
	case bit < 0 || bit/8 >= int64(len(n.bytes)) || bit/8 >= int64(len(n.image.durable)):
		err = syscall.EINVAL
	}
	if err != nil {
		return failed("rot", name, err)
	}
	n.bytes[bit/8] ^= 1 << (bit % 8)
	n.image.durable[bit/8] ^= 1 << (bit % 8)
	return nil
}

// Clone is a copy of the Disk as it is, with what is not durable, to be crashed
// in another way. It has no open files, locks, watches, faults to come and hooks;
// its chance begins anew, as of seed 0.
func (d *Disk) Clone() *Disk {
	c := &Disk{now: d.now, locks: map[string]*lock{}, used: d.used}
	c.Seed(0)
	c.root = d.root.clone(map[*node]*node{})
	return c
}

func (n *node) clone(known map[*node]*node) *node {
	if n == nil {
		return nil
	}
	if c := known[n]; c != nil {
		return c
	}
	c := &node{name: n.name, mode: n.mode, changed: n.changed, bytes: slices.Clone(n.bytes)}
	known[n] = c
	c.image = image{slices.Clone(n.image.durable), slices.Clone(n.image.undone)}
	if n.entries == nil {
		return c
	}
	c.entries, c.lasting = map[string]*node{}, map[string]*node{}
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		c.entries[name] = n.entries[name].clone(known)
	}
	for _, name := range slices.Sorted(maps.Keys(n.lasting)) {
		c.lasting[name] = n.lasting[name].clone(known)
	}
	for _, u := range n.undone {
		u = slices.Clone(u)
		for i := range u {
			u[i].node = u[i].node.clone(known)
		}
		c.undone = append(c.undone, u)
	}
	return c
}

// Mount is the Disk as one program sees it: until the next Crash or Kill. From then on
// all calls fail with EIO. It is what Loop.FS of a Host is.
func (d *Disk) Mount() twistor.FS { return &mount{d, d.life} }

// A mount is a Disk until it crashes.
type mount struct {
	disk *Disk
	life int
}

func (m *mount) gone(op, name string) error {
	if m.life == m.disk.life {
		return nil
	}
	return failed(op, name, syscall.EIO)
}

func (m *mount) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	if err := m.gone("open", name); err != nil {
		return nil, err
	}
	return m.disk.OpenFile(name, flag, perm)
}

func (m *mount) Stat(name string) (fs.FileInfo, error) {
	if err := m.gone("stat", name); err != nil {
		return nil, err
	}
	return m.disk.Stat(name)
}

func (m *mount) ReadDir(name string) ([]fs.DirEntry, error) {
	if err := m.gone("readdir", name); err != nil {
		return nil, err
	}
	return m.disk.ReadDir(name)
}

func (m *mount) Mkdir(name string, perm fs.FileMode) error {
	if err := m.gone("mkdir", name); err != nil {
		return err
	}
	return m.disk.Mkdir(name, perm)
}

func (m *mount) Rename(from, to string) error {
	if err := m.gone("rename", from); err != nil {
		return err
	}
	return m.disk.Rename(from, to)
}

func (m *mount) Remove(name string) error {
	if err := m.gone("remove", name); err != nil {
		return err
	}
	return m.disk.Remove(name)
}

func (m *mount) SyncDir(name string) error {
	if err := m.gone("sync", name); err != nil {
		return err
	}
	return m.disk.SyncDir(name)
}

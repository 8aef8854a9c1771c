package sim

import (
	"io/fs"
	"maps"
	"math/rand/v2"
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

// A Disk is a twistor.FS in memory that forgets like a real one: what was
// written is seen at once, and survives a Crash for sure only after Sync of its
// file, and SyncDir of the directory of its name. It fails as Faults, FailOnce,
// FailFrom and Before say; by itself it never does.
//
// Paths are slash-separated and count from the root, with or without a leading
// slash; the root and /tmp exist. It has no links and asks no permissions.
// Loop-only.
type Disk struct {
	// Faults says how it fails. It may be changed at any time.
	Faults DiskFaults
	// Before, if not nil, is called before each call that changes something or
	// makes it durable. An error of it is the call's. It may Crash the Disk, or
	// its Host: then the call fails as well.
	Before func(c DiskCall) error

	now     func() time.Time
	took    func(time.Duration) // nil: nothing takes time
	chance  *rand.Rand
	root    *node
	used    int64
	watches []*watch
	locks   map[string]*lock
	faults  []*fault
	life    int // crashes
}

var (
	_ twistor.FS     = (*Disk)(nil)
	_ twistor.Locker = (*Disk)(nil)
)

// A node is a file, or a directory when entries is not nil.
type node struct {
	name    string
	mode    fs.FileMode
	changed time.Time
	bytes   []byte
	entries map[string]*node

	image   image            // of a file: what of bytes is durable
	lasting map[string]*node // of a directory: the entries that are
	undone  []nameChange     // and what happened to them since
}

// NewDisk returns an empty Disk whose file times are now's. What it draws by
// chance, it draws as of seed 0; see Seed.
func NewDisk(now func() time.Time) *Disk {
	d := &Disk{now: now, locks: map[string]*lock{}}
	d.Seed(0)
	d.root = d.newDir("/", 0o755)
	tmp := d.newDir("tmp", 0o777)
	d.root.entries["tmp"], d.root.lasting["tmp"] = tmp, tmp
	return d
}

// Seed makes chance begin anew: it decides what a Crash leaves and which calls
// fail. A Host's Disk has that of its World.
func (d *Disk) Seed(seed uint64) { d.chance = rand.New(rand.NewPCG(seed, 0xd15c)) }

func (d *Disk) newDir(name string, perm fs.FileMode) *node {
	return &node{name: name, mode: fs.ModeDir | perm.Perm(), changed: d.now(), entries: map[string]*node{}, lasting: map[string]*node{}}
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
		if err := d.before(DiskCall{Op: DiskCreate, Name: name}); err != nil {
			return nil, failed("open", name, err)
		}
		n = &node{name: base, mode: perm.Perm(), changed: d.now()}
		dir.change(nameChange{{base, n}})
		d.tell(name, twistor.FileCreated)
	case flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, failed("open", name, syscall.EEXIST)
	case n.entries != nil && (writes || flag&os.O_TRUNC != 0):
		return nil, failed("open", name, syscall.EISDIR)
	}
	f := &file{disk: d, node: n, path: path.Clean("/" + name), flag: flag, life: d.life}
	if flag&os.O_TRUNC != 0 && writes {
		if err := f.Truncate(0); err != nil {
			return nil, err
		}
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
	if err == nil && chance(d.chance, d.Faults.ReadError) {
		err = syscall.EIO
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

package sim

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/twistor-go/twistor"
)

// A lock is one that is held.
type lock struct {
	disk *Disk
	name string
}

// Lock makes the file name if it is not there, and holds it until the Closer is
// closed or the Disk crashes; see twistor.Locker.
func (d *Disk) Lock(name string, perm fs.FileMode) (io.Closer, error) {
	f, err := d.OpenFile(name, os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, err
	}
	f.Close()
	name = path.Clean("/" + name)
	if d.locks[name] != nil {
		return nil, fmt.Errorf("lock %s: %w", name, twistor.ErrLocked)
	}
	l := &lock{d, name}
	d.locks[name] = l
	return l, nil
}

// Close lets the lock go; a second time it does nothing.
func (l *lock) Close() error {
	if l.disk.locks[l.name] == l {
		delete(l.disk.locks, l.name)
	}
	return nil
}

// Lock is the Disk's, for as long as the program lives.
func (m *mount) Lock(name string, perm fs.FileMode) (io.Closer, error) {
	if err := m.gone("lock", name); err != nil {
		return nil, err
	}
	return m.disk.Lock(name, perm)
}

var _ twistor.Locker = (*mount)(nil)

package reactor

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// disk is the real file system.
type disk struct{}

var (
	_ twistor.FS     = disk{}
	_ twistor.Locker = disk{}
)

func (disk) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // not a nil *os.File in an interface
	}
	return f, nil
}

func (disk) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (disk) Mkdir(name string, perm fs.FileMode) error  { return os.Mkdir(name, perm) }
func (disk) Rename(from, to string) error               { return os.Rename(from, to) }
func (disk) Remove(name string) error                   { return os.Remove(name) }

// Lock implements twistor.Locker. The file is never removed: who came next would
// lock another one of the same name.
func (disk) Lock(name string, perm fs.FileMode) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, perm)
	if err != nil {
		return nil, err
	}
	if err := poll.Lock(f); err != nil {
		f.Close()
		if err == poll.ErrAgain {
			err = twistor.ErrLocked
		}
		return nil, fmt.Errorf("lock %s: %w", name, err)
	}
	return f, nil
}

// SyncDir makes what happened to the names of a directory durable. Windows has no
// such call, and writes its names through a journal.
func (disk) SyncDir(name string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

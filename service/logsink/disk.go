package logsink

import (
	"io/fs"
	"os"

	"github.com/twistor-go/twistor"
)

// files is what a File needs of a twistor.FS.
type files interface {
	OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error)
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	Rename(from, to string) error
	Remove(name string) error
}

// disk is the system's.
type disk struct{}

func (disk) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err // not a nil *os.File in an interface
	}
	return f, nil
}

func (disk) Stat(name string) (fs.FileInfo, error)      { return os.Stat(name) }
func (disk) ReadDir(name string) ([]fs.DirEntry, error) { return os.ReadDir(name) }
func (disk) Rename(from, to string) error               { return os.Rename(from, to) }
func (disk) Remove(name string) error                   { return os.Remove(name) }

func (f *File) disk() files {
	if f.FS == nil {
		return disk{}
	}
	return f.FS
}

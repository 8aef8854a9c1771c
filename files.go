package twistor

import (
	"errors"
	"io"
	"io/fs"
)

// FS is the world's file system: the real one, or the simulator's. Safe for concurrent use.
type FS interface {
	OpenFile(name string, flag int, perm fs.FileMode) (File, error)
	Stat(name string) (fs.FileInfo, error)
	ReadDir(name string) ([]fs.DirEntry, error)
	Mkdir(name string, perm fs.FileMode) error
	Rename(from, to string) error
	Remove(name string) error
	SyncDir(name string) error
}

// File is an open file.
type File interface {
	io.ReadWriteSeeker
	io.ReaderAt
	io.Closer
	Stat() (fs.FileInfo, error)
	Truncate(size int64) error
	Sync() error
}

// A FileOp says what happened to a file of a watched directory.
type FileOp uint8

const (
	FileWritten FileOp = 1 << iota // its content or size changed
	FileCreated                    // it came to be, also by a rename
	FileRemoved                    // it is gone, also by a rename
	FileLost                       // changes were missed: look at everything
)

// A Notifier is a Loop that can watch directories. Both reactor (on Linux) and
// sim are; who follows files must be ready to look from time to time instead.
type Notifier interface {
	// Notify calls f on the loop for what happens to the files of dir, until
	// the Closer is closed. name has no directory part.
	Notify(dir string, f func(name string, op FileOp)) (io.Closer, error)
}

// A Locker is an FS whose files can be locked against other processes. Both
// reactor (where the system has flock) and sim are.
type Locker interface {
	// Lock makes the file name if it is not there and holds it, until the
	// Closer is closed or the process ends, whatever ends it. It does not wait:
	// ErrLocked if another one holds it. The file stays. Safe for concurrent
	// use.
	Lock(name string, perm fs.FileMode) (io.Closer, error)
}

// ErrLocked says that another process, or another part of this one, holds a
// lock.
var ErrLocked = errors.New("twistor: locked by another")

package persist

import (
	"io/fs"

	"github.com/twistor-go/twistor"
)

// A sized FS says that its files have a given size.
type sized struct {
	twistor.FS
	size int64
}

func (s sized) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	f, err := s.FS.OpenFile(name, flag, perm)
	return sizedFile{f, s.size}, err
}

type sizedFile struct {
	twistor.File
	size int64
}

func (f sizedFile) Stat() (fs.FileInfo, error) {
	i, err := f.File.Stat()
	return sizedInfo{i, f.size}, err
}

func (f sizedFile) Read([]byte) (int, error) { panic("it was read") }

type sizedInfo struct {
	fs.FileInfo
	size int64
}

func (i sizedInfo) Size() int64 { return i.size }

package sim

import (
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"

	"github.com/twistor-go/twistor"
)

// A file is an open file of a Disk.
type file struct {
	disk   *Disk
	node   *node
	path   string
	flag   int
	at     int64
	life   int
	closed bool
}

func (f *file) check(op string, flag int) error {
	switch mode := f.flag & (os.O_WRONLY | os.O_RDWR); {
	case f.closed:
		return failed(op, f.path, fs.ErrClosed)
	case f.life != f.disk.life:
		return failed(op, f.path, syscall.EIO) // of before a Crash
	case f.node.entries != nil:
		return failed(op, f.path, syscall.EISDIR)
	case flag == os.O_RDONLY && mode == os.O_WRONLY, flag == os.O_WRONLY && mode == os.O_RDONLY:
		return failed(op, f.path, syscall.EBADF)
	}
	return nil
}

func (f *file) Read(p []byte) (int, error) {
	n, err := f.ReadAt(p, f.at)
	f.at += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *file) ReadAt(p []byte, off int64) (int, error) {
	if err := f.check("read", os.O_RDONLY); err != nil {
		return 0, err
	}
	if off < 0 {
		return 0, failed("read", f.path, syscall.EINVAL)
	}
	if len(p) == 0 {
		return 0, nil
	}
	if chance(f.disk.chance, f.disk.Faults.ReadError) {
		return 0, failed("read", f.path, syscall.EIO)
	}
	n := copy(p, f.node.bytes[min(off, int64(len(f.node.bytes))):])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *file) Write(p []byte) (int, error) {
	if err := f.check("write", os.O_WRONLY); err != nil {
		return 0, err
	}
	life := f.disk.life
	err := f.disk.before(DiskCall{Op: DiskWrite, Name: f.path, Bytes: p})
	if f.disk.life != life {
		return 0, failed("write", f.path, err)
	}
	if err != nil {
		p = p[:len(p)/2]
	}
	if f.flag&os.O_APPEND != 0 {
		f.at = int64(len(f.node.bytes))
	}
	if room := f.room(); f.at+int64(len(p)) > room {
		p, err = p[:max(room-f.at, 0)], syscall.ENOSPC
	}
	n := 0
	if len(p) > 0 {
		f.resize(max(int64(len(f.node.bytes)), f.at+int64(len(p))))
		n = copy(f.node.bytes[f.at:], p)
		f.node.image.add(f.at, p)
		f.at += int64(n)
		f.touch()
	}
	if err != nil {
		return n, failed("write", f.path, err)
	}
	return n, nil
}

// room is how large the file may become.
func (f *file) room() int64 {
	return int64(len(f.node.bytes)) + f.disk.maxBytes() - f.disk.used
}

// resize gives the file its size: what is new is zero.
func (f *file) resize(size int64) {
	more := size - int64(len(f.node.bytes))
	f.disk.used += more
	switch {
	case more > 0:
		f.node.bytes = append(f.node.bytes, make([]byte, more)...)
	case more < 0:
		f.node.bytes = f.node.bytes[:size:size] // what is cut must read as zero when it grows again
	}
}

func (f *file) touch() {
	f.node.changed = f.disk.now()
	if n, err := f.disk.look(f.path); err == nil && n == f.node {
		f.disk.tell(f.path, twistor.FileWritten)
	}
}

func (f *file) Seek(offset int64, whence int) (int64, error) {
	if f.closed {
		return 0, failed("seek", f.path, fs.ErrClosed)
	}
	switch whence {
	case io.SeekCurrent:
		offset += f.at
	case io.SeekEnd:
		offset += int64(len(f.node.bytes))
	}
	if offset < 0 || whence < 0 || whence > 2 {
		return 0, failed("seek", f.path, syscall.EINVAL)
	}
	f.at = offset
	return offset, nil
}

func (f *file) Truncate(size int64) error {
	if err := f.check("truncate", os.O_WRONLY); err != nil {
		return err
	}
	if size < 0 {
		return failed("truncate", f.path, syscall.EINVAL)
	}
	err := f.disk.before(DiskCall{Op: DiskTruncate, Name: f.path})
	if err == nil && size > max(f.room(), int64(len(f.node.bytes))) {
		err = syscall.ENOSPC
	}
	if err != nil {
		return failed("truncate", f.path, err)
	}
	f.resize(size)
	f.node.image.cut(size)
	f.touch()
	return nil
}

// Sync makes what was written durable, not the file's name. If it fails, some of
// it never will be.
func (f *file) Sync() error {
	if f.closed {
		return failed("sync", f.path, fs.ErrClosed)
	}
	if f.life != f.disk.life {
		return failed("sync", f.path, syscall.EIO)
	}
	if err := f.disk.before(DiskCall{Op: DiskSync, Name: f.path}); err != nil {
		if f.life == f.disk.life {
			f.node.image.tear(f.disk.chance, f.disk.chance.Float64())
		}
		return failed("sync", f.path, err)
	}
	f.node.image.sync()
	return nil
}

func (f *file) Stat() (fs.FileInfo, error) {
	if f.closed {
		return nil, failed("stat", f.path, fs.ErrClosed)
	}
	return f.node.info(), nil
}

func (f *file) Close() error {
	if f.closed {
		return failed("close", f.path, fs.ErrClosed)
	}
	f.closed = true
	return nil
}

// An info is a fs.FileInfo. The node is its Sys: os.SameFile is for real
// files only, so who must know whether a name is still the same file compares that.
type info struct {
	name    string
	size    int64
	mode    fs.FileMode
	changed time.Time
	node    *node
}

func (n *node) info() info { return info{n.name, int64(len(n.bytes)), n.mode, n.changed, n} }

func (i info) Name() string       { return i.name }
func (i info) Size() int64        { return i.size }
func (i info) Mode() fs.FileMode  { return i.mode }
func (i info) ModTime() time.Time { return i.changed }
func (i info) IsDir() bool        { return i.mode.IsDir() }
func (i info) Sys() any           { return i.node }

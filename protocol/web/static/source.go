package static

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/twistor-go/twistor/protocol/web"
)

// A source is where files are. Its calls block, and are made on the pool only;
// names are checked, relative and with slashes.
type source interface {
	stat(name string) (fs.FileInfo, error)
	lstat(name string) (fs.FileInfo, error)
	open(name string) (fs.File, error)
	close()
}

// A dir is a directory of the system. Whatever links and renames are within,
// nothing outside of it is opened.
type dir struct{ root *os.Root }

func openDir(name string) (source, error) {
	if name == "" {
		return nil, errors.New("static: Files has no Dir and no FS: want one of them")
	}
	root, err := os.OpenRoot(name)
	if err == nil {
		return &dir{root}, nil
	}
	parent, file := filepath.Split(filepath.Clean(name))
	above, aboveErr := os.OpenRoot(cmp.Or(parent, "."))
	if aboveErr != nil {
		return nil, fmt.Errorf("static: %w", err)
	}
	if info, statErr := above.Stat(file); statErr != nil || !info.Mode().IsRegular() {
		above.Close()
		return nil, fmt.Errorf("static: %w: want a directory, or a regular file that no link leads away from", err)
	}
	return &single{dir{above}, file}, nil
}

func (d *dir) stat(name string) (fs.FileInfo, error)  { return d.root.Stat(name) }
func (d *dir) lstat(name string) (fs.FileInfo, error) { return d.root.Lstat(name) }

// open does not wait for the other end of a FIFO.
func (d *dir) open(name string) (fs.File, error) {
	return d.root.OpenFile(name, os.O_RDONLY|nonblock, 0)
}

func (d *dir) close() { d.root.Close() }

// A single is one file, in the place of a directory.
type single struct {
	dir
	file string
}

func (s *single) stat(name string) (fs.FileInfo, error) {
	if name != "." {
		return nil, fs.ErrNotExist
	}
	return s.dir.stat(s.file)
}

func (s *single) lstat(name string) (fs.FileInfo, error) {
	if name != "." {
		return nil, fs.ErrNotExist
	}
	return s.dir.lstat(s.file)
}

func (s *single) open(name string) (fs.File, error) {
	if name != "." {
		return nil, fs.ErrNotExist
	}
	return s.dir.open(s.file)
}

// An embedded is what the program carries, or another fs.FS.
type embedded struct{ fs.FS }

func (e *embedded) stat(name string) (fs.FileInfo, error)  { return fs.Stat(e.FS, name) }
func (e *embedded) lstat(name string) (fs.FileInfo, error) { return fs.Lstat(e.FS, name) }
func (e *embedded) open(name string) (fs.File, error)      { return e.FS.Open(name) }
func (e *embedded) close()                                 {}

// linked says whether a part of name is a symbolic link, or cannot be seen. What
// is not there is none.
func linked(src source, name string) bool {
	for i := range len(name) + 1 {
		if i < len(name) && name[i] != '/' {
			continue
		}
		info, err := src.lstat(name[:i])
		if err != nil {
			return !errors.Is(err, fs.ErrNotExist)
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// refusal is what the client is told of a failure: that there is nothing, for
// whatever the name is to blame for, else that the server cannot now.
func refusal(name string, err error) error {
	for _, ours := range []error{syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM, syscall.EIO} {
		if errors.Is(err, ours) {
			return &web.Error{Status: 503, Err: err}
		}
	}
	if errors.Is(err, fs.ErrClosed) || errors.Is(err, errTooLarge) || errors.Is(err, io.ErrUnexpectedEOF) {
		return err
	}
	return &web.Error{Status: 404, Err: err}
}

// isText says whether the beginning of a file looks like text in UTF-8.
func isText(p []byte) bool {
	return !strings.ContainsFunc(string(p), func(r rune) bool {
		return r < ' ' && r != '\n' && r != '\r' && r != '\t' && r != '\f' && r != '\x1b' || r == 0x7f
	}) && validPrefix(p)
}

package follow

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/twistor-go/twistor"
)

// tailBytes is how much before the place of reading is compared at each look.
const tailBytes = 256

// A source is one file that has, or had, the name. It may be used from one
// goroutine at a time.
type source struct {
	file     twistor.File
	name     string
	info     fs.FileInfo
	offset   int64     // of the next byte to read
	tail     []byte    // the last bytes before offset, up to tailBytes
	position Position  // behind the last whole line that was read; zero: none was
	grown    time.Time // when bytes were read last
	settled  bool      // nobody writes it any more: it ends where it ends
}

// open opens name, which must be a regular file: to wait for anything else
// would hold up the pool.
func open(fsys twistor.FS, name string) (*source, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		err = regular(name, info)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return &source{file: f, name: name, info: info}, nil
}

func regular(name string, info fs.FileInfo) error {
	if info.Mode().IsRegular() {
		return nil
	}
	return &fs.PathError{Op: "follow", Path: name, Err: errNotRegular}
}

var errNotRegular = errors.New("want a regular file")

// errTruncated says that the bytes before the place of reading are not, or no
// longer, those that were read.
var errTruncated = errors.New("truncated")

// read reads into p, which has room for tailBytes more, and returns what is
// new; nothing if there is none.
func (s *source) read(p []byte, now time.Time) ([]byte, error) {
	before := len(s.tail)
	n, err := s.file.ReadAt(p, s.offset-int64(before))
	if err != nil && err != io.EOF {
		return nil, err
	}
	if n < before || !bytes.Equal(p[:before], s.tail) {
		return nil, errTruncated
	}
	if n == before {
		return nil, nil
	}
	if end := bytes.LastIndexByte(p[before:n], '\n') + 1; end > 0 {
		s.position = positionAt(s.offset+int64(end), p[max(0, before+end-tailBytes):before+end])
	}
	s.offset += int64(n - before)
	s.tail = append(s.tail[:0], p[max(0, n-tailBytes):n]...)
	s.grown = now
	return p[before:n], nil
}

// end makes the place of reading, wherever it is, the end of a line.
func (s *source) end() {
	if s.offset > 0 {
		s.position = positionAt(s.offset, s.tail)
	}
}

// rewind makes the start of the file the next to be read.
func (s *source) rewind() { s.offset, s.tail = 0, s.tail[:0] }

// seekLastLine makes the start of the last line, if it has no newline yet, or
// else the end of the file, the next to be read. It looks for it in p.
func (s *source) seekLastLine(p []byte) error {
	size := s.info.Size()
	from := max(0, size-int64(len(p)))
	n, err := s.file.ReadAt(p[:size-from], from)
	if err != nil && err != io.EOF {
		return err
	}
	p = p[:n]
	end := bytes.LastIndexByte(p, '\n') + 1 // 0: all of p is of the last line
	s.offset = from + int64(end)
	s.tail = append(s.tail[:0], p[max(0, end-tailBytes):end]...)
	s.end()
	return nil
}

// sameFile tells whether two names or files are one. os.SameFile knows real
// files only; those of other file systems are told apart by what they put in
// Sys.
func sameFile(a, b fs.FileInfo) bool {
	return os.SameFile(a, b) || a.Sys() != nil && a.Sys() == b.Sys()
}

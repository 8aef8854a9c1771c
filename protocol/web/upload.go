package web

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// An Upload is a file of a form. It is gone when the answer is complete.
// Loop-only.
type Upload struct {
	Field string // the name of the field
	Name  string // what the client calls it, without directories; it says nothing of what it is
	Type  string // what the client says that it is; "": nothing
	Size  int64

	memory []byte
	spool  *spool
}

// Open returns the content. Reading it may wait for a disk: on the loop read it
// by deferred.Go, or let Save do it.
func (u *Upload) Open() *io.SectionReader {
	if u.spool != nil {
		return io.NewSectionReader(u.spool.file, 0, u.Size)
	}
	return io.NewSectionReader(bytes.NewReader(u.memory), 0, u.Size)
}

// Save writes the content to a new file; there must be none of that name. If it fails
// nothing is left of it. l is the loop of the request.
func (u *Upload) Save(l twistor.Loop, name string) *deferred.Signal {
	from, disk := u.Open(), l.FS()
	return deferred.Go(l, func(context.Context) (none struct{}, err error) {
		f, err := disk.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if err != nil {
			return none, err
		}
		_, err = io.Copy(f, from)
		if err = errors.Join(err, f.Close()); err != nil {
			err = errors.Join(err, disk.Remove(name))
		}
		return none, err
	})
}

// A spool is a temporary file. Its name is removed as soon as it is open, where
// the system lets us, so that it ends with this process, whatever ends that;
// and it is closed when the answer of its request is over.
type spool struct {
	loop twistor.Loop
	disk twistor.FS
	name string
	lane deferred.Lane

	// Owned by the lane's jobs, which come one after another.

	file  twistor.File
	named bool // it has its name still
	over  bool
}

func newSpool(r *Request, dir string) *spool {
	if dir == "" {
		dir = os.TempDir()
	}
	var random [16]byte
	io.ReadFull(r.Loop().Rand(), random[:])
	s := &spool{loop: r.Loop(), disk: r.Loop().FS(), name: filepath.Join(dir, "upload-"+hex.EncodeToString(random[:]))}
	r.w.After(func(int, int64, error) {
		closed := s.lane.Go(s.loop, func(context.Context) error { return s.close() })
		closed.Done(func(_ struct{}, err error) {
			if err != nil {
				s.close() // the pool has no place, or is closed
			}
		})
	})
	return s
}

// write appends b, which must not change until the Signal fires.
func (s *spool) write(b []byte) *deferred.Signal {
	return s.lane.Go(s.loop, func(context.Context) error {
		if s.over {
			return fs.ErrClosed
		}
		if s.file == nil {
			f, err := s.disk.OpenFile(s.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return err
			}
			s.file = f
			s.named = s.disk.Remove(s.name) != nil
		}
		_, err := s.file.Write(b)
		return err
	})
}

func (s *spool) close() (err error) {
	if s.over || s.file == nil {
		s.over = true
		return nil
	}
	s.over = true
	err = s.file.Close()
	if s.named {
		err = errors.Join(err, s.disk.Remove(s.name))
	}
	return err
}

package persist

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/twistor-go/twistor"
)

// A newSegment is what is needed to write one on the pool.
type newSegment struct {
	fsys                  twistor.FS
	dir, program, journal string
	name, temporary       string
	number                uint64
	bytes                 []byte
	removes               bool // those that are too old
}

// write makes the file, durably with its name, and opens it where the first batch
// belongs. It is opened anew, because some systems do not rename what is open, and
// not to append: batches are written into the room before its end.
func (s *newSegment) write(context.Context) (twistor.File, error) {
	name := path.Join(s.dir, s.name)
	if err := put(s.fsys, name, path.Join(s.dir, s.temporary), s.bytes); err != nil {
		return nil, err
	}
	if err := syncDir(s.fsys, s.dir); err != nil {
		return nil, err
	}
	f, err := s.fsys.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("persist: %w", err)
	}
	if _, err := f.Seek(int64(len(s.bytes)), io.SeekStart); err != nil {
		f.Close()
		return nil, fmt.Errorf("persist: %w", err)
	}
	if s.removes {
		s.removeOld()
	}
	return f, nil
}

// removeOld removes all segments but this one and the one before, the older
// generation. What cannot be removed is in nobody's way.
func (s *newSegment) removeOld() {
	list, err := s.fsys.ReadDir(s.dir)
	if err != nil {
		return
	}
	var before string
	for _, e := range list { // in the order of their numbers
		number, _, ok := segmentOf(e.Name(), s.program, s.journal)
		if !ok || number >= s.number {
			continue
		}
		if before != "" {
			s.fsys.Remove(path.Join(s.dir, before))
		}
		before = e.Name()
	}
}

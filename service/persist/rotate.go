package persist

import (
	"context"
	"fmt"
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
	before                twistor.File // the segment that ends; nil: there is none, or it was given up
	removes               bool         // those that are too old
}

func (s *newSegment) write(context.Context) (twistor.File, error) {
	if s.before != nil {
		s.before.Close() // all of it is durable
	}
	f, err := create(s.fsys, path.Join(s.dir, s.temporary), s.bytes)
	if err != nil {
		return nil, err
	}
	if err := s.fsys.Rename(path.Join(s.dir, s.temporary), path.Join(s.dir, s.name)); err != nil {
		f.Close()
		s.fsys.Remove(path.Join(s.dir, s.temporary))
		return nil, fmt.Errorf("persist: %w", err)
	}
	if err := syncDir(s.fsys, s.dir); err != nil {
		f.Close()
		return nil, err
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

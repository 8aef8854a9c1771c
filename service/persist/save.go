package persist

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// maxSaves is how many snapshots may wait to be written. Those of one tag that
// follow each other are one.
const maxSaves = 16

// A save is a snapshot to be written, and who waits for it.
type save struct {
	file    string
	b       []byte
	waiting []*deferred.Signal
}

// Save makes a snapshot of all states as they are now, and writes it to NAME.tap,
// or NAME-TAG.tap if tag is not "". The Signal fires when it is durable; the one
// before is kept beside it, with ".old" after its name. If it fails the files are
// what they were, or what they were to become; the program goes on, and a later
// Save may succeed. It fails with ErrFull when 16 wait already.
//
// Journals begin anew from a base. A Save that waits behind others is dropped in
// favour of a later one of its tag, if no other tag came between: both Signals
// fire then.
func (s *Store) Save(tag string) *deferred.Signal {
	done := deferred.New[struct{}](s.loop)
	if err := s.save(tag, done); err != nil {
		done.Fail(err)
	}
	return done
}

func (m *memory) save(tag string, done *deferred.Signal) error {
	if m.closing != nil {
		return ErrClosed
	}
	file, err := tapFile(m.config.Name, tag)
	if err != nil {
		return err
	}
	var last *save
	if n := len(m.saves); n > 1 && m.saves[n-1].file == file {
		last = m.saves[n-1] // not begun: the first one is
	}
	if last == nil && len(m.saves) > maxSaves {
		return ErrFull
	}
	snapshot, err := m.snapshot()
	if err != nil {
		return err
	}
	b, err := snapshot.encode()
	if err != nil {
		return err
	}
	for _, l := range m.journals {
		l.compact()
	}
	if last != nil {
		last.b = b
		last.waiting = append(last.waiting, done)
		return nil
	}
	m.saves = append(m.saves, &save{file, b, []*deferred.Signal{done}})
	if len(m.saves) == 1 {
		m.writeNext()
	}
	return nil
}

// writeNext writes the first snapshot that waits.
func (m *memory) writeNext() {
	s := m.saves[0]
	newer, older := m.temporary(), m.temporary()
	fsys, dir := m.fsys, m.dir()
	now := m.loop.Now()
	deferred.Go(m.loop, func(context.Context) (*note, error) {
		return writeTap(fsys, dir, s.file, newer, older, s.b, now)
	}).Done(func(found *note, err error) {
		if found != nil {
			m.loop.Log().Log(context.Background(), found.level, found.text, found.attrs...)
		}
		m.failed = err
		m.saves = m.saves[1:]
		if len(m.saves) > 0 {
			m.writeNext()
		}
		for _, d := range s.waiting {
			fire(d, err)
		}
		if len(m.saves) == 0 {
			for _, d := range m.idle {
				d.Succeed(struct{}{})
			}
			m.idle = nil
		}
	})
}

func fire(d *deferred.Signal, err error) {
	if err != nil {
		d.Fail(err)
		return
	}
	d.Succeed(struct{}{})
}

// writeTap makes b the content of file, durably, and what file was that of
// file.old. It copies what file was, and does not rename it: there is no moment
// without a whole file of that name. If what file was is damaged it does not take
// the place of a good one: it is put aside, and the note says so.
func writeTap(fsys twistor.FS, dir, file, newer, older string, b []byte, now time.Time) (found *note, err error) {
	name := path.Join(dir, file)
	before, err := load(fsys, name)
	if err == nil {
		_, err = decodeSnapshot(name, before)
	}
	switch {
	case err == nil:
		err = put(fsys, name+olderSuffix, path.Join(dir, older), before)
	case errors.Is(err, fs.ErrNotExist):
		err = nil
	case damaged(err):
		why := err
		var to string
		if to, err = aside(fsys, name, now); err == nil {
			found = &note{slog.LevelError, "persist: a damaged file was put aside, a new one is written", []any{"err", why, "aside", to}}
		}
	}
	if err == nil {
		err = put(fsys, name, path.Join(dir, newer), b)
	}
	if err == nil {
		err = syncDir(fsys, dir)
	}
	return found, err
}

package follow

import (
	"errors"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
)

const (
	// maxSources is how many files that had the name may wait to be read.
	maxSources = 8
	// patience is how many times Grace a file that was replaced may go on
	// growing before it is left.
	patience = 30
)

// A reader looks at the file: all that blocks is here. It knows no loop, and
// may be used from one goroutine at a time: the job's while one runs, else the
// loop's.
type reader struct {
	fsys      twistor.FS
	name      string
	fromStart bool
	from      *Position // nil: by fromStart
	grace     time.Duration

	sources  []*source // the first is being read, the others follow in turn
	next     time.Time // when the second of them was seen
	split    splitter
	position Position // behind the last line that was returned
	buf      []byte   // tailBytes and a chunk
	begun    bool     // a look was taken
	missing  bool     // the name is of no file
	crowded  bool     // sources is full
	failure  string
	long     bool // the last lines had some that were cut
	notes    []note
}

// A note is something to be logged.
type note struct {
	level slog.Level
	text  string
	attrs []any
}

// A haul is what one look brought. Its lines and notes live until the next.
type haul struct {
	lines    [][]byte
	notes    []note
	position Position
	more     bool // look again at once
}

// look reads at most one chunk. The error is of a first look only: what goes
// wrong later may right itself, and is a note.
func (r *reader) look(now time.Time) (haul, error) {
	r.notes = r.notes[:0]
	r.split.begin()
	err := r.discover(now)
	first := !r.begun
	r.begun = true
	if first && err != nil {
		return haul{}, err
	}
	more := false
	if err == nil || len(r.sources) > 0 {
		var failed error
		if more, failed = r.read(now); failed != nil {
			err = failed
		}
	}
	r.noteFailure(err)
	if long := r.split.cut > 0; long != r.long && (long || len(r.split.lines) > 0) {
		if r.long = long; long {
			r.note(slog.LevelWarn, "lines too long, cut", "lines", r.split.cut, "limit", r.split.maxLineBytes)
		}
	}
	return haul{r.split.lines, r.notes, r.position, more}, nil
}

// discover finds out whether the name stands for a file that was not seen yet.
func (r *reader) discover(now time.Time) error {
	if !r.begun && r.from != nil {
		return r.resume(r.from, now)
	}
	info, err := r.fsys.Stat(r.name)
	if errors.Is(err, fs.ErrNotExist) {
		if !r.missing {
			r.missing = true
			r.note(slog.LevelInfo, "waiting for the file to appear")
		}
		return nil
	}
	if err != nil {
		return err
	}
	if n := len(r.sources); n > 0 && sameFile(r.sources[n-1].info, info) {
		r.missing = false
		return nil
	}
	if err := regular(r.name, info); err != nil {
		return err
	}
	if len(r.sources) >= maxSources {
		if !r.crowded {
			r.crowded = true
			r.note(slog.LevelWarn, "replaced too often, files are left out", "waiting", maxSources)
		}
		return nil
	}
	s, err := open(r.fsys, r.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // gone meanwhile
	}
	if err != nil {
		return err
	}
	if !r.begun && !r.fromStart {
		if err := s.seekLastLine(r.buf); err != nil {
			s.file.Close()
			return err
		}
		r.position = s.position
	}
	if len(r.sources) == 1 {
		r.next = now
	}
	if r.begun {
		r.note(slog.LevelInfo, "new file", "waiting", len(r.sources))
	}
	r.sources = append(r.sources, s)
	r.missing, r.crowded = false, false
	return nil
}

// read reads a chunk of the first source, and leaves it if it has ended.
func (r *reader) read(now time.Time) (more bool, err error) {
	if len(r.sources) == 0 {
		return false, nil
	}
	s := r.sources[0]
	chunk, err := s.read(r.buf, now)
	if err == errTruncated {
		r.note(slog.LevelInfo, "file was truncated", "read", s.offset)
		r.split.end()
		s.end()
		r.reached(s)
		s.rewind()
		return true, nil
	}
	r.split.feed(chunk)
	r.reached(s)
	if len(chunk) >= len(r.buf)-tailBytes {
		return true, nil
	}
	if !r.ended(now) {
		return false, err
	}
	r.split.end()
	s.end()
	r.reached(s)
	s.file.Close()
	r.sources = slices.Delete(r.sources, 0, 1)
	r.next = now
	return true, err
}

// reached notes how far s was read. In a file of which no line was read yet, it is
// the end of the one before that can be found again.
func (r *reader) reached(s *source) {
	if s.position.Offset > 0 {
		r.position = s.position
	}
}

// ended tells whether the first source, of which all was read, is to be left
// for the next one: if there is one, and the first did not grow for a while,
// or would not stop.
func (r *reader) ended(now time.Time) bool {
	if len(r.sources) == 1 {
		return false
	}
	if r.sources[0].settled {
		return true
	}
	known, quiet := now.Sub(r.next), now.Sub(r.sources[0].grown)
	return known >= r.grace && quiet >= r.grace || known >= patience*r.grace
}

// noteFailure notes an error when it comes, and not again until it has gone.
func (r *reader) noteFailure(err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != r.failure {
		r.note(slog.LevelWarn, "cannot read", "err", err)
	}
	r.failure = text
}

func (r *reader) note(level slog.Level, text string, attrs ...any) {
	r.notes = append(r.notes, note{level, text, attrs})
}

// close closes all files.
func (r *reader) close() {
	closeAll(r.sources)
	r.sources = nil
}

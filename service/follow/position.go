package follow

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// A Position is a place between two lines of a file that was followed, as it can
// be remembered by a program and found again in its next life. The file is known
// by what stands before the place, not by its name, so that it is found under
// the name that a rotation gave it, and when it was copied; of the lines
// themselves nothing is kept. The zero Position is before everything.
type Position struct {
	// Offset is how many bytes of the file are before the place.
	Offset int64
	// TailBytes is how many of the last of these Tail is made of, at most 256. 0:
	// none, as the place is the start of the file.
	TailBytes int
	// Tail is their SHA-256, in hexadecimal.
	Tail string
}

// positionAt is the place at offset, behind the bytes of tail.
func positionAt(offset int64, tail []byte) Position {
	sum := sha256.Sum256(tail)
	return Position{offset, len(tail), hex.EncodeToString(sum[:])}
}

func (p *Position) check() error {
	if p.Offset < 0 || p.TailBytes < 0 || p.TailBytes > tailBytes || int64(p.TailBytes) > p.Offset ||
		p.Offset > 0 && p.TailBytes == 0 {
		return errNoPosition
	}
	return nil
}

var errNoPosition = errors.New("not a position: want an offset, and a tail of up to 256 bytes before it")

// goTo makes p the place of reading, if it is in this file.
func (s *source) goTo(p *Position, buf []byte) bool {
	tail := buf[:p.TailBytes]
	if n, _ := s.file.ReadAt(tail, p.Offset-int64(len(tail))); n < len(tail) || positionAt(p.Offset, tail) != *p {
		return false
	}
	s.offset, s.tail, s.position = p.Offset, append(s.tail[:0], tail...), *p
	return true
}

// maxRotations is how many files that were rotated away while nobody read them
// are read when following is resumed. The oldest come first.
const maxRotations = 64

// resume opens the file that p is in, and all that came after it up to the one
// that has the name now. If no file has p any more, that one is read from its
// start, as it is a newer one.
func (r *reader) resume(p *Position, now time.Time) error {
	r.position = *p
	current, err := open(r.fsys, r.name)
	if errors.Is(err, fs.ErrNotExist) {
		current, err = nil, nil
		r.missing = true
		r.note(slog.LevelInfo, "waiting for the file to appear")
	}
	if err != nil {
		return err
	}
	if p.Offset > 0 && (current == nil || !current.goTo(p, r.buf)) {
		r.resumeRotated(p, now)
	}
	if current != nil {
		r.sources = append(r.sources, current)
	}
	r.next = now
	return nil
}

// resumeRotated looks for p among the files that had the name.
func (r *reader) resumeRotated(p *Position, now time.Time) {
	former := r.rotated()
	at := slices.IndexFunc(former, func(s *source) bool { return s.goTo(p, r.buf) })
	if at < 0 {
		r.note(slog.LevelWarn, "the file that was read is gone, what came behind the place is lost", "offset", p.Offset)
		closeAll(former)
		return
	}
	found := former[at]
	former = slices.Delete(former, at, at+1)
	later := slices.IndexFunc(former, func(s *source) bool { return !s.info.ModTime().Before(found.info.ModTime()) })
	if later < 0 {
		later = len(former)
	}
	closeAll(former[:later])
	former = former[later:]
	if len(former) > maxRotations {
		r.note(slog.LevelWarn, "rotated too often meanwhile, files are left out", "files", len(former)-maxRotations)
		closeAll(former[maxRotations:])
		former = former[:maxRotations]
	}
	r.note(slog.LevelInfo, "going on in a file that was rotated", "as", found.name, "later", len(former))
	for _, s := range append([]*source{found}, former...) {
		// Writers have had their time to leave it.
		s.settled = now.Sub(s.info.ModTime()) >= r.grace
		r.sources = append(r.sources, s)
	}
}

// rotated opens the files that a rotation has named after the file, such as
// NAME.1 and NAME-20261122, the one first that was written to longest ago.
// Those that cannot be read are passed over.
func (r *reader) rotated() (files []*source) {
	dir, base := filepath.Split(r.name)
	entries, err := r.fsys.ReadDir(filepath.Clean(dir))
	if err != nil {
		r.note(slog.LevelWarn, "cannot look for files that were rotated", "err", err)
	}
	for _, e := range entries {
		if !isRotated(e.Name(), base) {
			continue
		}
		s, err := open(r.fsys, filepath.Join(dir, e.Name()))
		if err != nil {
			r.note(slog.LevelWarn, "cannot read a file that was rotated", "err", err)
			continue
		}
		files = append(files, s)
	}
	slices.SortStableFunc(files, func(a, b *source) int {
		return cmp.Or(a.info.ModTime().Compare(b.info.ModTime()),
			// Of the same instant: NAME.10 is older than NAME.9.
			cmp.Compare(len(b.name), len(a.name)), strings.Compare(b.name, a.name))
	})
	return files
}

// isRotated tells whether name is base, a separator, and a number or a date.
// Compressed files are not: they cannot be read.
func isRotated(name, base string) bool {
	rest, ok := strings.CutPrefix(name, base)
	if !ok || len(rest) < 2 || !strings.ContainsRune(".-_", rune(rest[0])) {
		return false
	}
	return strings.Trim(rest[1:], "0123456789.-_:TZ") == "" && strings.ContainsAny(rest, "0123456789")
}

func closeAll(files []*source) {
	for _, s := range files {
		s.file.Close()
	}
}

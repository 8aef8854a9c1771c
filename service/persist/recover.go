package persist

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"path"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
)

// A recovery is what there is of a journal when it is opened: its segments, and
// what a snapshot says of it.
type recovery struct {
	journal  string
	segments []*segment // oldest first
	number   uint64     // the highest of any segment
	tap      *State     // nil: the snapshot has none
	tapFile  string
	named    bool // somebody has asked for this snapshot

	// Decided by choose.
	sequence uint64 // of the state that is gone on from, before changes
	version  int
	state    json.RawMessage // nil: there is nothing
	changes  []*batch
	end      uint64 // sequence after changes
	notes    []note
	aside    []*segment // damaged ones
}

// readJournal reads all segments of a journal. It blocks.
func readJournal(fsys twistor.FS, dir, program, journal string) (*recovery, error) {
	list, err := fsys.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("persist: %w", err)
	}
	r := &recovery{journal: journal}
	for _, e := range list {
		number, word, ok := segmentOf(e.Name(), program, journal)
		if !ok {
			continue
		}
		r.number = max(r.number, number)
		file := path.Join(dir, e.Name())
		b, err := load(fsys, file)
		var s *segment
		if err == nil {
			s, err = readSegment(file, journal, word, b)
		} else if damaged(err) {
			s, err = &segment{file: file, number: number, damage: err}, nil
		}
		if err != nil {
			return nil, err
		}
		r.segments = append(r.segments, s)
	}
	slices.SortStableFunc(r.segments, func(a, b *segment) int {
		switch {
		case a.number < b.number:
			return -1
		case a.number > b.number:
			return 1
		}
		return 0
	})
	return r, nil
}

// choose decides what is gone on from: the base from which the unbroken row of
// changes leads farthest. Without damage that is the newest segment's, or that of
// a snapshot that is newer still. With damage it may be an older one, whose
// batches, and those of later segments, make the same state.
func (r *recovery) choose() error {
	for i, s := range slices.Backward(r.segments) {
		if s.base != nil {
			r.consider(s.base.Sequence, s.base.Version, s.base.State, r.segments[i:])
		}
		if s.damage != nil {
			r.aside = append(r.aside, s)
		}
		if s.torn > 0 {
			r.note(slog.LevelWarn, "a batch at the end of a journal is not whole and was dropped", "file", s.file, "bytes", s.torn)
		}
	}
	journal := r.end
	if r.tap != nil {
		r.consider(r.tap.Sequence, r.tap.Version, r.tap.Data, r.segments)
		if r.named && r.tap.Sequence < r.end {
			r.note(slog.LevelInfo, "the journal is newer than the snapshot, and counts", "journal", r.journal, "changes", r.end, "snapshot", r.tap.Sequence, "file", r.tapFile)
		}
		if len(r.segments) > 0 && r.end > journal {
			r.note(slog.LevelInfo, "the snapshot is newer than the journal, and counts", "journal", r.journal, "changes", journal, "snapshot", r.end, "file", r.tapFile)
		}
	}
	if r.state == nil && len(r.segments) > 0 {
		return errors.Join(fmt.Errorf("persist: journal %q: %w: no base of it can be read: repair one, or move its files away to begin anew", r.journal, ErrCorrupt), r.segments[len(r.segments)-1].damage)
	}
	for _, s := range r.aside {
		r.reportDamage(s)
	}
	return nil
}

// consider follows the changes from a base, and takes it if it leads farther.
func (r *recovery) consider(sequence uint64, version int, state json.RawMessage, segments []*segment) {
	end := sequence
	var changes []*batch
	for _, s := range segments {
		for _, b := range s.batches {
			if b.last() <= end {
				continue // the state has it
			}
			if b.first > end+1 {
				break // a gap: something is missing
			}
			changes = append(changes, b)
			end = b.last()
		}
	}
	if r.state == nil || end > r.end {
		r.sequence, r.version, r.state, r.changes, r.end = sequence, version, state, changes, end
	}
}

// reportDamage says whether what was damaged was lost.
func (r *recovery) reportDamage(s *segment) {
	var last uint64
	for _, s := range r.segments {
		for _, b := range s.batches {
			last = max(last, b.last())
		}
	}
	if last > r.end {
		r.note(slog.LevelError, "a journal is damaged, changes were lost", "err", s.damage, "kept", r.end, "lost", last-r.end)
		return
	}
	r.note(slog.LevelError, "a journal is damaged", "err", s.damage, "kept", r.end)
}

func (r *recovery) note(level slog.Level, text string, attrs ...any) {
	r.notes = append(r.notes, note{level, "persist: " + text, attrs})
}

// putAside renames damaged segments. It blocks.
func (r *recovery) putAside(fsys twistor.FS, now time.Time) error {
	for _, s := range r.aside {
		if _, err := aside(fsys, s.file, now); err != nil {
			return err
		}
	}
	return nil
}

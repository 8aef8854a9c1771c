package persist

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"path"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Open takes hold of a program's memory, for this process alone, and reads what
// was saved. It removes files that a crash has left half-written. The error wraps
// twistor.ErrLocked if another process holds it.
//
// A damaged file is renamed to NAME.tap.corrupt-TIME, and logged as an error,
// if an older generation is whole; that one is used. If none is, Open fails, and
// goes on failing until a person has decided: it never begins anew beside files
// that it cannot read. A file of a newer version is an error, and stays as it is.
func Open(co *deferred.Co, l twistor.Loop, c Config) (*Store, error) {
	if c.Dir == "" {
		c.Dir = "."
	}
	if err := checkProgram(c.Name); err != nil {
		return nil, err
	}
	o := &opening{fsys: l.FS(), config: c, now: l.Now()}
	// If co is cancelled meanwhile, the lock must be let go again.
	opened := deferred.New[struct{}](l)
	deferred.Go(l, func(context.Context) (struct{}, error) { return struct{}{}, o.open() }).Done(func(_ struct{}, err error) {
		if err != nil {
			opened.Fail(err)
		} else if !opened.Succeed(struct{}{}) {
			deferred.Go(l, unlock(o.lock)).Done(nil)
		}
	})
	if _, err := opened.Await(co); err != nil {
		return nil, err
	}
	for _, n := range o.notes {
		l.Log().Log(context.Background(), n.level, n.text, n.attrs...)
	}
	m := &memory{loop: l, fsys: o.fsys, config: c, lock: o.lock, loaded: o.file, number: o.number}
	if o.snapshot != nil {
		m.left = o.snapshot.States
	}
	return &Store{memory: m}, nil
}

func unlock(lock io.Closer) func(context.Context) (struct{}, error) {
	return func(context.Context) (struct{}, error) {
		if lock == nil {
			return struct{}{}, nil
		}
		return struct{}{}, lock.Close()
	}
}

func (m *memory) dir() string { return m.config.Dir }

// temporary is a new name for a file that is being written.
func (m *memory) temporary() string { return m.config.Name + "." + word(m.loop) + temporarySuffix }

// word is sixteen digits that nobody can guess.
func word(l twistor.Loop) string {
	var b [8]byte
	io.ReadFull(l.Rand(), b[:])
	return hex.EncodeToString(b[:])
}

// An opening is what Open does on the pool.
type opening struct {
	fsys   twistor.FS
	config Config
	now    time.Time

	lock     io.Closer
	snapshot *Snapshot // nil: there is none
	file     string
	number   uint64
	notes    []note
}

// A note is something to be logged, on the loop.
type note struct {
	level slog.Level
	text  string
	attrs []any
}

func (o *opening) note(level slog.Level, text string, attrs ...any) {
	o.notes = append(o.notes, note{level, "persist: " + text, attrs})
}

func (o *opening) open() (err error) {
	if err := prepareDir(o.fsys, path.Clean(o.config.Dir)); err != nil {
		return err
	}
	if err := o.takeLock(); err != nil {
		return err
	}
	defer func() {
		if err != nil && o.lock != nil {
			o.lock.Close()
		}
	}()
	list, err := o.fsys.ReadDir(o.config.Dir)
	if err != nil {
		return fmt.Errorf("persist: %w", err)
	}
	here := map[string]bool{}
	for _, e := range list {
		name := e.Name()
		if strings.HasPrefix(name, o.config.Name+".") && strings.HasSuffix(name, temporarySuffix) {
			if err := o.fsys.Remove(path.Join(o.config.Dir, name)); err != nil {
				return fmt.Errorf("persist: %w", err)
			}
		}
		here[name] = true
	}
	if err := o.choose(here); err != nil {
		return err
	}
	// What was read may have been renamed by a program that was killed before
	// it could sync: from now on it counts.
	return syncDir(o.fsys, o.config.Dir)
}

// takeLock locks NAME.lock, where the system can: elsewhere nothing keeps two
// processes apart, and that is said.
func (o *opening) takeLock() (err error) {
	name := path.Join(o.config.Dir, o.config.Name+".lock")
	if o.lock, err = lockFile(o.fsys, name); errors.Is(err, errors.ErrUnsupported) {
		o.note(slog.LevelWarn, "there are no locks here, see to it that only one process uses this memory", "file", name)
		return nil
	}
	return err
}

// lockFile locks a file. The error is ErrUnsupported where there are no locks.
func lockFile(fsys twistor.FS, name string) (io.Closer, error) {
	locker, ok := fsys.(twistor.Locker)
	if !ok {
		return nil, fmt.Errorf("persist: lock %s: %w", name, errors.ErrUnsupported)
	}
	lock, err := locker.Lock(name, 0o600)
	if err != nil {
		return nil, fmt.Errorf("persist: %w", err)
	}
	return lock, nil
}

// choose reads what is to be gone on from.
func (o *opening) choose(here map[string]bool) error {
	if o.config.File != "" {
		var err error
		if o.snapshot, err = Read(o.fsys, o.config.File); err != nil {
			return err
		}
		o.file, o.number = o.config.File, o.snapshot.Number
	}
	var bad []error
	var files []string
	for _, tag := range []string{"", shutdownTag} {
		for _, suffix := range []string{"", olderSuffix} {
			name, _ := tapFile(o.config.Name, tag)
			name += suffix
			if !here[name] {
				continue
			}
			file := path.Join(o.config.Dir, name)
			s, err := Read(o.fsys, file)
			switch {
			case err == nil:
				// A snapshot that is saved from now on is newer than all of these.
				if o.config.File == "" && (o.snapshot == nil || s.Number > o.number) {
					o.snapshot, o.file = s, file
				}
				o.number = max(o.number, s.Number)
			case damaged(err):
				bad, files = append(bad, err), append(files, file)
			default:
				return err
			}
		}
	}
	if o.snapshot == nil && len(bad) > 0 {
		return errors.Join(append([]error{fmt.Errorf("persist: %w: no snapshot of %s can be read: repair one, or move them away to begin anew", ErrCorrupt, o.config.Name)}, bad...)...)
	}
	for i, file := range files {
		if err := o.putAside(file, bad[i]); err != nil {
			return err
		}
	}
	return nil
}

// putAside keeps a damaged file for a person to look at.
func (o *opening) putAside(file string, why error) error {
	aside, err := aside(o.fsys, file, o.now)
	if err != nil {
		return err
	}
	o.note(slog.LevelError, "a damaged file was put aside, an older one is used", "err", why, "aside", aside, "used", o.file)
	return nil
}

// aside renames a damaged file out of the way, to a name with the time.
func aside(fsys twistor.FS, file string, now time.Time) (string, error) {
	stem := file + corruptSuffix + now.UTC().Format("20060102T150405Z")
	for i := range 1000 {
		name := stem
		if i > 0 {
			name = fmt.Sprintf("%s-%d", stem, i)
		}
		if _, err := fsys.Stat(name); errors.Is(err, fs.ErrNotExist) {
			if err := fsys.Rename(file, name); err != nil {
				return "", fmt.Errorf("persist: %w", err)
			}
			return name, nil
		}
	}
	return "", fmt.Errorf("persist: %s: 1,000 damaged files of this second are here already", file)
}

package cred

import (
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/twistor-go/twistor"
)

// A cached is what a file says, read again when the file has changed. It is a
// value: a job on the pool makes the next one of a copy, and its loop keeps it.
type cached[T any] struct {
	value T
	flaws []error // lines that were ignored

	read     bool
	modified time.Time
	size     int64
	settled  bool // it was read long enough after it was changed
}

// hasty is how soon after a change another one may leave the same time and
// size: clocks of file systems are coarse.
const hasty = 2 * time.Second

// next is c, or what name says now if that is something else. For the pool.
func (c cached[T]) next(fsys twistor.FS, name string, maxBytes int64, now time.Time, parse func(text string) (T, []error)) (_ cached[T], fresh bool, err error) {
	info, err := fsys.Stat(name)
	if err != nil {
		return c, false, err
	}
	if c.read && c.settled && info.ModTime().Equal(c.modified) && info.Size() == c.size {
		return c, false, nil
	}
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return c, false, err
	}
	defer f.Close()
	if info, err = f.Stat(); err != nil {
		return c, false, err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err != nil {
		return c, false, err
	}
	if int64(len(text)) > maxBytes {
		return c, false, fmt.Errorf("%s: more than %d bytes", name, maxBytes)
	}
	c = cached[T]{read: true, modified: info.ModTime(), size: info.Size(), settled: now.Sub(info.ModTime()).Abs() > hasty}
	c.value, c.flaws = parse(string(text))
	return c, true, nil
}

// keep makes next the current one, and tells of lines that are ignored, unless
// it told already: of the first few, because a file of another kind has as many
// as lines.
func (c *cached[T]) keep(next cached[T], l twistor.Loop, name string) {
	told := slices.EqualFunc(c.flaws, next.flaws, func(a, b error) bool { return a.Error() == b.Error() })
	if *c = next; told {
		return
	}
	for i, flaw := range c.flaws {
		if i == maxFlaws {
			l.Log().Warn("cred: more lines are ignored", "file", name, "lines", len(c.flaws)-i)
			break
		}
		l.Log().Warn("cred: line is ignored", "file", name, "err", flaw)
	}
}

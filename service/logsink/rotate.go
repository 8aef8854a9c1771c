package logsink

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

// rotateRetry is how long after a rotation that failed the next is tried: the
// file goes on growing meanwhile, for to lose lines is worse.
const rotateRetry = time.Minute

// A former is a log file that is full: of that day, if it has a name by day, and
// the n-th, newest first.
type former struct {
	day string
	n   int
}

const dayLayout = "2006-01-02"

// name is what the former of a file is called.
func (o former) name(file string) string {
	switch {
	case o.day == "":
		return file + "." + strconv.Itoa(o.n)
	case o.n == 0:
		return file + "." + o.day
	}
	return file + "." + o.day + "." + strconv.Itoa(o.n)
}

// parseFormer reads what follows the file's name and a dot.
func parseFormer(suffix string, daily bool) (o former, ok bool) {
	number := suffix
	if daily {
		o.day, number, ok = strings.Cut(suffix, ".")
		if _, err := time.Parse(dayLayout, o.day); err != nil {
			return former{}, false
		}
		if !ok {
			return o, true
		}
	}
	n, err := strconv.Atoi(number)
	o.n = n
	return o, err == nil && n > 0 && strconv.Itoa(n) == number
}

// due says whether n more bytes belong into a new file.
func (f *File) due(now time.Time, n int) bool {
	if f.size == 0 {
		f.midnight = midnightAfter(now) // its day begins with its first line
		return false
	}
	if wait := f.retry.Sub(now); wait > 0 && wait <= rotateRetry {
		return false
	}
	most := f.MaxBytes
	if most == 0 {
		most = 16 << 20
	}
	return most > 0 && f.size+int64(n) > most || f.Daily && !now.Before(f.midnight)
}

// rotate gives the file the name of the newest former one, makes room for it,
// and removes those that are too many. The file is closed if it succeeds, and if
// another process was faster. What is empty, or no regular file, stays.
func (f *File) rotate(now time.Time) (err error) {
	if f.look(now); f.file == nil || f.size == 0 || f.special {
		return nil
	}
	defer func() {
		f.retry = time.Time{}
		if err != nil {
			f.retry = now.Add(rotateRetry)
			err = fmt.Errorf("logsink: rotate %s: %w", f.Name, err)
		}
	}()
	newest := former{n: 1}
	if f.Daily {
		newest = former{day: f.midnight.AddDate(0, 0, -1).Format(dayLayout)}
	}
	all, err := f.formers()
	if err != nil {
		return err
	}
	if err := f.shift(all, newest); err != nil {
		return err
	}
	if runtime.GOOS == "windows" {
		f.drop() // an open file cannot be renamed there
	}
	if err := f.disk().Rename(f.Name, newest.name(f.Name)); err != nil {
		return err // the open file is still good to write to: perhaps its name could not be opened again
	}
	f.drop()
	return f.prune()
}

// shift moves those out of the way that are numbered without a gap from o on,
// the oldest first.
func (f *File) shift(all []former, o former) error {
	end := o
	for slices.Contains(all, end) {
		end.n++
	}
	for ; end.n > o.n; end.n-- {
		next := former{end.day, end.n - 1}
		if err := f.disk().Rename(next.name(f.Name), end.name(f.Name)); err != nil {
			return err
		}
	}
	return nil
}

// prune removes the oldest.
func (f *File) prune() error {
	most := f.MaxFiles
	if most == 0 {
		most = 10
	}
	all, err := f.formers()
	if err != nil || most < 0 || len(all) <= most {
		return err
	}
	for _, o := range all[most:] {
		err = errors.Join(err, f.disk().Remove(o.name(f.Name)))
	}
	return err
}

// formers lists what was rotated, the newest first; only those that are named in
// the way that the File names them.
func (f *File) formers() (all []former, err error) {
	entries, err := f.disk().ReadDir(filepath.Dir(f.Name))
	if err != nil {
		return nil, err
	}
	prefix := filepath.Base(f.Name) + "."
	for _, e := range entries {
		suffix, ours := strings.CutPrefix(e.Name(), prefix)
		if o, ok := parseFormer(suffix, f.Daily); ours && ok && !e.IsDir() {
			all = append(all, o)
		}
	}
	slices.SortFunc(all, func(a, b former) int {
		return cmp.Or(cmp.Compare(b.day, a.day), cmp.Compare(a.n, b.n))
	})
	return all, nil
}

// Files are the names of the file and of the former ones, the newest first.
func (f *File) Files() ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, err := f.formers()
	if err != nil {
		return nil, err
	}
	names := []string{f.Name}
	for _, o := range all {
		names = append(names, o.name(f.Name))
	}
	return names, nil
}

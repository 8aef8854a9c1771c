package cred

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

// A File is a Checker of a file with a line for each user: the name, a colon,
// and what is kept of the password in any of the forms of package passwd. The
// files of htpasswd are such files. Empty lines, and those that begin with #,
// say nothing; of two lines for one user the first counts.
//
// The file is read when it has changed since, at the next login. A line that is
// not understood is logged, without what it says, and its user cannot log in;
// if the file cannot be read nobody can: ErrUnavailable. A File is at most 16
// MiB, its lines 4 KiB. Set the fields before first use. Loop-only.
type File struct {
	Name string
	// Delimiter stands between fields; "": a colon. UserField and PasswordField
	// say which they are, counted from 1; 0: the first and the second.
	Delimiter                string
	UserField, PasswordField int
	// IgnoreCase makes all names lower case: those of the file, and those of who
	// logs in.
	IgnoreCase bool
	// Also are kinds to offer besides KindPassword; nil: none. KindSCRAM serves
	// users with SCRAM-SHA-256 or {plain} lines, KindCRAMMD5 and KindDigest only
	// those with {plain}. Clients prefer these to passwords, and so users of
	// other lines could not log in any more.
	Also []Kind
	// Hashing is what a hash should cost; zero: see passwd.Argon2id. When a user
	// with a cheaper one has logged in, Rehashed, if not nil, is called with a
	// better one, to be put into the file: this package writes no files.
	Hashing  passwd.Argon2id
	Rehashed func(user string, r passwd.Record)

	cached cached[*accounts]
}

// Kinds are KindPassword and Also.
func (f *File) Kinds() []Kind { return append([]Kind{KindPassword}, f.Also...) }

// Check looks into the file.
func (f *File) Check(co *deferred.Co, a *Attempt) (Identity, error) {
	name := a.Credentials.Claim()
	if f.IgnoreCase {
		name = strings.ToLower(name)
	}
	now, next, fresh := a.Loop.Now(), f.cached, false
	v, err := prove(co, a, f.Hashing, func(context.Context) (r passwd.Record, known bool, err error) {
		if next, fresh, err = next.next(a.Loop.FS(), f.Name, maxFileBytes, now, f.parse); err != nil {
			return r, false, err
		}
		r, known = next.value.find(name)
		return r, known, nil
	})
	if err != nil {
		return Identity{}, err
	}
	if fresh {
		f.cached.keep(next, a.Loop, f.Name)
	}
	if !v.ok {
		return Identity{}, ErrUnauthorized
	}
	if !v.newer.IsZero() && f.Rehashed != nil {
		f.Rehashed(name, v.newer)
	}
	return Identity{User: name}, nil
}

// parse reads the whole file. For the pool.
func (f *File) parse(text string) (*accounts, []error) {
	all := &accounts{records: map[string]passwd.Record{}}
	var flaws []error
	for number, line := range lines(text) {
		name, r, err := f.parseLine(line)
		if _, twice := all.records[name]; err == nil && twice {
			err = fmt.Errorf("user %q has a line above", name)
		}
		if err != nil {
			flaws = append(flaws, fmt.Errorf("line %d: %w", number, err))
			continue
		}
		all.records[name] = r
	}
	all.names = slices.Sorted(maps.Keys(all.records))
	return all, flaws
}

func (f *File) parseLine(line string) (name string, r passwd.Record, err error) {
	if len(line) > maxLineBytes {
		return "", r, fmt.Errorf("%d bytes: want at most %d", len(line), maxLineBytes)
	}
	delimiter := f.Delimiter
	if delimiter == "" {
		delimiter = ":"
	}
	user, password := max(f.UserField, 1), f.PasswordField
	if password <= 0 {
		password = 2
	}
	// What follows the last field that is wanted stays with it if the form of
	// the record has the delimiter in it, as SCRAM-SHA-256's has.
	fields := strings.Split(line, delimiter)
	if len(fields) < max(user, password) {
		return "", r, fmt.Errorf("%d fields: want at least %d", len(fields), max(user, password))
	}
	name = fields[user-1]
	if f.IgnoreCase {
		name = strings.ToLower(name)
	}
	if name == "" || len(name) > maxUserBytes {
		return "", r, fmt.Errorf("name of %d bytes: want 1 to %d", len(name), maxUserBytes)
	}
	r, err = parseFields(fields[password-1:], delimiter)
	return name, r, err
}

// parseFields reads a record that begins with the first of fields, and has the
// delimiter in it as often as its form does: {plain} to the end of the line,
// SCRAM-SHA-256 twice if it is a colon, the others never.
func parseFields(fields []string, delimiter string) (passwd.Record, error) {
	text := fields[0]
	switch {
	case strings.HasPrefix(text, "{plain}"):
		text = strings.Join(fields, delimiter)
	case strings.HasPrefix(text, "SCRAM-SHA-256$") && delimiter == ":":
		text = strings.Join(fields[:min(len(fields), 3)], delimiter)
	}
	return passwd.Parse(text)
}

// lines yields the lines that say something, with their numbers.
func lines(text string) func(yield func(int, string) bool) {
	return func(yield func(int, string) bool) {
		number := 0
		for line := range strings.Lines(text) {
			number++
			line = strings.TrimRight(line, "\r\n")
			if blank := strings.TrimSpace(line); blank == "" || blank[0] == '#' {
				continue
			}
			if !yield(number, line) {
				return
			}
		}
	}
}

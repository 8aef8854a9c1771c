package cred

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// An SSHKey is a name and a public key, and the proof that its owner has the
// private one. Immutable after first use.
type SSHKey struct {
	User string
	// Key is the public key as the protocol carries it, its type included.
	Key []byte
	// Verify checks the signature of this login, on the pool; nil: there is none
	// yet. Then Portal.Check says whether one would do, and Login refuses. A
	// protocol whose library checks signatures by itself returns nil from it.
	Verify func() error
}

// Kind is KindSSHKey.
func (SSHKey) Kind() Kind { return KindSSHKey }

// Claim is User.
func (k SSHKey) Claim() string { return k.User }

// SSHKeys is a Checker of the keys that users put into files of theirs, in the
// format of OpenSSH's authorized_keys. What a line restricts is obeyed or its
// key is of no use: from and expiry-time are obeyed here, options that are named
// in Options are handed to the Realm, and any other refuses the key, because it
// would be more than its owner meant to allow. Keys of authorities that sign
// other keys are not understood.
//
// As sshd does it ignores files that others than their owner could have
// written. A file is at most 1 MiB, its lines 16 KiB. Set the fields before
// first use. Loop-only.
//
// https://man.openbsd.org/sshd#AUTHORIZED_KEYS_FILE_FORMAT
type SSHKeys struct {
	// Files are the places to look at, in order: %u is the user's name, %h the
	// home, %% a %. nil: %h/.ssh/authorized_keys.
	Files []string
	// Passwd says who there is, and where each is at home; "": /etc/passwd.
	Passwd string
	// Options are the names, in lower case, of those that the Realm obeys:
	// restrict, no-pty, command and so on; nil: none.
	Options []string

	passwd cached[map[string]account]
	told   map[string]string // by user: what was logged last
}

// Kinds is KindSSHKey.
func (*SSHKeys) Kinds() []Kind { return []Kind{KindSSHKey} }

// Check looks for the key in the user's files.
func (s *SSHKeys) Check(co *deferred.Co, a *Attempt) (Identity, error) {
	k, ok := a.Credentials.(SSHKey)
	if !ok {
		return Identity{}, ErrUnauthorized
	}
	type found struct {
		passwd  cached[map[string]account]
		fresh   bool
		options []Option
		ok      bool
		notes   []error
	}
	cache, now := s.passwd, a.Loop.Now()
	f, err := Work(co, a, func(context.Context) (f found, err error) {
		if f.passwd, f.fresh, err = cache.next(a.Loop.FS(), orElse(s.Passwd, "/etc/passwd"), maxFileBytes, now, parsePasswd); err != nil {
			return f, err
		}
		name, user, known := owner(f.passwd.value, k.User)
		search := keySearch{fsys: a.Loop.FS(), key: k.Key, from: a.From, now: now, obeyed: s.Options}
		for _, pattern := range s.files() {
			if f.options, f.ok = search.file(expand(pattern, name, user.home), user.home); f.ok {
				break
			}
		}
		if k.Verify != nil && k.Verify() != nil {
			f.ok = false
		}
		f.ok = f.ok && known
		if known {
			f.notes = search.notes // of a decoy they would say who has logged in where
		}
		return f, nil
	})
	if err != nil {
		return Identity{}, err
	}
	if f.fresh {
		s.passwd.keep(f.passwd, a.Loop, orElse(s.Passwd, "/etc/passwd"))
	}
	s.tell(a.Loop, k.User, errors.Join(f.notes...))
	if !f.ok {
		return Identity{}, ErrUnauthorized
	}
	return Identity{User: k.User, Options: f.options}, nil
}

// tell logs why keys of a user are ignored, once: strangers can make it happen
// as often as they like.
func (s *SSHKeys) tell(l twistor.Loop, user string, notes error) {
	if notes == nil || s.told[user] == notes.Error() {
		return
	}
	if s.told == nil {
		s.told = map[string]string{}
	}
	s.told[user] = notes.Error() // of users that exist: no more than the passwd file has
	l.Log().Warn("cred: SSH keys are ignored", "user", user, "err", notes)
}

func (s *SSHKeys) files() []string {
	if s.Files == nil {
		return []string{"%h/.ssh/authorized_keys"}
	}
	return s.Files
}

// owner is whose files to look into: of a name that does not exist always the
// same other one's, so that it takes as long.
func owner(all map[string]account, name string) (string, account, bool) {
	if a, ok := all[name]; ok {
		return name, a, true
	}
	names := slices.Sorted(maps.Keys(all))
	if len(names) == 0 {
		return "", account{}, false
	}
	decoy := names[choose(name, len(names))]
	return decoy, all[decoy], false
}

// expand makes a file's name of a pattern. Names come from the passwd file, and
// so have no slashes that its owner did not put there.
func expand(pattern, user, home string) string {
	return strings.NewReplacer("%%", "%", "%u", user, "%h", home).Replace(pattern)
}

// A keySearch looks for one key. For the pool.
type keySearch struct {
	fsys   twistor.FS
	key    []byte
	from   Origin
	now    time.Time
	obeyed []string
	notes  []error // what the machine's owner should know
}

// file looks into one file, and returns the options of the line that has the
// key.
func (s *keySearch) file(name, home string) ([]Option, bool) {
	if err := s.trusts(name, home); err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.note(err)
		}
		return nil, false
	}
	c, _, err := cached[[]keyLine]{}.next(s.fsys, name, maxKeysBytes, s.now, parseAuthorizedKeys)
	if err != nil {
		s.note(err)
		return nil, false
	}
	for _, flaw := range c.flaws {
		s.note(fmt.Errorf("%s: %w", name, flaw))
	}
	for _, line := range c.value {
		if !bytes.Equal(line.key, s.key) {
			continue
		}
		options, err := s.obey(line.options)
		if err == nil {
			return options, true
		}
		s.note(fmt.Errorf("%s: line %d: %w", name, line.number, err))
	}
	return nil, false
}

func (s *keySearch) note(err error) {
	if len(s.notes) < maxFlaws {
		s.notes = append(s.notes, err)
	}
}

// trusts refuses a file that others could have written, or put there: it and
// its directories, up to the user's home.
func (s *keySearch) trusts(name, home string) error {
	for at := path.Clean(name); ; at = path.Dir(at) {
		info, err := s.fsys.Stat(at)
		if err != nil {
			return err
		}
		if mode := info.Mode(); mode.Perm()&0o022 != 0 && mode&fs.ModeSticky == 0 {
			return fmt.Errorf("%s: mode %v: want that only its owner can write", at, mode.Perm())
		}
		if at == path.Clean(home) || at == path.Dir(at) || at == "." {
			return nil
		}
	}
}

// obey checks what can be checked here, and returns what the Realm obeys.
func (s *keySearch) obey(options []Option) (rest []Option, err error) {
	for _, o := range options {
		switch {
		case o.Name == "from":
			if !matchesPeer(o.Value, s.from.Peer) {
				return nil, errors.New("it is not for this peer")
			}
		case o.Name == "expiry-time":
			until, err := parseExpiry(o.Value, s.now.Location())
			if err != nil {
				return nil, err
			}
			if !s.now.Before(until) {
				return nil, errors.New("it has expired")
			}
		case slices.Contains(s.obeyed, o.Name):
			rest = append(rest, o)
		default:
			return nil, fmt.Errorf("option %.40q is not obeyed here", o.Name)
		}
	}
	return rest, nil
}

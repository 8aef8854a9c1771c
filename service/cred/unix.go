package cred

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

// A UNIX is a Checker of the accounts of the machine: the passwords of
// /etc/passwd and /etc/shadow, which mostly root alone can read. Accounts
// without a password, and locked ones, cannot log in by one; ErrDenied is for
// accounts that have expired, and for passwords that have, or that must be
// changed first. It does not ask PAM, NIS or LDAP. Set the fields before first
// use. Loop-only.
type UNIX struct {
	Passwd string // "": /etc/passwd
	Shadow string // "": /etc/shadow; it need not exist

	passwd cached[map[string]account]
	shadow cached[map[string]shadow]
	all    *accounts // of both; nil: not made
}

// An account is a line of a passwd file.
type account struct{ password, home string }

// A shadow is a line of a shadow file. Days are since 1970; -1: not said.
type shadow struct {
	password                 string
	changed, maxAge, expires int
}

// Kinds is KindPassword.
func (*UNIX) Kinds() []Kind { return []Kind{KindPassword} }

// accountsOf are what a job on the pool found out.
type accountsOf struct {
	passwd                   cached[map[string]account]
	shadow                   cached[map[string]shadow]
	freshPasswd, freshShadow bool
	all                      *accounts
	flaws                    []error // accounts whose password is of no form that is known
}

// Check looks the account up.
func (u *UNIX) Check(co *deferred.Co, a *Attempt) (Identity, error) {
	if a.Credentials.Kind() != KindPassword {
		return Identity{}, ErrUnauthorized
	}
	name, now := a.Credentials.Claim(), a.Loop.Now()
	found := accountsOf{passwd: u.passwd, shadow: u.shadow, all: u.all}
	v, err := prove(co, a, passwd.Argon2id{}, func(context.Context) (r passwd.Record, known bool, err error) {
		if err := u.look(&found, a, now); err != nil {
			return r, false, err
		}
		r, known = found.all.find(name)
		return r, known, nil
	})
	if err != nil {
		return Identity{}, err
	}
	if found.freshPasswd {
		u.passwd.keep(found.passwd, a.Loop, u.passwdName())
	}
	if found.freshShadow {
		u.shadow.keep(found.shadow, a.Loop, u.shadowName())
	}
	for _, flaw := range found.flaws[:min(len(found.flaws), maxFlaws)] {
		a.Loop.Log().Warn("cred: password is ignored", "err", flaw)
	}
	u.all = found.all
	if !v.ok {
		return Identity{}, ErrUnauthorized
	}
	if s, ok := found.shadow.value[name]; ok && s.expired(now) {
		return Identity{}, fmt.Errorf("%w: the account or its password has expired", ErrDenied)
	}
	return Identity{User: name}, nil
}

func (u *UNIX) passwdName() string { return orElse(u.Passwd, "/etc/passwd") }
func (u *UNIX) shadowName() string { return orElse(u.Shadow, "/etc/shadow") }

func orElse(name, absent string) string {
	if name == "" {
		return absent
	}
	return name
}

// look reads what has changed. For the pool.
func (u *UNIX) look(f *accountsOf, a *Attempt, now time.Time) (err error) {
	if f.passwd, f.freshPasswd, err = f.passwd.next(a.Loop.FS(), u.passwdName(), maxFileBytes, now, parsePasswd); err != nil {
		return err
	}
	f.shadow, f.freshShadow, err = f.shadow.next(a.Loop.FS(), u.shadowName(), maxFileBytes, now, parseShadow)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if f.all != nil && !f.freshPasswd && !f.freshShadow {
		return nil
	}
	f.all = &accounts{records: map[string]passwd.Record{}}
	for _, name := range slices.Sorted(maps.Keys(f.passwd.value)) {
		text := f.passwd.value[name].password
		if s, ok := f.shadow.value[name]; ok && text == "x" {
			text = s.password
		}
		// What begins otherwise is an account that is locked, has no password, or
		// one of the DES crypt. {plain} is ours, and no system's.
		if !strings.HasPrefix(text, "$") {
			continue
		}
		r, err := passwd.Parse(text)
		if err != nil {
			f.flaws = append(f.flaws, fmt.Errorf("account %q: %w", name, err))
			continue
		}
		f.all.records[name] = r
		f.all.names = append(f.all.names, name)
	}
	return nil
}

// parsePasswd reads name:password:UID:GID:comment:home:shell.
// https://man7.org/linux/man-pages/man5/passwd.5.html
func parsePasswd(text string) (map[string]account, []error) {
	all := map[string]account{}
	var flaws []error
	for number, line := range lines(text) {
		fields := strings.Split(line, ":")
		switch {
		case len(fields) != 7:
			flaws = append(flaws, fmt.Errorf("line %d: %d fields: want 7", number, len(fields)))
		case fields[0] == "" || len(line) > maxLineBytes:
			flaws = append(flaws, fmt.Errorf("line %d: want a name, and at most %d bytes", number, maxLineBytes))
		default:
			if _, twice := all[fields[0]]; !twice {
				all[fields[0]] = account{fields[1], fields[5]}
			}
		}
	}
	return all, flaws
}

// parseShadow reads name:password:changed:min:max:warn:inactive:expires:.
// https://man7.org/linux/man-pages/man5/shadow.5.html
func parseShadow(text string) (map[string]shadow, []error) {
	all := map[string]shadow{}
	var flaws []error
	for number, line := range lines(text) {
		fields := strings.Split(line, ":")
		if len(fields) != 9 || fields[0] == "" || len(line) > maxLineBytes {
			flaws = append(flaws, fmt.Errorf("line %d: want a name, 9 fields, and at most %d bytes", number, maxLineBytes))
			continue
		}
		s := shadow{password: fields[1]}
		var errs [3]error
		s.changed, errs[0] = days(fields[2])
		s.maxAge, errs[1] = days(fields[4])
		s.expires, errs[2] = days(fields[7])
		if err := errors.Join(errs[:]...); err != nil {
			// An account whose end cannot be read may have ended.
			s.expires = 0
			flaws = append(flaws, fmt.Errorf("line %d: want numbers of days", number))
		}
		if _, twice := all[fields[0]]; !twice {
			all[fields[0]] = s
		}
	}
	return all, flaws
}

func days(text string) (int, error) {
	if text == "" {
		return -1, nil
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err
}

// expired reports whether nobody may log in by the password any more. To change
// it is for another place, so one that must be changed is of no use here.
func (s shadow) expired(now time.Time) bool {
	today := int(now.Unix() / (24 * 60 * 60))
	switch {
	case s.expires >= 0 && today >= s.expires:
		return true
	case s.changed == 0:
		return true
	}
	return s.changed > 0 && s.maxAge >= 0 && today > s.changed+s.maxAge
}

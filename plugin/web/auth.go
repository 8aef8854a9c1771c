package web

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service/cred"
)

// readAuth has the types of --auth read their arguments, or show help.
func (p *plan) readAuth() error {
	if _, err := p.Auth.Checkers(); err != nil {
		if _, wrong := errors.AsType[*cred.UsageError](err); wrong {
			return plugin.Usage("%w", err)
		}
		return err
	}
	p.users = usersFiles(p.Auth)
	if p.AuthClear && len(p.Auth.Chosen) == 0 {
		return plugin.Usage("--auth-clear: want --auth, too")
	}
	if p.Realm == "" || !utf8.ValidString(p.Realm) || strings.ContainsFunc(p.Realm, unicode.IsControl) {
		return plugin.Usage("--auth-realm %q: want a line of text without control characters", p.Realm)
	}
	return nil
}

// usersFiles are the files that a has users in.
func usersFiles(a cred.Auth) (names []string) {
	if a.Types == nil {
		a.Types = cred.Types()
	}
	a.Types = slices.Clone(a.Types)
	for i := range a.Types {
		fresh := a.Types[i].New
		a.Types[i].New = func(argument string) (cred.Checker, error) {
			c, err := fresh(argument)
			if f, ok := c.(*cred.File); ok {
				names = append(names, f.Name)
			}
			return c, err
		}
	}
	a.Checkers()
	return names
}

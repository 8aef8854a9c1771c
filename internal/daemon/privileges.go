package daemon

import (
	"errors"
	"fmt"
	"os/user"
	"strconv"
)

// Privileges are what a daemon keeps when its ports are open and its secrets
// read. The zero Privileges keep everything. Immutable after first use.
type Privileges struct {
	// User is whom to become, a name or a number; "": nobody else. It may not be
	// root: who wants to stay root says nothing.
	User string
	// Group is a name or a number; "": the user's own. It wants a User.
	Group string
	// Groups are supplementary ones, names or numbers; nil: none, not even those
	// that the user is a member of, so that what it may is said in one place.
	Groups []string
	// Effective changes the effective ids only, so that Regain brings root back.
	// Whoever takes over the process can bring it back too: it keeps mistakes
	// away, not attackers.
	Effective bool
	// BindLow keeps the right to listen below port 1024 (Linux; only in programs
	// that are built without cgo). Ports that are open need no right.
	BindLow bool
	// Sealed says that there are secrets in memory: the process leaves no core
	// file and, on Linux, nobody of the same user may look into it.
	Sealed bool
}

// Credentials are Privileges whose names have become numbers: to be resolved
// before a Chroot, which hides the names. Not safe for concurrent use.
type Credentials struct {
	// Immutable.
	Name     string // of the user, for messages
	UID, GID int
	Groups   []int // supplementary

	privileges Privileges
	view       view
	former     former
}

// former is who Regain becomes again.
type former struct {
	uid, gid int
	groups   []int
	regains  bool
}

// maxGroups is how many supplementary groups may be named: less than any system
// has, more than anybody wants.
const maxGroups = 16

// Resolve looks the names up. Its errors say which is wrong.
func (p Privileges) Resolve() (*Credentials, error) {
	c := &Credentials{privileges: p, UID: -1, GID: -1}
	if p.User == "" {
		if p.Group != "" || p.Groups != nil || p.Effective || p.BindLow {
			return nil, errors.New("daemon: a group, or other privileges, without a user: want a user")
		}
		return c, nil
	}
	if len(p.Groups) > maxGroups {
		return nil, fmt.Errorf("daemon: %d supplementary groups: want at most %d", len(p.Groups), maxGroups)
	}
	group := p.Group
	u, err := lookUser(p.User)
	if err != nil {
		return nil, err
	}
	if c.UID, err = number("user", u.Uid); err != nil {
		return nil, err
	}
	if c.UID == 0 {
		return nil, fmt.Errorf("daemon: user %.40q is root: want another", p.User)
	}
	c.Name = u.Username
	if group == "" {
		if u.Gid == "" {
			return nil, fmt.Errorf("daemon: user %s has no name, and so no group: want a group as well", u.Uid)
		}
		group = u.Gid
	}
	if c.GID, err = lookGroup(group); err != nil {
		return nil, err
	}
	for _, g := range p.Groups {
		gid, err := lookGroup(g)
		if err != nil {
			return nil, err
		}
		c.Groups = append(c.Groups, gid)
	}
	if c.view, err = openView(); err != nil {
		return nil, fmt.Errorf("daemon: %w", err)
	}
	return c, nil
}

// String is the user and its numbers: nobody (65534:65534).
func (c *Credentials) String() string {
	return fmt.Sprintf("%s (%d:%d)", c.Name, uint32(c.UID), uint32(c.GID))
}

// lookUser finds a user by name, else by number, which need not have a name.
func lookUser(name string) (*user.User, error) {
	u, err := user.Lookup(name)
	if err == nil {
		return u, nil
	}
	if _, bad := number("user", name); bad != nil {
		if _, unknown := errors.AsType[user.UnknownUserError](err); unknown {
			return nil, fmt.Errorf("daemon: no user %.40q: want a name or a number", name)
		}
		return nil, fmt.Errorf("daemon: user %.40q: %w", name, err)
	}
	if u, err := user.LookupId(name); err == nil {
		return u, nil
	}
	return &user.User{Uid: name, Username: "user " + name}, nil
}

func lookGroup(name string) (int, error) {
	if g, err := user.LookupGroup(name); err == nil {
		return number("group", g.Gid)
	}
	return number("group", name)
}

// number parses an id. The greatest is none: it means "do not change" to the
// system calls that change ids.
func number(what, text string) (int, error) {
	n, err := strconv.ParseUint(text, 10, 32)
	if err != nil || n == 1<<32-1 {
		return 0, fmt.Errorf("daemon: no %s %.40q: want a name or a number", what, text)
	}
	return int(n), nil
}

package reactor

import (
	"fmt"
	"os"
	"os/user"
	"strconv"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/poll"
)

// userOf is whose rights a child is to have; nil: ours. A UID alone has the
// groups that the system's database gives it: with our groups it would keep
// rights that nobody meant it to have.
func userOf(c twistor.Command) (*poll.User, error) {
	if c.UID == 0 && c.GID == 0 {
		return nil, nil
	}
	if c.UID == os.Geteuid() && (c.GID == 0 || c.GID == os.Getegid()) {
		return nil, nil // which needs no rights
	}
	if c.UID == 0 {
		return &poll.User{UID: uint32(os.Geteuid()), GID: uint32(c.GID)}, nil
	}
	known, err := user.LookupId(strconv.Itoa(c.UID))
	if err != nil {
		if c.GID != 0 { // a number that nobody has a name for
			return &poll.User{UID: uint32(c.UID), GID: uint32(c.GID)}, nil
		}
		return nil, fmt.Errorf("UID %d without GID: want a user of the system: %w", c.UID, err)
	}
	u := &poll.User{UID: uint32(c.UID), GID: uint32(c.GID)}
	if c.GID == 0 {
		if u.GID, err = number(known.Gid); err != nil {
			return nil, err
		}
	}
	groups, err := known.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("groups of UID %d: %w", c.UID, err)
	}
	for _, g := range groups {
		id, err := number(g)
		if err != nil {
			return nil, err
		}
		u.Groups = append(u.Groups, id)
	}
	return u, nil
}

func number(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	return uint32(n), err
}

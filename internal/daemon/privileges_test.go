//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"os/user"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// W15: names and numbers, and the user's own group.
func TestW15Resolve(t *testing.T) {
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Skip(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	for _, tc := range []struct {
		p        Privileges
		uid, gid int
		groups   []int
		want     string // of the error
	}{
		{Privileges{User: "nobody"}, uid, gid, nil, ""},
		{Privileges{User: nobody.Uid}, uid, gid, nil, ""},
		{Privileges{User: "nobody", Group: "daemon", Groups: []string{"bin", "4242"}}, uid, 1, []int{2, 4242}, ""},
		{Privileges{User: "54321", Group: "54322"}, 54321, 54322, nil, ""},
		{Privileges{}, -1, -1, nil, ""},
		{Privileges{User: "54321"}, 0, 0, nil, "user 54321 has no name, and so no group: want a group as well"},
		{Privileges{User: "no-such"}, 0, 0, nil, `no user "no-such": want a name or a number`},
		{Privileges{User: "-1"}, 0, 0, nil, `no user "-1"`},
		{Privileges{User: "4294967295", Group: "1"}, 0, 0, nil, `no user "4294967295"`},
		{Privileges{User: "nobody", Group: "4294967295"}, 0, 0, nil, `no group "4294967295"`},
		{Privileges{User: "nobody", Group: "no-such"}, 0, 0, nil, `no group "no-such": want a name or a number`},
		{Privileges{User: "nobody", Groups: []string{"no-such"}}, 0, 0, nil, `no group "no-such"`},
		{Privileges{User: "nobody", Groups: make([]string, 17)}, 0, 0, nil, "17 supplementary groups: want at most 16"},
		{Privileges{User: "root"}, 0, 0, nil, `user "root" is root: want another`},
		{Privileges{User: "0"}, 0, 0, nil, `user "0" is root: want another`},
		{Privileges{Group: "daemon"}, 0, 0, nil, "want a user"},
		{Privileges{Effective: true}, 0, 0, nil, "want a user"},
	} {
		c, err := tc.p.Resolve()
		if tc.want != "" {
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%+v: got %v, want %q", tc.p, err, tc.want)
			}
			continue
		}
		if err != nil {
			t.Errorf("%+v: %v", tc.p, err)
			continue
		}
		if tc.uid >= 0 {
			c.view.close()
		}
		if c.UID != tc.uid || c.GID != tc.gid || !slices.Equal(c.Groups, tc.groups) {
			t.Errorf("%+v: got %s with %v, want %d:%d with %v", tc.p, c, c.Groups, tc.uid, tc.gid, tc.groups)
		}
	}
}

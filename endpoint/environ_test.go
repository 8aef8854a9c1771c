package endpoint

import (
	"strings"
	"testing"
)

// FuzzEnviron: whatever systemd's variables hold, there are as many names as
// descriptors, and not more than may be.
func FuzzEnviron(f *testing.F) {
	f.Add("1", "2", "a:b", "a")
	f.Add("1", "1", "", "")
	f.Add("x", "-1", ":::", ":")
	f.Add("1", "99999999999999999999", "a", "a")
	f.Fuzz(func(t *testing.T, pid, fds, names, name string) {
		env := map[string]string{"LISTEN_PID": pid, "LISTEN_FDS": fds, "LISTEN_FDNAMES": names}
		list, err := passed(func(name string) string { return env[name] }, 1)
		if err != nil {
			return
		}
		if len(list) < 1 || len(list) > maxInherited || names != "" && strings.Join(list, ":") != names {
			t.Fatalf("got %d names %q of %q", len(list), list, names)
		}
		if i, err := named(list, name); err == nil && list[i] != name {
			t.Fatalf("got %q, want %q", list[i], name)
		}
	})
}

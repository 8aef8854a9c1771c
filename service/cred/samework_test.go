package cred_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/twistor-go/twistor/sim"
)

// CR09: the same work is done for a right password, a wrong one, and a user
// who does not exist. What argon2id fills is memory, so memory is what shows
// how often it ran: a try without a hash, or with two, differs by megabytes.
func TestCR09SameWorkForStrangers(t *testing.T) {
	const hashMiB = 8
	m := &cred.Memory{Users: map[string]passwd.Record{}, Hashing: passwd.Argon2id{MemoryKiB: hashMiB << 10, Passes: 1}}
	for i := range 3 {
		r, err := m.Hashing.Hash("secret", strings.NewReader(fmt.Sprintf("%016d", i)))
		if err != nil {
			t.Fatal(err)
		}
		m.Users[fmt.Sprint("user", i)] = r
	}
	file := &cred.File{Name: "/users", Hashing: m.Hashing}
	var lines strings.Builder
	for _, user := range []string{"user0", "user1", "user2"} {
		fmt.Fprintf(&lines, "%s:%s\n", user, m.Users[user].Text())
	}
	empty := &cred.Memory{}
	for _, c := range []struct {
		name, user, text string
		checker          cred.Checker
		wantMiB          uint64
	}{
		{"right", "user1", "secret", m, hashMiB},
		{"wrong", "user1", "wrong", m, hashMiB},
		{"unknown", "nobody", "secret", m, hashMiB},
		{"no password", "user1", "", m, hashMiB},
		{"unknown, none", "nobody", "", m, hashMiB},
		{"a password that SASLprep refuses", "user1", "\x07", m, hashMiB},
		{"of a file, right", "user1", "secret", file, hashMiB},
		{"of a file, wrong", "user1", "wrong", file, hashMiB},
		{"of a file, unknown", "nobody", "secret", file, hashMiB},
		{"where nobody is", "nobody", "secret", empty, 19},
	} {
		d := newDesk(t, c.checker)
		write(t, d.clock.FS(), "/users", lines.String(), 0o600)
		d.login(password("warm", "up"))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		d.login(password(c.user, c.text))
		runtime.ReadMemStats(&after)
		if got := (after.TotalAlloc - before.TotalAlloc + 512<<10) >> 20; got != c.wantMiB {
			t.Errorf("%s: %d MiB were filled, want %d: one hash", c.name, got, c.wantMiB)
		}
	}
}

// For a person to look at: what each kind of login costs, and that a stranger
// costs as much as a user.
func BenchmarkLogin(b *testing.B) {
	r, err := passwd.Hash("secret", strings.NewReader("0123456789abcdef"))
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, user, text string }{{"right", "jo", "secret"}, {"wrong", "jo", "wrong"}, {"unknown", "nobody", "wrong"}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			clock := sim.NewClock(nil)
			defer clock.Close()
			p := &cred.Portal[string]{
				Checkers: []cred.Checker{&cred.Memory{Users: map[string]passwd.Record{"jo": r}}},
				Tries:    cred.Tries{MaxDelay: -1},
			}
			for b.Loop() {
				p.Check(clock, password(c.user, c.text), peer).Cancel()
				clock.Advance(0)
			}
		})
	}
}

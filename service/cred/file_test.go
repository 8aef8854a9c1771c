package cred_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
)

const (
	bcryptP = "$2y$05$7/thbcFg0kmpcotAH2E30.M5Cx7mn/.w.TnDwASEooI7CMLL.uVf6" // of p
	sha     = "{SHA}VBPuJHI7uixaa6LQGWx4s+5GKNE="                            // of myPassword
	apr1    = "$apr1$r31.....$HqJZimcKQFAMYayBlzkrA/"                        // of myPassword
)

// tries tells who gets in.
func (d *desk) tries(want map[string]bool) {
	d.t.Helper()
	for pair, ok := range want {
		user, text, _ := strings.Cut(pair, " ")
		_, err := d.login(password(user, text))
		if (err == nil) != ok || err != nil && !errors.Is(err, cred.ErrUnauthorized) {
			d.t.Errorf("%s: got %v, want accepted: %v", pair, err, ok)
		}
	}
}

// CR05: the forms of a file, and the lines of one that nobody wrote with care.
// A line that is not understood keeps its user out, and nobody else.
func TestCR05File(t *testing.T) {
	d := newDesk(t, &cred.File{Name: "/etc/users"})
	write(t, d.clock.FS(), "/etc/users", "# users\n\na:"+bcryptP+"\r\nb:"+sha+":more\nc:"+apr1+"\n  # more\nd:canary\ne\n"+
		"f:{plain}a:b\n:"+sha+"\na:"+sha+"\ng:{plain}last", 0o600)
	d.tries(map[string]bool{
		"a p": true, "b myPassword": true, "c myPassword": true, "d canary": false, "e ": false, "f a:b": true, "f a": false,
		"a myPassword": false, "g last": true, "A p": false,
	})
	log := d.clock.Logged()
	for _, want := range []string{"line 7", "line 8", "line 10", "line 11", "want 1 to 255", "has a line above", "unknown form"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %q:\n%s", want, log)
		}
	}
	if strings.Contains(log, "canary") {
		t.Errorf("the log shows what a line says:\n%s", log)
	}
	if n := strings.Count(log, "line 7"); n != 1 {
		t.Errorf("a bad line is told %d times, want once for each time it is read", n)
	}
}

// CR05: delimiter, fields and case.
func TestCR05Fields(t *testing.T) {
	d := newDesk(t, &cred.File{Name: "/users", Delimiter: "|", UserField: 3, PasswordField: 1, IgnoreCase: true})
	write(t, d.clock.FS(), "/users", bcryptP+"|x|Jo\n{plain}q|y|al|more\nshort|line\n", 0o600)
	d.tries(map[string]bool{"jo p": true, "JO p": true, "Jo q": false, "x p": false})
	s, err := d.login(password("JO", "p"))
	if err != nil || s.User != "jo" {
		t.Errorf("got %+v, %v, want the user jo", s, err)
	}
}

// CR05: the file is read when it has changed, and only then.
func TestCR05Reload(t *testing.T) {
	d := newDesk(t, &cred.File{Name: "/users"})
	fsys := d.clock.FS()
	if _, err := d.login(password("a", "x")); !errors.Is(err, cred.ErrUnavailable) {
		t.Errorf("without a file: got %v, want %v", err, cred.ErrUnavailable)
	}
	write(t, fsys, "/users", "a:{plain}x\n", 0o600)
	d.tries(map[string]bool{"a x": true, "b x": false})
	write(t, fsys, "/users", "b:{plain}x\n", 0o600)
	d.tries(map[string]bool{"a x": false, "b x": true})
	// Two changes in the same instant, of the same size.
	write(t, fsys, "/users", "c:{plain}x\n", 0o600)
	d.clock.Advance(0)
	login := d.Check(d.clock, password("c", "x"), peer)
	d.clock.Advance(0)
	if o, _ := login.Result(); o.Err != nil {
		t.Errorf("the first of two quick changes: %v", o.Err)
	}
	write(t, fsys, "/users", "e:{plain}x\n", 0o600)
	d.tries(map[string]bool{"c x": false, "e x": true})
	d.clock.Advance(time.Minute)
	d.tries(map[string]bool{"e x": true})
	reads := 0
	counting := &countingLoop{Clock: d.clock, opened: &reads}
	d2 := &cred.Portal[string]{Checkers: []cred.Checker{&cred.File{Name: "/users"}}}
	for range 3 {
		if _, err := wait(t, d.clock, d2.Check(counting, password("e", "x"), peer)); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 1 {
		t.Errorf("three logins read the file %d times, want once", reads)
	}
	fsys.Remove("/users")
	if _, err := d.login(password("e", "x")); !errors.Is(err, cred.ErrUnavailable) {
		t.Errorf("after the file has gone: got %v, want %v", err, cred.ErrUnavailable)
	}
}

// CR05: a file without end is not read to its end.
func TestCR05FileTooLong(t *testing.T) {
	d := newDesk(t, &cred.File{Name: "/users"})
	write(t, d.clock.FS(), "/users", "a:{plain}x\n"+strings.Repeat("#\n", 8<<20), 0o600)
	if _, err := d.login(password("a", "x")); !errors.Is(err, cred.ErrUnavailable) {
		t.Errorf("got %v, want %v", err, cred.ErrUnavailable)
	}
	write(t, d.clock.FS(), "/users", "a:{plain}x\nb:"+strings.Repeat("x", 4<<10)+"\n", 0o600)
	d.tries(map[string]bool{"a x": true})
}

// CR05: kinds beside the password are offered only if the file's owner says
// that its lines serve them.
func TestCR05Also(t *testing.T) {
	d := newDesk(t, &cred.File{Name: "/users", Also: []cred.Kind{cred.KindCRAMMD5}})
	write(t, d.clock.FS(), "/users", "a:{plain}x\nb:"+bcryptP+"\n", 0o600)
	for _, c := range []struct {
		user, text string
		ok         bool
	}{
		{"a", "x", true}, {"a", "", false}, {"b", "x", false}, {"b", "p", false},
		{"b", "", false},       // what a hash has in the place of a password
		{"nobody", "x", false}, // the password of who serves as a decoy
	} {
		k := d.talk("CRAM-MD5", peer)
		challenge, err := k.says(nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = k.says([]byte(c.user + " " + hexOf(hmacMD5(c.text, challenge))))
		if (err == nil) != c.ok {
			t.Errorf("%s, %q: got %v, want accepted: %v", c.user, c.text, err, c.ok)
		}
	}
}

// CR09: a hash that has become too cheap is made anew when its user logs in,
// by Memory, and told of by File. A wrong password makes nothing.
func TestCR09Rehash(t *testing.T) {
	bigger := passwd.Argon2id{MemoryKiB: 128, Passes: 1}
	old, err := passwd.Argon2id{MemoryKiB: 64, Passes: 1}.Hash("secret", strings.NewReader("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]passwd.Record{}
	hook := func(user string, r passwd.Record) { told[user] = r }
	memory := &cred.Memory{Users: map[string]passwd.Record{"jo": old}, Hashing: bigger, Rehashed: hook}
	file := &cred.File{Name: "/users", Hashing: bigger, Rehashed: hook}
	for name, c := range map[string]cred.Checker{"memory": memory, "file": file} {
		clear(told)
		d := newDesk(t, c)
		write(t, d.clock.FS(), "/users", "jo:"+old.Text()+"\n", 0o600)
		d.tries(map[string]bool{"jo wrong": false, "nobody secret": false})
		if len(told) != 0 {
			t.Errorf("%s: a wrong password made %d new records", name, len(told))
		}
		d.tries(map[string]bool{"jo secret": true})
		if r := told["jo"]; !r.Verify("secret") || bigger.Outdated(r) || r.Text() == old.Text() {
			t.Errorf("%s: want a new record of the same password that costs enough", name)
		}
	}
	if memory.Users["jo"] != told["jo"] && bigger.Outdated(memory.Users["jo"]) {
		t.Error("memory: want the new record in the place of the old one")
	}
}

package cred_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/cred/passwd"
	"github.com/twistor-go/twistor/sim"
)

// A desk is a portal under test: its avatars are the names, its realm counts.
type desk struct {
	*cred.Portal[string]
	t       *testing.T
	clock   *sim.Clock
	in, out int
	seen    []cred.Identity
}

var peer = cred.Origin{Peer: netip.MustParseAddr("192.0.2.1")}

func newDesk(t *testing.T, checkers ...cred.Checker) *desk {
	d := &desk{t: t, clock: sim.NewClock(t)}
	d.Portal = &cred.Portal[string]{Checkers: checkers, Realm: cred.RealmFunc[string](
		func(_ *deferred.Co, id cred.Identity, _ cred.Origin) (string, func(), error) {
			d.in++
			d.seen = append(d.seen, id)
			return "avatar of " + id.User, func() { d.out++ }, nil
		})}
	return d
}

// login is a Login that is waited for, for a virtual minute.
func (d *desk) login(c cred.Credentials) (*cred.Session[string], error) {
	d.t.Helper()
	return wait(d.t, d.clock, d.Login(d.clock, c, peer))
}

func wait[T any](t *testing.T, clock *sim.Clock, d *deferred.Deferred[T]) (T, error) {
	t.Helper()
	clock.Advance(time.Minute)
	o, fired := d.Result()
	if !fired {
		t.Fatal("it does not fire within a minute")
	}
	return o.Value, o.Err
}

func password(user, text string) cred.Password {
	return cred.Password{User: user, Secret: twistor.Conceal(text)}
}

func users(pairs ...string) *cred.Memory {
	m := &cred.Memory{Users: map[string]passwd.Record{}}
	for i := 0; i < len(pairs); i += 2 {
		m.Users[pairs[i]] = passwd.Plain(pairs[i+1])
	}
	return m
}

// CR01: whom a checker accepts gets the avatar that the realm makes, and its
// logout is called once.
func TestCR01Login(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	s, err := d.login(password("jo", "secret"))
	if err != nil {
		t.Fatal(err)
	}
	if s.Avatar != "avatar of jo" || s.User != "jo" || s.By != cred.KindPassword {
		t.Errorf("got %+v, want the avatar of jo, by password", s)
	}
	s.Logout()
	s.Logout()
	if d.in != 1 || d.out != 1 {
		t.Errorf("got %d avatars and %d logouts, want one of each", d.in, d.out)
	}
}

// CR01: the reasons can be told apart, and the realm hears of nobody refused.
func TestCR01Refusals(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	for _, c := range []struct {
		name string
		c    cred.Credentials
		want error
	}{
		{"a wrong password", password("jo", "wrong"), cred.ErrUnauthorized},
		{"no password", password("jo", ""), cred.ErrUnauthorized},
		{"an unknown user", password("joe", "secret"), cred.ErrUnauthorized},
		{"no user", password("", "secret"), cred.ErrUnauthorized},
		{"a name of 256 bytes", password(strings.Repeat("j", 256), "secret"), cred.ErrUnauthorized},
		{"credentials that nobody takes", cred.Anonymous{}, cred.ErrUnhandled},
	} {
		_, err := d.login(c.c)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: got %v, want %v", c.name, err, c.want)
		}
		for _, other := range []error{cred.ErrUnauthorized, cred.ErrUnhandled, cred.ErrDenied, cred.ErrUnavailable} {
			if other != c.want && errors.Is(err, other) {
				t.Errorf("%s: it is %v as well", c.name, other)
			}
		}
	}
	if d.in != 0 {
		t.Errorf("the realm made %d avatars of those refused", d.in)
	}
}

// CR01: what is said of an unknown user is, to the letter, what is said of a
// wrong password.
func TestCR01ErrorsDoNotSayWhoExists(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	_, wrong := d.login(password("jo", "wrong"))
	_, unknown := d.login(password("joe", "wrong"))
	if wrong.Error() != unknown.Error() {
		t.Errorf("got %q of a user and %q of nobody", wrong, unknown)
	}
}

// A fixed checker answers always the same.
type fixed struct {
	kinds []cred.Kind
	id    cred.Identity
	err   error
	asked *[]string
	name  string
}

func (f fixed) Kinds() []cred.Kind { return f.kinds }
func (f fixed) Check(co *deferred.Co, a *cred.Attempt) (cred.Identity, error) {
	if f.asked != nil {
		*f.asked = append(*f.asked, f.name)
	}
	return f.id, f.err
}

// CR02: the checkers that declare a kind are asked in their order, until one
// accepts or denies; the portal lists the kinds of all.
func TestCR02Checkers(t *testing.T) {
	var asked []string
	byPassword := []cred.Kind{cred.KindPassword}
	named := func(name string, err error) fixed {
		f := fixed{kinds: byPassword, err: err, asked: &asked, name: name}
		if err == nil {
			f.id.User = name
		}
		return f
	}
	broken := errors.New("disk on fire")
	other := fixed{kinds: []cred.Kind{cred.KindDigest}, asked: &asked, name: "other"}
	for _, c := range []struct {
		name     string
		checkers []cred.Checker
		asked    []string
		user     string
		err      error
	}{
		{"the second knows", []cred.Checker{other, named("a", cred.ErrUnauthorized), named("b", nil), named("c", nil)}, []string{"a", "b"}, "b", nil},
		{"the first denies", []cred.Checker{named("a", cred.ErrDenied), named("b", nil)}, []string{"a"}, "", cred.ErrDenied},
		{"the first is broken", []cred.Checker{named("a", broken), named("b", nil)}, []string{"a", "b"}, "b", nil},
		{"the broken one may have known", []cred.Checker{named("a", broken), named("b", cred.ErrUnauthorized)}, []string{"a", "b"}, "", cred.ErrUnavailable},
	} {
		asked = nil
		d := newDesk(t, c.checkers...)
		id, err := wait(t, d.clock, d.Check(d.clock, password("x", "y"), peer))
		if id.User != c.user || !errors.Is(err, c.err) || !slices.Equal(asked, c.asked) {
			t.Errorf("%s: got %q, %v after asking %v; want %q, %v after %v", c.name, id.User, err, asked, c.user, c.err, c.asked)
		}
	}
	d := newDesk(t, other, named("a", nil), cred.AllowAnonymous{}, cred.Only(users(), cred.KindSCRAM))
	if got, want := d.Kinds(), []cred.Kind{"digest", "password", "anonymous", "scram-sha-256"}; !slices.Equal(got, want) {
		t.Errorf("got kinds %v, want %v", got, want)
	}
}

// CR02: Only registers a checker for fewer kinds than it has.
func TestCR02Only(t *testing.T) {
	d := newDesk(t, cred.Only(users("jo", "secret"), cred.KindCRAMMD5))
	if _, err := d.login(password("jo", "secret")); !errors.Is(err, cred.ErrUnhandled) {
		t.Errorf("got %v, want %v", err, cred.ErrUnhandled)
	}
	defer func() {
		if recover() == nil {
			t.Error("want a panic for a kind that the checker has not")
		}
	}()
	cred.Only(cred.AllowAnonymous{}, cred.KindPassword)
}

// CR03: the realm may wait, may refuse, and may fail; only ErrDenied is the
// peer's concern.
func TestCR03Realm(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	var refuse error
	logouts := 0
	d.Realm = cred.RealmFunc[string](func(co *deferred.Co, id cred.Identity, from cred.Origin) (string, func(), error) {
		if err := co.Sleep(time.Second); err != nil {
			return "", nil, err
		}
		return fmt.Sprint(from.Mind), func() { logouts++ }, refuse
	})
	from := peer
	from.Mind = "the client"
	s, err := wait(t, d.clock, d.Login(d.clock, password("jo", "secret"), from))
	if err != nil || s.Avatar != "the client" {
		t.Errorf("got %v, %v, want the mind as avatar", s, err)
	}
	refuse = fmt.Errorf("not on Sundays: %w", cred.ErrDenied)
	if _, err := d.login(password("jo", "secret")); !errors.Is(err, cred.ErrDenied) {
		t.Errorf("got %v, want %v", err, cred.ErrDenied)
	}
	refuse = errors.New("no mailbox")
	if _, err := d.login(password("jo", "secret")); !errors.Is(err, cred.ErrUnavailable) || !errors.Is(err, refuse) {
		t.Errorf("got %v, want %v and the reason", err, cred.ErrUnavailable)
	}
	if logouts != 0 {
		t.Errorf("%d logouts of who did not enter", logouts)
	}
}

// CR03: a login that nobody waits for any more leaves nobody logged in, also
// when a realm does not notice.
func TestCR03CancelledLoginLogsOut(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	opened := deferred.New[struct{}](nil)
	d.Realm = cred.RealmFunc[string](func(co *deferred.Co, _ cred.Identity, _ cred.Origin) (string, func(), error) {
		d.in++
		opened.Await(co) // and goes on, cancelled or not
		return "", func() { d.out++ }, nil
	})
	login := d.Login(d.clock, password("jo", "secret"), peer)
	d.clock.Advance(time.Second)
	if d.in != 1 {
		t.Fatalf("got %d avatars being made, want one", d.in)
	}
	login.Cancel()
	d.clock.Advance(time.Second)
	if o, fired := login.Result(); !fired || o.Err == nil || d.out != 1 {
		t.Errorf("got %+v and %d logouts, want a failure and one", o, d.out)
	}
}

// CR04: a memory serves passwords, and what a password proves otherwise.
func TestCR04Memory(t *testing.T) {
	m := users("jo", "secret")
	hash, err := passwd.Argon2id{MemoryKiB: 64, Passes: 1}.Hash("hashed", strings.NewReader("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	m.Users["al"] = hash
	d := newDesk(t, m)
	for _, c := range []struct {
		user, text string
		ok         bool
	}{{"jo", "secret", true}, {"al", "hashed", true}, {"al", "secret", false}, {"jo", "hashed", false}, {"Jo", "secret", false}} {
		if _, err := d.login(password(c.user, c.text)); (err == nil) != c.ok {
			t.Errorf("%s, %s: got %v, want accepted: %v", c.user, c.text, err, c.ok)
		}
	}
	delete(m.Users, "jo")
	m.Users["ed"] = passwd.Plain("x")
	if _, err := d.login(password("jo", "secret")); err == nil {
		t.Error("who was removed is let in")
	}
	if _, err := d.login(password("ed", "x")); err != nil {
		t.Errorf("who was added is refused: %v", err)
	}
}

// CR06: anonymous is the user "", and nobody else is.
func TestCR06Anonymous(t *testing.T) {
	d := newDesk(t, cred.AllowAnonymous{})
	s, err := d.login(cred.Anonymous{Trace: "jo@example.org"})
	if err != nil || s.User != "" || s.By != cred.KindAnonymous {
		t.Errorf("got %+v, %v, want a session of nobody", s, err)
	}
	if _, err := d.login(password("anonymous", "x")); !errors.Is(err, cred.ErrUnhandled) {
		t.Errorf("got %v for a password, want %v", err, cred.ErrUnhandled)
	}
	// A checker that forgets the name makes nobody anonymous.
	d = newDesk(t, fixed{kinds: []cred.Kind{cred.KindPassword}})
	if s, err := d.login(password("jo", "x")); err == nil {
		t.Errorf("got a session %+v of a checker's mistake", s)
	}
}

package cred_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/cred"
)

// A slow checker does work on the pool.
type slow struct{}

func (s *slow) Kinds() []cred.Kind { return []cred.Kind{cred.KindPassword} }
func (s *slow) Check(co *deferred.Co, a *cred.Attempt) (cred.Identity, error) {
	_, err := cred.Work(co, a, func(context.Context) (struct{}, error) { return struct{}{}, nil })
	if err != nil {
		return cred.Identity{}, err
	}
	return cred.Identity{User: a.Credentials.Claim()}, nil
}

// CR09: a flood of logins takes two workers and 64 places in a line; whoever
// comes then is told to come again, and nobody is let in unchecked. The loop
// goes on meanwhile: everything here happens on it.
func TestCR09FloodIsBounded(t *testing.T) {
	for _, c := range []struct{ work, waiting, wantRunning, wantRefused int }{
		{0, 0, 2, 200 - 2 - 64}, {1, -1, 1, 199}, {5, 10, 5, 200 - 15},
	} {
		d := newDesk(t, &slow{})
		d.MaxWork, d.MaxWaiting = c.work, c.waiting
		pool := &heldPool{Clock: d.clock}
		refused, let := 0, 0
		for i := range 200 {
			d.Check(pool, password(fmt.Sprint("user", i), "x"), peer).Done(func(_ cred.Identity, err error) {
				switch {
				case err == nil:
					let++
				case errors.Is(err, cred.ErrUnavailable):
					refused++
				default:
					t.Errorf("got %v, want %v", err, cred.ErrUnavailable)
				}
			})
		}
		d.clock.Advance(0)
		if len(pool.held) != c.wantRunning || refused != c.wantRefused || let != 0 {
			t.Errorf("%+v: got %d running, %d refused, %d let in; want %d, %d, 0", c, len(pool.held), refused, let, c.wantRunning, c.wantRefused)
		}
		for len(pool.held) > 0 {
			pool.release()
			if len(pool.held) > c.wantRunning {
				t.Fatalf("%d jobs at a time, want at most %d", len(pool.held), c.wantRunning)
			}
		}
		if want := 200 - c.wantRefused; let != want {
			t.Errorf("%d of those who waited were let in, want %d", let, want)
		}
	}
}

// CR09: who hangs up does not give its place back before its work is done, or
// else many who hang up would have more done at a time than the cap.
func TestCR09HangingUpIsNoWayAroundTheCap(t *testing.T) {
	d := newDesk(t, &slow{})
	pool := &heldPool{Clock: d.clock}
	for i := range 20 {
		login := d.Login(pool, password(fmt.Sprint("user", i), "x"), peer)
		d.clock.Advance(0)
		login.Cancel()
		d.clock.Advance(0)
	}
	if len(pool.held) != 2 {
		t.Errorf("got %d jobs at a time, want 2", len(pool.held))
	}
	last := d.Login(pool, password("last", "x"), peer)
	for len(pool.held) > 0 {
		pool.release()
	}
	if o, fired := last.Result(); !fired || o.Err != nil {
		t.Errorf("got %+v, want the last one let in when the work is done", o)
	}
	if d.in != 1 {
		t.Errorf("got %d avatars, want that of who stayed", d.in)
	}
}

// CR09: five wrong ones are free, then each waits twice as long as the one
// before, up to 30 seconds; the right one clears the count.
func TestCR09GuessesAreDelayed(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	took := func(text string) time.Duration {
		begin, end := d.clock.Elapsed(), time.Duration(-1)
		d.Login(d.clock, password("jo", text), peer).Done(func(*cred.Session[string], error) { end = d.clock.Elapsed() })
		d.clock.Advance(time.Minute)
		return end - begin
	}
	for i, want := range []int{0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30} {
		if got := took("wrong"); got != time.Duration(want)*time.Second {
			t.Errorf("attempt %d took %v, want %d s", i+1, got, want)
		}
	}
	if got := took("secret"); got != 30*time.Second {
		t.Errorf("the right one took %v, want its turn after 30 s", got)
	}
	if got := took("wrong"); got != 0 {
		t.Errorf("after the right one a wrong one took %v, want none", got)
	}
	for range 6 {
		took("wrong")
	}
	d.clock.Advance(15 * time.Minute)
	if got := took("wrong"); got != 0 {
		t.Errorf("after 15 minutes it took %v, want none", got)
	}
}

// CR09: guesses at the same time are not quicker than one after the other, and
// those that would wait too long are refused at once.
func TestCR09GuessesAtOnce(t *testing.T) {
	d := newDesk(t, users("jo", "secret"))
	d.MaxWaiting = 1000
	refused, checked := 0, 0
	for range 100 {
		d.Login(d.clock, password("jo", "wrong"), peer).Done(func(_ *cred.Session[string], err error) {
			if errors.Is(err, cred.ErrUnavailable) {
				refused++
			} else {
				checked++
			}
		})
	}
	d.clock.Advance(0)
	if refused != 100-5-4 {
		t.Errorf("got %d refused at once, want all but 5 that are free, and those after 1, 3, 7 and 15 s", refused)
	}
	d.clock.Advance(time.Minute)
	if checked != 9 {
		t.Errorf("got %d checked within a minute, want 9", checked)
	}
}

// CR09: nobody is locked out from another host by who guesses, and no other
// user of the same host is.
func TestCR09NobodyLocksOthersOut(t *testing.T) {
	d := newDesk(t, users("jo", "secret", "al", "secret"))
	for range 8 {
		d.login(password("jo", "wrong"))
	}
	elsewhere, sameNet := peer, peer
	elsewhere.Peer = peer.Peer.Next()
	for _, c := range []struct {
		name string
		user string
		from cred.Origin
		late bool
	}{
		{"jo from elsewhere", "jo", elsewhere, false},
		{"another user from there", "al", peer, false},
		{"jo from there", "jo", sameNet, true},
		{"JO from there", "JO", sameNet, true},
	} {
		login := d.Login(d.clock, password(c.user, "secret"), c.from)
		d.clock.Advance(100 * time.Millisecond)
		if _, fired := login.Result(); fired == c.late {
			t.Errorf("%s: answered at once: %v, want %v", c.name, fired, !c.late)
		}
		login.Cancel()
		d.clock.Advance(0)
	}
}

// CR09: keys and anonymous logins are no guesses; negative fields say none.
func TestCR09TriesFields(t *testing.T) {
	always := fixed{kinds: []cred.Kind{cred.KindSSHKey, cred.KindAnonymous, cred.KindPassword}, err: cred.ErrUnauthorized}
	for _, c := range []struct {
		name  string
		tries cred.Tries
		c     cred.Credentials
		late  bool
	}{
		{"keys", cred.Tries{}, cred.SSHKey{User: "jo"}, false},
		{"anonymous", cred.Tries{}, cred.Anonymous{}, false},
		{"passwords", cred.Tries{}, password("jo", "x"), true},
		{"no delays", cred.Tries{MaxDelay: -1}, password("jo", "x"), false},
		{"many free", cred.Tries{Free: 100}, password("jo", "x"), false},
	} {
		d := newDesk(t, always)
		d.Tries = c.tries
		for range 10 {
			d.Check(d.clock, c.c, peer).Cancel()
			d.clock.Advance(20 * time.Second)
		}
		last := d.Check(d.clock, c.c, peer)
		d.clock.Advance(0)
		if _, fired := last.Result(); fired == c.late {
			t.Errorf("%s: answered at once: %v, want %v", c.name, fired, !c.late)
		}
		last.Cancel()
		d.clock.Advance(0)
	}
	d := newDesk(t, always)
	d.Tries.Free = -1
	first := d.Check(d.clock, password("jo", "x"), peer)
	d.clock.Advance(999 * time.Millisecond)
	if _, fired := first.Result(); fired {
		t.Error("none free: the first is answered within a second")
	}
	first.Cancel()
	d.clock.Advance(0)
}

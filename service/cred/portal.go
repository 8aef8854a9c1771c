package cred

import (
	"errors"
	"fmt"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Portal is the one way in: it asks the Checkers who somebody is, and the
// Realm what that one may do. A server has one; several servers of a loop may
// share one, and then its limits. Set the fields before first use. Loop-only.
type Portal[A any] struct {
	// Realm makes the avatars; nil only if nobody calls Login.
	Realm Realm[A]
	// Checkers are asked in order, those that take the kind of the credentials,
	// until one accepts.
	Checkers []Checker
	// Name is the host's, in the challenges of CRAM-MD5; "": localhost.
	Name string

	// MaxWork is how many jobs of Work run at a time; 0 or less: 2. Each may take 20 MiB and a processor for 30 ms.
	MaxWork int
	// MaxWaiting is how many logins may wait for that; beyond, ErrUnavailable.
	// 0: 64; negative: none.
	MaxWaiting int
	// Tries says how quickly one may try passwords.
	Tries Tries

	loop    twistor.Loop
	hashing deferred.Semaphore
}

// Kinds are the kinds of credentials that somebody can log in with.
func (p *Portal[A]) Kinds() (kinds []Kind) {
	for _, c := range p.Checkers {
		for _, k := range c.Kinds() {
			if !slices.Contains(kinds, k) {
				kinds = append(kinds, k)
			}
		}
	}
	return kinds
}

// Login lets somebody in, or says why not: ErrUnauthorized, ErrUnhandled,
// ErrDenied, ErrUnavailable. It may take seconds, longer for who guesses. Who
// hangs up meanwhile is cancelled: then nobody is left logged in.
func (p *Portal[A]) Login(l twistor.Loop, c Credentials, from Origin) *deferred.Deferred[*Session[A]] {
	return deferred.Inline(l, func(co *deferred.Co) (*Session[A], error) { return p.login(co, l, c, from) })
}

// Check is Login without an avatar: for who asks before it is sure, such as an
// SSH server whose client has yet to sign, or needs no avatars at all.
func (p *Portal[A]) Check(l twistor.Loop, c Credentials, from Origin) *deferred.Deferred[Identity] {
	return deferred.Inline(l, func(co *deferred.Co) (Identity, error) { return p.check(co, l, c, from) })
}

func (p *Portal[A]) login(co *deferred.Co, l twistor.Loop, c Credentials, from Origin) (*Session[A], error) {
	if k, ok := c.(SSHKey); ok && k.Verify == nil {
		return nil, fmt.Errorf("%w: an SSH key without a signature", ErrUnauthorized)
	}
	id, err := p.check(co, l, c, from)
	if err != nil {
		return nil, err
	}
	avatar, logout, err := p.Realm.Avatar(co, id, from)
	if err != nil {
		if errors.Is(err, ErrDenied) {
			return nil, err
		}
		return nil, unavailable(err)
	}
	s := &Session[A]{Identity: id, Avatar: avatar, logout: logout}
	if err := co.Err(); err != nil {
		s.Logout()
		return nil, err
	}
	return s, nil
}

func (p *Portal[A]) check(co *deferred.Co, l twistor.Loop, c Credentials, from Origin) (Identity, error) {
	p.settle(l)
	takers := slices.DeleteFunc(slices.Clone(p.Checkers), func(k Checker) bool { return !slices.Contains(k.Kinds(), c.Kind()) })
	if len(takers) == 0 {
		return Identity{}, fmt.Errorf("%w: %s", ErrUnhandled, c.Kind())
	}
	if len(c.Claim()) > maxUserBytes {
		return Identity{}, ErrUnauthorized
	}
	done, err := p.Tries.wait(co, l, c, from)
	if err != nil {
		return Identity{}, err
	}
	id, err := ask(co, takers, &Attempt{Credentials: c, From: from, Loop: l, hashing: &p.hashing})
	done(err)
	id.By = c.Kind()
	return id, err
}

// ask asks the checkers that take a's credentials.
func ask(co *deferred.Co, takers []Checker, a *Attempt) (Identity, error) {
	why := ErrUnauthorized
	for _, c := range takers {
		id, err := c.Check(co, a)
		if err == nil && (id.User == "") != (a.Credentials.Kind() == KindAnonymous) {
			err = errNameless // nobody becomes anonymous, or somebody, by a mistake
		}
		switch {
		case err == nil:
			return id, nil
		case errors.Is(err, ErrDenied), errors.Is(err, ErrMalformed):
			return Identity{}, err
		case co.Err() != nil:
			return Identity{}, co.Err()
		case !errors.Is(err, ErrUnauthorized):
			why = unavailable(err)
		}
	}
	if d, ok := a.Credentials.(deceiver); ok {
		if err := d.deceive(co); err != nil && !errors.Is(err, ErrUnauthorized) {
			return Identity{}, err
		}
	}
	return Identity{}, why
}

// A deceiver is Credentials whose peer must see the whole exchange, also when
// there is no such user.
type deceiver interface{ deceive(co *deferred.Co) error }

// settle makes l the portal's one loop: no lock guards its state.
func (p *Portal[A]) settle(l twistor.Loop) {
	switch p.loop {
	case nil:
		p.loop = l
		p.hashing.Max, p.hashing.MaxWaiters = p.MaxWork, p.MaxWaiting
		if p.MaxWork <= 0 {
			p.hashing.Max = defaultWork
		}
		if p.MaxWaiting == 0 {
			p.hashing.MaxWaiters = defaultWaiting
		}
	case l:
	default:
		panic("cred: a Portal on two loops: build one for each")
	}
}

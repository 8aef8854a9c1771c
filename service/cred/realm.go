package cred

import "github.com/twistor-go/twistor/deferred"

// An Identity is who somebody has proved to be. Immutable after first use.
type Identity struct {
	// User is the name as the Checker spells it; "": nobody in particular, who
	// came by Anonymous.
	User string
	// By is how it was proved. The Portal sets it.
	By Kind
	// Options are what the proof is restricted to: those of the line of an
	// authorized_keys file. A Realm must obey each; see SSHKeys.
	Options []Option
}

// A Realm makes of a name what its owner may see and do: an avatar. What an
// avatar is, A, is what the protocol of the Portal wants to speak to: a file
// system for ftp, mailboxes for imap. Loop-only.
type Realm[A any] interface {
	// Avatar is called after a Checker let id in. It may wait: open files, ask
	// others. logout, if not nil, is called once, when the peer has gone; it is
	// not called if Avatar returns an error. ErrDenied refuses id.
	Avatar(co *deferred.Co, id Identity, from Origin) (avatar A, logout func(), err error)
}

// A RealmFunc is a Realm of one function.
type RealmFunc[A any] func(co *deferred.Co, id Identity, from Origin) (avatar A, logout func(), err error)

// Avatar calls f.
func (f RealmFunc[A]) Avatar(co *deferred.Co, id Identity, from Origin) (avatar A, logout func(), err error) {
	return f(co, id, from)
}

// A Session is somebody's stay: from a Login to its Logout. Loop-only.
type Session[A any] struct {
	Identity
	Avatar A

	logout func()
}

// Logout ends the stay: the protocol calls it when it is Disconnected, or when
// another user logs in on the same connection. Later calls do nothing.
func (s *Session[A]) Logout() {
	if f := s.logout; f != nil {
		s.logout = nil
		f()
	}
}

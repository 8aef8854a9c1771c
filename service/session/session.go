package session

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Session is what is remembered of the visitor who made one request. It is
// valid until the answer is complete. Loop-only.
type Session[T any] struct {
	// Value is this request's own copy: change it, then Save it. Zero if there
	// is no session yet.
	Value T

	all  *Sessions[T]
	w    *web.ResponseWriter
	r    *web.Request
	kept Record // Key "": there is none
}

// take is what was found.
func (s *Session[T]) take(r Record) {
	if r.Key == "" {
		return
	}
	if err := json.Unmarshal(r.Value, &s.Value); err != nil {
		// Another version of the program kept it: begin anew.
		s.r.Loop().Log().Error("a session cannot be read", "session", r.String(), "err", err)
		var zero T
		s.Value = zero
		return
	}
	s.kept = r
}

// Exists reports whether there is a session: whether the visitor has been here.
func (s *Session[T]) Exists() bool { return s.kept.Key != "" }

// Begun is when it did; zero: there is none.
func (s *Session[T]) Begun() time.Time { return s.kept.Begun }

// Save keeps Value. If there is no session, one begins, with a cookie: then it
// must come before the head of the answer leaves. The Signal fires when Value
// is kept, beyond the program if there is a Store. It fails with ErrLate,
// ErrOver, ErrFull or ErrTooLarge, or as the Store does.
func (s *Session[T]) Save() *deferred.Signal {
	return s.save(func(r *Record) error {
		if s.Exists() {
			return nil
		}
		return s.newKey(r)
	})
}

// Rotate is Save under another id; the one before is of no use from then on. It
// is called whenever a visitor becomes somebody, at login above all: so nobody
// who has planted or seen the id before is let in by it. It must come before
// the head of the answer leaves. A session that was rotated gives way to no
// stranger's.
//
// https://cheatsheetseries.owasp.org/cheatsheets/Session_Management_Cheat_Sheet.html#renew-the-session-id-after-any-privilege-level-change
func (s *Session[T]) Rotate() *deferred.Signal {
	return s.save(func(r *Record) error {
		r.Rotated = true
		return s.newKey(r)
	})
}

// save keeps Value, in a Record that change has changed.
func (s *Session[T]) save(change func(r *Record) error) *deferred.Signal {
	loop := s.r.Loop()
	next, begins, from := s.kept, !s.Exists(), s.kept.Key
	var err error
	if next.Value, err = json.Marshal(s.Value); err != nil {
		return deferred.Failed[struct{}](loop, fmt.Errorf("session: %w", err))
	}
	if n, most := len(next.Value), orDefault(s.all.MaxValueBytes, DefaultMaxValueBytes); n > most {
		return deferred.Failed[struct{}](loop, fmt.Errorf("%w: %d bytes: want at most %d", ErrTooLarge, n, most))
	}
	if begins {
		next.Begun = loop.Now()
	}
	if err := change(&next); err != nil {
		return deferred.Failed[struct{}](loop, err)
	}
	s.kept = next
	kept := ask(s.all, loop, func() *deferred.Signal { return s.all.table.put(next, from, begins) })
	return kept.Catch(func(err error) (struct{}, error) {
		if errors.Is(err, ErrFull) || errors.Is(err, ErrOver) {
			s.kept = Record{} // the cookie that was set is of no use, and does no harm
		}
		return struct{}{}, err
	})
}

// newKey gives r another id, and what Tokens are made of, and the visitor a
// cookie.
func (s *Session[T]) newKey(r *Record) error {
	if s.w.HeadSent() {
		return ErrLate
	}
	rand := s.r.Loop().Rand()
	id, err := newID(rand)
	if err != nil {
		return err
	}
	if r.Token, err = random(rand); err != nil {
		return err
	}
	r.Key = keyOf(id)
	s.setCookie(id, 0)
	return nil
}

// End ends the session: logout. The visitor's cookie goes too, if the head of
// the answer has not left. The Signal fires when the Store has forgotten it.
// Later Saves begin another one.
func (s *Session[T]) End() *deferred.Signal {
	if !s.Exists() {
		return deferred.Succeeded(struct{}{})
	}
	hash := s.kept.Key
	var zero T
	s.kept, s.Value = Record{}, zero
	if !s.w.HeadSent() {
		s.setCookie("", -1)
	}
	return ask(s.all, s.r.Loop(), func() *deferred.Signal { return s.all.table.drop(hash) })
}

// cookieName is that of the cookie that counts: over TLS one that only this
// host can have set, and that only TLS carries.
//
// https://datatracker.ietf.org/doc/html/draft-ietf-httpbis-rfc6265bis#section-4.1.3
func (s *Session[T]) cookieName() string {
	name := s.all.Name
	if name == "" {
		name = DefaultName
	}
	if s.all.secure(s.r) {
		name = "__Host-" + name
	}
	return name
}

// secure reports whether the visitor came by TLS.
func (p *Sessions[T]) secure(r *web.Request) bool { return p.Secure || r.Scheme() == "https" }

// setCookie sets the cookie, in place of one that was set for this answer.
func (s *Session[T]) setCookie(id string, maxAge time.Duration) {
	h, name := s.w.Header(), s.cookieName()
	if before := h.Values("Set-Cookie"); len(before) > 0 {
		h.Del("Set-Cookie")
		for _, other := range before {
			if !strings.HasPrefix(other, name+"=") {
				h.Add("Set-Cookie", other) // it was valid before
			}
		}
	}
	s.w.SetCookie(web.Cookie{Name: name, Value: id, MaxAge: maxAge, SameSite: s.all.SameSite, Secure: s.all.secure(s.r)})
	s.personal()
}

// personal keeps an answer that is for this visitor alone out of caches, unless
// the Handler has said something else.
func (s *Session[T]) personal() {
	if h := s.w.Header(); !s.w.HeadSent() && !h.Has("Cache-Control") {
		s.w.SetHeader("Cache-Control", "no-store")
	}
}

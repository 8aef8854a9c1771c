// Package session remembers who a visitor of a web server is, from one request
// to the next, and keeps other sites from asking in a visitor's name. Who
// writes a site with a login, a basket or a form needs it.
//
// Sessions is a service. A Handler of it finds the session of each request, and
// what is in it is a value of one's own type:
//
//	type visitor struct{ User string }
//
//	visitors := &session.Sessions[visitor]{Store: &session.Journal{}}
//	a.Remember()
//	a.Add("sessions", visitors) // before the ports
//
//	login := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
//		s := session.Of[visitor](r)
//		s.Value.User = name
//		_, err := s.Rotate().Await(co) // another id: nobody else knows it
//		return err
//	})
//	server := &web.Server{Handler: visitors.Handler(visitors.Protect(mux))}
//
// A visitor who has nothing to be remembered has no session and gets no cookie:
// one begins at the first Save, Rotate or Token. The cookie is an id of 256
// bits of the Loop's Rand. It is HttpOnly and SameSite=Lax; over TLS it is
// Secure and called __Host-session, so that no other host can set it. Of the
// id only a hash is kept, so that whoever reads the memory or the files cannot
// enter. An id that is not known is never adopted.
//
// A session is over 15 minutes after its last request, 24 hours after it began,
// by End, or when it has to give way; OnExpire hears of each.
//
// # Forms
//
// Protect lets no other site cause a POST or its like in a visitor's name. It
// looks at what browsers say of a request, Sec-Fetch-Site and Origin, and wants
// a token that only pages of this site can have: the text of Session.Token, in
// the field X-CSRF-Token, or in the form as csrf_token. A token is of one
// session, and looks different each time, so that compression tells nothing of
// it. A Handler within Protect reads its form by Form.
//
// # Where it lives
//
// All sessions are on the loop of the service. Handlers of other loops ask it,
// and have a copy of the value each; of two requests at once the last Save
// holds. Without a Store sessions end with the program. A Journal keeps them in
// the program's memory (package persist): what Save's Signal has acknowledged
// survives kill -9.
//
// Left out: sessions of several machines, which are a Store that somebody may
// write; values within the cookie itself.
//
// Limits: 10,000 sessions; beyond, those that were never rotated give way, the
// longest unused first, and then ErrFull; values of 4 KiB as JSON; with a
// Journal 256 MiB in all; forms as package web has them.
package session

// Package guard lets only those into a part of a web server who log in by the
// means of HTTP itself: the schemes Basic, Digest and Bearer. Who protects an
// API, an admin page or a proxy needs it; pages with a login form of their own
// want package session.
//
// A Guard stands around a Handler. It asks a cred.Portal who somebody is, and
// what the Realm makes of it, the avatar, is the Handler's by Of:
//
//	admin := &guard.Guard[*Account]{
//		Name: "admin",
//		Portal: &cred.Portal[*Account]{
//			Realm:    cred.RealmFunc[*Account](open),
//			Checkers: []cred.Checker{&cred.File{Name: "/etc/site.passwd"}},
//		},
//	}
//	mux.Handle("/admin/", admin.Handler(web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
//		fmt.Fprintf(w, "hello %s, you have %d", r.User(), guard.Of[*Account](r).Balance)
//	})))
//
// What is offered follows from the Checkers: Basic if one takes passwords,
// Digest if one takes digests, which only those do that have the passwords
// themselves, and Bearer if there are Tokens. Each has a WWW-Authenticate of
// its own, the best first.
//
// Whoever is not let in is answered 401 with these, also if what it sent was
// broken; 400 if a Digest, a token or the whole field was; 403 if it is who it
// claims to be, and may not; 503 if that cannot be said now, or if there were
// too many tries. What costs work, delays for who guesses, and what a stranger
// can learn, is package cred's: nothing here says which users exist.
//
// Basic and Bearer send what must not be seen, so they are offered only where
// nobody can listen in: over TLS (Request.Scheme), a UNIX socket, or within
// this machine; see Clear. Where nothing can be offered the answer is 403, and
// says that https is wanted.
//
// A browser sends its password with each request, and a good hash takes 30 ms.
// So what was right is right for a minute (Remember), and many at once with the
// same password wait for one check. The Realm is asked for each request, and
// logout is called when its answer is over.
//
// RFC 9110 section 11, RFC 7617 (Basic), RFC 7616 (Digest), RFC 6750 (Bearer).
// Left out: auth-int; tokens in forms and URLs; scopes.
//
// A Guard lives on one loop; where each loop has its own, a browser that gets a
// Digest challenge from one and answers another is challenged again, without
// asking its user.
//
// Limits: fields of 8 KiB, what a Portal allows, and 1,000 remembered logins;
// beyond, the one longest unused is forgotten.
package guard

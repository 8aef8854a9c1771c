// Package web is HTTP for people who serve, and for people who ask: a server and
// a client of HTTP/1.0, HTTP/1.1 and HTTP/2, on the loop. Who writes a site, an API or
// a gateway begins here. A whole server:
//
//	hello := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
//		w.WriteString("hello, " + r.Path())
//	})
//	port, err := twistor.Listen(loop, "tcp", ":8080", &web.Server{Handler: hello})
//
// and a whole client:
//
//	web.Get(loop, "https://example.com/").Done(func(r *web.Response, err error) { ... })
//
// # Two doors
//
// A native Handler runs on the loop. It answers at once (HandlerFunc), when a
// Deferred fires (Later), or straight down as a coroutine (Inline); a simple
// answer allocates nothing. A Handler of net/http runs unchanged: HTTP gives the whole
// tree of a router goroutines, OnLoop runs it as coroutines on the loop.
// Everything else takes a Handler and is one: Mux chooses by method, host and
// path, Hosts by name; packages static, proxy, cgi, page and compress have more.
//
// # Bodies
//
// A Handler begins when the head is there; the body comes as it comes, and is
// not read before somebody wants it. Then 100 Continue is said, too, so a Handler
// can refuse an upload before it is sent. What is written is queued; Full and Ready say how the
// client keeps up. Nothing blocks and nothing is unbounded.
//
// # Strict
//
// A message that two servers could read in two ways is refused, with 400, and
// the connection closed: never repaired. Errors that clients see say what they are
// and no more, with an id under which the log has the rest.
//
// Limits, all of which are fields: a request line of 8 KiB, a head of 16 KiB and 100
// fields in 10 s; a body of 10 MiB, at 1 KiB a second or faster; 60 s between requests; a
// client that takes nothing for 30 s is cut off. One request of a connection of HTTP/1 is
// served at a time, 100 of HTTP/2.
//
// RFC 9110 (semantics), 9112 (HTTP/1.1), 9113 (HTTP/2), 7541 (HPACK), 8441
// (extended CONNECT), 6265 (cookies). WebSocket is package websocket, grammar package
// framing/http1, logins service/guard, sessions service/session, certificates
// service/acme. Left out: server push, HTTP/0.9, upgrading to HTTP/2 in clear by
// Upgrade, and HTTP/3.
package web

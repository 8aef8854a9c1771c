// Package routers tries routers that people know, with their middleware, on
// protocol/web: their trees of http.Handlers run unchanged through web.HTTP and
// web.OnLoop, and answer as they do on net/http's own server. It is a module of its
// own, so that nobody else needs them; its tests are all there is.
package routers

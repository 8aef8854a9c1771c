// Package web is the plugin `twistor web`: files, scripts, and other servers,
// served as one site. Who wants a web server and not a program types it:
//
//	twistor web --path public
//	twistor web --path public --proxy /api=http://127.0.0.1:3000 --access-log access.log
//
// and who wants one within a program of one's own fills in the same fields:
//
//	c := web.New()
//	c.Path = "public"
//	s, err := c.Service() // a service.Service
//
// The work is done by packages protocol/web and below, and by service/acme and
// service/guard; this one joins them. All loops serve, each with a Server, files
// and logins of its own; only the access log and the certificates are shared.
//
// What a request meets, from the outside in: the trusted proxies' word about who
// asks, the rate limit, added fields, CORS, the login, compression, the virtual
// host, redirects, CGI and back ends by the longest prefix, files.
//
// Limits: those of the packages joined; 1,024 options of a kind.
package web

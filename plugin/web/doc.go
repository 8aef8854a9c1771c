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
// asks, added fields, the rate limit, CORS, the login, compression, the virtual
// host, redirects, CGI and back ends by the longest prefix, files. The rate, the
// number of CGI programs and the tries of a password are counted by each loop.
//
// A reload looks up anew where the directories lead; what cannot be opened then
// is served on as it was. In an upgrade the next process serves beside the one
// before, which answers what is under way.
//
// Left out of what `twist web` of Twisted has: programs named by a class or a
// module, and pages run from the directory (--class, --wsgi, .rpy, .epy): a
// program of one's own embeds package protocol/web. Tracebacks for clients are
// Server.Debug there.
//
// Limits: those of the packages joined; 1,024 options of a kind; 1,000 browsers
// of a loop that watch the welcome page, beyond which they are answered 503; a
// million requests a second as --rate.
package web

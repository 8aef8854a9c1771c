// Package page shows a weblog in a browser while it happens: hits as they come,
// their rate, the paths, hosts and agents there are most of. It is what
// `twistor weblog` serves at 127.0.0.1:8080, and a web.Handler for programs of
// one's own:
//
//	p := &page.Page{Title: "access.log"}
//	log := &weblog.Server{Published: p.Published}
//	server := &web.Server{Handler: p}
//
// It is also a service.Service, to be started before either is used and
// stopped before the Server's port.
//
// The page is one document with a style and a script, some 25 KB, that asks
// for nothing elsewhere. /hits is a stream of server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html), one for what
// came within a tenth of a second, whose data is JSON. Each event's id is a place
// among the hits, so a browser that was away goes on where it was, also after
// an upgrade of the program if it remembers (Epoch).
//
// A log is written by strangers. What they sent is text and stays text: the
// stream is JSON without markup, the script makes no HTML of strings and the
// page's policy would not let it. Marks that are not seen as themselves are
// written as \xHH.
//
// Limits: 100 browsers, more are answered 503; about 1,000 hits a second are
// listed, the others counted; 2,000 hits, or 2 MiB, are remembered for browsers that
// are behind, and one further behind is told how many it missed; 500 for new
// ones; 512 bytes of a path and 200 of other fields. Where it listens on loopback,
// names of other sites are refused, so that none can read the log by DNS rebinding.
//
// Over HTTP/1.1 a browser has no more than six connections to one place, for all
// its tabs, and each that watches takes one; under TLS, HTTP/2 has room for all.
//
// There is no login: whoever reaches the page reads the log. Keep it on
// loopback or a UNIX socket, behind a server that asks who comes.
package page

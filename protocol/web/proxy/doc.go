// Package proxy stands between clients and other servers. Reverse hands the requests of a site to
// its back ends; Forward asks the web for clients that may not, or will not, do it themselves. Both
// are Handlers of package web.
//
//	site := &proxy.Reverse{To: []string{"http://10.0.0.2:8080", "http://10.0.0.3:8080"}}
//	server := &web.Server{Handler: site}
//
//	out := &proxy.Forward{Allow: []string{"*.example.com:443", "mirror.example.org:80"}}
//
// Bodies stream both ways as fast as the slower side goes; an answer may begin before the request
// has ended. A message is never copied byte for byte: it is read, checked and written anew, so what
// one side could read in two ways does not reach the other. Fields of one hop end here, and no
// Connection field can name away what others rely on. WebSocket, and any other Upgrade, passes
// through, and CONNECT with its half-closes.
//
// Reverse keeps connections to its back ends, passes by those that fail, sends a request to another
// one only if it can do no harm, and tells back ends who asks by X-Forwarded-For, -Proto and -Host,
// in which a client's own word counts only if it comes from Trusted. A back end that cannot be
// reached is 502, one that takes too long 504, none left 503.
//
// Forward allows nothing by itself: neither hosts, nor private networks, to which a name is not let
// through either, since addresses are judged when they are connected to.
//
// Left out: caching, and the PROXY header (endpoint has it). The body of a request is bounded by
// Server.MaxBodyBytes, or Body.Limit in a Handler around this one.
//
// Limits: see the fields; 256 connections to a back end, 1,000 requests that wait for one, an hour
// for a whole answer, 60 s for its head, 60 s without a byte. A tunnel lasts as long as its two
// ends want.
//
// RFCs: 9110 section 7 (https://www.rfc-editor.org/rfc/rfc9110#section-7), 9112, 7239 (Forwarded).
package proxy

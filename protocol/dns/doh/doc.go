// Package doh is DNS over HTTPS (RFC 8484): a Server, which is a web.Handler,
// and a Client, which is a dns.Exchanger. Browsers ask this way, and who is in
// a network that leaves nothing but HTTPS.
//
// A server, beside the same one over UDP and TCP:
//
//	var mux web.Mux
//	mux.Handle("/dns-query", &doh.Server{DNS: s})
//	endpoint.Listen(loop, "tls:443:cert=...", &web.Server{Handler: &mux})
//
// A client, as a server of a dns.Client:
//
//	c := &doh.Client{URL: "https://dns.example/dns-query", Web: &web.Client{Loop: loop}}
//	r := &dns.Client{Loop: loop, Servers: []dns.Upstream{{Exchanger: c}}}
//
// Who may ask, and what, is the dns.Server's policy, as over every other
// network. Left out: HTTP/3, and the JSON that some servers speak.
//
// Limits: a message has 65,535 bytes; one in a URL that is longer is answered
// 414, before it is decoded, and one in a body 413. The web.Server has limits
// of its own: by default a URL has 8 KiB.
package doh

// Package dns is the Domain Name System: names, messages and records, a
// server's side (Server, Handler) and a client's (Client, Resolver).
//
// A server that answers from code, over UDP and TCP:
//
//	s := &dns.Server{Handler: dns.HandlerFunc(func(w *dns.ResponseWriter, q *dns.Query) {
//		w.SetAuthoritative(true)
//		w.Answer(&dns.TXT{Hdr: q.Header(60), Txt: []string{"you are " + q.From.Addr.String()}})
//	})}
//	endpoint.ListenPacket(loop, "udp:53", s.Packets())
//	endpoint.Listen(loop, "tcp:53", s.Factory())
//
// A look-up, by this machine's hosts file and servers, or by a Client with
// servers of one's own:
//
//	names := &dns.System{Loop: loop}
//	dns.LookupMX(names, "example.com").Done(func(mx []*dns.MX, err error) { ... })
//
// What serves zones is package authority, on package zone, and what looks
// names up for others is package resolver; both are Handlers. Signatures are
// package dnssec, and queries over HTTPS package doh.
//
// Who may ask, and what, a Server decides before its Handler hears of it, over
// every network alike: addresses (Allow), kinds of queries (Opcodes), signatures
// (Keys, RFC 8945), cookies (RFC 7873, 9018), and how much strangers get over
// UDP, so that nobody can be flooded in another's name.
//
// There are two roads through a server. The hot one allocates nothing: a Query
// is read in place, a Handler such as a zone gives the ResponseWriter sets of
// records as they are on the wire. The other one deals in a Message and in RRs,
// which are those of github.com/miekg/dns under this package's names.
//
// Limits: a message has 65,535 bytes, a datagram of ours 1,232; a name 255
// bytes and, in a message, ten pointers; a Server has 10,000 answers on their
// way, a connection 16, and a message over TCP 10 s; a network of strangers gets
// three bytes for each that it sends; a Client has 10,000 questions on their way,
// and 1,000 sockets.
package dns

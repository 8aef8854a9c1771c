// Package resolver looks names up for others: a cache, a recursive resolver
// that asks from the root's servers on down, and a validator of signatures.
// Who runs a resolver for an office, or wants none but its own in a program,
// needs it.
//
//	c := resolver.New(loop, resolver.Config{})       // recursive, validating, caching
//	s := &dns.Server{Handler: c, Allow: ours}
//	endpoint.ListenPacket(loop, "udp:53", s.Packets())
//
// Each of its parts is a dns.Resolver, they stand before each other, and New puts them
// together: a Cache before Local (names that never leave the house, RFC 6761
// and 6303) before a Guard (against addresses of ours in foreign names) before
// a Validator before a Recursive or, for a forwarder, a dns.Client. A Cache is a
// dns.Handler too, which answers what it holds without allocating.
//
// What a Cache keeps (RFC 2308, 8020, 8767, 9520) is the answer to one
// question: nothing that came with it can ever become the answer to another.
// In the same spirit a Recursive believes a server about nothing but its own
// zones, takes the servers of a zone from the zone above only, and the addresses
// beside them for asking those servers and for nothing else (RFC 2181 section
// 5.4.1). It tells servers no more of a name than they need (RFC 9156).
//
// A Validator (RFC 4035, 5155) follows the chain of keys from its trust anchors
// down. An answer of a signed zone that does not verify is refused with
// SERVFAIL and an extended error that says why (RFC 8914); who sets the bit CD
// gets it all the same.
//
// Left out: aggressive use of NSEC (RFC 8198), client subnets (RFC 7871), trust
// anchors that follow a roll-over by themselves (RFC 5011: New's are a value,
// or a file). The NS records of a zone itself are an answer to who asks for
// them, not used for asking: see Recursive.
//
// A server's address must be a public one, unless that is allowed; which of the public
// ones are our own is not known here.
//
// Limits: see the fields. One question costs at most 100 queries and 10 s
// (CVE-2020-8616), follows 16 aliases, looks up 5 names of servers for each
// zone; an RRset has 100 records, lives a day and 1 h if negative. All tables are bounded:
// what was used least recently goes.
//
// A Validator's work is bounded as well (CVE-2023-50387).
package resolver

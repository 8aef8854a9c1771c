// Package dns is the plugin `twistor dns`: zones served, from files and from other
// servers, and names looked up for others. Who wants a name server and not a
// program types it:
//
//	twistor dns --zone example.com=example.zone --listen dns:53
//	twistor dns --forward 9.9.9.9 --allow-recursion 192.0.2.0/24 --listen dns:53
//
// and who wants one within a program of one's own fills in the same fields:
//
//	c := dns.New()
//	c.Zones = []string{"example.com=example.zone"}
//	s, err := c.Service() // a service.Service
//
// The work is done by package protocol/dns and those below it; this one joins
// them. All loops serve, each with a Server, a cache and sockets of its own; they
// share the zones, which are immutable, and the query log. Rates are counted, and
// answers are kept, by each loop.
//
// A name that is in a zone is answered from it, for all who may ask. Others are
// looked up for those who may have that, hosts files first; nobody else learns
// what is in the cache.
//
// A reload reads the files of zones anew; one that is broken, or has gone, leaves
// the zone what it was, and is an error that names the file and the line. Keys of
// --dnssec are read again, too; those of --tsig, hints and anchors are read at the
// start. In an upgrade the sockets go over to the next process, and no datagram is
// lost; connections are closed in order, and clients come again.
//
// Left out of what `twist dns` of Twisted has: zones that are Python programs
// (--pyzone): a program of one's own is a dns.Handler, as examples/dnsdynamic is.
// An alias in a zone that leads to a name of others is not followed here: who
// asked does that.
//
// Limits: those of the packages joined; 1,024 options of a kind; 100,000 files in
// --zone-dir; a million answers a second as --rate-limit.
package dns

// Package authority is a set of zones of the Domain Name System that live: they
// are served, transferred from and to other servers, updated by clients,
// reloaded by their owners. Whoever runs an authoritative server needs it:
//
//	a := authority.New(loop, authority.Config{Dir: "/var/lib/dns", Journal: j})
//	a.AddPrimary(z, authority.Primary{Notify: []authority.Peer{{Addr: ns2}}, Transfer: []authority.Grant{{From: ns2s}}})
//	a.AddSecondary(origin, authority.Secondary{Primaries: []authority.Peer{{Addr: ns1, Key: key}}})
//	s := &dns.Server{Handler: a.Handler(loop), Opcodes: authority.Opcodes()}
//
// A query is answered by the zone whose name is the longest that is in the
// query's; where there is none, REFUSED. Of each zone there is one version at a
// time, which never changes (package zone); all loops read the same one, and only
// the home loop makes the next.
//
//   - Transfers out: AXFR (RFC 5936) and IXFR (RFC 1995), over TCP and TLS (RFC
//     9103), small differences over UDP. Nobody may, unless a Grant says so: by
//     address, by TSIG key, or both.
//   - NOTIFY (RFC 1996) out, repeated until it is answered, and in, from the
//     primaries only.
//   - Secondaries: refresh, retry and expiry as the SOA record says, within bounds;
//     differences, else all; primaries in turn; a copy on the disk, which a restart
//     serves at once; SERVFAIL when the zone has expired. What comes is believed
//     within bounds only: records of the zone, so many, in time.
//   - Updates (RFC 2136): whole or not at all, in order, and kept by a Journal
//     before the client hears NOERROR. Nobody may, unless an UpdateGrant says so.
//   - Replace: the difference to the version before is computed, so that
//     secondaries of large zones get small transfers after a reload too.
//   - Signing (package dnssec): when a zone is loaded, changed, and in time before
//     signatures end; large zones on the pool.
//   - Sources: zones whose records are in a database, or in a program.
//
// Left out: updates that a secondary forwards, finding out by itself whom to
// notify (list them), and TKEY.
//
// Limits: 10 transfers at once on each loop, and 10 in; 1,000 waiting changes, and
// 100,000 records of former versions a zone; of a transfer in, 5 million records,
// 1 GiB, 1 h in all and 30 s a message; a NOTIFY is sent six times in two minutes;
// an answer from a Source has 5 s and 64 names; 1,000,000 zones. What comes by
// transfer or update keeps to the limits of package zone.
package authority

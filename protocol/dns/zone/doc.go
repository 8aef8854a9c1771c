// Package zone is one zone of the Domain Name System in memory: its records,
// read from a zone file, given as values, or changed one version after another,
// and the answers that they make (RFC 1034 section 4.3.2).
//
//	f, err := os.Open("example.com.zone")
//	...
//	z, err := zone.Read(f, zone.Options{Origin: dns.MustParseName("example.com"), File: f.Name()})
//	...
//	s := &dns.Server{Handler: z}
//
// A Zone never changes. Apply makes the next version, which shares all that
// stays the same; so one Zone serves all loops, and a transfer under way goes on
// reading the one with which it began. Package authority keeps a set of them,
// package dnssec computes the changes that sign one.
//
// It answers what is asked: wildcards and empty names (RFC 4592), CNAME chains
// within the zone, DNAME (RFC 6672), delegations with their glue (RFC 9471),
// absent names and types with the SOA record (RFC 2308), ANY with little (RFC
// 8482), and, of a signed zone, signatures and proofs by NSEC (RFC 4035) and
// NSEC3 (RFC 5155). It does not sign, transfer or look elsewhere: what a CNAME
// record of another zone leads to is not followed.
//
// A name with an address costs less than 70 bytes: there is one arena of bytes,
// an array of offsets and one of hashes, in which the garbage collector has
// nothing to follow. Answers allocate nothing.
//
// Limits: 16 GiB a zone, Options.MaxRecords records (20 million), 100 records a
// set and 200 types a name, 64 KiB a set, 16 CNAME records a chain, 150 rounds
// of NSEC3.
package zone

// Package dnssec signs zones, and checks what others have signed: keys and their
// files, signatures that are renewed in time, proofs of what is not there, and
// the steps of which a resolver makes a chain of trust. Everything in it is
// computed from its arguments and the time that the caller says.
//
// Who serves zones makes keys once, and signs each version before it is served:
//
//	key, err := dnssec.Generate(loop.Rand(), dnssec.KeyOptions{Zone: z.Origin(), KSK: true})
//	err = dnssec.Write(loop.FS(), "keys", key)
//	...
//	keys, err := dnssec.ReadKeys(loop.FS(), "keys", z.Origin())
//	change, err := dnssec.Sign(z, keys, dnssec.Policy{}, loop.Now())
//	z, err = z.Apply(change)
//	again := dnssec.Due(z, keys, dnssec.Policy{}, loop.Now())
//
// Package authority does that for a set of zones. NewDS makes the record by which the
// parent zone points to a key.
//
// Who validates begins with anchors (RootAnchors, ReadAnchors), finds the keys
// that they point to (MatchDS), checks sets with them (VerifyRRset), and what is
// said not to be there (NewDenial); a Budget goes through all of it. Package
// resolver makes chains of these.
//
// Specifications: RFC 4033, 4034 and 4035; NSEC3 RFC 5155 and 9276;
// clarifications RFC 6840; RSA with SHA-2 RFC 5702; ECDSA RFC 6605; Ed25519 RFC
// 8080; DS with SHA-256 RFC 4509; CDS and CDNSKEY RFC 7344 and 8078; TTLs of
// proofs RFC 9077. Algorithms with SHA-1 are not supported (RFC 9905), and zones
// that have only those are insecure. Revocation of anchors (RFC 5011) is left
// out; a revoked key is not believed. A ZONEMD record is removed when its zone is
// signed: it would be wrong.
//
// Limits: 64 keys a zone, RSA keys of 1,024 to 4,096 bits (2,048 to make them),
// 100 keys and signatures a set, NSEC3 with up to 100 rounds, and what a Budget
// says: 64 signatures of which 8 may be wrong, and 256 hashes for one answer.
package dnssec

// Package passwd is what is kept of a password, and whether a password is the
// one. Who reads files of users, or makes them, needs it; package cred does.
//
// A Record is one user's, parsed once and then asked any number of times:
//
//	r, err := passwd.Parse("$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHQ$...")
//	ok := r.Verify("secret") // takes a processor's time: on the pool
//
// Hash makes a new one, in the form that is recommended now. Read are:
//
//	$argon2id$v=19$m=,t=,p=$   RFC 9106; what Hash makes
//	SCRAM-SHA-256$             RFC 5803; serves SCRAM without the password
//	$2a$ $2b$ $2y$             bcrypt: htpasswd -B
//	$5$ $6$                    SHA-crypt: shadow files, htpasswd -2 and -5
//	$y$                        yescrypt: what Debian's shadow file has
//	$1$ $apr1$                 MD5-crypt: old shadow files, htpasswd -m
//	{SHA}                      unsalted SHA-1: htpasswd -s
//	{plain}                    the password itself, for CRAM-MD5 and Digest
//
// The last three protect nothing once the file is stolen: they are read so that
// old files serve until each user has a better one. Not read are the DES crypt
// and passwords that are written down without {plain}.
//
// A password is prepared by SASLprep before it is hashed, so that what looks
// the same is the same: https://www.rfc-editor.org/rfc/rfc4013. Not so in the
// forms of other programs (bcrypt, crypt, {SHA}), which take the bytes as typed.
//
// Limits: passwords of 1 to 1,024 bytes, records of 1,024 bytes; the cost of one
// Verify: 1 GiB and 64 passes of argon2id, bcrypt's cost 17, 1,000,000 rounds of
// the others, 256 MiB of yescrypt. A Record beyond is refused by Parse. bcrypt
// looks at the first 72 bytes of a password.
package passwd

// Package cred says who may: it is the one way in to a server, whatever its
// protocol. Who writes a server whose users log in needs it.
//
// A Portal has Checkers, which know whether credentials are good, and a Realm,
// which makes of a user's name what that user may see and do: the avatar. The
// protocol that has read a name and a password asks for one:
//
//	portal := &cred.Portal[*Mailbox]{
//		Realm:    cred.RealmFunc[*Mailbox](open),
//		Checkers: []cred.Checker{&cred.File{Name: "/etc/mail.passwd"}},
//	}
//	session, err := portal.Login(t.Loop(), cred.Password{User: name, Secret: secret}, cred.OriginOf(t)).Await(co)
//	if err != nil {
//		return err // ErrUnauthorized, ErrDenied, ErrUnavailable: never says which users exist
//	}
//	defer session.Logout()
//	session.Avatar.Deliver(message)
//
// Credentials are Password, Anonymous, SSHKey, Digest (RFC 7616), CRAMMD5 (RFC
// 2195), SCRAM (RFC 5802, 7677 and, with TLS 1.3, 9266), or one's own. SMTP,
// IMAP and others speak of them by SASL: Portal.Mechanisms and Exchange. A web
// server makes and reads Digests by a Digester.
//
// Checkers are Memory, File, UNIX, SSHKeys, AllowAnonymous, or one's own.
// Package passwd has the forms in which they keep passwords, and makes new
// ones. An Auth gives a command line the flags that choose Checkers.
//
// What every login gets: hashing on the pool, two at a time; the same work and
// the same words for users that do not exist; comparisons in constant time;
// delays for who guesses, by host and user, so that nobody locks out another
// one; a hash made anew when it is cheaper than it should be. A Secret does not
// print. Errors and logs have no passwords in them.
//
// Left out: PAM, LDAP, Kerberos and OAuth, DIGEST-MD5 of SASL, certificates,
// and tokens; each is a Checker that somebody may write. There is no acting as
// another user (authzid).
//
// Limits: names of 255 bytes, passwords of 1,024; two jobs and 64 logins that
// wait for one (MaxWork, MaxWaiting), then ErrUnavailable; five free tries, then
// delays up to 30 s (Tries), of 10,000 pairs of host and user; SASL responses of
// 8 KiB; files of 16 MiB, of keys 1 MiB; 10,000 used nonces. A Portal lives on
// one loop; where each loop has its own, each has its own limits.
package cred

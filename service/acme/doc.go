// Package acme gets certificates from an authority such as Let's Encrypt, and
// renews them before they expire. Whoever serves TLS under names of the public
// DNS, and does not want to copy PEM files about, needs it.
//
// Certificates is a service. What it has got it serves by a *tls.Config or,
// simpler, by a factory around one's own:
//
//	certs := &acme.Certificates{
//		Domains:     []string{"example.com", "www.example.com"},
//		Contact:     []string{"admin@example.com"},
//		TermsAgreed: true, // https://letsencrypt.org/repository/
//	}
//	a.Remember()
//	a.Add("certificates", certs)
//	a.Add("https", service.Listen("tcp:443", certs.Factory(server)))
//	a.Add("http", service.Listen("tcp:80", &web.Server{Handler: certs.Handler(redirect)}))
//
// The authority looks whether the names are ours, in one of two ways: it asks
// for a file on port 80 (http-01, Handler), or for a handshake on port 443
// (tls-alpn-01, which Factory answers by itself). One of the two ports is
// enough. It must be open before the first certificate is here; the names of
// which there is none yet are turned away at port 443 until then.
//
// RFC 8555 (ACME), RFC 8737 (tls-alpn-01), by golang.org/x/crypto/acme on the
// loop's pool. All else happens on the loop. Its moments:
//
//   - Each name has a certificate and a key of its own, ECDSA on P-256.
//   - A certificate is renewed when a third of its life is left, give or take
//     a thirtieth of it, so that not all come on one day.
//   - What fails is logged and tried again, by the other way if there is one,
//     after 5 minutes, then 10, and so on up to 6 hours, or when the authority
//     says (Retry-After), within a day. Meanwhile the former certificate serves
//     on. Reload tries at once.
//   - A certificate of another authority than Directory is replaced soon.
//
// The account's key and the certificates with theirs are kept in the Host's
// Store, in a journal: each is on the disk before it is served. The files of
// that Store, snapshots too, have private keys in them; they are their owner's
// alone (0600), and should stay so. Without a Store a program orders anew in
// each of its lives, which authorities limit to a few a week: it is logged as a
// warning. Keys print as [redacted], and are in no log.
//
// Left out: dns-01, and with it names with a *; IP addresses; several names in
// one certificate; OCSP, which authorities have given up; the authority's own
// advice when to renew (RFC 9773); other chains than the one it offers first;
// revoking.
//
// Limits: 100 names; one order at a time; 30 s for a request, 1 MiB for an
// answer, two minutes for the authority to look, and two to sign; only https.
package acme

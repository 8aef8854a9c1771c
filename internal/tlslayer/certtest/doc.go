// Package certtest makes certificates for tests: authorities, and leaves that
// are right or wrong in any way a test wants. Only tests import it.
//
//	ca := certtest.New()
//	server := ca.Server("mail.example")  // a *tls.Config
//	client := ca.Client("mail.example")  // one that trusts it, and nobody else
//
// Keys are made anew in each process; everything panics instead of returning an
// error. Safe for concurrent use.
package certtest

// Package dnstest starts real name servers for tests, and asks them by real
// clients: nsd, knot, bind9 and unbound, dig and the like, and Twisted's. Only
// tests import it.
//
//	addr := dnstest.NSD(t, dnstest.Zone{Name: "example.", Text: zone})
//	got := dnstest.Dig(t, addr, "+short", "www.example.", "A")
//
// A server that needs more than zones is a Config:
//
//	s := dnstest.Config{
//		Keys:  []dnstest.Key{key},
//		Zones: []dnstest.Zone{{Name: "example.", Primary: dnstest.Remote{Addr: ours, Key: key.Name}}},
//	}.Knot(t)
//	dnstest.AwaitSerial(t, s.Addr, "example.", 7)
//
// Servers listen on the loopback, keep everything in a folder of their own, and
// have answered for their zones before they are returned. They end with the
// test; one that outlives it, because the test was killed, ends after five
// minutes. If the test fails, what the server wrote is in its log. A program
// that is not installed skips the test, or fails it, as peertest does.
//
// It imports no package of Twistor's dns, so that their tests can import it.
package dnstest

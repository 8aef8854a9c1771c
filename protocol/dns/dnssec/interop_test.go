package dnssec

import (
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns/dnstest"
)

// TestUC22_PeersAcceptWhatWeSign: bind9's and ldns' verifiers find nothing wrong in
// a zone with everything in it, whatever the algorithm and the kind of proofs.
func TestUC22_PeersAcceptWhatWeSign(t *testing.T) {
	z := readZone(t, hard, "hard.example")
	now := time.Now() // dnssec-verify knows no other
	for _, a := range algorithms {
		for _, v := range variants {
			t.Run(a.String()+"/"+v.name, func(t *testing.T) {
				file := writeZone(t, sign(t, z, pair(t, "hard.example", a), v.policy, now))
				dnstest.Run(t, "dnssec-verify", "-q", "-o", "hard.example", file)
				dnstest.Run(t, "ldns-verify-zone", "-V", "1", file)
			})
		}
	}
}

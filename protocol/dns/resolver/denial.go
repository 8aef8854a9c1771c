package resolver

import (
	"github.com/twistor-go/twistor/protocol/dns"
)

// denied checks that there are no records of type t at name.
func (c *validation) denied(name dns.Name, t dns.Type, rcode dns.Rcode, proofs []record) (security, []dns.RR, error) {
	trust, err := c.walk(name)
	if err != nil {
		return 0, nil, err
	}
	if trust.insecure {
		return insecure, nil, nil
	}
	return 0, nil, bogus(CodeDenialMissing, "%s %s: no proof", name, t)
}

// notCloser checks that there is nothing between name and the wildcard that
// stands for it.
func (c *validation) notCloser(t *trust, name, wildcard dns.Name, proofs []record) (security, []dns.RR, error) {
	return 0, nil, bogus(CodeDenialMissing, "%s: no proof", name)
}

// undelegated reports what a proof of no DS says.
func (c *validation) undelegated(t *trust, name dns.Name, m *dns.Message) (unsigned bool, ttl uint32, err error) {
	return false, 0, bogus(CodeDenialMissing, "%s DS: no proof", name)
}

package resolver

import (
	"errors"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A finder finds the answer to one question, in straight lines.
type finder struct {
	*Recursive
	co *deferred.Co
	b  *budget
	q  dns.Question // that a client asked
}

// lookup finds the records of a name, and follows aliases. Every name is asked
// for where it belongs: what a server says about where its aliases lead is not
// believed, even if it may know.
func (f *finder) lookup(name dns.Name, t dns.Type, depth int) (*dns.Message, error) {
	m := new(dns.Message)
	m.Response, m.RecursionAvailable = true, true
	for n, step := name, 0; ; step++ {
		a, err := f.find(n, t, depth)
		if err != nil {
			return nil, err
		}
		m.Answer = append(m.Answer, a.records...)
		m.Ns = append(m.Ns, a.proofs...)
		m.Rcode = int(a.rcode)
		if a.alias == nil {
			return m, nil
		}
		if step == maxAliases {
			return nil, fail(f.q, CodeOther, "too many aliases", nil)
		}
		n = a.alias
	}
}

// find asks for one name, from the closest zone that is known on down.
func (f *finder) find(name dns.Name, t dns.Type, depth int) (found, error) {
	under := name
	if t == dns.TypeDS {
		under = name.Parent() // DS records stand above the cut, RFC 4035 section 3.1.4.1
	}
	z, err := f.closest(under)
	if err != nil {
		return found{}, err
	}
	labels := z.name.Labels()
	total := name.Labels()
	asked := 0 // minimised queries so far
	for range maxReferrals {
		labels = max(labels, z.name.Labels())
		labels += stride(total-labels, asked)
		n, qtype := suffix(name, labels), dns.Type(dns.TypeA)
		if labels == total {
			qtype = t
		}
		asked++
		a, err := f.ask(z, n, qtype, labels == total, depth)
		switch {
		case err != nil && labels < total && !errors.Is(err, errOver):
			labels, asked = total, maxMinimised // some servers know no names in between
			continue
		case err != nil:
			return found{}, err
		case a.referral != nil:
			if t == dns.TypeDS && len(a.referral.name) == len(name) {
				return found{}, nil // from a server that knows no DS: there is none
			}
			z = a.referral
			continue
		case labels == total:
			return a, nil
		case a.rcode == dns.RcodeNameError:
			// Some servers deny names in between that have others below.
			labels, asked = total, maxMinimised
		}
	}
	return found{}, fail(f.q, CodeOther, "too many referrals", nil)
}

const (
	maxMinimised = 10 // queries for names in between
	oneByOne     = 4  // of them add one label each
)

// stride is by how many labels of those that are left the next name is longer:
// servers of the zones above learn no more than they need.
//
// See https://www.rfc-editor.org/rfc/rfc9156#section-2.3.
func stride(left, asked int) int {
	switch {
	case left <= 0:
		return 0
	case asked >= maxMinimised:
		return left
	case asked < oneByOne:
		return 1
	}
	return max(1, left/(maxMinimised-asked))
}

// suffix is the last labels of n.
func suffix(n dns.Name, labels int) dns.Name {
	for skip := n.Labels() - labels; skip > 0; skip-- {
		n = n.Parent()
	}
	return n
}

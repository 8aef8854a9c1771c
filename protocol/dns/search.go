package dns

import (
	"errors"
	"fmt"

	"github.com/twistor-go/twistor/deferred"
)

// A Search completes names that are written without a final dot, as resolv.conf
// wants: one with at least Dots dots is tried as it is and then below each of
// the domains, others the other way round. The first that exists wins, with
// whatever records, so that the look-ups of IPv4 and of IPv6 agree; what the
// answer is about says its Question. Immutable after first use.
type Search struct {
	Resolver Resolver
	// Domains are tried in their order, 32 at most.
	Domains []string
	// Dots is resolv.conf's ndots. 0: 1; negative: 0.
	Dots int
}

const (
	defaultDots = 1
	// maxSearch is how many domains a name is looked up in.
	maxSearch = 32
)

// Resolve implements Resolver.
func (s *Search) Resolve(q Question, o Options) *deferred.Deferred[*Message] {
	return s.from(s.candidates(q.Name), 0, q, o, tried{})
}

// candidates are the names to try, with final dots.
func (s *Search) candidates(name string) (all []string) {
	if name == "" || name[len(name)-1] == '.' {
		return []string{name}
	}
	dots, least := 0, s.Dots
	for _, c := range name {
		if c == '.' {
			dots++
		}
	}
	if least == 0 {
		least = defaultDots
	}
	if dots >= least {
		all = append(all, name+".")
	}
	for i, d := range s.Domains {
		if i < maxSearch && d != "" && d != "." {
			all = append(all, name+"."+trimDot(d)+".")
		}
	}
	if dots < least {
		all = append(all, name+".")
	}
	return all
}

// tried is what is known of the candidates so far.
type tried struct {
	err  error
	none *Message // such a name does not exist
}

func (s *Search) from(names []string, i int, q Question, o Options, so tried) *deferred.Deferred[*Message] {
	if i == len(names) {
		switch {
		case so.err != nil:
			return deferred.Failed[*Message](nil, so.err)
		case so.none != nil:
			return deferred.Succeeded(so.none)
		}
		return deferred.Failed[*Message](nil, fmt.Errorf("dns: name %q: want one", q.Name))
	}
	next := q
	next.Name = names[i]
	if _, err := ParseName(next.Name); err != nil && len(names) > 1 {
		return s.from(names, i+1, q, o, so) // too long with that domain
	}
	found := s.Resolver.Resolve(next, o)
	if len(names) == 1 {
		return found
	}
	return deferred.Chain(deferred.Settle(found), func(got []deferred.Outcome[*Message]) *deferred.Deferred[*Message] {
		m, err := got[0].Value, got[0].Err
		switch {
		case errors.Is(err, deferred.ErrCanceled):
			return deferred.Failed[*Message](nil, err)
		case err != nil:
			// What cannot be known now may exist: to go on to another domain
			// would give a name's meaning to whoever can silence a server. But
			// servers refuse domains that are not theirs.
			so.err = err
			if errors.Is(err, ErrTimeout) {
				return deferred.Failed[*Message](nil, err)
			}
		case m.Rcode == RcodeNameError:
			so.none = m
		default:
			return deferred.Succeeded(m)
		}
		return s.from(names, i+1, q, o, so)
	})
}

func trimDot(s string) string {
	if len(s) > 1 && s[len(s)-1] == '.' {
		return s[:len(s)-1]
	}
	return s
}

package dns

import (
	"fmt"
	"strings"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A tally is what all loops did so far.
type tally struct {
	server       dns.Stats
	hits, misses uint64 // of the caches
}

// logTally says what was answered so far: at a reload, and at the end.
func (t *tree) logTally(co *deferred.Co) {
	if sum, err := t.sum().Await(co); err == nil && sum.String() != "" {
		t.home.Log().Info("answered so far", "all", sum.String())
	}
}

// sum fires with what all loops did.
func (t *tree) sum() *deferred.Deferred[tally] {
	var asked []*deferred.Deferred[tally]
	for _, s := range t.sites {
		asked = append(asked, deferred.Ask(t.home, s.loop, func() *deferred.Deferred[tally] {
			one := tally{server: s.Stats()}
			if s.cache != nil {
				one.hits, one.misses = s.cache.Stats.Hits, s.cache.Stats.Misses
			}
			return deferred.Succeeded(one)
		}))
	}
	return deferred.Then(deferred.All(asked...), func(all []tally) (sum tally, err error) {
		for i := range all {
			sum.server.Add(&all[i].server)
			sum.hits += all[i].hits
			sum.misses += all[i].misses
		}
		return sum, nil
	})
}

// String is the tally in words; "": nobody has asked anything.
func (t *tally) String() string {
	var queries uint64
	for _, n := range t.server.Queries {
		queries += n
	}
	if queries == 0 {
		return ""
	}
	words := []string{fmt.Sprintf("%d queries", queries)}
	for code, n := range t.server.Rcodes {
		switch {
		case n == 0:
		case code == len(t.server.Rcodes)-1:
			words = append(words, fmt.Sprintf("%d others", n))
		default:
			words = append(words, fmt.Sprintf("%d %s", n, dns.Rcode(code)))
		}
	}
	for _, c := range []struct {
		n    uint64
		what string
	}{{t.server.Dropped, "not answered"}, {t.server.Limited, "limited"}, {t.server.Truncated, "truncated"}, {t.hits, "from the cache"}} {
		if c.n > 0 {
			words = append(words, fmt.Sprintf("%d %s", c.n, c.what))
		}
	}
	return strings.Join(words, ", ")
}

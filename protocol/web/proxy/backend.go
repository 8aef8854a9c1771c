package proxy

import (
	"fmt"
	"strings"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
)

// A Balance says which back end is next.
type Balance int

const (
	// RoundRobin takes one after another.
	RoundRobin Balance = iota
	// LeastBusy takes the one with the fewest requests under way, of equals one after another.
	LeastBusy
)

// A Status is how a back end is.
type Status struct {
	URL      string
	Up       bool
	Busy     int    // requests under way
	Requests uint64 // so far
	Failures uint64 // so far
}

// A backend is one of Reverse.To.
type backend struct {
	text string
	root *web.Request // for it, to be cloned
	base string       // its path, without a slash at the end

	busy     int
	requests uint64
	failures uint64
	row      int       // failures one after another
	until    time.Time // it is passed by until then
	sick     bool      // by its health check
}

// backends parses p.To, once.
func (p *Reverse) backends() error {
	if p.to != nil || p.broken != nil {
		return p.broken
	}
	for _, text := range p.To {
		r, err := web.NewRequest("GET", text)
		if err == nil && (r.URL().RawQuery != "" || r.URL().Fragment != "" || r.Header.Has("Authorization")) {
			err = fmt.Errorf("want no query, fragment or password")
		}
		if err != nil {
			p.to, p.broken = nil, fmt.Errorf("proxy: back end %q: %w", text, err)
			return p.broken
		}
		p.to = append(p.to, &backend{text: text, root: r, base: strings.TrimSuffix(r.URL().EscapedPath(), "/")})
	}
	if len(p.to) == 0 {
		p.broken = fmt.Errorf("proxy: Reverse without To: want URLs of back ends")
	}
	return p.broken
}

// pick chooses a back end that is well, but not one of tried; nil: there is none.
func (p *Reverse) pick(now time.Time, tried []*backend) *backend {
	var best *backend
	at := 0
search:
	for i := range p.to {
		i = (p.next + i) % len(p.to)
		b := p.to[i]
		if b.sick || now.Before(b.until) {
			continue
		}
		for _, t := range tried {
			if t == b {
				continue search
			}
		}
		if best == nil || p.Balance == LeastBusy && b.busy < best.busy {
			best, at = b, i
		}
		if p.Balance == RoundRobin {
			break
		}
	}
	if best != nil {
		p.next = (at + 1) % len(p.to)
	}
	return best
}

// failed counts a failure of b; too many in a row, and it is passed by for a while.
func (p *Reverse) failed(b *backend, now time.Time) {
	b.failures++
	b.row++
	most, rest := p.MaxFailures, p.Rest
	if most == 0 {
		most = 3
	}
	if rest <= 0 {
		rest = 10 * time.Second
	}
	if most > 0 && b.row >= most {
		b.until = now.Add(rest)
	}
}

// Status says how the back ends are, in the order of To.
func (p *Reverse) Status(now time.Time) (all []Status) {
	p.backends()
	for _, b := range p.to {
		all = append(all, Status{URL: b.text, Up: !b.sick && !now.Before(b.until), Busy: b.busy, Requests: b.requests, Failures: b.failures})
	}
	return all
}

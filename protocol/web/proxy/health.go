package proxy

import (
	"errors"
	"strings"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Health says how back ends are looked after.
type Health struct {
	// Path is asked for, below the path of the back end; a status from 200 to 399 is health. "":
	// "/".
	Path string
	// Every is how often. 0: 10 s.
	Every time.Duration
	// Timeout is how long an answer may take. 0: 2 s.
	Timeout time.Duration
}

// Watch asks each back end for Health.Path, now and again and again, until the Signal is cancelled:
// who does not answer well is passed by until it does. A Reverse that nobody watches learns from
// its requests only.
func (p *Reverse) Watch(l twistor.Loop) *deferred.Signal {
	if p.Client == nil {
		p.Client = Backends(l)
	}
	if err := p.backends(); err != nil {
		return deferred.Failed[struct{}](l, err)
	}
	every := p.Health.Every
	if every <= 0 {
		every = 10 * time.Second
	}
	return deferred.Inline(l, func(co *deferred.Co) (struct{}, error) {
		for {
			p.check(co, l)
			if err := co.Sleep(every); err != nil {
				return struct{}{}, err
			}
		}
	})
}

// check asks all back ends at once.
func (p *Reverse) check(co *deferred.Co, l twistor.Loop) {
	asked := make([]*deferred.Signal, len(p.to))
	for i, b := range p.to {
		asked[i] = p.checkOne(l, b)
	}
	for i, d := range asked {
		_, err := d.Await(co)
		if co.Err() != nil {
			for _, d := range asked[i:] {
				d.Cancel()
			}
			return
		}
		if sick := err != nil; sick != p.to[i].sick {
			p.to[i].sick = sick
			l.Log().Warn("proxy: back end changed", "url", p.to[i].text, "up", !sick, "err", err)
		}
		if err == nil {
			p.to[i].row, p.to[i].until = 0, time.Time{}
		}
	}
}

// checkOne fires if b is well.
func (p *Reverse) checkOne(l twistor.Loop, b *backend) *deferred.Signal {
	r := b.root.Clone()
	if err := r.SetTarget(b.base + "/" + strings.TrimPrefix(p.Health.Path, "/")); err != nil {
		return deferred.Failed[struct{}](l, err)
	}
	timeout := p.Health.Timeout
	if timeout <= 0 {
		timeout = 2 * time.Second
	}
	d := deferred.Then(p.Client.Do(r), func(resp *web.Response) (struct{}, error) {
		resp.Body.Limit(64 << 10)
		resp.Body.Each(func([]byte) {}).Done(func(_ struct{}, err error) {
			if err != nil {
				resp.Close()
			}
		})
		if resp.Status >= 400 {
			return struct{}{}, errors.New(resp.Reason)
		}
		return struct{}{}, nil
	})
	return d.Timeout(timeout)
}

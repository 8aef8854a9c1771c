package web

import (
	"errors"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/cgi"
	"github.com/twistor-go/twistor/protocol/web/compress"
	"github.com/twistor-go/twistor/protocol/web/proxy"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/guard"
)

// A site is all that one loop serves. Owned by that loop once it is open.
type site struct {
	*web.Server
	loop    twistor.Loop
	folders []*folder
	backs   []*proxy.Reverse
	watch   []*deferred.Signal
	welcome *welcome // nil: there is something else to serve
	looks   bool     // after the back ends
}

// newSite makes what l serves.
func (p *plan) newSite(l twistor.Loop, log web.AccessLog) (*site, error) {
	s := &site{loop: l, looks: p.HealthPath != ""}
	s.Server = &web.Server{MaxBodyBytes: p.MaxBody, DisableHTTP2: !p.HTTP2, AccessLog: log}
	h := p.root(s)
	if p.Compress {
		h = new(compress.Answers).Wrap(h)
	}
	if len(p.Auth.Chosen) > 0 {
		checkers, err := p.Auth.Checkers()
		if err != nil {
			return nil, err
		}
		door := &guard.Guard[string]{Name: p.Realm, Clear: p.AuthClear, Portal: &cred.Portal[string]{
			Checkers: checkers,
			Realm: cred.RealmFunc[string](func(_ *deferred.Co, id cred.Identity, _ cred.Origin) (string, func(), error) {
				return id.User, nil, nil
			}),
		}}
		h = door.Handler(h)
	}
	if len(p.CORS) > 0 {
		h = (&web.CORS{Origins: p.CORS}).Wrap(h)
	}
	if p.Rate > 0 {
		h = (&web.Pace{PerSecond: p.Rate, Burst: max(1, int(2*p.Rate))}).Wrap(h)
	}
	if len(p.fields) > 0 {
		h = web.AddFields(h, p.fields...)
	}
	s.Handler = (&web.Proxies{Trusted: p.trusted}).Wrap(h)
	return s, nil
}

// bare says that there is nothing to serve but a welcome.
func (p *plan) bare() bool {
	return p.Path == "" && len(p.vhosts)+len(p.proxies)+len(p.cgi)+len(p.redirects) == 0
}

// root chooses among hosts, and then among prefixes.
func (p *plan) root(s *site) web.Handler {
	main := p.paths(s)
	if len(p.vhosts) == 0 {
		return main
	}
	hosts := web.Hosts{}
	for _, v := range p.vhosts {
		hosts[v.key] = s.folder(p, "vhost", v.value)
	}
	if main != nil {
		hosts[""] = main
	}
	return hosts
}

// paths chooses by prefix; nil: there is nothing to choose from.
func (p *plan) paths(s *site) web.Handler {
	mux := new(web.Mux)
	empty := true
	whole := func(prefix string, h web.Handler) { // h sees the whole path
		empty = false
		if prefix != "/" {
			mux.Handle(prefix, h)
			prefix += "/"
		}
		mux.Handle(prefix, h)
	}
	rest := func(prefix string, h web.Handler) { // h sees what is below
		if prefix == "/" {
			whole(prefix, h)
			return
		}
		empty = false
		mux.Mount(prefix, h)
	}
	for _, r := range p.redirects {
		whole(r.key, web.Redirection{Target: r.value})
	}
	for _, c := range p.cgi {
		rest(c.key, &cgi.Directory{Dir: c.value})
	}
	for _, r := range p.proxies {
		back := &proxy.Reverse{To: r.to, Trusted: p.trusted, Health: proxy.Health{Path: p.HealthPath}}
		s.backs = append(s.backs, back)
		if hasPath(r.to[0]) {
			rest(r.prefix, back)
		} else {
			whole(r.prefix, back)
		}
	}
	if p.Path != "" {
		whole("/", s.folder(p, "path", p.Path))
	}
	switch {
	case p.bare():
		s.welcome = newWelcome(s.loop)
		return s.welcome
	case empty:
		return nil
	}
	return mux
}

// open opens the directories, so that a wrong one is known at once, and begins
// to look after the back ends.
func (s *site) open(co *deferred.Co) error {
	for _, f := range s.folders {
		if err := f.open(co); err != nil {
			return err
		}
	}
	if s.looks {
		for _, b := range s.backs {
			watch := b.Watch(s.loop)
			watch.Done(nil)
			s.watch = append(s.watch, watch)
		}
	}
	return nil
}

// reload opens the directories anew; one that cannot be stays what it was.
func (s *site) reload(co *deferred.Co) (err error) {
	for _, f := range s.folders {
		err = errors.Join(err, f.reload(co))
	}
	return err
}

// close gives back what the site has open.
func (s *site) close(*deferred.Co) error {
	for _, w := range s.watch {
		w.Cancel()
	}
	for _, f := range s.folders {
		f.close()
	}
	return nil
}

package web

import (
	"net/url"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/cgi"
	"github.com/twistor-go/twistor/protocol/web/compress"
	"github.com/twistor-go/twistor/protocol/web/proxy"
	"github.com/twistor-go/twistor/protocol/web/static"
	"github.com/twistor-go/twistor/service/cred"
	"github.com/twistor-go/twistor/service/guard"
)

// A site is all that one loop serves.
type site struct {
	*web.Server
	loop  twistor.Loop
	all   []*site // of all loops, in order
	files []*static.Files
	backs []*proxy.Reverse
	watch []*deferred.Signal

	healthy bool // the back ends are looked after
}

// newSite makes what l serves.
func (p *plan) newSite(l twistor.Loop, log web.AccessLog) (*site, error) {
	s := &site{loop: l, healthy: p.HealthPath != ""}
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
	if len(p.fields) > 0 {
		h = web.AddFields(h, p.fields...)
	}
	if p.Rate > 0 {
		h = (&web.Pace{PerSecond: p.Rate, Burst: max(1, int(2*p.Rate))}).Wrap(h)
	}
	s.Handler = (&web.Proxies{Trusted: p.trusted}).Wrap(h)
	return s, nil
}

// root chooses among hosts, and then among prefixes.
func (p *plan) root(s *site) web.Handler {
	main := p.paths(s)
	if len(p.vhosts) == 0 {
		return main
	}
	hosts := web.Hosts{}
	for _, v := range p.vhosts {
		hosts[v.key] = p.directory(s, v.value)
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
	below := func(prefix string, h web.Handler) { // h sees the whole path
		empty = false
		if prefix != "/" {
			mux.Handle(prefix, h)
			prefix += "/"
		}
		mux.Handle(prefix, h)
	}
	add := func(prefix string, h web.Handler) { // h sees what is below
		if prefix == "/" {
			below(prefix, h)
			return
		}
		empty = false
		mux.Mount(prefix, h)
	}
	for _, r := range p.redirects {
		below(r.key, web.Redirection{Target: r.value})
	}
	for _, c := range p.cgi {
		add(c.key, &cgi.Directory{Dir: c.value})
	}
	for _, r := range p.proxies {
		back := &proxy.Reverse{To: r.to, Trusted: p.trusted, Health: proxy.Health{Path: p.HealthPath}}
		s.backs = append(s.backs, back)
		if hasPath(r.to[0]) {
			add(r.prefix, back)
		} else {
			below(r.prefix, back)
		}
	}
	if p.Path != "" {
		add("/", p.directory(s, p.Path))
	}
	if empty && len(p.vhosts) == 0 {
		return &welcome{site: s}
	}
	if empty {
		return nil
	}
	return mux
}

// hasPath says whether a back end's URL has a path, which stands in place of the
// prefix then.
func hasPath(to string) bool {
	u, err := url.Parse(to)
	return err == nil && u.Path != ""
}

// directory serves the files of one.
func (p *plan) directory(s *site, dir string) web.Handler {
	f := &static.Files{
		Dir: dir, Index: p.Index, List: p.Listing, Extensions: p.IgnoreExts, Fallback: p.SPA,
		DotFiles: p.Hidden, Precompressed: p.Compress, Types: p.types, Recheck: time.Second,
	}
	s.files = append(s.files, f)
	return f
}

// open opens the directories, so that a wrong one is known at once.
func (s *site) open() *deferred.Signal {
	if s.healthy {
		for _, b := range s.backs {
			w := b.Watch(s.loop)
			w.Done(nil)
			s.watch = append(s.watch, w)
		}
	}
	var all []*deferred.Signal
	for _, f := range s.files {
		all = append(all, f.Open(s.loop))
	}
	return deferred.Then(deferred.All(all...), func([]struct{}) (none struct{}, err error) { return none, nil })
}

// close gives back what the site has open.
func (s *site) close() {
	for _, w := range s.watch {
		w.Cancel()
	}
	for _, f := range s.files {
		f.Close()
	}
}

package web

import (
	"mime"
	"net/netip"
	"net/url"
	"strings"

	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/web"
)

const maxOptions = 1024 // of one kind

// A plan is a Config that was read and found right. Immutable.
type plan struct {
	*Config
	listen    []string
	types     map[string]string
	vhosts    []pair
	proxies   []route // Values are URLs
	cgi       []pair
	redirects []pair
	fields    []web.Field
	trusted   []netip.Prefix
	acmeHTTP  string // "": none
}

// A pair is KEY=VALUE of an option.
type pair struct{ key, value string }

// A route is a prefix and the back ends that share it.
type route struct {
	prefix string
	to     []string
}

// plan reads the Config.
func (c *Config) plan() (*plan, error) {
	p := &plan{Config: c, listen: c.Listen, types: map[string]string{}}
	for _, step := range []func() error{p.readListen, p.readFiles, p.readHosts, p.readRoutes, p.readFields, p.readACME} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *plan) readListen() error {
	if len(p.listen) == 0 {
		p.listen = []string{DefaultListen}
		if len(p.ACME) > 0 {
			p.listen = []string{"tcp:443"}
		}
	}
	for _, at := range p.listen {
		if _, err := endpoint.ParseListener(at); err != nil {
			return plugin.Usage("--listen: %w", err)
		}
		if len(p.ACME) > 0 && !strings.HasPrefix(at, "tcp") {
			return plugin.Usage("--listen %s: with --acme want tcp:[HOST:]PORT, which is HTTPS then", at)
		}
	}
	return nil
}

func (p *plan) readFiles() error {
	for name, given := range map[string]bool{
		"mime-type": len(p.MIMETypes) > 0, "ignore-ext": len(p.IgnoreExts) > 0, "spa": p.SPA != "", "hidden": p.Hidden,
	} {
		if given && p.Path == "" && len(p.Vhosts) == 0 {
			return plugin.Usage("--%s: want --path or --vhost, too", name)
		}
	}
	for _, s := range p.MIMETypes {
		ext, kind, ok := strings.Cut(s, "=")
		if _, _, err := mime.ParseMediaType(kind); !ok || err != nil || len(ext) < 2 || ext[0] != '.' {
			return plugin.Usage("--mime-type %q: want .EXT=TYPE, such as .md=text/markdown", s)
		}
		p.types[ext] = kind
	}
	for _, ext := range p.IgnoreExts {
		if len(ext) < 2 || ext[0] != '.' || strings.Contains(ext, "/") {
			return plugin.Usage("--ignore-ext %q: want an extension, such as .html", ext)
		}
	}
	for _, name := range append([]string{p.SPA}, p.Index...) {
		if strings.Contains(name, "/") {
			return plugin.Usage("--index, --spa: %q: want the name of a file, without a directory", name)
		}
	}
	return nil
}

func (p *plan) readHosts() error {
	for _, s := range p.Vhosts {
		host, dir, ok := strings.Cut(s, "=")
		if !ok || dir == "" || !http1.ValidHost(strings.TrimPrefix(host, "*.")) {
			return plugin.Usage("--vhost %q: want HOST=DIR, such as example.com=/srv/www", s)
		}
		p.vhosts = append(p.vhosts, pair{strings.ToLower(host), dir})
	}
	return unique("vhost", p.vhosts)
}

func (p *plan) readRoutes() error {
	for _, s := range p.Proxies {
		prefix, to, err := prefixed("proxy", s, "/")
		if err != nil {
			return err
		}
		if u, err := url.Parse(to); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return plugin.Usage("--proxy %q: want [PREFIX=]URL, such as /api=http://127.0.0.1:3000", s)
		}
		p.addProxy(prefix, to)
	}
	for _, s := range p.CGI {
		prefix, dir, err := prefixed("cgi", s, "/cgi-bin")
		if err != nil {
			return err
		}
		p.cgi = append(p.cgi, pair{prefix, dir})
	}
	for _, s := range p.Redirects {
		prefix, to, err := prefixed("redirect", s, "/")
		if err != nil {
			return err
		}
		if u, err := url.Parse(to); err != nil || to == "" || u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https" {
			return plugin.Usage("--redirect %q: want [PREFIX=]URL, such as /old=/new", s)
		}
		p.redirects = append(p.redirects, pair{prefix, to})
	}
	if p.HealthPath != "" && (len(p.proxies) == 0 || p.HealthPath[0] != '/') {
		return plugin.Usage("--health %q: want a path such as /health, and --proxy, too", p.HealthPath)
	}
	all := append(append([]pair{}, p.cgi...), p.redirects...)
	for _, r := range p.proxies {
		all = append(all, pair{r.prefix, r.to[0]})
	}
	if p.Path != "" {
		all = append(all, pair{"/", p.Path})
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.key == b.key {
				return plugin.Usage("%s and %s are both for %s: want a PREFIX= of its own for one of them", b.value, a.value, a.key)
			}
		}
	}
	return nil
}

func (p *plan) addProxy(prefix, to string) {
	for i := range p.proxies {
		if p.proxies[i].prefix == prefix {
			p.proxies[i].to = append(p.proxies[i].to, to)
			return
		}
	}
	p.proxies = append(p.proxies, route{prefix, []string{to}})
}

// prefixed cuts [PREFIX=]REST; a prefix begins with a slash, and loses that at
// its end.
func prefixed(flag, s, absent string) (prefix, rest string, err error) {
	prefix, rest = absent, s
	if before, after, ok := strings.Cut(s, "="); ok && strings.HasPrefix(before, "/") && !strings.ContainsAny(before, "?#{}%") {
		prefix, rest = before, after
	}
	if rest == "" {
		return "", "", plugin.Usage("--%s %q: want something behind the =", flag, s)
	}
	if prefix = strings.TrimRight(prefix, "/"); prefix == "" {
		prefix = "/"
	}
	return prefix, rest, nil
}

func unique(flag string, all []pair) error {
	if len(all) > maxOptions {
		return plugin.Usage("--%s: want %d at most", flag, maxOptions)
	}
	for i, a := range all {
		for _, b := range all[:i] {
			if a.key == b.key {
				return plugin.Usage("--%s: %s is there twice", flag, a.key)
			}
		}
	}
	return nil
}

func (p *plan) readFields() error {
	for _, s := range p.Headers {
		name, value, ok := strings.Cut(s, ":")
		value = strings.TrimSpace(value)
		if !ok || !http1.ValidFieldName(name) || !http1.ValidFieldValue(value) {
			return plugin.Usage("--add-header %q: want NAME: VALUE", s)
		}
		p.fields = append(p.fields, web.Field{Name: name, Value: value})
	}
	for _, s := range p.Trusted {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			ip, err := netip.ParseAddr(s)
			if err != nil {
				return plugin.Usage("--trusted-proxy %q: want a network or an address, such as 10.0.0.0/8", s)
			}
			prefix = netip.PrefixFrom(ip, ip.BitLen())
		}
		p.trusted = append(p.trusted, prefix.Masked())
	}
	for _, s := range p.CORS {
		if u, err := url.Parse(s); s != "*" && (err != nil || u.Scheme == "" || u.Host == "" || u.Path != "") {
			return plugin.Usage("--cors %q: want an origin, such as https://example.com, or *", s)
		}
	}
	switch {
	case p.Rate < 0:
		return plugin.Usage("--rate=%v: want a number above 0", p.Rate)
	case p.MaxBody < 0:
		return plugin.Usage("--max-body=%d: want 1 or more", p.MaxBody)
	case p.AuthClear && len(p.Auth.Chosen) == 0:
		return plugin.Usage("--auth-clear: want --auth, too")
	}
	return nil
}

func (p *plan) readACME() error {
	if len(p.ACME) == 0 {
		if len(p.ACMEContact) > 0 || p.ACMEDirectory != "" || p.ACMETerms || p.ACMERoots != "" {
			return plugin.Usage("--acme-...: want --acme DOMAIN, too")
		}
		return nil
	}
	if !p.ACMETerms {
		return plugin.Usage("--acme: want --acme-accept-terms, too: read them first, https://letsencrypt.org/repository/")
	}
	if p.ACMEHTTP == "none" {
		return nil
	}
	if _, err := endpoint.ParseListener(p.ACMEHTTP); err != nil {
		return plugin.Usage("--acme-http: %w", err)
	}
	p.acmeHTTP = p.ACMEHTTP
	return nil
}

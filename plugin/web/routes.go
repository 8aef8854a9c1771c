package web

import (
	"net/url"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/plugin"
)

// A route is a prefix and the back ends that share it.
type route struct {
	prefix string
	to     []string
}

// readRoutes reads what answers below which prefix.
func (p *plan) readRoutes() error {
	for _, s := range p.Proxies {
		prefix, to, err := prefixed("proxy", s, "/")
		if err != nil {
			return err
		}
		if err := p.addProxy(s, prefix, to); err != nil {
			return err
		}
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
		u, err := url.Parse(to)
		local := err == nil && u.Scheme == "" && strings.HasPrefix(to, "/")
		if err != nil || u.User != nil || !local && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			return plugin.Usage("--redirect %q: want [PREFIX=]URL, such as /old=/new or https://example.com/", redacted(s))
		}
		p.redirects = append(p.redirects, pair{prefix, to})
	}
	if p.HealthPath != "" && (len(p.proxies) == 0 || p.HealthPath[0] != '/') {
		return plugin.Usage("--health %q: want a path such as /health, and --proxy, too", p.HealthPath)
	}
	return p.checkRoutes()
}

// addProxy adds a back end, which joins those of the same prefix.
func (p *plan) addProxy(option, prefix, to string) error {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" {
		return plugin.Usage("--proxy %q: want [PREFIX=]URL, such as /api=http://127.0.0.1:3000", redacted(option))
	}
	if u.User != nil {
		return plugin.Usage("--proxy %q: want a URL without a name and a password: everybody on this machine can see a command line", redacted(option))
	}
	i := slices.IndexFunc(p.proxies, func(r route) bool { return r.prefix == prefix })
	if i < 0 {
		p.proxies = append(p.proxies, route{prefix, []string{to}})
		return nil
	}
	if r := &p.proxies[i]; hasPath(r.to[0]) == hasPath(to) {
		r.to = append(r.to, to)
		return nil
	}
	return plugin.Usage("--proxy: %s and %s are both for %s: want a path in both, or in none", p.proxies[i].to[0], to, prefix)
}

// redacted is an option with a URL in it, without what stands before the @.
func redacted(s string) string {
	if i, j := strings.Index(s, "://"), strings.LastIndexByte(s, '@'); i >= 0 && j > i {
		return s[:i+3] + "..." + s[j:]
	}
	return s
}

// hasPath says whether a back end's URL has a path, which stands in place of the
// prefix then.
func hasPath(to string) bool {
	u, err := url.Parse(to)
	return err == nil && u.Path != ""
}

// checkRoutes wants a prefix for each, and no redirect that comes back to itself.
func (p *plan) checkRoutes() error {
	all := slices.Concat(p.cgi, p.redirects)
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
	for _, r := range p.redirects {
		if u, err := url.Parse(r.value); err != nil || u.Host != "" {
			continue
		} else if longest(all, u.Path) == r.key {
			return plugin.Usage("--redirect %s=%s: it leads to itself, for ever: want a place that something else answers for", r.key, r.value)
		}
	}
	return nil
}

// longest is the prefix that answers for a path; "": none.
func longest(all []pair, path string) (key string) {
	for _, a := range all {
		below := strings.TrimSuffix(a.key, "/") + "/"
		if (path == a.key || strings.HasPrefix(path, below)) && len(a.key) > len(key) {
			key = a.key
		}
	}
	return key
}

// prefixed cuts [PREFIX=]REST. A prefix begins with a slash, and loses one at its
// end; what has a query before the = is a URL without a prefix.
func prefixed(flag, s, absent string) (prefix, rest string, err error) {
	before, after, ok := strings.Cut(s, "=")
	if !ok || !strings.HasPrefix(before, "/") || strings.ContainsAny(before, "?#") {
		prefix, rest = absent, s
	} else if prefix, rest = "/"+strings.Trim(before, "/"), after; !isPrefix(before) {
		return "", "", plugin.Usage("--%s %q: want a prefix of plain text between single slashes, such as /api", flag, redacted(s))
	}
	if rest == "" {
		return "", "", plugin.Usage("--%s %q: want something behind the =", flag, s)
	}
	return prefix, rest, nil
}

// isPrefix says whether requests can have a path that begins with s.
func isPrefix(s string) bool {
	if s == "/" {
		return true
	}
	for _, segment := range strings.Split(strings.TrimSuffix(s[1:], "/"), "/") {
		if segment == "" || segment == "." || segment == ".." {
			return false
		}
	}
	return !strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f || strings.ContainsRune("%{}\\", c) })
}

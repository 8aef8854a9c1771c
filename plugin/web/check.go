package web

import (
	"mime"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/web"
)

const (
	maxOptions = 1024      // of one kind
	maxRate    = 1_000_000 // requests a second
)

// A plan is a Config that was read and found right. Immutable.
type plan struct {
	*Config
	listen    []string
	types     map[string]string
	vhosts    []pair
	proxies   []route // values are URLs
	cgi       []pair
	redirects []pair
	fields    []web.Field
	trusted   []netip.Prefix
	users     []string // files
	acmeHTTP  string   // "": none
}

// A pair is KEY=VALUE of an option.
type pair struct{ key, value string }

// plan reads the Config.
func (c *Config) plan() (*plan, error) {
	p := &plan{Config: c, listen: c.Listen, types: map[string]string{}}
	for _, step := range []func() error{
		p.countOptions, p.readListen, p.readFiles, p.readHosts, p.readRoutes, p.readFields, p.readLimits, p.readAuth, p.readACME,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

func (p *plan) countOptions() error {
	for _, option := range []struct {
		name string
		all  []string
	}{
		{"listen", p.Listen}, {"index", p.Index}, {"mime-type", p.MIMETypes}, {"ignore-ext", p.IgnoreExts}, {"vhost", p.Vhosts},
		{"proxy", p.Proxies}, {"cgi", p.CGI}, {"redirect", p.Redirects}, {"add-header", p.Headers}, {"cors", p.CORS},
		{"trusted-proxy", p.Trusted}, {"acme", p.ACME}, {"acme-contact", p.ACMEContact},
	} {
		if len(option.all) > maxOptions {
			return plugin.Usage("--%s: it is there %d times: want %d at most", option.name, len(option.all), maxOptions)
		}
	}
	return nil
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
	usual := New()
	for _, option := range []struct {
		name  string
		given bool
	}{
		{"index", !slices.Equal(p.Index, usual.Index)}, {"listing", p.Listing != usual.Listing},
		{"mime-type", len(p.MIMETypes) > 0}, {"ignore-ext", len(p.IgnoreExts) > 0}, {"spa", p.SPA != ""}, {"hidden", p.Hidden},
	} {
		if option.given && p.Path == "" && len(p.Vhosts) == 0 {
			return plugin.Usage("--%s: want --path or --vhost, too", option.name)
		}
	}
	for _, s := range p.MIMETypes {
		ext, kind, ok := strings.Cut(s, "=")
		if _, _, err := mime.ParseMediaType(kind); !ok || err != nil || !strings.Contains(kind, "/") || !isExtension(ext) {
			return plugin.Usage("--mime-type %q: want .EXT=TYPE, such as .md=text/markdown", s)
		}
		p.types[strings.ToLower(ext)] = kind
	}
	for _, ext := range p.IgnoreExts {
		if !isExtension(ext) {
			return plugin.Usage("--ignore-ext %q: want an extension, such as .html", ext)
		}
	}
	for _, name := range p.Index {
		if !isName(name) {
			return plugin.Usage("--index %q: want the name of a file, without a directory, such as index.html", name)
		}
	}
	if p.SPA != "" && !isName(p.SPA) {
		return plugin.Usage("--spa %q: want the name of a file, without a directory, such as index.html", p.SPA)
	}
	return nil
}

func isExtension(s string) bool { return len(s) > 1 && s[0] == '.' && isName(s) }

// isName says whether s can be one of a file that is served.
func isName(s string) bool {
	return s != "" && s != "." && s != ".." && !strings.ContainsAny(s, "/\\\x00")
}

func (p *plan) readHosts() error {
	for _, s := range p.Vhosts {
		host, dir, ok := strings.Cut(s, "=")
		host = strings.ToLower(host)
		if name := strings.TrimPrefix(host, "*."); !ok || dir == "" || !isHost(name) {
			return plugin.Usage("--vhost %q: want HOST=DIR, such as example.com=/srv/www or *.example.com=/srv/www", s)
		}
		for _, other := range p.vhosts {
			if other.key == host {
				return plugin.Usage("--vhost: %s is there twice: want one directory for it", host)
			}
		}
		p.vhosts = append(p.vhosts, pair{host, dir})
	}
	return nil
}

// isHost says whether s, in lower case, is a host as requests are told apart by
// it: a name or an address, without a port and without a dot at its end.
func isHost(s string) bool {
	if strings.HasPrefix(s, "[") {
		return strings.HasSuffix(s, "]") && http1.ValidHost(s)
	}
	return !strings.ContainsAny(s, ":*") && !strings.HasSuffix(s, ".") && http1.ValidHost(s)
}

// ours are fields that the server writes as the answer wants: a second one of
// them would have clients misread where the answer ends.
var ours = []string{"Connection", "Content-Length", "Keep-Alive", "Trailer", "Transfer-Encoding", "Upgrade"}

func (p *plan) readFields() error {
	for _, s := range p.Headers {
		name, value, ok := strings.Cut(s, ":")
		value = strings.TrimSpace(value)
		if !ok || !http1.ValidFieldName(name) || !http1.ValidFieldValue(value) {
			return plugin.Usage("--add-header %q: want NAME: VALUE", s)
		}
		if slices.ContainsFunc(ours, func(o string) bool { return strings.EqualFold(o, name) }) {
			return plugin.Usage("--add-header %q: the server writes %s itself: want another field", s, name)
		}
		p.fields = append(p.fields, web.Field{Name: name, Value: value})
	}
	for _, s := range p.CORS {
		u, err := url.Parse(s)
		if s != "*" && (err != nil || u.Scheme == "" || u.Host == "" || !strings.EqualFold(u.Scheme+"://"+u.Host, s)) {
			return plugin.Usage("--cors %q: want an origin, such as https://example.com, or *", s)
		}
	}
	return nil
}

func (p *plan) readLimits() error {
	for _, s := range p.Trusted {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			ip, err := netip.ParseAddr(s)
			if err != nil || ip.Zone() != "" {
				return plugin.Usage("--trusted-proxy %q: want a network or an address, such as 10.0.0.0/8", s)
			}
			prefix = netip.PrefixFrom(ip, ip.BitLen())
		}
		p.trusted = append(p.trusted, prefix.Masked())
	}
	if !(p.Rate >= 0 && p.Rate <= maxRate) { // nor NaN
		return plugin.Usage("--rate=%v: want a number from 0 to %d", p.Rate, maxRate)
	}
	if p.MaxBody < 0 {
		return plugin.Usage("--max-body=%d: want 1 or more", p.MaxBody)
	}
	return nil
}

// none, as a place, says that there is none.
const none = "none"

package web

import (
	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/service/cred"
)

// Plugin is `twistor web`.
var Plugin = plugin.Plugin{
	Name:  "web",
	Short: "serve files, scripts and other servers over HTTP",
	Long: `Serve a directory, or one file, over HTTP/1.1 and HTTP/2; run scripts of a CGI
directory; stand in front of other servers. Without an option it serves a page that
shows what it can do.

PREFIX= in an option is the beginning of paths, such as /api; it may be left out
and is / then. The longest one that fits counts; files answer what is left. A URL of
--proxy that has a path, such as http://127.0.0.1:3000/, has it in place of the
prefix; one that has none is asked for the whole path.

Who asks for a host of --vhost gets its directory; who asks for another one gets all
the rest, or is told that he has the wrong server.

An endpoint of --listen is tcp:[HOST:]PORT, tls:[HOST:]PORT:cert=FILE, unix:PATH and
others. With --acme certificates come by themselves: port 443 is HTTPS then, and
port 80 proves who we are and redirects.

Changed files of the site are seen within a second, and changed certificates and
files of users, and a log that was renamed, soon. Where a path leads, such as that
of a link to the newest release, is looked up again on SIGHUP or "twistor reload".`,
	Example: `  twistor web
  twistor web --path public --access-log -
  twistor web --path app --spa index.html --proxy /api=http://127.0.0.1:3000
  twistor web --vhost example.com=/srv/a --vhost '*.example.org=/srv/b'
  twistor web --path private --auth file:users --listen tls:443:cert=site.pem
  twistor web --path /srv/www --acme example.com --acme-accept-terms`,
	New: func() plugin.Config { return New() },
}

// DefaultListen is where it serves when nobody says.
const DefaultListen = "tcp:127.0.0.1:8080"

// A Config is what `twistor web` can be told: each field is a flag. Loop-only.
type Config struct {
	Listen []string // endpoints; nil: DefaultListen or, with ACME, tcp:443

	Path       string   // the directory or file; "": none
	Index      []string // names of a directory's page
	Listing    bool     // show directories without one
	MIMETypes  []string // .EXT=TYPE
	IgnoreExts []string // extensions that may be left out
	SPA        string   // the file that answers for pages which are not there
	Hidden     bool     // serve names that begin with a dot

	Vhosts    []string // HOST=DIR
	Proxies   []string // [PREFIX=]URL; several of one prefix share the work
	CGI       []string // [PREFIX=]DIR
	Redirects []string // [PREFIX=]URL

	HealthPath string // asked of the back ends every 10 s; "": it is not

	Compress bool
	Headers  []string // Name: value
	CORS     []string // origins
	MaxBody  int64    // bytes; 0: 10 MiB
	Rate     float64  // requests a second of each client; 0: any
	Trusted  []string // networks of proxies before us
	HTTP2    bool

	AccessLog string // file; "-": standard output; "": none

	Auth      cred.Auth
	Realm     string
	AuthClear bool // ask for passwords also where others can listen in

	ACME          []string // domains
	ACMEContact   []string
	ACMEDirectory string
	ACMERoots     string // PEM of the authority's own authority; "": the system's
	ACMETerms     bool
	ACMEHTTP      string // endpoint of challenges and redirects; "none"
}

// New returns a Config with its defaults.
func New() *Config {
	return &Config{
		Index:    []string{"index.html", "index.htm"},
		Listing:  true,
		Compress: true,
		HTTP2:    true,
		Realm:    "restricted",
		ACMEHTTP: "tcp:80",
		Auth:     cred.Auth{Kinds: []cred.Kind{cred.KindPassword, cred.KindDigest}},
	}
}

// Flags implements plugin.Config.
func (c *Config) Flags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.Listen, "listen", c.Listen, "serve at `ENDPOINT`; may be given several times (default "+DefaultListen+")")
	f.StringVar(&c.Path, "path", c.Path, "serve the directory, or the one file, `PATH`")
	f.StringArrayVar(&c.Index, "index", c.Index, "the page of a directory is `NAME`; may be given several times")
	f.BoolVar(&c.Listing, "listing", c.Listing, "show what is in a directory that has no such page")
	f.StringArrayVar(&c.MIMETypes, "mime-type", c.MIMETypes, "files are of a type: `.EXT=TYPE`; may be given several times")
	f.StringArrayVar(&c.IgnoreExts, "ignore-ext", c.IgnoreExts, "a name may lack the extension `.EXT`; may be given several times")
	f.StringVar(&c.SPA, "spa", c.SPA, "`FILE`, such as index.html, answers for pages that are not there")
	f.BoolVar(&c.Hidden, "hidden", c.Hidden, "serve files whose names begin with a dot, too")
	f.StringArrayVar(&c.Vhosts, "vhost", c.Vhosts, "`HOST=DIR` serves a directory to who asks that host, or *.host; may be given several times")
	f.StringArrayVar(&c.Proxies, "proxy", c.Proxies, "hand requests to the server `[PREFIX=]URL`; may be given several times, for one prefix too")
	f.StringVar(&c.HealthPath, "health", c.HealthPath, "ask back ends for `PATH` every 10 s, and pass by those that do not answer well")
	f.StringArrayVar(&c.CGI, "cgi", c.CGI, "run the programs of a directory, `[PREFIX=]DIR` (default prefix /cgi-bin)")
	f.StringArrayVar(&c.Redirects, "redirect", c.Redirects, "send clients to another place, `[PREFIX=]URL`; may be given several times")
	f.BoolVar(&c.Compress, "gzip", c.Compress, "compress answers, by gzip or zstd, and use FILE.gz, FILE.zst and FILE.br beside FILE")
	f.StringArrayVar(&c.Headers, "add-header", c.Headers, "add the field `NAME: VALUE` to all answers; may be given several times")
	f.StringArrayVar(&c.CORS, "cors", c.CORS, "let scripts of `ORIGIN`, such as https://example.com or *, read; may be given several times")
	f.Int64Var(&c.MaxBody, "max-body", c.MaxBody, "refuse requests with more than `BYTES` of body (default 10485760)")
	f.Float64Var(&c.Rate, "rate", c.Rate, "let each client ask each loop `N` times a second, and twice as often for a moment (default: any)")
	f.StringArrayVar(&c.Trusted, "trusted-proxy", c.Trusted, "believe X-Forwarded-For of `NETWORK`, such as 10.0.0.0/8; may be given several times")
	f.BoolVar(&c.HTTP2, "http2", c.HTTP2, "speak HTTP/2 to clients that can")
	f.StringVar(&c.AccessLog, "access-log", c.AccessLog, "write a line for each answer to `FILE`, which rotates; -: to standard output")
	c.Auth.Flags(f)
	f.StringVar(&c.Realm, "auth-realm", c.Realm, "what people read when they are asked for a password: `NAME`")
	f.BoolVar(&c.AuthClear, "auth-clear", c.AuthClear, "ask for passwords also where others can listen in")
	f.StringArrayVar(&c.ACME, "acme", c.ACME, "get a certificate for `DOMAIN`; may be given several times")
	f.StringArrayVar(&c.ACMEContact, "acme-contact", c.ACMEContact, "tell the authority the mail `ADDRESS`; may be given several times")
	f.StringVar(&c.ACMEDirectory, "acme-directory", c.ACMEDirectory, "the authority's `URL` (default: Let's Encrypt)")
	f.StringVar(&c.ACMERoots, "acme-roots", c.ACMERoots, "trust the authority's server by the certificates in `FILE` (default: the system's)")
	f.BoolVar(&c.ACMETerms, "acme-accept-terms", c.ACMETerms, "agree to the authority's terms of service")
	f.StringVar(&c.ACMEHTTP, "acme-http", c.ACMEHTTP, "prove by HTTP, and redirect to HTTPS, at `ENDPOINT`; none: do not")
}

// Remembers implements plugin.Rememberer: certificates are kept.
func (c *Config) Remembers() bool { return len(c.ACME) > 0 }

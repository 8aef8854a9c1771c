package dns

import (
	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/plugin"
)

// Plugin is `twistor dns`.
var Plugin = plugin.Plugin{
	Name:  "dns",
	Short: "serve zones, and look names up for others",
	Long: `Serve zones from files and from other servers, and look names up for others: by
asking servers, or by oneself from the root down. Without an option it is a cache
in front of the servers that the system asks, for this host.

A zone is a file as BIND reads it. Its name is that of its SOA record, or is said
before the file: example.com=example.zone. Zones are read again on SIGHUP or
"twistor reload"; one that is broken stays what it was, and the log says in which
line. A zone of --secondary comes from another server; --copy-dir keeps it for the
next start. Changes by --allow-update are kept in the program's state.

An ADDRESS may have a port behind a colon: 192.0.2.1:5353, [2001:db8::1]:5353. A
NETWORK is an address or, such as 192.0.2.0/24, many; "any" is all. Who signs what
he asks with a key of --tsig is key:NAME.

An endpoint of --listen is udp:, tcp: or tls:[HOST:]PORT[:...] as everywhere, or
one of these: dns:[HOST:]PORT is udp: and tcp: at once, https:[HOST:]PORT:cert=FILE
is DNS over HTTPS at /dns-query.

Zones are for everybody. Names of others are looked up for this host and private
networks only, unless --allow-recursion says for whom.`,
	Example: `  twistor dns
  twistor dns --zone example.com=example.zone --listen dns:53
  twistor dns --zone-dir zones --tsig keys --allow-transfer key:second --notify 192.0.2.2
  twistor dns --secondary example.com=192.0.2.1,key:second --tsig keys
  twistor dns --zone-dir zones --dnssec keys --allow-update key:laptop --tsig laptop.key
  twistor dns --recursive --listen dns:192.168.0.1:53
  twistor dns --forward tls://9.9.9.9#dns.quad9.net --listen tls:853:cert=site.pem`,
	New: func() plugin.Config { return New() },
}

// DefaultListen is where it serves when nobody says: where nothing needs to be
// permitted, and out of the way of the system's own resolver.
const DefaultListen = "dns:127.0.0.1:8053"

// A Config is what `twistor dns` can be told: each field is a flag. Loop-only.
type Config struct {
	Listen []string // endpoints; nil: DefaultListen

	Zones       []string // [NAME=]FILE
	ZoneDir     string   // of files NAME.zone, db.NAME or NAME; "": none
	Secondaries []string // NAME=ADDRESS[,ADDRESS...][,key:NAME], or ADDRESS/NAME
	CopyDir     string   // where those, and signed ones, are kept for the next start; "": nowhere
	Notify      []string // ADDRESS[,key:NAME], told of changes
	DNSSEC      string   // directory of keys: zones are signed; "": they are not
	NSEC3       bool     // deny by hashes

	Recursive   bool
	RootHints   string   // file; "": those of the Internet
	Private     []string // names that may have addresses of private networks
	Forward     []string // ADDRESS, tls://ADDRESS[#NAME] or an https URL
	ResolvConf  string   // file whose servers are asked; "": none
	Hosts       []string // files
	CacheSize   string   // bytes, such as 64M; 0: none
	Validate    string   // "yes", "no"; "": where Recursive
	TrustAnchor string   // file; "": the root's keys

	AllowQuery     []string // networks; nil: any
	AllowRecursion []string // networks; nil: this host and private networks
	AllowTransfer  []string // networks and key:NAME; nil: nobody
	AllowUpdate    []string // [NAME=]key:NAME; nil: nobody
	TSIG           []string // files of keys, and [ALGORITHM:]NAME:SECRET
	RateLimit      int      // answers a second to each network; 0: any

	QueryLog string // file; "-": standard output; "": none
	Verbose  bool   // log each query, and more
}

// New returns a Config with its defaults.
func New() *Config { return &Config{CacheSize: DefaultCacheSize} }

// DefaultCacheSize is how much what was looked up may take.
const DefaultCacheSize = "64M"

// Flags implements plugin.Config.
func (c *Config) Flags(f *pflag.FlagSet) {
	f.StringArrayVar(&c.Listen, "listen", c.Listen, "serve at `ENDPOINT`; may be given several times (default "+DefaultListen+")")

	f.StringArrayVar(&c.Zones, "zone", c.Zones, "serve the zone of a file, `[NAME=]FILE`; may be given several times")
	f.StringVar(&c.ZoneDir, "zone-dir", c.ZoneDir, "serve the zones of `DIR`, whose files are NAME.zone, db.NAME or NAME")
	f.StringArrayVar(&c.Secondaries, "secondary", c.Secondaries, "get a zone from another server, `NAME=ADDRESS[,ADDRESS...][,key:NAME]` or ADDRESS/NAME; may be given several times")
	f.StringVar(&c.CopyDir, "copy-dir", c.CopyDir, "keep zones of --secondary, and signed ones, in `DIR` for the next start (default: they are fetched, and signed, then)")
	f.StringArrayVar(&c.Notify, "notify", c.Notify, "tell the server `ADDRESS[,key:NAME]` when a zone has changed; may be given several times")
	f.StringVar(&c.DNSSEC, "dnssec", c.DNSSEC, "sign the zones with the keys in `DIR`; those that are missing are made")
	f.BoolVar(&c.NSEC3, "nsec3", c.NSEC3, "sign so that names cannot simply be listed")

	f.BoolVar(&c.Recursive, "recursive", c.Recursive, "look names up from the root down")
	f.StringVar(&c.RootHints, "root-hints", c.RootHints, "the root's servers are in `FILE` (default: those of the Internet)")
	f.StringArrayVar(&c.Private, "private", c.Private, "with --recursive, names below `NAME` may have addresses of private networks, as others may not; may be given several times")
	f.StringArrayVar(&c.Forward, "forward", c.Forward, "look names up by asking `SERVER`: ADDRESS, tls://ADDRESS#NAME or https://NAME/dns-query; may be given several times")
	f.StringVar(&c.ResolvConf, "resolv-conf", c.ResolvConf, "look names up by asking the servers in `FILE`, such as /etc/resolv.conf")
	f.StringArrayVar(&c.Hosts, "hosts", c.Hosts, "know the hosts in `FILE`, such as /etc/hosts, before asking others; may be given several times")
	f.StringVar(&c.CacheSize, "cache", c.CacheSize, "keep what was looked up in `SIZE` bytes, which the loops share out, such as 16M; 0: do not")
	f.StringVar(&c.Validate, "validate", c.Validate, "check signatures of what is looked up: `yes|no` (default: yes where --recursive)")
	f.Lookup("validate").NoOptDefVal = yes
	f.StringVar(&c.TrustAnchor, "trust-anchor", c.TrustAnchor, "trust the keys in `FILE`, DS or DNSKEY records (default: the root's)")

	f.StringArrayVar(&c.AllowQuery, "allow-query", c.AllowQuery, "answer `NETWORK` only; may be given several times (default: any)")
	f.StringArrayVar(&c.AllowRecursion, "allow-recursion", c.AllowRecursion, "look names up for `NETWORK`; may be given several times (default: this host and private networks)")
	f.StringArrayVar(&c.AllowTransfer, "allow-transfer", c.AllowTransfer, "let `NETWORK|key:NAME` copy zones; may be given several times")
	f.StringArrayVar(&c.AllowUpdate, "allow-update", c.AllowUpdate, "let who signs with a key change zones, or what is below a name, `[NAME=]key:NAME`; may be given several times")
	f.StringArrayVar(&c.TSIG, "tsig", c.TSIG, "keys are in `FILE`, or are one that other users of this host can see, [ALGORITHM:]NAME:SECRET; may be given several times")
	f.IntVar(&c.RateLimit, "rate-limit", c.RateLimit, "answer each network but this host `N` times a second over UDP (default: any)")

	f.StringVar(&c.QueryLog, "query-log", c.QueryLog, "write a line for each query to `FILE`, which rotates; -: to standard output")
	f.BoolVarP(&c.Verbose, "verbose", "v", c.Verbose, "log each query, too")
}

// Remembers implements plugin.Rememberer: updates are kept.
func (c *Config) Remembers() bool { return len(c.AllowUpdate) > 0 }

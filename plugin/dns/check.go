package dns

import (
	"strconv"
	"strings"

	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
)

const (
	maxOptions = 1024      // of one kind
	maxRate    = 1_000_000 // answers a second
	// A cache below this would keep nothing for long enough to be of use, and
	// beyond that size there is a slip of the keyboard.
	minCacheBytes = 64 << 10
	maxCacheBytes = 1 << 40
)

// What --validate can be.
const yes, no = "yes", "no"

// Where a system says whom it asks, and whom it knows.
const (
	systemResolvConf = "/etc/resolv.conf"
	systemHosts      = "/etc/hosts"
)

// A plan is a Config that was read and found right. Immutable.
type plan struct {
	*Config
	listen      []place
	zoneFiles   []zoneFile
	secondaries []secondary
	notify      []remote
	resolvConf  string
	hosts       []string
	forward     []dns.Upstream
	secure      []string // URLs of --forward
	cacheBytes  int
	validate    bool
	private     []dns.Name
	query       rights
	recursion   rights
	transfer    rights
	updates     []updateRight
	spelledKeys []*dns.TSIGKey
	neededKeys  []dns.Name
	keyFiles    []string
}

// A zoneFile is a zone's file.
type zoneFile struct {
	name dns.Name // nil: that of its SOA
	file string
}

// plan reads the Config.
func (c *Config) plan() (*plan, error) {
	p := &plan{Config: c, resolvConf: c.ResolvConf, hosts: c.Hosts}
	if c.bare() {
		p.resolvConf, p.hosts = systemResolvConf, []string{systemHosts}
	}
	for _, step := range []func() error{
		p.countOptions, p.readListen, p.readZones, p.readSecondaries, p.readNotify, p.readForward, p.readCache, p.readValidate, p.readRights, p.readKeys,
	} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return p, nil
}

// bare says that nothing was said about what to answer.
func (c *Config) bare() bool {
	return len(c.Zones)+len(c.Secondaries)+len(c.Forward)+len(c.Hosts) == 0 && c.ZoneDir == "" && c.ResolvConf == "" && !c.Recursive
}

// serves says that there are zones.
func (p *plan) serves() bool { return len(p.Zones)+len(p.Secondaries) > 0 || p.ZoneDir != "" }

// asks says that names are looked up at other servers.
func (p *plan) asks() bool { return p.Recursive || len(p.Forward) > 0 || p.resolvConf != "" }

// resolves says that there is more to answer with than zones.
func (p *plan) resolves() bool { return p.asks() || len(p.hosts) > 0 }

func (p *plan) countOptions() error {
	for _, option := range []struct {
		name string
		all  []string
	}{
		{"listen", p.Listen}, {"zone", p.Zones}, {"secondary", p.Secondaries}, {"notify", p.Notify}, {"forward", p.Forward},
		{"hosts", p.Hosts}, {"private", p.Private}, {"allow-query", p.AllowQuery}, {"allow-recursion", p.AllowRecursion},
		{"allow-transfer", p.AllowTransfer}, {"allow-update", p.AllowUpdate}, {"tsig", p.TSIG},
	} {
		if len(option.all) > maxOptions {
			return plugin.Usage("--%s: it is there %d times: want %d at most", option.name, len(option.all), maxOptions)
		}
		for _, s := range option.all {
			if s == "" {
				return plugin.Usage("--%s: it is empty", option.name)
			}
		}
	}
	return nil
}

// readZones reads which files there are; what is in them comes at Start.
func (p *plan) readZones() error {
	for _, s := range p.Zones {
		z := zoneFile{file: s}
		if name, file, ok := strings.Cut(s, "="); ok {
			n, err := dns.ParseName(name)
			if err != nil || file == "" {
				return plugin.Usage("--zone %q: want [NAME=]FILE, such as example.com=example.zone", s)
			}
			z = zoneFile{n, file}
		}
		for _, other := range p.zoneFiles {
			if z.name != nil && string(other.name) == string(z.name) {
				return plugin.Usage("--zone: %s is there twice: want one file for it", z.name)
			}
		}
		p.zoneFiles = append(p.zoneFiles, z)
	}
	switch {
	case p.NSEC3 && p.DNSSEC == "":
		return plugin.Usage("--nsec3: want --dnssec DIR, too")
	case p.CopyDir != "" && len(p.Secondaries) == 0 && p.DNSSEC == "":
		return plugin.Usage("--copy-dir: want --secondary or --dnssec, too")
	case p.DNSSEC != "" && len(p.Zones) == 0 && p.ZoneDir == "":
		return plugin.Usage("--dnssec: want --zone or --zone-dir, too")
	}
	return nil
}

func (p *plan) readSecondaries() error {
	for _, s := range p.Secondaries {
		z, ok := parseSecondary(s)
		if !ok {
			return plugin.Usage("--secondary %q: want NAME=ADDRESS[,ADDRESS...][,key:NAME], such as example.com=192.0.2.1:53, or ADDRESS/NAME", s)
		}
		for _, other := range p.secondaries {
			if string(other.name) == string(z.name) {
				return plugin.Usage("--secondary: %s is there twice: want its addresses behind each other, with commas", z.name)
			}
		}
		for _, other := range p.zoneFiles {
			if string(other.name) == string(z.name) {
				return plugin.Usage("--secondary: %s is there as --zone, too: want it from a file or from another server", z.name)
			}
		}
		p.secondaries = append(p.secondaries, z)
	}
	return nil
}

func (p *plan) readNotify() error {
	if len(p.Notify) > 0 && !p.serves() {
		return plugin.Usage("--notify: want a zone, too, by --zone, --zone-dir or --secondary")
	}
	for _, s := range p.Notify {
		all, ok := parseRemotes(s)
		if !ok {
			return plugin.Usage("--notify %q: want ADDRESS[,key:NAME], such as 192.0.2.1 or 192.0.2.1:5353", s)
		}
		p.notify = append(p.notify, all...)
	}
	return nil
}

// readCache reads how much is kept.
func (p *plan) readCache() error {
	digits := strings.TrimRight(p.CacheSize, "kKmMgGiB")
	n, err := strconv.ParseInt(digits, 10, 64)
	shift, known := map[string]int{"": 0, "K": 10, "M": 20, "G": 30}[strings.ToUpper(strings.TrimSuffix(p.CacheSize[len(digits):], "iB"))]
	if err != nil || !known || n < 0 || n > maxCacheBytes>>shift || n > 0 && n<<shift < minCacheBytes {
		return plugin.Usage("--cache %q: want a number of bytes from 64K, such as 16M or 1G; or 0", p.CacheSize)
	}
	p.cacheBytes = int(n << shift)
	return nil
}

func (p *plan) readValidate() error {
	switch p.Validate {
	case "":
		p.validate = p.Recursive
	case yes:
		p.validate = true
	case no:
	default:
		return plugin.Usage("--validate=%s: want yes or no", p.Validate)
	}
	for _, s := range p.Private {
		n, err := dns.ParseName(s)
		if err != nil {
			return plugin.Usage("--private %q: want a name, such as home.example, or . for all", s)
		}
		p.private = append(p.private, n)
	}
	switch {
	case len(p.Private) > 0 && !p.Recursive:
		return plugin.Usage("--private: want --recursive, too")
	case p.Validate != "" && !p.asks():
		return plugin.Usage("--validate: want --recursive, --forward or --resolv-conf, too")
	case p.TrustAnchor != "" && !p.validate:
		return plugin.Usage("--trust-anchor: want --recursive, or --validate, too")
	}
	return nil
}

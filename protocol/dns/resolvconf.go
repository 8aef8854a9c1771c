package dns

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

const (
	// DefaultResolvConf is the file that says whom a machine asks.
	DefaultResolvConf = "/etc/resolv.conf"

	resolvConfEvery    = 60 * time.Second
	maxResolvConfBytes = 1 << 20
	// maxNameservers is how many servers of the file are asked.
	maxNameservers = 16
	// maxNdots, maxConfTimeout and maxAttempts are where options end, as
	// resolv.conf(5) has them.
	maxNdots       = 15
	maxConfTimeout = 30
	maxAttempts    = 5
)

// A ResolvConf is what /etc/resolv.conf says. Immutable after first use.
type ResolvConf struct {
	Servers []netip.AddrPort // none: the machine's own, 127.0.0.1
	Search  []string         // without final dots
	Ndots   int              // dots of a name that is tried as it is first; 1 if the file does not say
	Timeout time.Duration    // of one try; 0: 5 s, which is what a file that does not say has
	// Attempts is in how many rounds the servers are asked; 2.
	Attempts int
	Rotate   bool // another server first for each question
	UseTCP   bool // use-vc
	NoEDNS   bool // the file says no-edns0; else EDNS is used, said or not
	TrustAD  bool // trust-ad
	// Ignored are lines and words that mean nothing here, and why: 100 at most.
	Ignored []string
}

// ParseResolvConf reads what is in a resolv.conf. What it does not understand
// is Ignored, as everybody does: a machine with half a file is better off than
// one without names.
//
// See https://man7.org/linux/man-pages/man5/resolv.conf.5.html.
func ParseResolvConf(p []byte) *ResolvConf {
	c := &ResolvConf{Ndots: 1, Timeout: 5 * time.Second, Attempts: 2}
	n := 0
	for line := range bytes.Lines(p) {
		n++
		if i := bytes.IndexAny(line, "#;"); i == 0 || i > 0 && (line[i-1] == ' ' || line[i-1] == '\t') {
			line = line[:i]
		}
		words := strings.Fields(string(line))
		if len(words) == 0 {
			continue
		}
		if why := c.line(words[0], words[1:]); why != "" {
			c.ignore(n, why)
		}
	}
	return c
}

func (c *ResolvConf) ignore(line int, why string) {
	if len(c.Ignored) < 100 {
		c.Ignored = append(c.Ignored, fmt.Sprintf("line %d: %.200s", line, why))
	}
}

// line takes one line, and says what is wrong with it.
func (c *ResolvConf) line(key string, words []string) (wrong string) {
	if len(words) == 0 && key != "search" {
		return fmt.Sprintf("%q: want something behind it", key)
	}
	switch key {
	case "nameserver":
		ip, err := netip.ParseAddr(words[0])
		switch {
		case err != nil:
			return fmt.Sprintf("nameserver %q: want an address", words[0])
		case len(c.Servers) == maxNameservers:
			return fmt.Sprintf("nameserver %s: want up to %d", ip, maxNameservers)
		}
		c.Servers = append(c.Servers, netip.AddrPortFrom(ip, DefaultPort))
	case "domain":
		c.Search = nil // "The last instance wins", of search too
		return c.search(words[:1])
	case "search":
		c.Search = nil
		return c.search(words)
	case "options":
		var all []string
		for _, w := range words {
			if why := c.option(w); why != "" {
				all = append(all, why)
			}
		}
		return strings.Join(all, "; ")
	default: // sortlist among them
		return fmt.Sprintf("%q: want nameserver, domain, search or options", key)
	}
	return ""
}

func (c *ResolvConf) search(domains []string) (wrong string) {
	for _, d := range domains {
		n, err := ParseName(d)
		switch {
		case err != nil:
			wrong = err.Error()
		case len(c.Search) == maxSearch:
			return fmt.Sprintf("search: want up to %d domains", maxSearch)
		case !n.IsRoot():
			c.Search = append(c.Search, trimDot(n.String()))
		}
	}
	return wrong
}

func (c *ResolvConf) option(w string) (wrong string) {
	key, value, _ := strings.Cut(w, ":")
	number := func(least, most int) int {
		n, err := strconv.Atoi(value)
		if err != nil || n < least {
			wrong = fmt.Sprintf("option %q: want a number from %d to %d", w, least, most)
			return -1
		}
		return min(n, most)
	}
	switch key {
	case "ndots":
		if n := number(0, maxNdots); n >= 0 {
			c.Ndots = n
		}
	case "timeout":
		if n := number(1, maxConfTimeout); n > 0 {
			c.Timeout = time.Duration(n) * time.Second
		}
	case "attempts":
		if n := number(1, maxAttempts); n > 0 {
			c.Attempts = n
		}
	case "rotate":
		c.Rotate = true
	case "use-vc":
		c.UseTCP = true
	case "trust-ad":
		c.TrustAD = true
	case "no-edns0":
		c.NoEDNS = true
	case "edns0", "single-request", "single-request-reopen", "inet6", "no-tld-query", "debug", "no-check-names", "ip6-bytestring", "no-aaaa", "no-reload":
		// What they ask for is so already, or works around what does not exist
		// here.
	default:
		return fmt.Sprintf("option %q: not known", w)
	}
	return wrong
}

// Client fills in a Client as c says: all but its Loop.
func (c *ResolvConf) Client() *Client {
	out := &Client{NoEDNS: c.NoEDNS, TrustAD: c.TrustAD}
	if c.Rotate {
		out.Order = InTurn
	}
	servers := c.Servers
	if len(servers) == 0 {
		servers = []netip.AddrPort{netip.AddrPortFrom(loopback[0], DefaultPort)}
	}
	for _, addr := range servers {
		u := Upstream{Addr: addr}
		if c.UseTCP {
			u.Network = OverTCP
		}
		out.Servers = append(out.Servers, u)
	}
	timeout := cmp.Or(c.Timeout, 5*time.Second)
	for range c.Attempts {
		out.Timeouts = append(out.Timeouts, timeout)
	}
	// All of the tries, but not for longer than anybody waits.
	out.Deadline = min(timeout*time.Duration(c.Attempts*len(servers)), maxConfTimeout*time.Second)
	return out
}

// Completing is r for names without a final dot, below the domains of c.
func (c *ResolvConf) Completing(r Resolver) *Search {
	s := &Search{Resolver: r, Domains: c.Search, Dots: c.Ndots}
	if c.Ndots == 0 {
		s.Dots = -1
	}
	return s
}

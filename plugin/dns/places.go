package dns

import (
	"net/url"
	"strings"

	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/protocol/dns"
)

// A carrier is what brings queries to a place.
type carrier int

const (
	datagrams carrier = iota
	streams           // TCP, TLS
	https
)

// A place is one where it listens.
type place struct {
	endpoint string
	by       carrier
}

// readListen reads where to listen; dns: and https: are endpoints here only.
func (p *plan) readListen() error {
	listen := p.Listen
	if len(listen) == 0 {
		listen = []string{DefaultListen}
	}
	for _, s := range listen {
		kind, rest, _ := strings.Cut(s, ":")
		var places []place
		alsoWanted := ""
		switch kind {
		case "dns":
			places = []place{{"udp:" + rest, datagrams}, {"tcp:" + rest, streams}}
		case "https":
			places = []place{{"tls:" + rest, https}}
		case "udp", "udp4", "udp6":
			places = []place{{s, datagrams}}
		case "unixgram":
			return plugin.Usage("--listen %s: want udp: for datagrams", s)
		default:
			places, alsoWanted = []place{{s, streams}}, "; or dns:[HOST:]PORT, or https:[HOST:]PORT:cert=FILE"
		}
		for _, at := range places {
			if _, err := endpoint.ParseListener(at.endpoint); err != nil {
				return plugin.Usage("--listen %s: %w%s", s, err, alsoWanted)
			}
			p.listen = append(p.listen, at)
		}
	}
	return nil
}

// readForward reads whom to ask.
func (p *plan) readForward() error {
	for _, s := range p.Forward {
		if strings.HasPrefix(s, "https://") {
			at, err := url.Parse(s)
			if err != nil || at.Host == "" || at.Path == "" || at.User != nil || at.Fragment != "" {
				return plugin.Usage("--forward %q: want a URL such as https://dns.example/dns-query", s)
			}
			p.secure = append(p.secure, s)
			continue
		}
		u, err := dns.ParseUpstream(s)
		if err != nil {
			return plugin.Usage("--forward: %w; or https://NAME/dns-query", err)
		}
		p.forward = append(p.forward, u)
	}
	for _, pair := range []struct {
		a, b  string
		given bool
	}{
		{"recursive", "forward", p.Recursive && len(p.Forward) > 0},
		{"recursive", "resolv-conf", p.Recursive && p.ResolvConf != ""},
		{"forward", "resolv-conf", len(p.Forward) > 0 && p.ResolvConf != ""},
	} {
		if pair.given {
			return plugin.Usage("--%s and --%s: want one of them", pair.a, pair.b)
		}
	}
	if p.RootHints != "" && !p.Recursive {
		return plugin.Usage("--root-hints: want --recursive, too")
	}
	return nil
}

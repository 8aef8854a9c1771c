package dns

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/twistor-go/twistor/plugin"
)

// parse reads a command line.
func parse(t *testing.T, args ...string) *Config {
	t.Helper()
	c := New()
	flags := pflag.NewFlagSet("", pflag.ContinueOnError)
	c.Flags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c
}

// G07: what is wrong on a command line is named by its option, with what was
// wanted, and ends as a usage error.
func TestG07UsageErrors(t *testing.T) {
	const key = "hmac-sha256:k:c2VjcmV0c2VjcmV0c2VjcmV0"
	for _, tc := range []struct {
		args string // separated by |
		want string
	}{
		{"--listen|nowhere:1", "; or dns:[HOST:]PORT, or https:[HOST:]PORT:cert=FILE"},
		{"--listen|udp:x", "--listen udp:x: "},
		{"--listen|dns:70000", "--listen dns:70000: "},
		{"--listen|https:443", "--listen https:443: "},
		{"--listen|unixgram:/x", "--listen unixgram:/x: want udp: for datagrams"},
		{"--zone|", "--zone: it is empty"},
		{"--zone|a=", `--zone "a=": want [NAME=]FILE`},
		{"--zone|a..b=f", `--zone "a..b=f": want [NAME=]FILE`},
		{"--zone|a=f|--zone|A.=g", "--zone: a. is there twice: want one file for it"},
		{"--secondary|a", `--secondary "a": want NAME=ADDRESS`},
		{"--secondary|a=b", `--secondary "a=b": want NAME=ADDRESS`},
		{"--secondary|a=192.0.2.1:0", "want NAME=ADDRESS"},
		{"--secondary|a=192.0.2.1,", "want NAME=ADDRESS"},
		{"--secondary|a=key:k", "want NAME=ADDRESS"},
		{"--secondary|a=192.0.2.1,key:k,key:l", "want NAME=ADDRESS"},
		{"--secondary|192.0.2.1/", "want NAME=ADDRESS"},
		{"--secondary|192.0.2.1:x/a", "want NAME=ADDRESS"},
		{"--secondary|a=192.0.2.1|--secondary|192.0.2.2/a", "--secondary: a. is there twice"},
		{"--zone|a=f|--secondary|a=192.0.2.1", "--secondary: a. is there as --zone, too"},
		{"--secondary|a=192.0.2.1,key:k", "key:k: want --tsig, too"},
		{"--copy-dir|d", "--copy-dir: want --secondary or --dnssec, too"},
		{"--dnssec|d", "--dnssec: want --zone or --zone-dir, too"},
		{"--zone|f|--nsec3", "--nsec3: want --dnssec DIR, too"},
		{"--notify|192.0.2.1", "--notify: want a zone, too"},
		{"--zone|f|--notify|host", `--notify "host": want ADDRESS[,key:NAME]`},
		{"--forward|dns.example", "--forward: "},
		{"--forward|tls://dns.example", "--forward: "},
		{"--forward|192.0.2.1#name", "--forward: "},
		{"--forward|https://dns.example", `--forward "https://dns.example": want a URL`},
		{"--forward|https://u@dns.example/dns-query", "want a URL"},
		{"--recursive|--forward|192.0.2.1", "--recursive and --forward: want one of them"},
		{"--recursive|--resolv-conf|f", "--recursive and --resolv-conf: want one of them"},
		{"--forward|192.0.2.1|--resolv-conf|f", "--forward and --resolv-conf: want one of them"},
		{"--root-hints|f", "--root-hints: want --recursive, too"},
		{"--private|home.example", "--private: want --recursive, too"},
		{"--recursive|--private|a..b", `--private "a..b": want a name`},
		{"--zone|f|--validate", "--validate: want --recursive, --forward or --resolv-conf, too"},
		{"--recursive|--validate=maybe", "--validate=maybe: want yes or no"},
		{"--forward|192.0.2.1|--trust-anchor|f", "--trust-anchor: want --recursive, or --validate, too"},
		{"--cache|", `--cache "": want a number of bytes`},
		{"--cache|much", `--cache "much": want a number of bytes`},
		{"--cache|64", `--cache "64": want a number of bytes`},
		{"--cache|-1", `--cache "-1": want a number of bytes`},
		{"--cache|16MB", `--cache "16MB": want a number of bytes`},
		{"--cache|99999999999G", "want a number of bytes"},
		{"--allow-query|localhost", `--allow-query "localhost": want a network`},
		{"--allow-query|key:k", `--allow-query "key:k": want a network`},
		{"--allow-query|10.0.0.0/33", "want a network"},
		{"--zone|f|--allow-recursion|any", "--allow-recursion: want --recursive"},
		{"--recursive|--allow-recursion|all", `--allow-recursion "all": want a network`},
		{"--allow-transfer|any", "--allow-transfer: want a zone, too"},
		{"--zone|f|--allow-transfer|key:", `--allow-transfer "key:": want a network`},
		{"--zone|f|--allow-transfer|key:k", "key:k: want --tsig, too"},
		{"--zone|f|--allow-update|192.0.2.1", `--allow-update "192.0.2.1": want key:NAME`},
		{"--zone|f|--allow-update|a..b=key:k", "want key:NAME"},
		{"--tsig|" + key + "|--secondary|a=192.0.2.1|--allow-update|key:k", "--allow-update: want a zone, too, by --zone or --zone-dir"},
		{"--tsig|k:secret!", "--tsig: "},
		{"--tsig|sha0:k:c2VjcmV0", "--tsig: "},
		{"--rate-limit|-1", "--rate-limit=-1: want a number from 0"},
	} {
		_, err := parse(t, strings.Split(tc.args, "|")...).Service()
		e, ok := errors.AsType[*plugin.Error](err)
		if !ok || e.Status != plugin.StatusUsage || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want a usage error with %q", tc.args, err, tc.want)
		}
		if err != nil && strings.Contains(err.Error(), "c2VjcmV0") {
			t.Errorf("%s: the error has the secret: %v", tc.args, err)
		}
	}
	c := New()
	c.Zones = slices.Repeat([]string{"f"}, maxOptions+1)
	if _, err := c.Service(); err == nil || !strings.Contains(err.Error(), "--zone: it is there 1025 times: want 1024 at most") {
		t.Errorf("got %v, want the number of options bounded", err)
	}
}

// G07: options of Twisted's, and ours, mean what they say.
func TestG07Options(t *testing.T) {
	plan := func(args ...string) *plan {
		t.Helper()
		p, err := parse(t, args...).plan()
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := plan()
	want := []place{{"udp:127.0.0.1:8053", datagrams}, {"tcp:127.0.0.1:8053", streams}}
	if !slices.Equal(p.listen, want) || p.resolvConf != systemResolvConf || !slices.Equal(p.hosts, []string{systemHosts}) || p.cacheBytes != 64<<20 {
		t.Errorf("nothing said: got %v, %q, %q, a cache of %d, want what the system knows, at %v", p.listen, p.resolvConf, p.hosts, p.cacheBytes, want)
	}
	p = plan("--listen", "https:127.0.0.1:443:cert=c.pem", "--listen", "tls:853:cert=c.pem", "--listen", "udp4:53", "--recursive", "--cache", "1G")
	want = []place{{"tls:127.0.0.1:443:cert=c.pem", https}, {"tls:853:cert=c.pem", streams}, {"udp4:53", datagrams}}
	if !slices.Equal(p.listen, want) || p.resolvConf != "" || p.hosts != nil || p.cacheBytes != 1<<30 {
		t.Errorf("got %v, %q, %q, %d, want %v and no more", p.listen, p.resolvConf, p.hosts, p.cacheBytes, want)
	}
	// As Twisted has it, and ours, with several.
	p = plan("--secondary", "192.0.2.1:54/b.example", "--secondary", "a.example=[2001:db8::1]:55,192.0.2.2,key:K", "--tsig", "k:c2VjcmV0")
	var got []string
	for _, z := range p.secondaries {
		for _, r := range z.primaries {
			got = append(got, z.name.String()+" "+r.addr.String()+" "+r.key.String())
		}
	}
	if want := []string{"b.example. 192.0.2.1:54 .", "a.example. [2001:db8::1]:55 k.", "a.example. 192.0.2.2:53 k."}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for size, want := range map[string]int{"0": 0, "65536": 64 << 10, "64k": 64 << 10, "16M": 16 << 20, "16MiB": 16 << 20, "2g": 2 << 30} {
		if p := plan("--cache", size); p.cacheBytes != want {
			t.Errorf("--cache %s: got %d, want %d", size, p.cacheBytes, want)
		}
	}
}

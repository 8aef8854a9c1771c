package web

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

// G01-G03, G06: what is wrong on a command line is named by its option, with
// what was wanted, and ends as a usage error.
func TestG03UsageErrors(t *testing.T) {
	for _, tc := range []struct {
		args string // separated by |
		want string
	}{
		{"--listen|nowhere:1", "--listen: "},
		{"--index|home.html", "--index: want --path or --vhost, too"},
		{"--listing=false", "--listing: want --path or --vhost, too"},
		{"--mime-type|.a=text/a", "--mime-type: want --path or --vhost, too"},
		{"--ignore-ext|.html", "--ignore-ext: want --path or --vhost, too"},
		{"--spa|index.html", "--spa: want --path or --vhost, too"},
		{"--hidden", "--hidden: want --path or --vhost, too"},
		{"--path|.|--mime-type|a=text/a", `--mime-type "a=text/a": want .EXT=TYPE`},
		{"--path|.|--mime-type|.a", `--mime-type ".a": want .EXT=TYPE`},
		{"--path|.|--mime-type|.a=text", `--mime-type ".a=text": want .EXT=TYPE`},
		{"--path|.|--mime-type|.a=text/a\r\nX: y", `want .EXT=TYPE`},
		{"--path|.|--ignore-ext|html", `--ignore-ext "html": want an extension`},
		{"--path|.|--ignore-ext|.a/b", `--ignore-ext ".a/b": want an extension`},
		{"--path|.|--index|a/b.html", `--index "a/b.html": want the name of a file`},
		{"--path|.|--index|", `--index "": want the name of a file`},
		{"--path|.|--spa|../x", `--spa "../x": want the name of a file`},
		{"--vhost|a.example", `--vhost "a.example": want HOST=DIR`},
		{"--vhost|a.example=", `want HOST=DIR`},
		{"--vhost|*=d", `--vhost "*=d": want HOST=DIR`},
		{"--vhost|a.example:80=d", `--vhost "a.example:80=d": want HOST=DIR`},
		{"--vhost|a.example.=d", `want HOST=DIR`},
		{"--vhost|a.example=d|--vhost|A.Example=e", "--vhost: a.example is there twice"},
		{"--proxy|localhost:3000", `--proxy "localhost:3000": want [PREFIX=]URL`},
		{"--proxy|/api=", `--proxy "/api=": want something behind the =`},
		{"--proxy|/api=ftp://h/", `want [PREFIX=]URL`},
		{"--proxy|/api=http://:80", `want [PREFIX=]URL`},
		{"--proxy|/api=http://h/?q=1", `want [PREFIX=]URL`},
		{"--proxy|/a//b=http://h", `--proxy "/a//b=http://h": want a prefix of plain text`},
		{"--proxy|/../b=http://h", `want a prefix of plain text`},
		{"--proxy|/a b=http://h", `want a prefix of plain text`},
		{"--proxy|/{x}=http://h", `want a prefix of plain text`},
		{"--proxy|/a%2fb=http://h", `want a prefix of plain text`},
		{"--proxy|/a=http://h|--proxy|/a/=http://i/", "--proxy: http://h and http://i/ are both for /a: want a path in both, or in none"},
		{"--proxy|http://h|--path|d", "http://h and d are both for /: want a PREFIX="},
		{"--cgi|d|--redirect|/cgi-bin=https://h/", "d and https://h/ are both for /cgi-bin: want a PREFIX="},
		{"--redirect|/a=new", `--redirect "/a=new": want [PREFIX=]URL`},
		{"--redirect|/a=javascript:alert(1)", `want [PREFIX=]URL`},
		{"--redirect|/new", "--redirect /=/new: it leads to itself"},
		{"--redirect|/a=/a/b", "--redirect /a=/a/b: it leads to itself"},
		{"--health|/up", `--health "/up": want a path such as /health, and --proxy, too`},
		{"--proxy|http://h|--health|up", `--health "up": want a path`},
		{"--add-header|X-Name", `--add-header "X-Name": want NAME: VALUE`},
		{"--add-header|X Name: a", `want NAME: VALUE`},
		{"--add-header|X: a\r\nY: b", `want NAME: VALUE`},
		{"--add-header|content-length: 3", `the server writes content-length itself`},
		{"--cors|example.com", `--cors "example.com": want an origin`},
		{"--cors|https://example.com/", `want an origin`},
		{"--cors|https://u@example.com", `want an origin`},
		{"--trusted-proxy|localhost", `--trusted-proxy "localhost": want a network or an address`},
		{"--trusted-proxy|fe80::1%eth0", `want a network or an address`},
		{"--rate|-1", "--rate=-1: want a number from 0 to 1000000"},
		{"--rate|NaN", "--rate=NaN: want a number"},
		{"--rate|1e7", "--rate=1e+07: want a number"},
		{"--max-body|-1", "--max-body=-1: want 1 or more"},
		{"--auth-clear", "--auth-clear: want --auth, too"},
		{"--auth|nobody", "--auth: unknown type"},
		{"--auth|sshkey", "--auth sshkey: this server cannot use"},
		{"--auth-realm|", `--auth-realm "": want a line of text`},
		{"--acme-accept-terms", "--acme-accept-terms: want --acme DOMAIN, too"},
		{"--acme-contact|a@b", "--acme-contact: want --acme DOMAIN, too"},
		{"--acme-directory|https://h/", "--acme-directory: want --acme DOMAIN, too"},
		{"--acme-roots|f", "--acme-roots: want --acme DOMAIN, too"},
		{"--acme-http|none", "--acme-http: want --acme DOMAIN, too"},
		{"--acme|example.com", "--acme: want --acme-accept-terms, too"},
		{"--acme|*.example.com|--acme-accept-terms", `--acme "*.example.com": want a name of the public DNS`},
		{"--acme|192.0.2.1|--acme-accept-terms", `want a name of the public DNS`},
		{"--acme|example.com|--acme-accept-terms|--acme-directory|http://h/", `--acme-directory "http://h/": want an https URL`},
		{"--acme|example.com|--acme-accept-terms|--acme-contact|admin", `--acme-contact "admin": want the address`},
		{"--acme|example.com|--acme-accept-terms|--acme-http|nowhere:", "--acme-http: "},
		{"--acme|example.com|--acme-accept-terms|--listen|tls:443:cert=f", "--listen tls:443:cert=f: with --acme want tcp:[HOST:]PORT"},
	} {
		_, err := parse(t, strings.Split(tc.args, "|")...).Service()
		if usage, ok := errors.AsType[*plugin.Error](err); !ok || usage.Status != plugin.StatusUsage {
			t.Errorf("%s: got %v, want a usage error", tc.args, err)
		} else if !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: got %q, want it to say %q", tc.args, err, tc.want)
		}
	}
}

// What is right is taken, and as it was meant: the control of the above.
func TestG03Usage(t *testing.T) {
	for _, args := range []string{
		"",
		"--listen|tcp:80|--listen|unix:/run/web|--listen|tls:443:cert=f",
		"--path|d|--index|home.html|--listing=false|--mime-type|.MD=text/markdown; charset=utf-8|--ignore-ext|.html|--spa|index.html|--hidden",
		"--vhost|example.com=d|--vhost|*.example.com=e|--vhost|[::1]=f|--vhost|192.0.2.1=g|--path|h",
		"--proxy|/a=http://h:1/|--proxy|/a=https://i/b|--proxy|http://j|--health|/up",
		"--redirect|/old=/new|--redirect|/x=https://example.com/y?z=1",
		"--redirect|/app/|--proxy|/app=http://h",
		"--redirect|/a=/ab",
		"--cgi|d|--cgi|/x/=e",
		"--add-header|X-A: b: c|--add-header|X-Empty:|--cors|*|--cors|https://*.example.com|--trusted-proxy|10.0.0.1/8|--trusted-proxy|::1",
		"--rate|0.5|--max-body|1|--http2=false|--gzip=false|--access-log|-",
		"--auth|memory:a:b|--auth-clear|--auth-realm|who?",
		"--acme|example.com|--acme|www.Example.com|--acme-accept-terms|--acme-http|none|--acme-contact|a@example.com|--listen|tcp:8443",
	} {
		if _, err := parse(t, strings.Split(args, "|")...).Service(); err != nil {
			t.Errorf("%s: %v", args, err)
		}
	}
	if _, err := parse(t, "--redirect", "/search?q=x=y", "--proxy", "/search=http://h", "--cgi", "/a/=/srv/b=c", "--path", "d", "--mime-type", ".MD=text/x").plan(); err == nil {
		t.Error("got none, want an error: --redirect and --path are both for /")
	}
	p, err := parse(t, "--redirect", "/search?q=x=y", "--proxy", "/search=http://h", "--cgi", "/a/=/srv/b=c").plan()
	if err != nil {
		t.Fatal(err)
	}
	if want := []pair{{"/", "/search?q=x=y"}}; !slices.Equal(p.redirects, want) {
		t.Errorf("got redirects %q, want %q", p.redirects, want)
	}
	if want := []pair{{"/a", "/srv/b=c"}}; !slices.Equal(p.cgi, want) {
		t.Errorf("got %q, want %q", p.cgi, want)
	}
}

// A password never gets into a message.
func TestG03NoSecrets(t *testing.T) {
	for _, args := range [][]string{
		{"--proxy", "http://ann:hunter2@h/"},
		{"--proxy", "/a//b=http://ann:hunter2@h/"},
		{"--redirect", "/a=http://ann:hunter2@h/"},
		{"--auth", "memory:ann:hunter2:bob"},
		{"--auth", "unix:hunter2"},
	} {
		_, err := parse(t, args...).Service()
		if err == nil {
			t.Errorf("%s: got no error", args)
		} else if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %q, with the password", args[0], err)
		}
	}
}

// Of each option there can be so many, and no more.
func TestG03Limit(t *testing.T) {
	c := New()
	for range maxOptions + 1 {
		c.Headers = append(c.Headers, "X: y")
	}
	if _, err := c.Service(); err == nil || !strings.Contains(err.Error(), "--add-header: it is there 1025 times: want 1024 at most") {
		t.Errorf("got %v, want a usage error", err)
	}
	c.Headers = c.Headers[1:]
	if _, err := c.Service(); err != nil {
		t.Error(err)
	}
}

package doh_test

import (
	"context"
	"crypto/tls"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/dnstest"
	"github.com/twistor-go/twistor/protocol/dns/doh"
	"github.com/twistor-go/twistor/protocol/dns/zone"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

const peersZone = `$ORIGIN example.com.
@ 60 IN SOA ns hostmaster 1 3600 600 86400 60
@ 60 IN NS ns
ns 60 IN A 127.0.0.1
www 60 IN A 192.0.2.1
www 60 IN AAAA 2001:db8::1
long 60 IN TXT "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
long 60 IN TXT "1123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
long 60 IN TXT "2123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
long 60 IN TXT "3123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
long 60 IN TXT "4123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
long 60 IN TXT "5123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
`

// peersSecret is of the key "transfer".
const peersSecret = "c2VjcmV0IG9mIHR3byBwYXJ0aWVz"

// ports are where a server listens on 127.0.0.1.
type ports struct{ dns, tls, https string }

// serving has a real loop serve s over all networks.
func serving(t *testing.T, s *dns.Server) ports {
	t.Helper()
	r := reactor.New(&reactor.Config{Loops: 1})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		<-done
		r.Close()
	})
	l := r.Loop()
	port := dnstest.FreePort(t, netip.MustParseAddr("127.0.0.1"))
	at := ports{dns: strconv.Itoa(int(port))}
	_, err := deferred.Call(ctx, l, func() *deferred.Signal {
		address := "127.0.0.1:" + at.dns
		if _, err := l.ListenPacket(twistor.ListenConfig{Network: "udp", Address: address}, s.Packets()); err != nil {
			return deferred.Failed[struct{}](l, err)
		}
		if _, err := l.Listen(twistor.ListenConfig{Network: "tcp", Address: address}, s.Factory()); err != nil {
			return deferred.Failed[struct{}](l, err)
		}
		for to, f := range map[*string]twistor.Factory{&at.tls: s.Factory(), &at.https: &web.Server{Handler: &doh.Server{DNS: s}}} {
			p, err := l.Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0",
				TLS: &tls.Config{Certificates: []tls.Certificate{sim.Certificate("localhost")}, NextProtos: twistor.NextProtos(f)}}, f)
			if err != nil {
				return deferred.Failed[struct{}](l, err)
			}
			_, *to, _ = strings.Cut(p.Addr().String(), ":")
		}
		return deferred.Succeeded(struct{}{})
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// TestN17Peers: dig, kdig and drill ask over UDP, TCP, TLS and HTTPS, with
// cookies, keys, padding and all; each says what it got, and complains of
// nothing.
func TestN17Peers(t *testing.T) {
	z, err := zone.Read(strings.NewReader(peersZone), zone.Options{Origin: dns.MustParseName("example.com")})
	if err != nil {
		t.Fatal(err)
	}
	key, err := dns.ParseTSIGKey("hmac-sha512:transfer:" + peersSecret)
	if err != nil {
		t.Fatal(err)
	}
	ring, _ := dns.NewKeyring(key)
	open := serving(t, &dns.Server{Handler: z, Keys: ring, Identity: "ns1.test", Version: "9", MaxAmplification: -1})
	wary := serving(t, &dns.Server{Handler: z, RequireCookie: true})
	signed := "hmac-sha512:transfer:" + peersSecret
	for _, tt := range []struct {
		name, program, args string
		want                string // a regular expression
		not                 string
	}{
		{"udp", "dig", "@127.0.0.1 -p DNS +nocookie www.example.com A", `(?s)status: NOERROR.*flags: qr aa rd;.*www.example.com.\s+60\s+IN\s+A\s+192.0.2.1.*\(UDP\)`, "WARNING: .*malformed"},
		{"no EDNS", "dig", "@127.0.0.1 -p DNS +noedns +short www.example.com AAAA", `2001:db8::1`, ""},
		{"nothing there", "dig", "@127.0.0.1 -p DNS no.example.com A", `(?s)status: NXDOMAIN.*AUTHORITY: 1,.*IN\s+SOA`, ""},
		{"not ours", "dig", "@127.0.0.1 -p DNS example.org A", `status: REFUSED`, ""},
		{"truncated", "dig", "@127.0.0.1 -p DNS +noedns +ignore long.example.com TXT", `flags: qr aa tc rd`, ""},
		{"and then TCP", "dig", "@127.0.0.1 -p DNS +noedns long.example.com TXT", `(?s)Truncated, retrying in TCP mode.*ANSWER: 6,.*\(TCP\)`, ""},
		{"tcp", "dig", "@127.0.0.1 -p DNS +tcp +keepopen +keepalive www.example.com A", `(?s)TCP.KEEPALIVE: 10.0 secs.*192.0.2.1`, ""},
		{"many over one connection", "dig", "@127.0.0.1 -p DNS +tcp +keepopen +short www.example.com A www.example.com AAAA ns.example.com A", `(?s)192.0.2.1\s+2001:db8::1\s+127.0.0.1`, ""},
		{"a cookie", "dig", "@127.0.0.1 -p DNS +cookie=0102030405060708 www.example.com A", `COOKIE: 010203040506070801000000[0-9a-f]{24} \(good\)`, ""},
		{"a cookie is required", "dig", "@127.0.0.1 -p WARY +cookie www.example.com A", `(?s)BADCOOKIE, retrying.*status: NOERROR.*\(good\).*192.0.2.1`, ""},
		{"and none is there", "dig", "@127.0.0.1 -p WARY +nocookie www.example.com A", `(?s)Truncated, retrying in TCP mode.*192.0.2.1`, ""},
		{"who it is", "dig", "@127.0.0.1 -p DNS +nsid www.example.com A", `NSID: .*\("ns1.test"\)`, ""},
		{"what it is", "dig", "@127.0.0.1 -p DNS +short CH TXT version.bind", `"9"`, ""},
		{"EDNS version", "dig", "@127.0.0.1 -p DNS +edns=1 +noednsnegotiation www.example.com A", `(?s)status: BADVERS.*EDNS: version: 0`, ""},
		{"signed", "dig", "@127.0.0.1 -p DNS -y " + signed + " www.example.com A", `(?s)NOERROR.*192.0.2.1.*TSIG\s+hmac-sha512.*NOERROR`, "verify|error"},
		{"signed over TCP", "dig", "@127.0.0.1 -p DNS +tcp -y " + signed + " long.example.com TXT", `(?s)ANSWER: 6,.*TSIG.*NOERROR`, "verify|error"},
		{"another key", "dig", "@127.0.0.1 -p DNS -y hmac-sha512:other:" + peersSecret + " www.example.com A", `(?s)status: NOTAUTH.*BADKEY`, ""},
		{"another secret", "dig", "@127.0.0.1 -p DNS -y hmac-sha512:transfer:AAAA www.example.com A", `(?s)status: NOTAUTH.*BADSIG`, ""},
		{"another algorithm", "dig", "@127.0.0.1 -p DNS -y hmac-sha256:transfer:" + peersSecret + " www.example.com A", `(?s)status: NOTAUTH.*BADKEY`, ""},
		{"dig over TLS", "dig", "@127.0.0.1 -p TLS +tls www.example.com A", `(?s)192.0.2.1.*\(TLS\)`, ""},
		{"dig over HTTPS", "dig", "@127.0.0.1 -p HTTPS +https www.example.com A", `(?s)192.0.2.1.*\(HTTPS\)`, ""},
		{"dig by GET", "dig", "@127.0.0.1 -p HTTPS +https-get +qr www.example.com A", `(?s)192.0.2.1.*\(HTTPS-GET\)`, ""},
		{"kdig", "kdig", "@127.0.0.1 -p DNS +edns +cookie www.example.com A", `(?s)NOERROR.*COOKIE.*192.0.2.1`, ""},
		{"kdig signed", "kdig", "@127.0.0.1 -p DNS -y " + signed + " www.example.com A", `(?s)TSIG.*NOERROR`, "WARNING|ERROR: |failed"},
		{"kdig over TLS", "kdig", "@127.0.0.1 -p TLS +tls +padding +keepopen www.example.com A", `(?s)TLS1\.3.*PADDING.*192.0.2.1.*Received 468 B`, ""},
		{"kdig over HTTPS", "kdig", "@127.0.0.1 -p HTTPS +https +padding www.example.com A", `(?s)HTTP/2-POST.*status: 200.*192.0.2.1.*Received 468 B`, ""},
		{"kdig by GET", "kdig", "@127.0.0.1 -p HTTPS +https +https-get www.example.com A", `(?s)HTTP/2-GET.*status: 200.*192.0.2.1`, ""},
		{"drill", "drill", "-p DNS @127.0.0.1 www.example.com A", `(?s)rcode: NOERROR.*192.0.2.1`, ""},
		{"drill over TCP", "drill", "-t -p DNS @127.0.0.1 long.example.com TXT", `ANSWER: 6,`, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			args := strings.NewReplacer("WARY", wary.dns, "HTTPS", open.https, "TLS", open.tls, "DNS", open.dns).Replace(tt.args)
			if tt.program == "dig" {
				args += " +tries=1 +time=8"
			}
			out, err := dnstest.Feed(t, "", tt.program, strings.Fields(args)...)
			if err != nil {
				t.Fatalf("%s %s: %v\n%s", tt.program, args, err, out)
			}
			if !regexp.MustCompile(tt.want).MatchString(out) {
				t.Errorf("%s %s: got %s\nwant %s", tt.program, args, out, tt.want)
			}
			if tt.not != "" && regexp.MustCompile(tt.not).MatchString(out) {
				t.Errorf("%s %s: got %s\nwant no %s", tt.program, args, out, tt.not)
			}
		})
	}
}

// TestN17Load: dnsperf gets an answer to each of its queries, over UDP, TCP and
// TLS.
func TestN17Load(t *testing.T) {
	z, err := zone.Read(strings.NewReader(peersZone), zone.Options{Origin: dns.MustParseName("example.com")})
	if err != nil {
		t.Fatal(err)
	}
	s := &dns.Server{Handler: z}
	at := serving(t, s)
	queries := filepath.Join(t.TempDir(), "queries")
	os.WriteFile(queries, []byte("www.example.com A\nwww.example.com AAAA\nno.example.com A\n"), 0o600)
	for mode, port := range map[string]string{"udp": at.dns, "tcp": at.dns, "dot": at.tls} {
		out, err := dnstest.Feed(t, "", "dnsperf", "-s", "127.0.0.1", "-p", port, "-m", mode, "-d", queries, "-n", "1000", "-l", "10", "-c", "4", "-q", "20", "-O", "suppress=timeout")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out, "Queries completed:    3000 (100.00%)") {
			t.Errorf("%s: got %s", mode, out)
		}
	}
}

// askOfTwisted is a program that looks names up as Twisted does: the last one
// comes truncated, so that it asks again over TCP.
const askOfTwisted = `
import sys
from twisted.internet import reactor, defer, task
from twisted.names import client, error

@defer.inlineCallbacks
def main(reactor):
    r = client.Resolver(servers=[("127.0.0.1", int(sys.argv[1]))])
    answers, _, _ = yield r.lookupAddress("www.example.com")
    print(answers[0].name, answers[0].payload.dottedQuad(), answers[0].ttl, answers[0].auth)
    answers, _, _ = yield r.lookupIPV6Address("WWW.example.com")
    print(answers[0].name, len(answers))
    answers, _, extra = yield r.lookupNameservers("example.com")
    print(answers[0].payload.name, extra[0].payload.dottedQuad())
    try:
        yield r.lookupAddress("no.example.com")
    except error.DNSNameError:
        print("DNSNameError")
    try:
        yield r.lookupAddress("example.org")
    except error.DNSQueryRefusedError:
        print("DNSQueryRefusedError")
    answers, _, _ = yield r.lookupText("long.example.com")
    print(len(answers))

task.react(main)
`

// TestN17Twisted: Twisted's client understands what it is told.
func TestN17Twisted(t *testing.T) {
	python := peertest.Program(t, "/usr/bin/python3") // the system's, which has Twisted
	if err := exec.Command(python, "-c", "import twisted.names").Run(); err != nil {
		peertest.Missing(t, "twisted is not installed")
	}
	z, err := zone.Read(strings.NewReader(peersZone), zone.Options{Origin: dns.MustParseName("example.com")})
	if err != nil {
		t.Fatal(err)
	}
	at := serving(t, &dns.Server{Handler: z})
	out, err := dnstest.Feed(t, "", python, "-c", askOfTwisted, at.dns)
	if err != nil {
		t.Fatal(err)
	}
	want := "www.example.com 192.0.2.1 60 1\nWWW.example.com 1\nns.example.com 127.0.0.1\nDNSNameError\nDNSQueryRefusedError\n6\n"
	if out != want {
		t.Errorf("got %s, want %s", out, want)
	}
}

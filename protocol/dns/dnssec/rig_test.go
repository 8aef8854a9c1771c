package dnssec

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/dns"
	"github.com/twistor-go/twistor/protocol/dns/zone"
)

// now is when tests run.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// hard is a zone with everything that signers get wrong.
const hard = `$ORIGIN hard.example.
$TTL 3600
@ SOA ns.hard.example. Admin.Hard.example. 7 7200 3600 1209600 600
@ NS ns
@ NS NS2.Hard.Example.
@ MX 10 Mail.hard.example.
@ TXT "capitals in Data" "two strings"
@ CAA 0 issue "ca.example"
ns A 192.0.2.1
ns AAAA 2001:db8::1
ns2 A 192.0.2.2
mail A 192.0.2.3
MAIL TXT "capitals in the owner"
a.b.c.ent A 192.0.2.4
x.c.ent A 192.0.2.4
* TXT "wildcard"
*.w A 192.0.2.5
*.w MX 5 Mail
deep.x.w A 192.0.2.6
alias CNAME mail
tree DNAME other.example.
hidden.tree A 192.0.2.7
secure NS ns.secure
secure DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
ns.secure A 192.0.2.8
insecure NS ns.insecure
insecure NS elsewhere.example.
ns.insecure A 192.0.2.9
insecure.deep.er NS elsewhere.example.
secure.deep.er NS elsewhere.example.
secure.deep.er DS 12345 13 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
_sip._tcp SRV 1 2 5060 Mail
naptr NAPTR 10 20 "u" "E2U+sip" "!^.*$!sip:x@y!" Mail
svc HTTPS 1 . alpn=h2,h3 ipv4hint=192.0.2.1
\000\255odd\.dot A 192.0.2.10
unknown TYPE65280 \# 4 deadBEEF
many A 192.0.2.30
many A 192.0.2.4
many A 192.0.2.200
rp RP Mail.hard.example. Text.Hard.example.
`

func readZone(t testing.TB, text, origin string) *zone.Zone {
	t.Helper()
	z, err := zone.Read(strings.NewReader(text), zone.Options{Origin: dns.MustParseName(origin), File: "zone"})
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// random is a source that a test may repeat.
func random(seed byte) *rand.ChaCha8 { return rand.NewChaCha8([32]byte{seed}) }

func newKey(t testing.TB, o KeyOptions, seed byte) *Key {
	t.Helper()
	k, err := Generate(random(seed), o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// pair is a key for keys and one for the rest.
func pair(t testing.TB, origin string, a Algorithm) []*Key {
	t.Helper()
	n := dns.MustParseName(origin)
	ksk := newKey(t, KeyOptions{Zone: n, Algorithm: a, KSK: true}, 1)
	return []*Key{ksk, newKey(t, KeyOptions{Zone: n, Algorithm: a, Beside: []*Key{ksk}}, 2)}
}

func sign(t testing.TB, z *zone.Zone, keys []*Key, p Policy, now time.Time) *zone.Zone {
	t.Helper()
	c, err := Sign(z, keys, p, now)
	if err != nil {
		t.Fatal(err)
	}
	next, err := z.Apply(c)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

// writeZone puts z into a file.
func writeZone(t testing.TB, z *zone.Zone) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := z.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(t.TempDir(), "zone.signed")
	if err := os.WriteFile(name, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// variant is a way of signing.
type variant struct {
	name   string
	policy Policy
}

var variants = []variant{
	{"NSEC", Policy{}},
	{"NSEC3", Policy{NSEC3: true}},
	{"OptOut", Policy{NSEC3: true, OptOut: true}},
}

var algorithms = []Algorithm{ECDSAP256SHA256, ED25519, RSASHA256, ECDSAP384SHA384, RSASHA512}

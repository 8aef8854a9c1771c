package acme

import (
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/sim"
)

// FuzzDomain: a domain that is taken is one that a certificate can be for, and
// its canonical form is its own.
func FuzzDomain(f *testing.F) {
	for _, seed := range []string{"example.com", "EXAMPLE.com.", "xn--bcher-kva.example", "*.example.com", "192.0.2.1", "[::1]", "a..b", "-a", strings.Repeat("a", 64), ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, domain string) {
		d := canonical(domain)
		if checkDomain(d) != nil {
			return
		}
		if canonical(d) != d {
			t.Errorf("%q: got %q, and then %q", domain, d, canonical(d))
		}
		cert := &x509.Certificate{DNSNames: []string{d}}
		if err := cert.VerifyHostname(d); err != nil {
			t.Errorf("%q is taken: %v", domain, err)
		}
	})
}

// FuzzChain: whatever an authority sends in place of a certificate, nothing
// panics and nothing is served.
func FuzzChain(f *testing.F) {
	f.Add([]byte(""), "")
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n")
	f.Fuzz(func(t *testing.T, chain []byte, key string) {
		clock := sim.NewClock(nil)
		defer clock.Close()
		c := &Certificates{loop: clock}
		private, _, err := newKey(clock.Rand())
		if err != nil {
			t.Fatal(err)
		}
		n := &name{domain: "example.com"}
		if err := c.hold(n, chain, private); err == nil || n.held != nil {
			t.Errorf("a certificate for a key that is made just now: %v", err)
		}
		s := sealed{}
		s.UnmarshalText([]byte(key))
		s.open()
	})
}

// TestBackoffDefaults: by them an authority that fails is asked four times in
// the first hour.
func TestBackoffDefaults(t *testing.T) {
	b := (&Certificates{}).backoff()
	b.Jitter = -1
	var at time.Duration
	tries := 1
	for n := 1; at < time.Hour; n++ {
		d, again := b.Delay(n, nil)
		if at += d; !again {
			t.Fatal("it gives up")
		}
		if at < time.Hour {
			tries++
		}
	}
	if tries != 4 {
		t.Errorf("got %d tries in an hour, want 4", tries)
	}
}

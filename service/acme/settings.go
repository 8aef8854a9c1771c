package acme

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/twistor-go/twistor/service"
)

// maxDomains is how many names one Certificates has.
const maxDomains = 100

// check checks what the program says, and returns the names.
func (c *Certificates) check() ([]*name, error) {
	if n := len(c.Domains); n == 0 || n > maxDomains {
		return nil, fmt.Errorf("acme: %d domains: want 1 to %d", n, maxDomains)
	}
	var names []*name
	for _, domain := range c.Domains {
		d := canonical(domain)
		if err := checkDomain(d); err != nil {
			return nil, fmt.Errorf("acme: domain %q: %w", domain, err)
		}
		if slices.ContainsFunc(names, func(n *name) bool { return n.domain == d }) {
			return nil, fmt.Errorf("acme: domain %q: want each name once", domain)
		}
		names = append(names, &name{domain: d})
	}
	if u, err := url.Parse(c.directory()); err != nil || u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("acme: directory %q: want an https URL", c.directory())
	}
	if !c.TermsAgreed {
		return nil, fmt.Errorf("acme: the terms of service of %s are not agreed to: want TermsAgreed, by somebody who has read them", c.directory())
	}
	for _, mail := range c.Contact {
		if !strings.Contains(mail, "@") || strings.ContainsAny(mail, " \r\n\x00?,") {
			return nil, fmt.Errorf("acme: contact %q: want a mail address", mail)
		}
	}
	for _, way := range c.Challenges {
		if way != TLSALPN && way != HTTP {
			return nil, fmt.Errorf("acme: challenge %q: want %s or %s", way, TLSALPN, HTTP)
		}
	}
	if c.Binding != nil {
		if c.Binding.KID == "" {
			return nil, errors.New("acme: binding: no KID: want the one that the authority gave")
		}
		if _, err := c.Binding.key(); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// canonical is a name as it is compared.
func canonical(domain string) string { return strings.ToLower(strings.TrimSuffix(domain, ".")) }

// checkDomain: what an authority could make a certificate for, in one of the
// ways there are.
func checkDomain(domain string) error {
	switch _, err := netip.ParseAddr(domain); {
	case err == nil:
		return errors.New("want a name, not an address")
	case strings.Contains(domain, "*"):
		return errors.New("want a name without *: that would need dns-01")
	case domain == "" || len(domain) > 253:
		return errors.New("want 1 to 253 bytes")
	}
	for label := range strings.SplitSeq(domain, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return errors.New("want labels of 1 to 63 letters, digits and hyphens within")
		}
		for _, b := range []byte(label) {
			if (b < 'a' || b > 'z') && (b < '0' || b > '9') && b != '-' {
				return errors.New("want letters, digits and hyphens; other alphabets as xn--")
			}
		}
	}
	return nil
}

// directory is Directory or its default.
func (c *Certificates) directory() string {
	if c.Directory == "" {
		return LetsEncrypt
	}
	return c.Directory
}

// opens notes a way that can be answered.
func (c *Certificates) opens(way string) {
	if !slices.Contains(c.doors, way) {
		c.doors = append(c.doors, way)
	}
}

// challenges is Challenges or its default; after so many failures.
func (c *Certificates) challenges(failures int) []string {
	all := c.Challenges
	if all == nil {
		for _, way := range []string{TLSALPN, HTTP} {
			if len(c.doors) == 0 || slices.Contains(c.doors, way) {
				all = append(all, way)
			}
		}
	}
	first := failures % max(len(all), 1)
	return append(slices.Clone(all[first:]), all[:first]...)
}

// contact is Contact as the authority wants it.
func (c *Certificates) contact() (all []string) {
	for _, mail := range c.Contact {
		all = append(all, "mailto:"+strings.TrimPrefix(mail, "mailto:"))
	}
	return all
}

// backoff is Backoff with its defaults: by them four tries fall into the first
// hour, one less than a well-known authority lets fail.
func (c *Certificates) backoff() service.Backoff {
	b := c.Backoff
	if b.Min == 0 {
		b.Min = 5 * time.Minute
	}
	if b.Max == 0 {
		b.Max = 6 * time.Hour
	}
	if b.Factor == 0 {
		b.Factor = 2
	}
	b.MaxTries = 0
	return b
}

// key is the MAC key itself. The error does not quote it.
func (b *Binding) key() ([]byte, error) {
	key, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(b.Key.Reveal(), "="))
	if err != nil || len(key) == 0 {
		return nil, errors.New("acme: binding: a key that cannot be read: want base64url")
	}
	return key, nil
}

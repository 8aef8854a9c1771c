package acme

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"
)

// A name is one of Domains. Loop-only.
type name struct {
	domain string
	held   *held     // nil: there is no certificate yet
	due    time.Time // when to order; zero: now

	failures int   // in a row
	err      error // of the last; nil: none
}

// held is a certificate that is served.
type held struct {
	pair   tls.Certificate
	leaf   *x509.Certificate
	config *tls.Config // of pair, for all connections: it has keys of tickets
	keys   [][32]byte  // of tickets, the newest first
	keyed  time.Time   // when the newest was made
}

// ticketLife is how long a key of tickets is the newest; they last for a day or
// two.
const ticketLife = 24 * time.Hour

// load makes of memory what is served.
func (c *Certificates) load() error {
	for _, n := range c.names {
		kept, ok := c.memory.Issued[n.domain]
		if !ok {
			continue
		}
		key, err := kept.Key.open()
		if err == nil {
			err = c.hold(n, []byte(kept.Chain), key)
		}
		if err != nil {
			c.loop.Log().Error("a certificate that was kept is of no use: ordering another", "service", c.name, "domain", n.domain, "err", err)
			continue
		}
		if kept.Directory != c.directory() {
			n.due = time.Time{}
		}
	}
	c.publish()
	return nil
}

// hold makes chain the certificate of n, if it is one for it.
func (c *Certificates) hold(n *name, chain []byte, key *ecdsa.PrivateKey) error {
	pair := tls.Certificate{PrivateKey: key}
	for block, rest := pem.Decode(chain); block != nil; block, rest = pem.Decode(rest) {
		pair.Certificate = append(pair.Certificate, block.Bytes)
	}
	if len(pair.Certificate) == 0 {
		return errors.New("acme: no certificate in the chain")
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return fmt.Errorf("acme: a certificate that cannot be read: %w", err)
	}
	if !key.PublicKey.Equal(leaf.PublicKey) {
		return errors.New("acme: the certificate is of another key")
	}
	if err := leaf.VerifyHostname(n.domain); err != nil {
		return fmt.Errorf("acme: the certificate is of another name: %w", err)
	}
	pair.Leaf = leaf
	h := &held{pair: pair, leaf: leaf}
	h.configure(c.template())
	if err := h.renewTickets(c.loop.Rand(), c.loop.Now()); err != nil {
		return err
	}
	n.held = h
	n.due = renewal(leaf, c.loop.Rand())
	return nil
}

// soonest puts off the renewal of a certificate that has just come, so that an
// authority which makes them old, or a clock that is wrong, is not asked again
// and again.
func (n *name) soonest(now time.Time) {
	least := max(time.Minute, n.held.leaf.NotAfter.Sub(now)/3)
	if at := now.Add(least); n.due.Before(at) {
		n.due = at
	}
}

// fresh says whether a certificate that has just come is good now.
func (h *held) fresh(now time.Time) error {
	if now.Before(h.leaf.NotBefore) || now.After(h.leaf.NotAfter) {
		return fmt.Errorf("acme: the new certificate is good from %v to %v, and by the clock it is %v: want them to agree",
			h.leaf.NotBefore.UTC(), h.leaf.NotAfter.UTC(), now.UTC())
	}
	return nil
}

// configure makes the configuration that serves it.
func (h *held) configure(template *tls.Config) {
	template.Certificates = []tls.Certificate{h.pair}
	if len(h.keys) > 0 {
		template.SetSessionTicketKeys(h.keys)
	}
	h.config = template
}

// renewTickets makes a new key for tickets beside the one before. Each name has
// its own: a session of one never resumes at another.
func (h *held) renewTickets(rand io.Reader, now time.Time) error {
	var key [32]byte
	if _, err := io.ReadFull(rand, key[:]); err != nil {
		return err
	}
	h.keys = append([][32]byte{key}, h.keys[:min(len(h.keys), 1)]...)
	h.keyed = now
	h.config.SetSessionTicketKeys(h.keys)
	return nil
}

// renewal is when to order the next certificate: when a third of this one's
// life is left, a thirtieth earlier or later.
func renewal(leaf *x509.Certificate, rand io.Reader) time.Time {
	life := leaf.NotAfter.Sub(leaf.NotBefore)
	var p [8]byte
	if _, err := io.ReadFull(rand, p[:]); err != nil {
		return leaf.NotAfter.Add(-life / 3) // no chance, no harm
	}
	chance := float64(binary.LittleEndian.Uint64(p[:])>>11) / (1 << 53)
	return leaf.NotAfter.Add(-life/3 + time.Duration((2*chance-1)*float64(life/30)))
}

package acme

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service/persist"
)

// memory is what outlives the program.
type memory struct {
	Accounts map[string]account // by the URL of the directory
	Issued   map[string]issued  // by domain
}

// An account is ours with one authority.
type account struct {
	Key sealed
	URL string // "": not known to the authority yet
}

// issued is a certificate, and what it was made of.
type issued struct {
	Directory string // of the authority
	Key       sealed
	Chain     string // PEM, the leaf first
}

// A change is one of memory: of the account at Directory, or of Domain's
// certificate, which nil forgets.
type change struct {
	Directory string   `json:",omitempty"`
	Account   *account `json:",omitempty"`
	Domain    string   `json:",omitempty"`
	Issued    *issued  `json:",omitempty"`
}

// A sealed is a private key as PEM: a Secret wherever it is printed, but for
// the files of the Store.
type sealed struct{ twistor.Secret }

// MarshalJSON implements json.Marshaler, for the Store.
func (s sealed) MarshalJSON() ([]byte, error) { return json.Marshal(s.Reveal()) }

// apply makes a change.
func (c *Certificates) apply(what change) {
	m := &c.memory
	if what.Account != nil {
		if m.Accounts == nil {
			m.Accounts = map[string]account{}
		}
		m.Accounts[what.Directory] = *what.Account
	}
	switch {
	case what.Domain == "":
	case what.Issued == nil:
		delete(m.Issued, what.Domain)
	default:
		if m.Issued == nil {
			m.Issued = map[string]issued{}
		}
		m.Issued[what.Domain] = *what.Issued
	}
}

// open reads what s has kept. A Store that was read already, in a former life
// of the service, is not read again.
func (c *Certificates) open(co *deferred.Co, s *persist.Store) error {
	switch {
	case s == nil:
		c.loop.Log().Warn("certificates are kept in memory only: each start orders new ones, which authorities limit", "service", c.name)
		return nil
	case c.journal != nil:
		return nil
	}
	c.memory = memory{}
	j := &persist.Journal[change]{Name: "certificates", State: &c.memory, Apply: c.apply}
	if err := j.Open(co, s); err != nil {
		return err
	}
	c.journal = j
	return nil
}

// keep makes a change, and waits until it is durable. If it fails memory may not
// have it; what the service works with is not in memory alone.
func (c *Certificates) keep(co *deferred.Co, what change) error {
	if c.journal == nil {
		c.apply(what)
		return nil
	}
	_, err := c.journal.Append(what).Await(co)
	return err
}

// forget drops the certificates of names that are not ours any more.
func (c *Certificates) forget(co *deferred.Co) {
	for _, domain := range slices.Sorted(maps.Keys(c.memory.Issued)) {
		if slices.ContainsFunc(c.names, func(n *name) bool { return n.domain == domain }) {
			continue
		}
		if err := c.keep(co, change{Domain: domain}); err != nil {
			c.loop.Log().Error("a certificate of no use is still kept", "service", c.name, "domain", domain, "err", err)
		}
	}
}

// newKey makes a private key of the world's randomness, so that a world of a
// seed makes the same one again.
func newKey(rand io.Reader) (*ecdsa.PrivateKey, sealed, error) {
	var scalar [32]byte
	for range 100 { // one in 2^32 of all numbers is none of a key
		if _, err := io.ReadFull(rand, scalar[:]); err != nil {
			return nil, sealed{}, err
		}
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar[:])
		if err != nil {
			continue
		}
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, sealed{}, err
		}
		text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
		return key, sealed{twistor.Conceal(string(text))}, nil
	}
	return nil, sealed{}, errors.New("acme: no randomness")
}

// open is the key itself.
func (s sealed) open() (*ecdsa.PrivateKey, error) {
	block, _ := pem.Decode([]byte(s.Reveal()))
	if block == nil {
		return nil, errors.New("acme: a key that is not PEM")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, errors.New("acme: a key that cannot be read")
	}
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("acme: a key of %T: want ECDSA", key)
	}
	return private, nil
}

package endpoint

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"sync/atomic"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// Certificates are the PEM files that a TLS listener serves from, and what
// keeps them fresh: when a client connects, and at most once a second, their
// times and sizes are looked at, off the loop, and what changed is read again.
// The connection that caused the look still gets the old ones. A file that is
// half written, or whose key is another's, is logged once; the pair before it
// serves on. Each server name has tickets of its own, so that a session of one
// never resumes at another that asks for a client's certificate. Set the
// fields, then call Load. Loop-only.
type Certificates struct {
	// Cert is the certificate of clients that name no server or one that is
	// not known; "": those are turned away, and Dir must be set. Key is its
	// key; "": in Cert. Chain is what stands between it and a root; "": in Cert.
	Cert, Key, Chain string
	// Dir has NAME.pem, certificate, chain and key, for each server name;
	// *.example.com.pem serves the names one label below. NAME.ca.pem beside
	// it is to NAME what ClientCA is to all. "": none. At most 4,096 names are
	// read; other files are skipped.
	Dir string
	// ClientCA has the certificates of those who sign clients', and makes one
	// of them required. "": clients need none.
	ClientCA string
	// Template has everything else: versions and protocols. nil: TLS 1.2 up.
	Template *tls.Config

	// Immutable after Load.
	home twistor.Loop
	none *tls.Config // no certificate: unrecognized_name

	served atomic.Pointer[sites] // each of them immutable
	asked  atomic.Bool           // home has been asked to look

	// Owned by home.
	interval  time.Duration // between looks; tests shorten it
	looked    time.Time
	renewed   time.Time // the tickets' keys
	complaint string    // last logged; "": nothing is wrong
}

// Times between looks at the files, and between new keys for tickets.
const (
	lookInterval  = time.Second
	renewInterval = 24 * time.Hour
)

// Load reads all files, and returns the configuration that serves from them;
// l is where they are looked at from then on. An unreadable file is an error
// here. Loop-only, and once; the configuration is safe for any loop.
func (c *Certificates) Load(l twistor.Loop) (*tls.Config, error) {
	if c.Template == nil {
		c.Template = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	c.home = l
	c.none = c.Template.Clone()
	c.none.Certificates = nil
	next, err := c.read(l.FS(), &sites{})
	if err != nil {
		return nil, err
	}
	c.looked, c.renewed = l.Now(), l.Now()
	if c.interval == 0 {
		c.interval = lookInterval
	}
	if err := next.key(l.Rand(), false); err != nil {
		return nil, err
	}
	c.served.Store(next)
	config := c.Template.Clone()
	config.Certificates = nil
	config.GetConfigForClient = c.choose
	return config, nil
}

// choose is crypto/tls's question which site a client wants. It may come from
// any goroutine.
func (c *Certificates) choose(hello *tls.ClientHelloInfo) (*tls.Config, error) {
	if !c.asked.Swap(true) && !c.home.Post(c.look) {
		c.asked.Store(false)
	}
	if s := c.served.Load().find(hello.ServerName); s != nil {
		return s.config, nil
	}
	return c.none, nil
}

// look reads what changed, if it is time to.
func (c *Certificates) look() {
	now := c.home.Now()
	if now.Sub(c.looked) < c.interval {
		c.asked.Store(false)
		return
	}
	c.looked = now
	if now.Sub(c.renewed) >= renewInterval {
		c.renewed = now
		c.complain(c.served.Load().key(c.home.Rand(), true))
	}
	files, old := c.home.FS(), c.served.Load()
	fresh := deferred.Go(c.home, func(context.Context) (reading, error) {
		next, err := c.read(files, old)
		return reading{next, err}, nil
	})
	fresh.Done(func(r reading, err error) {
		c.asked.Store(false)
		if r.next != nil {
			if failure := r.next.key(c.home.Rand(), false); failure != nil {
				err = failure
			} else {
				c.served.Store(r.next)
				c.home.Log().Info("certificates read again", "op", "reload")
			}
		}
		c.complain(errors.Join(err, r.err))
	})
}

// A reading is what read returned: perhaps some sites, and the errors of others.
type reading struct {
	next *sites
	err  error
}

// complain logs err, unless it was the last to be logged.
func (c *Certificates) complain(err error) {
	if err == nil {
		c.complaint = ""
		return
	}
	if text := err.Error(); text != c.complaint {
		c.complaint = text
		c.home.Log().Error("certificates not read: the former serve on", "op", "reload", "err", err)
	}
}

// key gives each site that has none a key for its tickets, and with renew
// gives all a new one, beside the one before: tickets last for a day or two.
func (s *sites) key(rand io.Reader, renew bool) error {
	for _, at := range s.list {
		if len(at.keys) > 0 && !renew {
			continue
		}
		var key [32]byte
		if _, err := io.ReadFull(rand, key[:]); err != nil {
			return err
		}
		at.keys = append([][32]byte{key}, at.keys[:min(len(at.keys), 1)]...)
		at.config.SetSessionTicketKeys(at.keys)
	}
	return nil
}

package acme

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/persist"
)

// LetsEncrypt is the directory that is used if no other is named. Staging is
// its twin for trying things out: browsers do not trust it, and its limits are
// wide.
const (
	LetsEncrypt = "https://acme-v02.api.letsencrypt.org/directory"
	Staging     = "https://acme-staging-v02.api.letsencrypt.org/directory"
)

// The ways in which an authority looks whether a name is ours.
const (
	// TLSALPN is a handshake on port 443:
	// https://www.rfc-editor.org/rfc/rfc8737#section-3.
	TLSALPN = "tls-alpn-01"
	// HTTP is a file on port 80:
	// https://www.rfc-editor.org/rfc/rfc8555#section-8.3.
	HTTP = "http-01"
)

// Certificates is the service that gets and renews the certificates of some
// names. Fill in the fields, then Start it; Config, Factory and Handler may be
// called before. Loop-only, but what those three return is safe for any loop.
type Certificates struct {
	// Domains are the names, each for a certificate of its own: 1 to 100, in
	// ASCII. Clients that name no server get that of the first.
	Domains []string
	// Directory is the authority's; "": LetsEncrypt.
	Directory string
	// Contact has mail addresses for the authority's warnings, told when the
	// account is opened; nil: none.
	Contact []string
	// TermsAgreed says that you have read the terms of service of the authority
	// and agree to them. false: nothing starts.
	TermsAgreed bool
	// Binding joins the account to one that you have with the authority by
	// other means; nil: it asks for none.
	Binding *Binding
	// Challenges are the ways to use, in order of preference; the authority has
	// to offer one of them. After a failure it is the turn of the next. nil:
	// TLSALPN if there is a Config or a Factory, then HTTP if there is a Handler;
	// if there is nothing, both.
	Challenges []string
	// Template has everything else of the TLS that is served: versions and
	// protocols. nil: TLS 1.2 up. What it has of certificates is not used. If it
	// names no protocols, those that Factory's argument names by a method
	// NextProtos count, as those of a web.Server.
	Template *tls.Config
	// Client speaks with the authority, on the pool; nil: one that obeys the
	// proxies of the environment. It is for authorities with a root of their own.
	Client *http.Client
	// Backoff says how long to wait after a failure. 0 as Min, Max and Factor: 5
	// minutes, 6 hours and 2. MaxTries does not count: it never gives up.
	Backoff service.Backoff

	served atomic.Pointer[served] // each of them immutable

	// Owned by the loop.
	doors   []string // ways that can be answered: Config, Handler
	protos  []string // of Factory's argument
	loop    twistor.Loop
	name    string // of the service, for the log
	journal *persist.Journal[change]
	memory  memory
	names   []*name // as Domains
	answers answers
	account *client
	pause   *deferred.Signal // between two orders
	ready   *deferred.Signal // nil: nobody waits
	running *deferred.Signal // nil: it does not run
}

// A Binding is what an authority gives its customers to bind an account to:
// https://www.rfc-editor.org/rfc/rfc8555#section-7.3.4. Immutable after first
// use.
type Binding struct {
	KID string
	// Key is the MAC key, as authorities print it: base64url, padded or not.
	Key twistor.Secret
}

// Start reads what was kept and serves that, and begins to order what is
// missing. It does not wait for the authority, which may be out of reach: see
// Ready.
func (c *Certificates) Start(co *deferred.Co, h service.Host) error {
	if c.running != nil {
		return service.ErrRunning
	}
	names, err := c.check()
	if err != nil {
		return err
	}
	c.loop, c.name = h.Loop(), service.Name(h)
	if err := c.open(co, h.Store()); err != nil {
		return err
	}
	c.names = names
	c.answers = answers{}
	if err := c.load(); err != nil {
		return err
	}
	if c.ready == nil {
		c.ready = deferred.New[struct{}](c.loop)
	}
	c.tell()
	c.running = deferred.Inline(c.loop, func(co *deferred.Co) (struct{}, error) {
		return struct{}{}, c.run(co)
	})
	c.running.Done(func(_ struct{}, err error) {
		if !errors.Is(err, deferred.ErrCanceled) && !errors.Is(err, deferred.ErrStopped) {
			service.Fail(h, err)
		}
	})
	return nil
}

// Stop gives up the order that is on its way, if any. What is served is served
// on, for connections that still come.
func (c *Certificates) Stop(co *deferred.Co) error {
	if c.running == nil {
		return nil
	}
	running := c.running
	running.Cancel()
	running.Await(co) // which fails only as it was cancelled
	c.running = nil
	c.account.rest()
	c.account = nil
	if c.ready != nil {
		c.ready.Done(nil) // nobody need wait
		c.ready.Fail(service.ErrStopped)
		c.ready = nil
	}
	return nil
}

// Reload implements service.Reloader: what has failed is tried again now. It
// does not wait for that.
func (c *Certificates) Reload(*deferred.Co) error {
	for _, n := range c.names {
		if n.failures > 0 {
			n.due = c.loop.Now()
		}
	}
	if c.pause != nil {
		c.pause.Succeed(struct{}{})
	}
	return nil
}

// Ready returns a Signal that fires when there is a certificate for each name:
// at once if there is. It fails with service.ErrStopped. Before the first Start
// it must not be given a Timeout.
func (c *Certificates) Ready() *deferred.Signal {
	if c.ready == nil {
		c.ready = deferred.New[struct{}](nil)
	}
	return c.ready.Shield()
}

// tell fires Ready, if all are here.
func (c *Certificates) tell() {
	missing := slices.ContainsFunc(c.names, func(n *name) bool { return n.held == nil })
	if c.ready != nil && !missing {
		c.ready.Succeed(struct{}{})
	}
}

// State implements service.Stater: how many certificates there are, which is
// the next to be renewed, and what fails.
func (c *Certificates) State() string {
	var held int
	var next *name
	var failing []string
	for _, n := range c.names {
		if n.held != nil {
			held++
			if next == nil || n.due.Before(next.due) {
				next = n
			}
		}
		if n.err != nil {
			failing = append(failing, fmt.Sprintf("%s: %v", n.domain, n.err))
		}
	}
	state := fmt.Sprintf("%d of %d certificates", held, len(c.names))
	if next != nil {
		state += fmt.Sprintf(", %s to be renewed %s", next.domain, next.due.UTC().Format(time.DateOnly))
	}
	if len(failing) > 0 {
		state += "; " + strings.Join(failing, "; ")
	}
	return state
}

package acme

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/twistor-go/twistor/deferred"
)

const (
	// maxPause is how long it may take until the certificates are looked at
	// again: a machine may have slept, or its clock been set.
	maxPause = 12 * time.Hour
	// maxRetryAfter is how long an authority may make us wait.
	maxRetryAfter = 24 * time.Hour
)

// run orders what is due, one name after another, until it is cancelled.
func (c *Certificates) run(co *deferred.Co) error {
	c.forget(co)
	for co.Err() == nil {
		now := c.loop.Now()
		for _, n := range c.names {
			if n.held != nil && now.Sub(n.held.keyed) >= ticketLife {
				if err := n.held.renewTickets(c.loop.Rand(), now); err != nil {
					return err
				}
			}
		}
		next := slices.MinFunc(c.names, func(a, b *name) int { return a.due.Compare(b.due) })
		if wait := next.due.Sub(now); wait > 0 {
			c.account.rest()
			if err := c.sleep(co, min(wait, maxPause)); err != nil {
				return err
			}
			continue
		}
		c.renew(co, next)
	}
	return co.Err()
}

// sleep waits, or less if Reload says so.
func (c *Certificates) sleep(co *deferred.Co, d time.Duration) error {
	pause := deferred.New[struct{}](c.loop)
	c.pause = pause
	timer := c.loop.CallLater(d, func() { pause.Succeed(struct{}{}) })
	defer timer.Stop()
	_, err := pause.Await(co)
	c.pause = nil
	return err
}

// renew orders a certificate for n, and says when to do so next.
func (c *Certificates) renew(co *deferred.Co, n *name) {
	begun := c.loop.Now()
	err := c.order(co, n)
	if co.Err() != nil {
		return
	}
	log := c.loop.Log().With("service", c.name, "domain", n.domain)
	n.err = err
	if err == nil {
		n.failures = 0
		log.Info("certificate is here", "authority", c.directory(), "until", n.held.leaf.NotAfter, "renewal", n.due, "dur", c.loop.Now().Sub(begun))
		c.tell()
		return
	}
	n.failures++
	wait, _ := c.backoff().Delay(n.failures, c.loop.Rand())
	wait = max(wait, min(retryAfter(err, c.loop.Now()), maxRetryAfter))
	n.due = c.loop.Now().Add(wait)
	switch {
	case n.held == nil:
		log.Error("no certificate", "authority", c.directory(), "again", wait, "err", err)
	case n.held.leaf.NotAfter.Before(c.loop.Now()):
		log.Error("certificate has expired, and there is no other", "authority", c.directory(), "again", wait, "err", err)
	default:
		log.Warn("certificate not renewed: the former serves on", "authority", c.directory(), "until", n.held.leaf.NotAfter, "again", wait, "err", err)
	}
}

// retryAfter is how long the authority wants to be left alone; 0: it does not
// say. "The server SHOULD send a Retry-After header field indicating when the
// current request may succeed again":
// https://www.rfc-editor.org/rfc/rfc8555#section-6.6.
func retryAfter(err error, now time.Time) time.Duration {
	refused, ok := errors.AsType[*acme.Error](err)
	if !ok {
		return 0
	}
	value := refused.Header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(min(max(seconds, 0), 1<<30)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}

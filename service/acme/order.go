package acme

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/twistor-go/twistor/deferred"
)

const (
	// lookTimeout is how long an authority may take to look whether a name is
	// ours.
	lookTimeout = 2 * time.Minute
	// signTimeout is how long it may take to make a certificate then. A worker
	// of the pool waits meanwhile.
	signTimeout = 2 * time.Minute
	// askInterval is how long to wait between two questions how far it is.
	askInterval = time.Second
)

// order gets a certificate for n: an order, the proof that the name is ours, a
// key, the certificate. It is kept, and served.
//
// https://www.rfc-editor.org/rfc/rfc8555#section-7.1
func (c *Certificates) order(co *deferred.Co, n *name) (err error) {
	if err := c.signIn(co); err != nil {
		return err
	}
	us := c.account
	defer func() { c.signOut(co, err) }()
	order, err := ask(co, c, "order", requestTimeout, func(ctx context.Context) (*acme.Order, error) {
		return us.AuthorizeOrder(ctx, acme.DomainIDs(n.domain))
	})
	if err != nil {
		return err
	}
	for _, url := range order.AuthzURLs {
		if err := c.prove(co, us, n, url); err != nil {
			return err
		}
	}
	if order, err = c.settled(co, us, order); err != nil {
		return err
	}
	key, text, err := newKey(c.loop.Rand())
	if err != nil {
		return err
	}
	chain, err := ask(co, c, "finalize", signTimeout, func(ctx context.Context) ([]byte, error) {
		// Without randomness ECDSA signs deterministically, which is as good.
		csr, err := x509.CreateCertificateRequest(nil, &x509.CertificateRequest{DNSNames: []string{n.domain}}, key)
		if err != nil {
			return nil, err
		}
		ders, _, err := us.CreateCertFromOrder(ctx, order, csr, true)
		return chainOf(ders), err
	})
	if err != nil {
		return err
	}
	if err := c.hold(n, chain, key); err != nil {
		return err
	}
	n.soonest(c.loop.Now())
	kept := &issued{Directory: c.directory(), Key: text, Chain: string(chain)}
	if err := c.keep(co, change{Domain: n.domain, Issued: kept}); err != nil {
		if co.Err() != nil {
			return err
		}
		// It is served all the same: to order another would cost more.
		c.loop.Log().Error("certificate is not kept: the next start orders another", "service", c.name, "domain", n.domain, "err", err)
	}
	c.publish()
	return n.held.fresh(c.loop.Now())
}

// chainOf is certificates as PEM.
func chainOf(ders [][]byte) []byte {
	var text bytes.Buffer
	for _, der := range ders {
		pem.Encode(&text, &pem.Block{Type: "CERTIFICATE", Bytes: der}) // a Buffer takes all
	}
	return text.Bytes()
}

// prove shows the authority that n is ours, unless it knows.
func (c *Certificates) prove(co *deferred.Co, us *client, n *name, url string) error {
	look := func(what string) (*acme.Authorization, error) {
		return ask(co, c, what, requestTimeout, func(ctx context.Context) (*acme.Authorization, error) {
			return us.GetAuthorization(ctx, url)
		})
	}
	asked, err := look("authorization")
	switch {
	case err != nil:
		return err
	case asked.Status == acme.StatusValid:
		return nil
	case canonical(asked.Identifier.Value) != n.domain:
		return fmt.Errorf("acme: authorization: of %q: want %s", asked.Identifier.Value, n.domain)
	}
	challenge, err := c.pick(asked.Challenges, c.challenges(n.failures))
	if err != nil {
		return err
	}
	retract, err := c.prepare(co, us, n, challenge)
	if err != nil {
		return err
	}
	defer retract()
	if _, err := ask(co, c, challenge.Type, requestTimeout, func(ctx context.Context) (*acme.Challenge, error) {
		return us.Accept(ctx, challenge)
	}); err != nil {
		return err
	}
	for deadline := c.loop.Now().Add(lookTimeout); ; {
		if asked, err = look(challenge.Type); err != nil {
			return err
		}
		switch {
		case asked.Status == acme.StatusValid:
			return nil
		case asked.Status != acme.StatusPending && asked.Status != acme.StatusProcessing:
			return fmt.Errorf("acme: %s: authorization is %s: %w", challenge.Type, asked.Status, why(asked))
		case !c.loop.Now().Before(deadline):
			return fmt.Errorf("acme: %s: authority did not look within %v: %w", challenge.Type, lookTimeout, deferred.ErrTimeout)
		}
		if err := co.Sleep(askInterval); err != nil {
			return err
		}
	}
}

// why is what the authority found when it looked.
func why(a *acme.Authorization) error {
	var all []error
	for _, ch := range a.Challenges {
		if ch.Error != nil {
			all = append(all, ch.Error)
		}
	}
	if len(all) == 0 {
		return errors.New("it does not say why")
	}
	return errors.Join(all...)
}

// pick chooses among what is offered.
func (c *Certificates) pick(offered []*acme.Challenge, ways []string) (*acme.Challenge, error) {
	var types []string
	for _, way := range ways {
		for _, ch := range offered {
			if ch.Type == way {
				return ch, nil
			}
		}
	}
	for _, ch := range offered {
		types = append(types, ch.Type)
	}
	return nil, fmt.Errorf("acme: authorization: challenges %q are offered: want one of %q", types, ways)
}

// prepare puts the answer to a challenge where the authority looks. retract
// takes it away.
func (c *Certificates) prepare(co *deferred.Co, us *client, n *name, ch *acme.Challenge) (retract func(), err error) {
	c.answers = answers{}
	switch ch.Type {
	case HTTP:
		text, err := us.HTTP01ChallengeResponse(ch.Token)
		if err != nil {
			return nil, err
		}
		c.answers.files = map[string]string{challengePath + ch.Token: text}
	default:
		cert, err := ask(co, c, ch.Type, requestTimeout, func(context.Context) (tls.Certificate, error) {
			return us.TLSALPN01ChallengeCert(ch.Token, n.domain)
		})
		if err != nil {
			return nil, err
		}
		c.answers.handshakes = map[string]*tls.Config{n.domain: c.challengeConfig(cert)}
	}
	c.publish()
	return func() {
		c.answers = answers{}
		c.publish()
	}, nil
}

// settled waits until the authority knows that all is proved.
func (c *Certificates) settled(co *deferred.Co, us *client, order *acme.Order) (*acme.Order, error) {
	url, finalize := order.URI, order.FinalizeURL
	for deadline := c.loop.Now().Add(lookTimeout); order.Status != acme.StatusReady; {
		next, err := ask(co, c, "order", requestTimeout, func(ctx context.Context) (*acme.Order, error) {
			return us.GetOrder(ctx, url)
		})
		if err != nil {
			return nil, err
		}
		order = next
		switch {
		case order.Status == acme.StatusReady:
		case order.Status != acme.StatusPending:
			return nil, fmt.Errorf("acme: order is %s: %w", order.Status, problem(order))
		case !c.loop.Now().Before(deadline):
			return nil, fmt.Errorf("acme: order is not ready within %v: %w", lookTimeout, deferred.ErrTimeout)
		default:
			if err := co.Sleep(askInterval); err != nil {
				return nil, err
			}
		}
	}
	order.URI, order.FinalizeURL = url, finalize
	return order, nil
}

// problem is what the authority says about an order.
func problem(o *acme.Order) error {
	if o.Error != nil {
		return o.Error
	}
	return errors.New("it does not say why")
}

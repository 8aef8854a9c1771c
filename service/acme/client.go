package acme

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/acme"

	"github.com/twistor-go/twistor/deferred"
)

const (
	// requestTimeout is how long one request may take, with its nonce.
	requestTimeout = 30 * time.Second
	// maxAnswerBytes is how long an answer of an authority may be.
	maxAnswerBytes = 1 << 20
	// maxNonces is how many nonces in a row an authority may find bad.
	maxNonces = 5
)

// A client is our account with an authority, and how to speak with it. Its jobs
// run on the pool, one at a time.
type client struct {
	acme.Client
	own *http.Transport // nil: the program's, which minds its connections itself
}

// newClient makes a client of a key; url is that of the account, "" if it is
// not known.
func (c *Certificates) newClient(a account) (*client, error) {
	key, err := a.Key.open()
	if err != nil {
		return nil, err
	}
	var own *http.Transport
	web := &http.Client{}
	if c.Client != nil {
		*web = *c.Client
	}
	if web.Transport == nil {
		own = &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			ForceAttemptHTTP2:     true,
			MaxIdleConns:          2,
			TLSHandshakeTimeout:   requestTimeout,
			ResponseHeaderTimeout: requestTimeout,
		}
		web.Transport = own
	}
	web.Transport = bounded{web.Transport}
	return &client{acme.Client{
		Key:          key,
		KID:          acme.KeyID(a.URL),
		DirectoryURL: c.directory(),
		HTTPClient:   web,
		UserAgent:    "twistor",
		RetryBackoff: again,
	}, own}, nil
}

// again says when to repeat a request: at once if only its nonce was bad, which
// is nobody's fault; else never, as Backoff is for that, and holds no worker.
//
// https://www.rfc-editor.org/rfc/rfc8555#section-6.5
func again(n int, _ *http.Request, resp *http.Response) time.Duration {
	if resp.StatusCode == http.StatusBadRequest && n <= maxNonces {
		return time.Millisecond
	}
	return 0
}

// ask runs one exchange with the authority on the pool.
func ask[T any](co *deferred.Co, c *Certificates, what string, limit time.Duration, f func(context.Context) (T, error)) (T, error) {
	v, err := deferred.Go(c.loop, f).Timeout(limit).Await(co)
	if err != nil {
		err = fmt.Errorf("acme: %s: %w", what, err)
	}
	return v, err
}

// rest closes idle connections to the authority: the next order is weeks off,
// or never comes.
func (c *client) rest() {
	if c != nil && c.own != nil {
		c.own.CloseIdleConnections()
	}
}

// bounded is a RoundTripper that speaks https only and reads no more of an
// answer than there should be.
type bounded struct{ http.RoundTripper }

// RoundTrip implements http.RoundTripper. "Use of HTTPS is REQUIRED":
// https://www.rfc-editor.org/rfc/rfc8555#section-6.1.
func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" {
		return nil, fmt.Errorf("the authority named %s: want https", r.URL.Redacted())
	}
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswerBytes)
	}
	return resp, err
}

// signIn makes sure that we have an account with the authority.
func (c *Certificates) signIn(co *deferred.Co) error {
	if c.account != nil {
		return nil
	}
	directory := c.directory()
	mine := c.memory.Accounts[directory]
	if mine.Key.Reveal() == "" {
		_, key, err := newKey(c.loop.Rand())
		if err != nil {
			return err
		}
		mine = account{Key: key}
		// Before anybody knows of it: so a crash makes no second account.
		if err := c.keep(co, change{Directory: directory, Account: &mine}); err != nil {
			return err
		}
	}
	us, err := c.newClient(mine)
	if err != nil {
		return err
	}
	if mine.URL == "" {
		if mine.URL, err = c.register(co, us); err != nil {
			us.rest()
			return err
		}
		if err := c.keep(co, change{Directory: directory, Account: &mine}); err != nil {
			us.rest()
			return err
		}
	}
	c.account = us
	return nil
}

// register opens an account, or finds the one that the key has already.
func (c *Certificates) register(co *deferred.Co, us *client) (string, error) {
	who := &acme.Account{Contact: c.contact()}
	if c.Binding != nil {
		key, err := c.Binding.key()
		if err != nil {
			return "", err
		}
		who.ExternalAccountBinding = &acme.ExternalAccountBinding{KID: c.Binding.KID, Key: key}
	}
	url, err := ask(co, c, "register", requestTimeout, func(ctx context.Context) (string, error) {
		_, err := us.Register(ctx, who, acme.AcceptTOS) // Start has seen TermsAgreed
		if errors.Is(err, acme.ErrAccountAlreadyExists) {
			err = nil
		}
		return string(us.KID), err
	})
	if err == nil {
		c.loop.Log().Info("account is open", "service", c.name, "authority", c.directory(), "account", url)
	}
	return url, err
}

// signOut forgets the account's URL if the authority does not know it any more:
// the next order registers anew, with the same key.
func (c *Certificates) signOut(co *deferred.Co, err error) {
	refused, ok := errors.AsType[*acme.Error](err)
	if !ok || !strings.HasSuffix(refused.ProblemType, ":accountDoesNotExist") {
		return
	}
	mine := c.memory.Accounts[c.directory()]
	mine.URL = ""
	if err := c.keep(co, change{Directory: c.directory(), Account: &mine}); err != nil {
		c.loop.Log().Error("an account that is gone is still kept", "service", c.name, "err", err)
	}
	c.account.rest()
	c.account = nil
}

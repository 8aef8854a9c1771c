package xmlrpc

import (
	"fmt"
	"mime"
	"reflect"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Proxy calls the functions of a server. Loop-only.
type Proxy struct {
	Rules
	// URL is where the server is.
	URL string
	// Client asks. Its connections are kept and its limits hold.
	Client *web.Client
	// User and Password are sent if User is not "".
	User     string
	Password twistor.Secret
	// Timeout is how long a call may take in all. 0, or negative: as the Client has it.
	Timeout time.Duration
}

// A StatusError says that a server answered by a status and no XML: that it is there, and
// does not take the call.
type StatusError struct {
	Status int
	Reason string
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("xmlrpc: server answered %d %s", e.Status, e.Reason)
}

// Call calls method with args, and has the answer as the package says of any. It fails with a *Fault if the
// server says so, a *StatusError if HTTP does, and a *ProtocolError if the answer
// is none.
func (p *Proxy) Call(method string, args ...any) *deferred.Deferred[any] {
	l := p.Client.Loop
	text, err := p.appendCall(nil, method, args)
	if err != nil {
		return deferred.Failed[any](l, err)
	}
	r, err := web.NewRequest("POST", p.URL)
	if err != nil {
		return deferred.Failed[any](l, fmt.Errorf("xmlrpc: %w", err))
	}
	if p.User != "" {
		r.SetBasicAuth(p.User, p.Password.Reveal())
	}
	r.Content = web.Bytes("text/xml", text)
	done := deferred.Inline(l, func(co *deferred.Co) (any, error) {
		answer, err := p.Client.Do(r).Await(co)
		if err != nil {
			return nil, fmt.Errorf("xmlrpc: %s: %w", method, err)
		}
		v, err := p.read(co, answer)
		if err != nil {
			answer.Close()
		}
		return v, err
	})
	if p.Timeout > 0 {
		done.Timeout(p.Timeout)
	}
	return done
}

func (p *Proxy) read(co *deferred.Co, answer *web.Response) (any, error) {
	if answer.Status != 200 {
		return nil, &StatusError{answer.Status, answer.Reason}
	}
	if kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type")); kind != "text/xml" && kind != "application/xml" {
		return nil, &ProtocolError{Reason: fmt.Sprintf("answer of type %.40q: want text/xml", kind)}
	}
	answer.Body.Limit(p.maxBytes())
	d := newDecoder(answer.Body.Reader(co), &p.Rules)
	v, err := d.answer()
	if d.in.err != nil {
		err = fmt.Errorf("xmlrpc: answer: %w", err)
	}
	return v, err
}

// Call calls method of p and has the answer as a T.
func Call[T any](p *Proxy, method string, args ...any) *deferred.Deferred[T] {
	return deferred.Then(p.Call(method, args...), func(v any) (t T, err error) {
		if err = assign(reflect.ValueOf(&t).Elem(), v); err != nil {
			err = fmt.Errorf("xmlrpc: answer to %s: %w", method, err)
		}
		return t, err
	})
}

package fibonacci

import (
	"errors"
	"fmt"
	"io"
	"math/big"
	"strings"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/framing"
)

// MaxAsking is how many questions of a Client may be without an answer.
const MaxAsking = 1000

// ErrAsking is what Next fails with beyond MaxAsking.
var ErrAsking = fmt.Errorf("fibonacci: %d numbers are asked for already", MaxAsking)

// A Client asks a Server for numbers. Loop-only.
type Client struct {
	t      *framing.LineTransport
	asking []*deferred.Deferred[*big.Int] // oldest first
	lost   error
}

// Dial connects to the server at an endpoint, such as "tcp:localhost:8889".
func Dial(l twistor.Loop, at string) *deferred.Deferred[*Client] {
	var c *Client
	f := framing.Lines{MaxLineBytes: MostDigits, Build: func(t *framing.LineTransport) framing.LineProtocol {
		c = &Client{t: t}
		return (*answers)(c)
	}}
	return deferred.Then(endpoint.Dial(l, at, f.Factory()), func(twistor.Protocol) (*Client, error) { return c, nil })
}

// Next asks for the next number. It fails with an *Error if the server has
// none, with a *ProtocolError if it speaks another language, and with what ended
// the connection, if that is over. Cancelled, its number goes to nobody.
func (c *Client) Next() *deferred.Deferred[*big.Int] {
	switch {
	case c.lost != nil:
		return deferred.Failed[*big.Int](c.t.Loop(), c.lost)
	case len(c.asking) >= MaxAsking:
		return deferred.Failed[*big.Int](c.t.Loop(), ErrAsking)
	}
	d := deferred.New[*big.Int](c.t.Loop())
	c.asking = append(c.asking, d)
	io.WriteString(c.t, "next\n")
	return d
}

// Close ends the connection; questions without an answer fail.
func (c *Client) Close() error { return c.t.Close() }

// answers is the side of a Client that the connection sees.
type answers Client

func (a *answers) Connected() {}

// LineReceived answers the oldest question.
func (a *answers) LineReceived(line []byte) {
	n, err := parseAnswer(line)
	if len(a.asking) == 0 {
		if err == nil {
			err = &ProtocolError{Want: "nothing before a question", Got: quote(line)}
		}
		a.fail(err)
		return
	}
	d := a.asking[0]
	a.asking = a.asking[1:]
	if bad := (*ProtocolError)(nil); errors.As(err, &bad) {
		a.fail(err)
	}
	if err != nil {
		d.Fail(err)
		return
	}
	d.Succeed(n)
}

func (a *answers) fail(err error) {
	if a.lost == nil {
		a.lost = err
	}
	a.t.Close()
}

func (a *answers) Disconnected(err error) {
	if a.lost == nil {
		a.lost = fmt.Errorf("fibonacci: %w", err)
	}
	asking := a.asking
	a.asking = nil
	for _, d := range asking {
		d.Fail(a.lost)
	}
}

// parseAnswer reads a line of a server, without its end. The error is an *Error
// or a *ProtocolError.
func parseAnswer(line []byte) (*big.Int, error) {
	if text, ok := strings.CutPrefix(string(line), errorWord); ok {
		return nil, &Error{quote([]byte(text))}
	}
	wrong := &ProtocolError{Want: "a number above 0, or ERROR", Got: quote(line)}
	if len(line) == 0 || line[0] == '0' {
		return nil, wrong
	}
	for _, b := range line {
		if b < '0' || b > '9' {
			return nil, wrong
		}
	}
	n, _ := new(big.Int).SetString(string(line), 10)
	return n, nil
}

// quote is the beginning of what a peer said, as an error repeats it.
func quote(p []byte) string { return string(p[:min(len(p), 200)]) }

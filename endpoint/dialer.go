package endpoint

import (
	"context"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
)

// A Dialer is a place to dial, parsed. It can be dialed again and again.
// Immutable after first use.
type Dialer struct {
	// Config says whom to dial. What has to be read or inherited, TLS and
	// File, is filled in by Load.
	Config twistor.DialConfig
	// Load completes c, a copy of Config, with what files hold: certificates
	// and roots. It is called before each dial, so that replaced files count,
	// on the pool of workers, where it may block. nil: Config is complete.
	Load func(fs twistor.FS, c *twistor.DialConfig) error
	// Via dials in place of l.Dial, for what runs over another connection,
	// such as TLS within TLS. c is complete. nil: l.Dial.
	Via func(l twistor.Loop, c twistor.DialConfig, f twistor.Factory) *deferred.Deferred[twistor.Protocol]

	text string
}

// String is the endpoint as it was written.
func (n *Dialer) String() string { return n.text }

// Dial connects from l; the Deferred fires with the Protocol of f once it is
// Connected, and fails with what Loop.Dial fails with, or what could not be
// read. Cancelling it ends the attempt. Loop-only.
func (n *Dialer) Dial(l twistor.Loop, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	if n.Load == nil {
		return n.dial(l, n.Config, f)
	}
	files := l.FS()
	complete := deferred.Go(l, func(context.Context) (twistor.DialConfig, error) {
		c := n.Config
		if err := n.Load(files, &c); err != nil {
			return c, &Error{Endpoint: n.text, Err: err}
		}
		return c, nil
	})
	return deferred.Chain(complete, func(c twistor.DialConfig) *deferred.Deferred[twistor.Protocol] {
		return n.dial(l, c, f)
	})
}

func (n *Dialer) dial(l twistor.Loop, c twistor.DialConfig, f twistor.Factory) *deferred.Deferred[twistor.Protocol] {
	if c.File != nil {
		defer c.File.Close() // the loop has a duplicate
	}
	if n.Via != nil {
		return n.Via(l, c, f)
	}
	return l.Dial(c, f)
}

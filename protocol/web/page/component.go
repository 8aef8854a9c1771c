package page

import (
	"context"
	"io"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A Component writes a part of a page, or all of one, and escapes what it
// shows: what templ (https://templ.guide) generates is one.
type Component interface {
	Render(ctx context.Context, w io.Writer) error
}

// Render writes a page that is a Component. ctx is the Component's own
// affair: templ hands values down by it. It may run for long, and write
// much: w waits for the client.
func Render(ctx context.Context, co *deferred.Co, w *web.ResponseWriter, c Component) error {
	html(w)
	out := &output{co: co, w: w}
	if err := c.Render(ctx, out); err != nil {
		return err
	}
	return out.finish()
}

package acme

import (
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// Handler answers an authority that looks for a file at port 80, and hands
// everything else to next, most often a redirect to https. The authority
// follows redirects, and so it may be next elsewhere too.
func (c *Certificates) Handler(next web.Handler) web.Handler {
	c.opens(HTTP)
	return web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		if r.Method == "GET" || r.Method == "HEAD" {
			if text, ok := c.answer(r.Path()); ok {
				// "The value of the resource MUST be the ASCII representation
				// of the key authorization":
				// https://www.rfc-editor.org/rfc/rfc8555#section-8.3.
				w.SetHeader("Content-Type", "application/octet-stream")
				w.WriteString(text)
				return nil
			}
		}
		return next.Serve(w, r)
	})
}

package web

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
)

// CORS says which other sites' scripts may use this one, and how, to their
// browsers: https://fetch.spec.whatwg.org/#http-cors-protocol. Wrap a Handler
// with it. It protects nothing from who is no browser. Immutable after first use.
type CORS struct {
	// Origins are the sites: "https://example.com", "https://*.example.com" for all
	// below, "*" for any. None: nobody.
	Origins []string
	// Methods are what they may ask; nil: GET, HEAD and POST.
	Methods []string
	// Headers are the fields that they may send, beyond those that all may; "*":
	// whichever they wish for.
	Headers []string
	// Expose are the fields of the answer that they may see, beyond a few.
	Expose []string
	// Credentials lets cookies and logins be sent. It wants the Origins by name.
	Credentials bool
	// MaxAge is how long a browser may remember the permission, in whole
	// seconds. 0: 5 s or what it likes; negative: not at all.
	MaxAge time.Duration
}

// Wrap is h, with permissions. It panics if c gives "*" credentials, or an origin is
// none.
func (c *CORS) Wrap(h Handler) Handler {
	any := false
	var exact, below []string
	for _, o := range c.Origins {
		scheme, host, ok := strings.Cut(strings.ToLower(o), "://")
		switch {
		case o == "*":
			any = true
			if c.Credentials {
				panic(`web: CORS with Credentials and origin "*": want the origins by name`)
			}
		case o != "null" && (!ok || scheme == "" || host == "" || strings.ContainsAny(host, "/ ")):
			panic(fmt.Sprintf(`web: CORS origin %q: want "*" or scheme://host[:port]`, o))
		case strings.HasPrefix(host, "*."):
			below = append(below, scheme+"://*"+host[1:])
		default:
			exact = append(exact, strings.ToLower(o))
		}
	}
	allowed := func(origin string) bool {
		origin = strings.ToLower(origin)
		for _, o := range exact {
			if o == origin {
				return true
			}
		}
		for _, o := range below {
			scheme, host, _ := strings.Cut(o, "*")
			if strings.HasPrefix(origin, scheme) && strings.HasSuffix(origin, host) && len(origin) > len(scheme)+len(host) &&
				!strings.ContainsAny(origin[len(scheme):], "/@") {
				return true
			}
		}
		return any
	}
	p := &permission{c: c, any: any}
	return Later(func(w *ResponseWriter, r *Request) *deferred.Signal {
		origin := r.Header.Get("Origin")
		preflight := r.Method == "OPTIONS" && origin != "" && r.Header.Has("Access-Control-Request-Method")
		if origin == "" || !allowed(origin) {
			origin = ""
		}
		if preflight {
			p.grant(w.Header(), origin)
			if origin != "" {
				p.preflight(w.Header(), r)
			}
			w.WriteHeader(204)
			return nil
		}
		w.Before(func(_ int, h *Header) { p.grant(h, origin) })
		return h.Serve(w, r)
	})
}

// A permission is a CORS that Wrap has checked.
type permission struct {
	c   *CORS
	any bool
}

// grant permits origin to see the answer; "": nobody.
func (p *permission) grant(h *Header, origin string) {
	if !p.any {
		h.Add("Vary", "Origin")
	}
	if origin == "" {
		return
	}
	if p.any {
		origin = "*"
	}
	h.Set("Access-Control-Allow-Origin", origin)
	if p.c.Credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(p.c.Expose) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(p.c.Expose, ", "))
	}
}

// preflight answers what a browser asks before it sends the request of a script.
// https://fetch.spec.whatwg.org/#cors-preflight-fetch
func (p *permission) preflight(h *Header, r *Request) {
	methods := p.c.Methods
	if methods == nil {
		methods = []string{"GET", "HEAD", "POST"}
	}
	h.Set("Access-Control-Allow-Methods", strings.Join(methods, ", "))
	fields := strings.Join(p.c.Headers, ", ")
	if fields == "*" {
		fields = r.Header.Get("Access-Control-Request-Headers")
		h.Add("Vary", "Access-Control-Request-Headers")
	}
	if fields != "" {
		h.Set("Access-Control-Allow-Headers", fields)
	}
	if p.c.MaxAge != 0 {
		h.Set("Access-Control-Max-Age", strconv.FormatInt(int64(max(p.c.MaxAge/time.Second, 0)), 10))
	}
}

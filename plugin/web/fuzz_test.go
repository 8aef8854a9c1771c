package web

import (
	"errors"
	"testing"

	"github.com/twistor-go/twistor/plugin"
	"github.com/twistor-go/twistor/sim"
)

// FuzzOptions: whatever is typed, either a usage error says so, or there is a
// site: nothing panics when it is made.
func FuzzOptions(f *testing.F) {
	for _, s := range []string{
		"/api=http://h", "/a//b=http://h/", "/{x}=http://h", "/a b=/c", "/%2e=/c", "/..=d", "/=/x", "*.example=d", "[::1]=d", "x=y=z",
		"X-A: b", ":a", "https://a.example", "*", "https://*", "10.0.0.0/8", "::1", ".md=text/markdown", ".=a/b", "/é=http://h", "//=d", "/\\=d",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		loop := sim.NewClock(t)
		for _, fill := range []func(c *Config, s string){
			func(c *Config, s string) { c.Proxies = []string{s} },
			func(c *Config, s string) { c.CGI = []string{s} },
			func(c *Config, s string) { c.Redirects = []string{s} },
			func(c *Config, s string) {
				c.Proxies, c.Redirects = []string{"/a=http://h", "/a/b=http://h/c"}, []string{s}
			},
			func(c *Config, s string) { c.Vhosts = []string{s} },
			func(c *Config, s string) { c.Headers = []string{s} },
			func(c *Config, s string) { c.CORS = []string{s} },
			func(c *Config, s string) { c.Trusted = []string{s} },
			func(c *Config, s string) { c.Path, c.MIMETypes = ".", []string{s} },
			func(c *Config, s string) { c.Path, c.SPA, c.IgnoreExts = ".", s, []string{s} },
			func(c *Config, s string) {
				c.Auth.Chosen, c.Realm = []string{"memory:a:b"}, s
			},
			func(c *Config, s string) { c.Auth.Chosen = []string{s} },
		} {
			c := New()
			fill(c, s)
			p, err := c.plan()
			if err == nil {
				_, err = p.newSite(loop, nil)
			}
			if _, usage := errors.AsType[*plugin.Error](err); err != nil && !usage {
				t.Errorf("got %v, want a usage error", err)
			}
		}
	})
}

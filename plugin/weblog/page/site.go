package page

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

//go:embed site
var site embed.FS

// The files of the page, by path. It asks for nothing from anywhere else.
var files = []struct{ path, name, contentType, cacheControl string }{
	{"/{$}", "index.html", "text/html; charset=utf-8", "no-cache"},
	{"/page.css", "page.css", "text/css; charset=utf-8", "no-cache"},
	{"/page.js", "page.js", "text/javascript; charset=utf-8", "no-cache"},
	{"/icon.svg", "icon.svg", "image/svg+xml", "max-age=86400"},
}

// policy allows the page its own files and its stream, and nothing that could be
// made of a line of the log: no script of the page's text, no HTML made from strings.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// route makes the tree of what can be asked for.
func (p *Page) route() {
	p.mux = web.Mux{}
	for _, f := range files {
		body, err := site.ReadFile("site/" + f.name)
		if err != nil {
			panic("page: internal error: " + err.Error())
		}
		p.mux.HandleFunc("GET "+f.path, file(body, f.contentType, f.cacheControl))
	}
	p.mux.Handle("GET /hits", web.Later(p.watch))
	p.mux.HandleFunc("GET /hello", func(w *web.ResponseWriter, r *web.Request) {
		w.SetHeader("Cache-Control", "no-store")
		w.WriteString("Hello! You are in the log now.\n")
	})
	shields := &web.Shields{Policy: policy, Frames: "DENY", Referrer: "no-referrer"}
	p.shields = shields.Wrap(&p.mux)
}

// file answers with what the program carries, whose tag is its digest.
func file(body []byte, contentType, cacheControl string) func(w *web.ResponseWriter, r *web.Request) {
	sum := sha256.Sum256(body)
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	return func(w *web.ResponseWriter, r *web.Request) {
		w.SetHeader("Cache-Control", cacheControl)
		if w.NotModified(tag, time.Time{}) {
			return
		}
		w.SetHeader("Content-Type", contentType)
		w.WriteShared(body)
	}
}

// Serve answers a request.
func (p *Page) Serve(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
	if !meant(r) {
		web.Refuse(w, r, 421, "this page is for this machine: ask for localhost or 127.0.0.1")
		return nil
	}
	return p.shields.Serve(w, r)
}

// meant reports whether the browser means this machine, where only this machine is listened to.
// Else a page of any site could have its own name lead here, and read the log:
// that is how DNS rebinding works. Who listens to others has names that nobody here
// knows, and it is his to say who may.
func meant(r *web.Request) bool {
	local, ok := r.LocalAddr().(*net.TCPAddr)
	if !ok || !local.IP.IsLoopback() {
		return true
	}
	host := strings.TrimSuffix(strings.ToLower(r.Hostname()), ".")
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	_, err := netip.ParseAddr(host)
	return err == nil
}

package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
)

// V22: pages of errors say what they are, escaped, and leave fields that were set;
// they are the Server's own where it has some, for Muxes and forms too.
func TestV22Pages(t *testing.T) {
	m := &web.Mux{}
	m.HandleFunc("GET /refused", func(w *web.ResponseWriter, r *web.Request) {
		w.SetHeader("X-Kept", "1")
		web.Refuse(w, r, 418, `<script>"&`)
	})
	m.HandleFunc("GET /forbidden", web.Forbidden)
	s := &web.Server{Handler: m}
	got := asked(t, s, "GET /refused")
	if got.Status != 418 || strings.Contains(got.Body, "<script>") || !strings.Contains(got.Body, "&lt;script&gt;&#34;&amp;") ||
		got.Header.Get("X-Kept") != "1" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") || !strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("got %q", got.Wire)
	}
	own := &web.Server{Handler: m, ErrorPage: func(w *web.ResponseWriter, r *web.Request, status int, public, id string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "own %d %s", status, public)
	}}
	for request, want := range map[string]string{
		"GET /refused": `418 own 418 <script>"&`, "GET /forbidden": "403 own 403 ", "GET /none": "404 own 404 ", "POST /refused": "405 own 405 ", "BREW /refused": "501 own 501 ",
	} {
		got := asked(t, own, request)
		if text := fmt.Sprint(got.Status, " ", got.Body); text != want {
			t.Errorf("%s: got %q, want %q", request, text, want)
		}
	}
	// A page that answers nothing answers the status.
	own.ErrorPage = func(w *web.ResponseWriter, r *web.Request, status int, public, id string) {}
	if got := asked(t, own, "GET /none"); got.Status != 404 || got.Body != "" {
		t.Errorf("empty page: got %q", got.Wire)
	}
}

// Before changes what leaves, the one given last first, and once.
func TestBefore(t *testing.T) {
	calls := ""
	h := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		for i := range 2 {
			w.Before(func(status int, h *web.Header) {
				calls += fmt.Sprint(i, ":", status, " ")
				h.Set("X-Last", fmt.Sprint(i))
			})
		}
		if r.Path() == "/broken" {
			w.SetHeader("X-Lost", "1")
			panic("x")
		}
		w.WriteHeader(201)
		w.WriteString("ok")
	})
	for path, want := range map[string]string{"/": "1:201 0:201 ", "/broken": "1:500 0:500 "} {
		calls = ""
		got := askedQuietly(t, &web.Server{Handler: h}, "GET "+path)
		if calls != want || got.Header.Get("X-Last") != "0" || got.Header.Get("X-Lost") != "" {
			t.Errorf("%s: got calls %q and %v, want %q", path, calls, got.Header, want)
		}
	}
}

package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
)

// A part of a site is a Mux of its own, and sees the paths below it.
func ExampleMux_Mount() {
	api := &web.Mux{}
	api.HandleFunc("GET /users/{id}", func(w *web.ResponseWriter, r *web.Request) {
		fmt.Fprintf(w, "user %s, by %s", r.Param("id"), r.Pattern)
	})
	site := &web.Mux{}
	site.Mount("/api/v1", api)
	run(site, func(url string) { show(http.Get(url + "/api/v1/users/7")) })
	// Output: 200 user 7, by /api/v1/users/{id}
}

// Several sites share a port.
func ExampleHosts() {
	says := func(text string) web.Handler {
		return web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString(text) })
	}
	run(web.Hosts{"example.com": says("the site"), "": says("somebody else's")}, func(url string) {
		show(http.Get(url))
		r, _ := http.NewRequest("GET", url, nil)
		r.Host = "example.com"
		show(http.DefaultClient.Do(r))
	})
	// Output:
	// 200 somebody else's
	// 200 the site
}

// An old place leads to the new one.
func ExampleRedirection() {
	mux := &web.Mux{}
	mux.Handle("/old", web.Redirection{Target: "/new?from=old", Status: 308})
	mux.HandleFunc("/new", func(w *web.ResponseWriter, r *web.Request) { w.WriteString(r.RawQuery()) })
	run(mux, func(url string) { show(http.Get(url + "/old")) })
	// Output: 200 from=old
}

// A form with a file, which is kept in memory or in a nameless file, as it is long.
func ExampleRequest_Form() {
	upload := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		form, err := r.Form(web.FormLimits{MaxFileBytes: 1 << 20}).Await(co)
		if err != nil {
			return err // an error page: 400, 413 or 415
		}
		fmt.Fprintf(w, "%s sent %d files", form.Get("name"), len(form.Files))
		return nil
	})
	run(upload, func(url string) {
		show(http.Post(url, "application/x-www-form-urlencoded", strings.NewReader("name=ann")))
	})
	// Output: 200 ann sent 0 files
}

// JSON in and out. What is wrong with it is the client's to know, and only that.
func ExampleReadJSON() {
	type order struct {
		Item  string `json:"item"`
		Count int    `json:"count"`
	}
	double := web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		o, err := web.ReadJSON[order](r, web.JSONRules{}).Await(co)
		if err != nil {
			return err
		}
		o.Count *= 2
		return web.WriteJSON(w, 200, o)
	})
	run(double, func(url string) {
		show(http.Post(url, "application/json", strings.NewReader(`{"item": "tea", "count": 2}`)))
	})
	// Output: 200 {"item":"tea","count":4}
}

// A cookie that scripts cannot read and other sites cannot use, unless one says so.
func ExampleResponseWriter_SetCookie() {
	greet := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if _, seen := r.Cookie("seen"); !seen {
			w.SetCookie(web.Cookie{Name: "seen", Value: "1"})
		}
	})
	run(greet, func(url string) {
		resp, err := http.Get(url)
		if err != nil {
			return
		}
		resp.Body.Close()
		fmt.Println(resp.Header.Get("Set-Cookie"))
	})
	// Output: seen=1; Path=/; SameSite=Lax; HttpOnly
}

// A client that has the page already gets none.
func ExampleResponseWriter_NotModified() {
	page := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if w.NotModified(`"v2"`, time.Time{}) {
			return
		}
		w.WriteString("a long page")
	})
	run(page, func(url string) {
		r, _ := http.NewRequest("GET", url, nil)
		r.Header.Set("If-None-Match", `"v1", "v2"`)
		show(http.DefaultClient.Do(r))
	})
	// Output: 304
}

// What stands around a Handler is one too.
func Example_around() {
	site := web.Handler(web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("hello") }))
	site = (&web.CORS{Origins: []string{"https://app.example"}}).Wrap(site)
	site = (&web.Shields{HSTS: 365 * 24 * time.Hour}).Wrap(site)
	site = (&web.Pace{PerSecond: 5, Burst: 20}).Wrap(site)
	site = (&web.Crowd{Max: 1000}).Wrap(site)
	run(site, func(url string) {
		resp, err := http.Get(url)
		if err != nil {
			return
		}
		resp.Body.Close()
		fmt.Println(resp.StatusCode, resp.Header.Get("X-Content-Type-Options"))
	})
	// Output: 200 nosniff
}

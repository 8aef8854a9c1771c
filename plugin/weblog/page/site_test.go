package page

import (
	"regexp"
	"strings"
	"testing"
)

func TestFiles(t *testing.T) {
	st := newStage(t, &Page{})
	total := 0
	for path, want := range map[string]string{
		"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript", "/icon.svg": "image/svg+xml",
	} {
		r, body := answer(t, st.ask(path))
		if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), want) {
			t.Errorf("%s: got %s, %s", path, r.Status, r.Header.Get("Content-Type"))
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; ",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "no-referrer",
		} {
			if got := r.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s: got %q, want %q", path, name, got, want)
			}
		}
		if tag := r.Header.Get("ETag"); tag == "" {
			t.Errorf("%s has no ETag", path)
		} else if r, _ := answer(t, st.ask(path, "If-None-Match: "+tag)); r.StatusCode != 304 {
			t.Errorf("%s: got %s for what the browser has, want 304", path, r.Status)
		}
		// The namespace of SVG is a name, which nobody asks for.
		if at := regexp.MustCompile(`(https?:)?//[\w.]+\.\w+`).FindString(strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "")); at != "" {
			t.Errorf("%s leads to %s: the page asks nobody else", path, at)
		}
		if regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|<[^>]+ (on\w+|style)=`).MatchString(body) {
			t.Errorf("%s makes HTML or code of strings", path)
		}
		total += len(body)
	}
	if total > 30<<10 {
		t.Errorf("the page has %d bytes, want at most 30 KiB", total)
	}
	if r, _ := answer(t, st.ask("/no/such/page")); r.StatusCode != 404 || r.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("got %s, %q for what is not there", r.Status, r.Header)
	}
}

// Another site's page cannot have a name of its own lead here, nor hold streams.
func TestOtherSites(t *testing.T) {
	st := newStage(t, &Page{})
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "weblog.localhost": 200, "LOCALHOST.": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "notlocalhost": 421,
	} {
		for _, path := range []string{"/", "/hits", "/hello"} {
			if r, _ := answer(t, st.ask(path, "Host: "+host)); r.StatusCode != want {
				t.Errorf("%s at %s: got %d, want %d", path, host, r.StatusCode, want)
			}
		}
	}
	if r, _ := answer(t, st.ask("/hits", "Sec-Fetch-Site: cross-site")); r.StatusCode != 403 {
		t.Errorf("another site's stream: got %s, want 403", r.Status)
	}
	st.local = "192.0.2.1:80"
	if r, _ := answer(t, st.ask("/", "Host: weblog.example")); r.StatusCode != 200 {
		t.Errorf("where all are listened to: got %s, want 200: the names are the owner's", r.Status)
	}
}

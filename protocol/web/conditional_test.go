package web_test

import (
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
)

// V12: conditions decide, in the order of RFC 9110, section 13.2.2.
func TestV12Conditions(t *testing.T) {
	changed := time.Date(2025, 6, 1, 12, 0, 0, 500, time.UTC)
	const at, before, after = "Sun, 01 Jun 2025 12:00:00 GMT", "Sun, 01 Jun 2025 11:59:59 GMT", "Sun, 01 Jun 2025 12:00:01 GMT"
	etag := `"v1"`
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if !w.NotModified(etag, changed) {
			w.WriteString("whole")
		}
	})}
	for _, c := range []struct {
		method, field string
		want          int
	}{
		{"GET", "X: y", 200},
		{"GET", `If-None-Match: "v1"`, 304},
		{"HEAD", `If-None-Match: "v1"`, 304},
		{"POST", `If-None-Match: "v1"`, 412},
		{"GET", `If-None-Match: W/"v1"`, 304},
		{"GET", `If-None-Match: "v0" , "v1"`, 304},
		{"GET", `If-None-Match: "v0"`, 200},
		{"GET", `If-None-Match: *`, 304},
		{"PUT", `If-None-Match: *`, 412},
		{"GET", `If-None-Match: v1`, 200},
		{"GET", `If-None-Match: "v,1", "v1`, 200},
		{"GET", "If-Modified-Since: " + at, 304},
		{"GET", "If-Modified-Since: " + after, 304},
		{"GET", "If-Modified-Since: " + before, 200},
		{"GET", "If-Modified-Since: yesterday", 200},
		{"POST", "If-Modified-Since: " + at, 200},
		{"GET", "If-None-Match: \"v0\"\r\nIf-Modified-Since: " + at, 200},
		{"PUT", `If-Match: "v1"`, 200},
		{"PUT", `If-Match: "v0"`, 412},
		{"PUT", `If-Match: W/"v1"`, 412},
		{"PUT", `If-Match: *`, 200},
		{"PUT", "If-Unmodified-Since: " + at, 200},
		{"PUT", "If-Unmodified-Since: " + before, 412},
		{"PUT", "If-Unmodified-Since: never", 200},
		{"PUT", "If-Match: \"v1\"\r\nIf-Unmodified-Since: " + before, 200},
		{"GET", "If-Match: \"v1\"\r\nIf-None-Match: \"v1\"", 304},
	} {
		got := asked(t, s, c.method+" /", c.field, "Content-Length: 0")
		if got.Status != c.want {
			t.Errorf("%s %s: got %d, want %d", c.method, c.field, got.Status, c.want)
		}
		if got.Header.Get("ETag") != etag || got.Header.Get("Last-Modified") != at {
			t.Errorf("%s %s: got %v, want its validators", c.method, c.field, got.Header)
		}
		if c.want == 304 && got.Body != "" {
			t.Errorf("%s %s: got a body %q", c.method, c.field, got.Body)
		}
	}
	etag = "v1"
	if got := askedQuietly(t, s, "GET /"); got.Status != 500 {
		t.Errorf("tag without quotes: got %d, want 500", got.Status)
	}
}

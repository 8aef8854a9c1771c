package static_test

import (
	"io"
	"mime"
	"mime/multipart"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/web/static"
)

func TestV21Precompressed(t *testing.T) {
	dir := tree(t, map[string]string{"a.js": "plain", "a.js.gz": "gzip", "a.js.br": "brotli", "a.js.zst": "zstd", "old.css": "plain", "old.css.gz": "gzip", "x.txt": "plain", "y.txt.gz": "gzip"})
	past := time.Now().Add(-time.Hour)
	os.Chtimes(filepath.Join(dir, "old.css.gz"), past, past)
	addr := serve(t, &static.Files{Dir: dir, Precompressed: true})
	tags := map[string]bool{}
	for accept, want := range map[string]string{
		"": "plain", "gzip": "gzip", "gzip, deflate, br": "brotli", "gzip;q=1, br;q=0.5": "gzip", "zstd, gzip": "zstd", "br;q=0": "plain", "*": "brotli", "identity, gzip;q=0.5": "plain",
	} {
		a := ask(t, addr, "GET", "/a.js", "Accept-Encoding: "+accept)
		a.want(t, accept, 200, want)
		a.field(t, "Vary", "Accept-Encoding")
		a.field(t, "Content-Type", "text/javascript; charset=utf-8")
		coding := map[string]string{"brotli": "br", "gzip": "gzip", "zstd": "zstd"}[want]
		a.field(t, "Content-Encoding", coding)
		tags[a.Header.Get("ETag")] = true
		b := ask(t, addr, "GET", "/a.js", "Accept-Encoding: "+accept, "If-None-Match: "+a.Header.Get("ETag"))
		b.status(t, "its own tag", 304)
		b.field(t, "Vary", "Accept-Encoding")
	}
	if len(tags) != 4 {
		t.Errorf("got %d tags for 4 representations", len(tags))
	}
	ask(t, addr, "GET", "/a.js", "Accept-Encoding: gzip", "Range: bytes=1-2").want(t, "a range of what is sent", 206, "zi")
	a := ask(t, addr, "GET", "/a.js", "Accept-Encoding: gzip", "Range: bytes=100-")
	a.status(t, "no such range", 416)
	a.field(t, "Content-Encoding", "")
	ask(t, addr, "GET", "/old.css", "Accept-Encoding: gzip").want(t, "an older one is stale", 200, "plain")
	ask(t, addr, "GET", "/x.txt", "Accept-Encoding: gzip").field(t, "Vary", "")
	ask(t, addr, "GET", "/y.txt", "Accept-Encoding: gzip").status(t, "the file itself must be there", 404)
	gz := ask(t, addr, "GET", "/a.js.gz", "Accept-Encoding: gzip")
	gz.field(t, "Content-Encoding", "")
	gz.field(t, "Content-Type", "application/gzip")
	off := serve(t, &static.Files{Dir: dir})
	ask(t, off, "GET", "/a.js", "Accept-Encoding: gzip").want(t, "only if asked for", 200, "plain")
}

// V12: conditions, with the tag and the date that an answer has itself.
func TestV12Conditions(t *testing.T) {
	dir := tree(t, map[string]string{"a": "text"})
	past := time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC)
	os.Chtimes(filepath.Join(dir, "a"), past, past)
	addr := serve(t, &static.Files{Dir: dir})
	a := ask(t, addr, "GET", "/a")
	a.want(t, "without a condition", 200, "text")
	a.field(t, "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
	tag := a.Header.Get("ETag")
	const same, older = "Fri, 02 Jan 2026 03:04:05 GMT", "Fri, 02 Jan 2026 03:04:04 GMT"
	for _, c := range []struct {
		field  string
		status int
	}{
		{"If-None-Match: " + tag, 304},
		{"If-None-Match: \"x\", W/" + tag, 304},
		{"If-None-Match: *", 304},
		{"If-None-Match: \"x\"", 200},
		{"If-None-Match: \"x\"\r\nIf-Modified-Since: " + same, 200},
		{"If-Match: " + tag, 200},
		{"If-Match: \"x\"", 412},
		{"If-Modified-Since: " + same, 304},
		{"If-Modified-Since: " + older, 200},
		{"If-Unmodified-Since: " + same, 200},
		{"If-Unmodified-Since: " + older, 412},
		{"If-Unmodified-Since: " + older + "\r\nRange: bytes=0-1", 412},
		{"If-None-Match: " + tag + "\r\nRange: bytes=0-1", 304},
	} {
		for _, method := range []string{"GET", "HEAD"} {
			a := ask(t, addr, method, "/a", c.field)
			a.status(t, method+" "+c.field, c.status)
			if c.status == 304 {
				a.field(t, "ETag", tag)
				a.field(t, "Content-Type", "")
			}
		}
	}
}

// V24: a body of several ranges, read by the standard library.
func TestV24Parts(t *testing.T) {
	dir := tree(t, map[string]string{"big.txt": big, "small.txt": "0123456789"})
	addr := serve(t, &static.Files{Dir: dir})
	for target, text := range map[string]string{"/big.txt": big, "/small.txt": "0123456789"} {
		a := ask(t, addr, "GET", target, "Range: bytes=-2, 0-3,5-5")
		a.status(t, "several", 206)
		a.field(t, "Content-Range", "")
		if int(a.ContentLength) != len(a.body) {
			t.Errorf("Content-Length %d, %d bytes came", a.ContentLength, len(a.body))
		}
		kind, parameters, err := mime.ParseMediaType(a.Header.Get("Content-Type"))
		if err != nil || kind != "multipart/byteranges" {
			t.Fatalf("Content-Type %q: %v", a.Header.Get("Content-Type"), err)
		}
		parts := multipart.NewReader(strings.NewReader(a.body), parameters["boundary"])
		for _, want := range []string{text[len(text)-2:], "0123", "5"} {
			p, err := parts.NextPart()
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(p)
			if string(got) != want {
				t.Errorf("part %s: got %q, want %q", p.Header.Get("Content-Range"), got, want)
			}
			if p.Header.Get("Content-Type") != "text/plain; charset=utf-8" {
				t.Errorf("part: Content-Type %q", p.Header.Get("Content-Type"))
			}
		}
		if _, err := parts.NextPart(); err != io.EOF {
			t.Errorf("after the last part: %v", err)
		}
	}
	// "A server MUST ignore a Range header field received with a request method
	// that is unrecognized or for which range handling is not defined."
	// https://www.rfc-editor.org/rfc/rfc9110#section-14.2
	a := ask(t, addr, "HEAD", "/small.txt", "Range: bytes=0-1")
	a.status(t, "HEAD", 200)
	if a.ContentLength != 10 {
		t.Errorf("HEAD: Content-Length %d", a.ContentLength)
	}
	ask(t, addr, "GET", "/small.txt", "Range: bytes=0-1", `If-Range: "x"`).want(t, "it is another file now", 200, "0123456789")
	tag := a.Header.Get("ETag")
	ask(t, addr, "GET", "/small.txt", "Range: bytes=0-1", "If-Range: "+tag).want(t, "it is the same", 206, "01")
	none := ask(t, addr, "GET", "/small.txt", "Range: bytes=10-")
	none.status(t, "not there", 416)
	none.field(t, "Content-Range", "bytes */10")
}

package static_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/static"
)

var big = strings.Repeat("0123456789abcdef", 20<<10) // 320 KiB: by sendfile

// V23, G02.
func TestV23Files(t *testing.T) {
	dir := tree(t, map[string]string{
		"index.html": "home", "a.txt": "text", "big.bin": big, "sub/index.htm": "sub", "empty": "", "README": "plain\n", "raw": "\x00\x01",
		"my file.css": "css", "strange": "<html><script>alert(1)</script>",
	})
	addr := serve(t, &static.Files{Dir: dir})
	for _, c := range []struct {
		target, body, ctype string
	}{
		{"/", "home", "text/html; charset=utf-8"},
		{"/index.html", "home", "text/html; charset=utf-8"},
		{"/a.txt", "text", "text/plain; charset=utf-8"},
		{"/a.txt?x=y", "text", "text/plain; charset=utf-8"},
		{"/big.bin", big, "text/plain; charset=utf-8"},
		{"/sub/", "sub", "text/html; charset=utf-8"},
		{"/empty", "", "text/plain; charset=utf-8"},
		{"/README", "plain\n", "text/plain; charset=utf-8"},
		{"/raw", "\x00\x01", "application/octet-stream"},
		{"/my%20file.css", "css", "text/css; charset=utf-8"},
		{"/strange", "<html><script>alert(1)</script>", "text/plain; charset=utf-8"},
	} {
		for range 2 { // found, and remembered
			a := ask(t, addr, "GET", c.target)
			a.want(t, c.target, 200, c.body)
			a.field(t, "Content-Type", c.ctype)
			a.field(t, "X-Content-Type-Options", "nosniff")
			if got := a.ContentLength; got != int64(len(c.body)) {
				t.Errorf("%s: Content-Length %d", c.target, got)
			}
			head := ask(t, addr, "HEAD", c.target)
			head.want(t, "HEAD "+c.target, 200, "")
			for _, name := range []string{"Content-Length", "Content-Type", "ETag", "Last-Modified", "Accept-Ranges"} {
				head.field(t, name, a.Header.Get(name))
			}
		}
	}
	for _, target := range []string{"/none", "/a.txt/", "/a.txt/b", "/sub/none"} {
		ask(t, addr, "GET", target).status(t, target, 404)
	}
}

func TestV23Methods(t *testing.T) {
	addr := serve(t, &static.Files{Dir: tree(t, map[string]string{"a": "a"})})
	for _, m := range []string{"POST", "PUT", "DELETE", "BREW"} {
		a := ask(t, addr, m, "/a")
		a.status(t, m, 405)
		a.field(t, "Allow", "GET, HEAD, OPTIONS")
	}
	a := ask(t, addr, "OPTIONS", "/a")
	a.want(t, "OPTIONS", 204, "")
	a.field(t, "Allow", "GET, HEAD, OPTIONS")
}

// A directory without its slash is redirected, and never to another host.
func TestV23SlashRedirect(t *testing.T) {
	dir := tree(t, map[string]string{"sub/index.html": "x", "a b/index.html": "x", "evil.example/index.html": "x", "javascript:1/index.html": "x"})
	addr := serve(t, &static.Files{Dir: dir})
	for target, want := range map[string]string{
		"/sub":            "./sub/",
		"/sub?q=1":        "./sub/?q=1",
		"/sub?":           "./sub/?",
		"/a%20b":          "./a%20b/",
		"/evil.example":   "./evil.example/",
		"/javascript%3a1": "./javascript%3a1/",
		"/javascript:1":   "./javascript:1/",
	} {
		a := ask(t, addr, "GET", target)
		a.status(t, target, 301)
		a.field(t, "Location", want)
	}
	for _, target := range []string{"//evil.example", "/%2fevil.example", "/%5cevil.example", "//evil.example/.."} {
		a := ask(t, addr, "GET", target)
		a.status(t, target, 404)
		a.field(t, "Location", "")
	}
}

func TestV23OneFile(t *testing.T) {
	dir := tree(t, map[string]string{"page.html": "one", "other": "no"})
	addr := serve(t, &static.Files{Dir: filepath.Join(dir, "page.html")})
	a := ask(t, addr, "GET", "/")
	a.want(t, "the file answers at the root", 200, "one")
	a.field(t, "Content-Type", "text/html; charset=utf-8")
	for _, target := range []string{"/other", "/page.html", "/x/"} {
		ask(t, addr, "GET", target).status(t, target, 404)
	}
}

func TestV23WrongDir(t *testing.T) {
	ask(t, serve(t, &static.Files{}), "GET", "/").status(t, "no Dir", 500)
	ask(t, serve(t, &static.Files{Dir: "/dev/null"}), "GET", "/").status(t, "a device", 500)
	f := &static.Files{Dir: filepath.Join(t.TempDir(), "none")}
	addr := serve(t, f)
	a := ask(t, addr, "GET", "/")
	a.status(t, "a directory that is not there is our fault", 500)
	if strings.Contains(a.body, "none") {
		t.Errorf("the page names the path: %q", a.body)
	}
}

// G03: index names, types, ignored extensions.
func TestG03Options(t *testing.T) {
	dir := tree(t, map[string]string{"home.txt": "home", "index.html": "no", "about.html": "about", "x.odd": "odd", "d.css": "css", "about.txt": "no"})
	addr := serve(t, &static.Files{
		Dir: dir, Index: []string{"none", "home.txt"}, Extensions: []string{".html", ".txt"}, Types: map[string]string{".odd": "text/odd"}, Charset: "latin1",
		CacheControl: "max-age=60",
	})
	ask(t, addr, "GET", "/").want(t, "the index of our own", 200, "home")
	ask(t, addr, "GET", "/about").want(t, "a name without its extension", 200, "about")
	ask(t, addr, "GET", "/about/").status(t, "no directory", 404)
	a := ask(t, addr, "GET", "/x.odd")
	a.field(t, "Content-Type", "text/odd; charset=latin1")
	a.field(t, "Cache-Control", "max-age=60")
	ask(t, addr, "GET", "/d.css").field(t, "Content-Type", "text/css; charset=latin1")
	every := serve(t, &static.Files{Dir: dir, Extensions: []string{".css", "*"}, RefuseLinks: true})
	ask(t, every, "GET", "/about").want(t, "any extension, the first in the alphabet", 200, "about")
	ask(t, every, "GET", "/d").want(t, "one that is named goes first", 200, "css")
	ask(t, every, "GET", "/abou").status(t, "the whole name", 404)
	none := serve(t, &static.Files{Dir: dir, Index: []string{}})
	ask(t, none, "GET", "/").status(t, "no index, no listing", 404)
}

func TestV23NotFound(t *testing.T) {
	dir := tree(t, map[string]string{"404.html": "sorry", "app.html": "app", "sub/x": "x"})
	addr := serve(t, &static.Files{Dir: dir, NotFoundPage: "404.html"})
	for range 2 {
		a := ask(t, addr, "GET", "/none", "If-None-Match: *", "Range: bytes=0-1")
		a.want(t, "a page of our own, whole", 404, "sorry")
		a.field(t, "Content-Type", "text/html; charset=utf-8")
	}
	addr = serve(t, &static.Files{Dir: dir, NotFoundPage: "none.html"})
	ask(t, addr, "GET", "/none").status(t, "the page itself is missing", 404)

	addr = serve(t, &static.Files{Dir: dir, NotFound: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("other " + r.Path()) })})
	ask(t, addr, "GET", "/none").want(t, "another Handler", 200, "other /none")

	addr = serve(t, &static.Files{Dir: dir, Fallback: "app.html", NotFoundPage: "404.html"})
	ask(t, addr, "GET", "/users/7").want(t, "the application knows its paths", 200, "app")
	ask(t, addr, "GET", "/app.js").want(t, "a script is no page", 404, "sorry")
	ask(t, addr, "GET", "/../users").want(t, "no path at all", 200, "app")
}

func TestV23DotFiles(t *testing.T) {
	dir := tree(t, map[string]string{".env": "secret", ".git/config": "secret", ".well-known/x": "known", "a/.b/c": "secret"})
	addr := serve(t, &static.Files{Dir: dir, List: true})
	for _, target := range []string{"/.env", "/.git/config", "/a/.b/c", "/%2eenv"} {
		ask(t, addr, "GET", target).status(t, target, 404)
	}
	ask(t, addr, "GET", "/.well-known/x").want(t, "RFC 8615", 200, "known")
	if a := ask(t, addr, "GET", "/"); strings.Contains(a.body, ".env") || !strings.Contains(a.body, ".well-known") {
		t.Errorf("listing: %s", a.body)
	}
	addr = serve(t, &static.Files{Dir: dir, DotFiles: true})
	ask(t, addr, "GET", "/.env").want(t, "control", 200, "secret")
}

// V26: what a program carries is served as files are.
func TestV26Embedded(t *testing.T) {
	site := fstest.MapFS{
		"index.html": {Data: []byte("home")},
		"big.js":     {Data: []byte(big)},
		"dated.txt":  {Data: []byte("dated"), ModTime: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)},
	}
	addr := serve(t, &static.Files{FS: site, List: true})
	ask(t, addr, "GET", "/").want(t, "index", 200, "home")
	a := ask(t, addr, "GET", "/big.js")
	a.want(t, "large", 200, big)
	a.field(t, "Last-Modified", "")
	ask(t, addr, "GET", "/big.js", "Range: bytes=3-5").want(t, "a range", 206, "345")
	ask(t, addr, "GET", "/big.js", "If-None-Match: "+a.Header.Get("ETag")).want(t, "the bytes are the identity", 304, "")
	ask(t, addr, "GET", "/dated.txt").field(t, "Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
}

// A change shows when Recheck says, and not before.
func TestV23Recheck(t *testing.T) {
	dir := tree(t, map[string]string{"a": "one", "big": big})
	addr := serve(t, &static.Files{Dir: dir, Recheck: -1})
	lazy := serve(t, &static.Files{Dir: dir, Recheck: time.Hour})
	for _, at := range []string{addr, lazy} {
		ask(t, at, "GET", "/a").want(t, "first", 200, "one")
		ask(t, at, "GET", "/big").want(t, "first", 200, big)
	}
	for _, name := range []string{"a", "big"} {
		put(t, filepath.Join(dir, "new"), "two two")
		if err := os.Rename(filepath.Join(dir, "new"), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
		ask(t, addr, "GET", "/"+name).want(t, "another file", 200, "two two")
	}
	ask(t, lazy, "GET", "/a").want(t, "remembered", 200, "one")
	ask(t, lazy, "GET", "/big").want(t, "remembered, and still open", 200, big)
	os.Remove(filepath.Join(dir, "a"))
	ask(t, addr, "GET", "/a").status(t, "removed", 404)
}

// net/http's FileServer is the oracle where both do the same.
func TestV23Oracle(t *testing.T) {
	dir := tree(t, map[string]string{"index.html": "home", "a.txt": "text of a", "big.bin": big, "sub/x.css": "css"})
	oracle := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer oracle.Close()
	addr := serve(t, &static.Files{Dir: dir})
	date := ask(t, addr, "GET", "/a.txt").Header.Get("Last-Modified")
	for _, target := range []string{"/", "/a.txt", "/big.bin", "/sub/x.css", "/none"} {
		for _, field := range []string{
			"X: y", "Range: bytes=0-0", "Range: bytes=2-", "Range: bytes=-3", "Range: bytes=5-2", "Range: bytes=99999999-", "Range: octets=0-1", "Range: bytes=1-2, 4-4",
			"Range: bytes=-0", "Range: bytes=0-99999999999999", "If-Modified-Since: " + date, "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "If-Modified-Since: x",
			"If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", "If-Unmodified-Since: " + date, "If-None-Match: *", "If-Match: \"x\"",
		} {
			ours := ask(t, addr, "GET", target, field)
			theirs := ask(t, strings.TrimPrefix(oracle.URL, "http://"), "GET", target, field)
			switch field {
			case "Range: bytes=5-2", "Range: octets=0-1":
				// The oracle answers 416; the RFC ignores what is no range, and
				// units that are not known.
				// https://www.rfc-editor.org/rfc/rfc9110#section-14.2
				theirs = ask(t, strings.TrimPrefix(oracle.URL, "http://"), "GET", target)
			case "Range: bytes=-0":
				// The oracle sends 206 with "bytes 9-8/9", which no client can read.
				continue
			case "If-None-Match: *", "If-Match: \"x\"":
				continue // the oracle has no ETag
			}
			if ours.StatusCode != theirs.StatusCode || ours.Header.Get("Content-Range") != theirs.Header.Get("Content-Range") || ours.Header.Get("Last-Modified") != theirs.Header.Get("Last-Modified") && ours.StatusCode < 400 {
				t.Errorf("%s with %q: got %d %q, want %d %q", target, field, ours.StatusCode, ours.Header.Get("Content-Range"), theirs.StatusCode, theirs.Header.Get("Content-Range"))
			}
			if ours.StatusCode < 300 && !strings.HasPrefix(theirs.Header.Get("Content-Type"), "multipart/") && ours.body != theirs.body {
				t.Errorf("%s with %q: bodies differ", target, field)
			}
		}
	}
}

// A file that becomes shorter while it is sent cuts the answer.
func TestV23Shortened(t *testing.T) {
	dir := tree(t, map[string]string{"big": strings.Repeat("x", 8<<20)})
	addr := serve(t, &static.Files{Dir: dir, Recheck: time.Hour})
	ask(t, addr, "HEAD", "/big").status(t, "control", 200)
	if err := os.Truncate(filepath.Join(dir, "big"), 100); err != nil {
		t.Fatal(err)
	}
	resp, err := http.Get("http://" + addr + "/big")
	if err == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("the client takes a part for the whole")
	}
}

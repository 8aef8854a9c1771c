package web

import (
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// G02: a directory, or a single file, whatever the path.
func TestG02Path(t *testing.T) {
	dir := folderOf(t, map[string]string{"index.html": "home", "a/b.txt": "b", ".secret": "s"})
	s := serve(t, sim.New(t, 1), "--path", dir)
	s.want(200, "home", "GET /")
	s.want(200, "b", "GET /a/b.txt")
	s.wantStatus(404, "GET /.secret")
	s.wantStatus(404, "GET /none")
	if got := s.wantStatus(200, "GET /a/"); !strings.Contains(got.body, "b.txt") {
		t.Errorf("got %q, want a listing", got.body)
	}
	s = serve(t, sim.New(t, 1), "--path", filepath.Join(dir, "a", "b.txt"))
	s.want(200, "b", "GET /")
}

// G03: index, types, extensions, listings, names with a dot.
func TestG03Files(t *testing.T) {
	s := serve(t, sim.New(t, 1), "--path", folderOf(t, map[string]string{"home.txt": "home", "d/x": "x", "a.html": "a", "b.ODD": "b", ".c": "c"}),
		"--index", "home.txt", "--listing=false", "--ignore-ext", ".html", "--mime-type", ".odd=text/odd", "--hidden")
	s.want(200, "home", "GET /")
	s.wantStatus(404, "GET /d/")
	s.want(200, "a", "GET /a")
	s.want(200, "c", "GET /.c")
	if got := s.ask("GET /b.ODD").header.Get("Content-Type"); got != "text/odd; charset=utf-8" {
		t.Errorf("got %q, want text/odd", got)
	}
}

// An application of one page answers for its pages, not for files that are
// missing, nor in place of its server.
func TestG03SPA(t *testing.T) {
	w := sim.New(t, 1)
	backend(w, "back", 3000)
	s := serve(t, w, "--path", folderOf(t, map[string]string{"index.html": "app", "app.js": "js"}), "--spa", "index.html", "--proxy", "/api=http://back:3000")
	s.want(200, "app", "GET /users/7")
	s.want(200, "js", "GET /app.js")
	s.wantStatus(404, "GET /none.js")
	s.want(200, "back /api/users/7", "GET /api/users/7")
}

// backend serves what it was asked for, and by whom.
func backend(w *sim.World, name string, port int) {
	w.Host(name).Listen("tcp", fmt.Sprint(":", port), &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if r.Path() == "/who" {
			fmt.Fprintf(w, "%s %s", r.Header.Get("X-Forwarded-For"), r.Header.Get("X-Forwarded-Host"))
			return
		}
		fmt.Fprintf(w, "%s %s", name, r.Target())
	})})
}

// A back end without a path in its URL is asked for the whole path, one with a
// path has it in place of the prefix; of one prefix all share the work; and the
// longest prefix counts, whole segments of it.
func TestG02Prefixes(t *testing.T) {
	w := sim.New(t, 1)
	backend(w, "one", 80)
	backend(w, "two", 80)
	s := serve(t, w, "--path", folderOf(t, map[string]string{"index.html": "files", "apix": "x"}),
		"--proxy", "/api=http://one", "--proxy", "/api/deep=http://two/base", "--proxy", "/cut=http://one/",
		"--redirect", "/old=/new?a=b", "--redirect", "/api/gone=https://example.org/x")
	s.want(200, "files", "GET /")
	s.want(200, "x", "GET /apix")
	s.want(200, "one /api", "GET /api")
	s.want(200, "one /api/", "GET /api/")
	s.want(200, "one /api/x%2Fy?q=1", "GET /api/x%2Fy?q=1")
	s.want(200, "one /api/deeper", "GET /api/deeper")
	s.want(200, "two /base/x?q", "GET /api/deep/x?q")
	s.want(200, "one /x", "GET /cut/x")
	for line, want := range map[string]string{
		"GET /old": "/new?a=b", "GET /old/more": "/new?a=b", "GET /api/gone": "https://example.org/x",
	} {
		if got := s.wantStatus(302, line); got.header.Get("Location") != want {
			t.Errorf("%s: got %q, want %q", line, got.header.Get("Location"), want)
		}
	}
}

func TestG02ProxyShares(t *testing.T) {
	w := sim.New(t, 1)
	backend(w, "one", 80)
	backend(w, "two", 80)
	s := serve(t, w, "--proxy", "http://one", "--proxy", "http://two")
	seen := map[string]int{}
	for range 8 {
		seen[s.ask("GET /x").body]++
	}
	if seen["one /x"] == 0 || seen["two /x"] == 0 {
		t.Errorf("got %v, want both to be asked", seen)
	}
}

// --health passes by a back end that says it is not well, on each loop.
func TestG02Health(t *testing.T) {
	w := sim.New(t, 1)
	backend(w, "one", 80)
	w.Host("two").Listen("tcp", ":80", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if r.Path() == "/up" {
			w.WriteHeader(500)
		}
		w.WriteString("two")
	})})
	s := serve(t, w, "--proxy", "http://one", "--proxy", "http://two", "--health", "/up")
	w.Advance(time.Second)
	for range 4 {
		s.want(200, "one /x", "GET /x")
	}
}

// Each host has its directory; a wildcard has those below it; others have --path,
// or nothing.
func TestG02Vhosts(t *testing.T) {
	dir := folderOf(t, map[string]string{"a/index.html": "a", "b/index.html": "b", "c/index.html": "c"})
	args := []string{"--vhost", "A.example=" + dir + "/a", "--vhost", "*.example=" + dir + "/b"}
	s := serve(t, sim.New(t, 1), args...)
	s.want(200, "a", "GET /", "Host: a.example")
	s.want(200, "a", "GET /", "Host: A.EXAMPLE:8080")
	s.want(200, "b", "GET /", "Host: x.example")
	s.wantStatus(421, "GET /", "Host: example.org")
	s = serve(t, sim.New(t, 1), append(args, "--path", dir+"/c")...)
	s.want(200, "c", "GET /", "Host: example.org")
	s.want(200, "a", "GET /", "Host: a.example")
}

// G06: added fields are on all answers, error pages and refusals too.
func TestG06Headers(t *testing.T) {
	s := serve(t, sim.New(t, 1), "--path", folderOf(t, map[string]string{"index.html": "i"}), "--add-header", "X-A: b: c", "--add-header", "X-A:d",
		"--rate", "1", "--auth", "memory:ann:secret", "--auth-clear")
	var statuses []int
	for range 6 { // four at once, since there are two loops
		got := s.ask("GET /")
		if a := strings.Join(got.header.Values("X-A"), "|"); a != "b: c|d" {
			t.Errorf("%d: got %q, want both", got.status, a)
		}
		statuses = append(statuses, got.status)
	}
	if got := fmt.Sprint(statuses); got != "[401 401 401 401 429 429]" {
		t.Errorf("got %s, want the rate to count who does not log in, too", got)
	}
}

// Scripts of other sites may read what --cors says; their browsers ask before, and
// that is no matter of a login.
func TestG06CORS(t *testing.T) {
	s := serve(t, sim.New(t, 1), "--path", folderOf(t, map[string]string{"index.html": "i"}), "--cors", "https://a.example",
		"--auth", "memory:ann:secret", "--auth-clear")
	got := s.wantStatus(204, "OPTIONS /", "Origin: https://a.example", "Access-Control-Request-Method: GET")
	if o := got.header.Get("Access-Control-Allow-Origin"); o != "https://a.example" {
		t.Errorf("got %q, want the origin", o)
	}
	got = s.wantStatus(401, "GET /", "Origin: https://b.example")
	if o := got.header.Get("Access-Control-Allow-Origin"); o != "" {
		t.Errorf("got %q for another site, want none", o)
	}
}

func TestG06MaxBody(t *testing.T) {
	w := sim.New(t, 1)
	backend(w, "back", 80)
	s := serve(t, w, "--proxy", "http://back", "--max-body", "3")
	if got := s.askAt("server:8080", "POST /", "abc", "Content-Length: 3"); got.status != 200 {
		t.Errorf("got %d, want 3 bytes to be taken", got.status)
	}
	if got := s.askAt("server:8080", "POST /", "abcd", "Content-Length: 4"); got.status != 413 {
		t.Errorf("got %d, want 413 for 4 bytes", got.status)
	}
}

// Answers are compressed for who takes it, unless that is turned off.
func TestG06Gzip(t *testing.T) {
	text := strings.Repeat("twistor ", 1000)
	dir := folderOf(t, map[string]string{"a.txt": text})
	s := serve(t, sim.New(t, 1), "--path", dir)
	got := s.ask("GET /a.txt", "Accept-Encoding: gzip")
	r, err := gzip.NewReader(strings.NewReader(got.body))
	if err != nil {
		t.Fatalf("%v in %.40q", err, got.body)
	}
	if plain, err := io.ReadAll(r); err != nil || string(plain) != text {
		t.Errorf("got %d bytes and %v, want the text", len(plain), err)
	}
	s = serve(t, sim.New(t, 1), "--path", dir, "--gzip=false")
	s.want(200, text, "GET /a.txt", "Accept-Encoding: gzip")
}

// Only a trusted proxy's word about the client is believed, by us and by who
// stands behind.
func TestG06Trusted(t *testing.T) {
	for trusted, want := range map[bool]string{true: "192.0.2.7, %s h.example", false: "%s example.com"} {
		w := sim.New(t, 1)
		backend(w, "back", 80)
		client := w.Host("client").Addr().String()
		args := []string{"--proxy", "http://back"}
		if trusted {
			args = append(args, "--trusted-proxy", client)
		}
		serve(t, w, args...).want(200, fmt.Sprintf(want, client), "GET /who", "X-Forwarded-For: 192.0.2.7", "X-Forwarded-Host: h.example")
	}
}

// --auth lets in who proves who it is: by Basic only where nobody listens in,
// by Digest where the passwords are known.
func TestG06Auth(t *testing.T) {
	w := sim.New(t, 1)
	f, err := w.Host("server").Loop().FS().OpenFile("/tmp/users", os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("ann:{plain}secret\n"))
	f.Close()
	s := serve(t, w, "--path", folderOf(t, map[string]string{"a": "a"}), "--auth", "file:/tmp/users:plain", "--auth-realm", "my site")
	s.wantStatus(401, "GET /a", "Authorization: Basic YW5uOnNlY3JldA==") // Basic was not offered
	got := s.wantStatus(401, "GET /a")
	challenge := strings.Join(got.header.Values("WWW-Authenticate"), "\n")
	nonce := regexp.MustCompile(`Digest realm="my site".*algorithm=SHA-256, nonce="([^"]+)"`).FindStringSubmatch(challenge)
	if nonce == nil || strings.Contains(challenge, "Basic") {
		t.Fatalf("got %q, want Digest and no Basic", challenge)
	}
	hash := func(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }
	digest := func(password string) string {
		response := hash(hash("ann:my site:"+password) + ":" + nonce[1] + ":00000001:cn:auth:" + hash("GET:/a"))
		return fmt.Sprintf(`Authorization: Digest username="ann", realm="my site", nonce="%s", uri="/a", algorithm=SHA-256, qop=auth, nc=00000001, cnonce="cn", response="%s"`, nonce[1], response)
	}
	statuses := map[int]int{}
	for range 2 { // of the two loops one has made the nonce
		statuses[s.ask("GET /a", digest("secret")).status]++
	}
	if statuses[200] == 0 {
		t.Errorf("got %v, want the right digest to be let in", statuses)
	}
	for range 2 {
		s.wantStatus(401, "GET /a", digest("wrong"))
	}

	s = serve(t, sim.New(t, 1), "--path", folderOf(t, map[string]string{"a": "a"}), "--auth", "memory:ann:secret", "--auth-clear")
	s.want(200, "a", "GET /a", "Authorization: Basic YW5uOnNlY3JldA==")
	s.wantStatus(401, "GET /a", "Authorization: Basic YW5uOndyb25n")
	s.wantStatus(401, "GET /none")
}

// --http2=false does not speak it, also to who begins with its preface.
func TestG01HTTP2(t *testing.T) {
	dir := folderOf(t, map[string]string{"a": "a"})
	for on, want := range map[string]string{"true": "\x00\x00", "false": "HTTP/1.1 505 "} {
		s := serve(t, sim.New(t, 1), "--path", dir, "--http2="+on)
		p := s.client.Dial("server:8080")
		p.Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
		s.w.Run(func() bool { return len(p.Received()) > 12 })
		if got := p.Take(); !strings.HasPrefix(got, want) {
			t.Errorf("--http2=%s: got %.40q, want it to begin with %q", on, got, want)
		}
		p.Close()
	}
}

// G02: without an option there is a page that may do nothing but what it does,
// and counts live, all loops together, until the server ends.
func TestG02Welcome(t *testing.T) {
	s := serve(t, sim.New(t, 1))
	got := s.wantStatus(200, "GET /")
	nonce := regexp.MustCompile(`script-src 'nonce-([^']+)'`).FindStringSubmatch(got.header.Get("Content-Security-Policy"))
	if nonce == nil || !strings.Contains(got.body, `<script nonce="`+nonce[1]+`">`) || strings.Contains(got.body, "{nonce}") {
		t.Errorf("got policy %v, want the script to have its nonce", nonce)
	}
	if again := s.ask("GET /"); nonce != nil && strings.Contains(again.body, nonce[1]) {
		t.Error("two answers have the same nonce")
	}
	s.wantStatus(404, "GET /none")
	s.wantStatus(405, "POST /", "Content-Length: 0")
	p, q := s.client.Dial("server:8080"), s.client.Dial("server:8080")
	for _, peer := range []*sim.Peer{p, q} {
		peer.Send("GET /live HTTP/1.1\r\nHost: example.com\r\n\r\n")
		s.w.Run(func() bool { return strings.Contains(peer.Received(), `"loops":2,"uptime":`) })
	}
	s.w.Run(func() bool { return strings.Contains(q.Received(), `{"requests":6,"connections":2,`) })
	s.stop()
	s.w.Run(func() bool { return p.Gone() && q.Gone() })
	if got := p.Take(); !strings.HasSuffix(got, "0\r\n\r\n") {
		t.Errorf("got %q, want the stream to end as it should", got[max(0, len(got)-40):])
	}
}

package static_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/compress"
	"github.com/twistor-go/twistor/protocol/web/static"
	"github.com/twistor-go/twistor/sim"
)

// Where sendfile cannot be, under TLS and over HTTP/2, the same bytes come.
func TestV23OverTLS(t *testing.T) {
	dir := tree(t, map[string]string{"big": big, "small": "text"})
	for _, protocol := range []string{"http/1.1", "h2"} {
		config := &tls.Config{Certificates: []tls.Certificate{sim.Certificate("example.com")}, NextProtos: []string{protocol}}
		addr := serveTLS(t, &static.Files{Dir: dir}, config)
		client := &http.Client{Transport: &http.Transport{
			TLSClientConfig:   &tls.Config{RootCAs: sim.Roots(config.Certificates...), ServerName: "example.com", Time: func() time.Time { return sim.Epoch }},
			ForceAttemptHTTP2: protocol == "h2",
		}}
		for target, want := range map[string]string{"/big": big, "/small": "text"} {
			for field, want := range map[string]string{"": want, "bytes=1-2": want[1:3]} {
				req, _ := http.NewRequest("GET", "https://"+addr+target, nil)
				if field != "" {
					req.Header.Set("Range", field)
				}
				resp, err := client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if string(got) != want || err != nil || (resp.ProtoMajor == 2) != (protocol == "h2") {
					t.Errorf("%s %s %s: %d bytes by %s, %v", protocol, target, field, len(got), resp.Proto, err)
				}
			}
		}
		client.CloseIdleConnections()
	}
}

// A Filter sees whole files, and leaves parts, images and what is compressed alone.
func TestV21FilesCompressed(t *testing.T) {
	page := strings.Repeat("<p>All happy families are alike.\n", 20_000)
	dir := tree(t, map[string]string{"page.html": page, "image.png": page})
	addr := serve(t, (&compress.Answers{}).Wrap(&static.Files{Dir: dir}))
	a := ask(t, addr, "GET", "/page.html", "Accept-Encoding: gzip")
	a.field(t, "Content-Encoding", "gzip")
	a.field(t, "Vary", "Accept-Encoding")
	if !strings.HasPrefix(a.Header.Get("ETag"), "W/") || len(a.body) > len(page)/10 {
		t.Errorf("ETag %s, %d bytes", a.Header.Get("ETag"), len(a.body))
	}
	ask(t, addr, "GET", "/page.html", "Accept-Encoding: gzip", "If-None-Match: "+a.Header.Get("ETag")).status(t, "its own weak tag", 304)
	ask(t, addr, "GET", "/page.html").want(t, "as it is", 200, page)
	ask(t, addr, "GET", "/page.html", "Accept-Encoding: gzip", "Range: bytes=0-2").want(t, "a part", 206, "<p>")
	ask(t, addr, "GET", "/image.png", "Accept-Encoding: gzip").want(t, "an image", 200, page)
}

// Below a Mount a directory is redirected to where it is for the client.
func TestV23Mounted(t *testing.T) {
	mux := &web.Mux{}
	mux.Mount("/files/", &static.Files{Dir: tree(t, map[string]string{"sub/index.html": "sub", "a": "a"})})
	addr := serve(t, mux)
	ask(t, addr, "GET", "/files/a").want(t, "a file", 200, "a")
	client := &http.Client{}
	resp, err := client.Get("http://" + addr + "/files/sub")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != "sub" || resp.Request.URL.Path != "/files/sub/" {
		t.Errorf("got %q at %s", body, resp.Request.URL)
	}
	for _, target := range []string{"/files/../a", "/files/%2e%2e/a", "/files//a", "/files/..%2fa"} {
		if got := ask(t, addr, "GET", target); got.StatusCode == 200 {
			t.Errorf("%s: got %d %q", target, got.StatusCode, got.body)
		}
	}
}

// descriptors is how many this process has.
func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	return len(all)
}

// files are kept open up to a bound.
func TestX01OpenFiles(t *testing.T) {
	dir := t.TempDir()
	files := 300
	for i := range files {
		put(t, filepath.Join(dir, fmt.Sprint(i)), big)
	}
	f := &static.Files{Dir: dir}
	addr := serve(t, f)
	before := descriptors(t)
	for i := range files {
		ask(t, addr, "HEAD", fmt.Sprint("/", i)).status(t, "HEAD", 200)
	}
	runtime.GC()
	if grown := descriptors(t) - before; grown < 200 || grown > 256+10 {
		t.Errorf("%d files are open, want 256 or less", grown)
	}
}

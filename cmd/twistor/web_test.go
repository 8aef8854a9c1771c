//go:build unix

package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
)

// fetch gets url, and wants body.
func fetch(c *http.Client, url, body string) error {
	resp, err := c.Get(url)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode != 200 || string(got) != body) {
		err = fmt.Errorf("%s: got %s %.80q, want %.80q", url, resp.Status, got, body)
	}
	return err
}

// pem writes a certificate of its authority, and its key.
func pem(t *testing.T, a *certtest.Authority, file string, names ...string) {
	t.Helper()
	chain, key := certtest.PEM(a.Issue(certtest.Leaf{Names: names}))
	if err := os.WriteFile(file+".new", append(chain, key...), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(file+".new", file); err != nil {
		t.Fatal(err)
	}
}

// TestF38WebUpgrade upgrades a web server under load, by clients of HTTP/1.1
// that keep their connections, by those that do not, and by those of HTTP/2 over
// TLS: each request is answered, by the old process or the new one, and a slow
// download that began before comes whole.
func TestF38WebUpgrade(t *testing.T) {
	dir := t.TempDir()
	site, file := filepath.Join(dir, "site"), filepath.Join(dir, "site.pem")
	large := bytes.Repeat([]byte("0123456789abcdef"), 1<<20) // 16 MiB
	for name, text := range map[string][]byte{"a.txt": []byte("a"), "large": large} {
		if err := os.MkdirAll(site, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(site, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	authority := certtest.New()
	pem(t, authority, file, "localhost")
	plain, secure := freeAddr(t), freeAddr(t)
	d := startDaemon(t, "web", "--path", site, "--listen", "tcp:"+plain, "--listen", "tls:"+secure+":cert="+file,
		"--access-log", "access.log", "--log-level", "warn")

	download, err := http.Get("http://" + plain + "/large")
	if err != nil {
		t.Fatal(err)
	}
	defer download.Body.Close()

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	var asked, asked2 atomic.Int64
	load := func(url string, count *atomic.Int64, transport *http.Transport) {
		all.Go(func() {
			defer transport.CloseIdleConnections()
			c := &http.Client{Transport: transport, Timeout: patience}
			for tick := time.Tick(time.Millisecond); ctx.Err() == nil; <-tick {
				if err := fetch(c, url, "a"); err != nil {
					failed.CompareAndSwap(nil, &err)
					return
				}
				count.Add(1)
			}
		})
	}
	client := authority.Client("localhost")
	for range 4 {
		load("http://"+plain+"/a.txt", &asked, &http.Transport{})
		load("http://"+plain+"/a.txt", &asked, &http.Transport{DisableKeepAlives: true})
		load("https://"+secure+"/a.txt", &asked2, &http.Transport{TLSClientConfig: client.Clone(), ForceAttemptHTTP2: true})
	}
	more := func() {
		one, two := asked.Load()+100, asked2.Load()+100
		for (asked.Load() < one || asked2.Load() < two) && failed.Load() == nil {
			time.Sleep(time.Millisecond)
		}
	}
	last, upgrades := d.pid(), scale(2, 4, 20)
	for range upgrades {
		more()
		d.command("upgrade")
		if pid := d.pid(); pid == last {
			t.Fatalf("process %d runs after an upgrade, too", pid)
		} else {
			last = pid
		}
	}
	more()
	cancel()
	all.Wait()
	if err := failed.Load(); err != nil {
		t.Fatalf("after %d and %d requests: %v", asked.Load(), asked2.Load(), *err)
	}
	if got, err := io.ReadAll(download.Body); err != nil || !bytes.Equal(got, large) {
		t.Errorf("the download: got %d bytes and %v, want all of it", len(got), err)
	}
	d.command("stop")
	log, err := os.ReadFile(filepath.Join(d.dir, "access.log"))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := int64(bytes.Count(log, []byte(`"GET /a.txt HTTP/`))), asked.Load()+asked2.Load(); got < want {
		t.Errorf("got %d lines of the access log, want one for each of %d answers", got, want)
	}
	t.Logf("%d upgrades, %d requests of HTTP/1.1 and %d of HTTP/2", upgrades, asked.Load(), asked2.Load())
}

// UC14: a certificate that was replaced is served without a restart, and which
// one is by the name that the client asked for.
func TestUC14WebCertificates(t *testing.T) {
	dir := t.TempDir()
	sites := filepath.Join(dir, "sites")
	if err := os.Mkdir(sites, 0o755); err != nil {
		t.Fatal(err)
	}
	authority := certtest.New()
	first := filepath.Join(dir, "site.pem")
	pem(t, authority, first, "a.example")
	pem(t, authority, filepath.Join(sites, "b.example.pem"), "b.example")
	addr := freeAddr(t)
	d := startDaemon(t, "web", "--path", dir, "--listen", "tls:"+addr+":cert="+first+":sni="+sites)
	serial := func(name string) string {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, authority.Client(name))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String()
	}
	a, b := serial("a.example"), serial("b.example")
	if a == b {
		t.Fatalf("a.example and b.example have one certificate, want each its own")
	}
	pem(t, authority, first, "a.example")
	d.command("reload")
	for end := time.Now().Add(patience); serial("a.example") == a; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the former certificate is served still")
		}
	}
	if serial("b.example") != b {
		t.Error("the other name has another certificate, too")
	}
	d.command("stop")
}

// TestWelcomeInChromium has a real browser use the page of a server without
// options. TWISTOR_PICTURES is a directory for screenshots.
func TestWelcomeInChromium(t *testing.T) {
	chromium := peertest.Program(t, "chromium")
	modules := browserModules(t)
	addr := freeAddr(t)
	d := startDaemon(t, "web", "--listen", "tcp:"+addr)
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	node := exec.CommandContext(ctx, peertest.Program(t, "node"), "testdata/browser/welcome.mjs", modules, chromium, "http://"+addr+"/", os.Getenv("TWISTOR_PICTURES"))
	out, err := node.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("ok all")) {
		t.Errorf("%v:\n%s", err, out)
	}
	d.command("stop")
}

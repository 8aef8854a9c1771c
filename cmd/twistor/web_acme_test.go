//go:build unix

package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
)

// TestWebACME has the authority that Let's Encrypt tests clients with sign for
// `twistor web --acme`: the site is HTTPS then, its port for HTTP redirects, and
// after a restart the certificate is there without anybody being asked.
func TestWebACME(t *testing.T) {
	dir := t.TempDir()
	site := filepath.Join(dir, "site")
	if err := os.Mkdir(site, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(site, "a.txt"), []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	secure, plain := freeAddr(t), freeAddr(t)
	authority := runPebble(t, secure, plain)
	options := []string{"web", "--path", site, "--listen", "tcp:" + secure, "--acme", "localhost.example", "--acme-accept-terms",
		"--acme-directory", authority.directory, "--acme-roots", authority.roots, "--acme-http", "tcp:" + plain}
	d := startDaemon(t, options...)
	ask := func() (serial string, err error) {
		conn, err := tls.Dial("tcp", secure, &tls.Config{ServerName: "localhost.example", RootCAs: authority.signs, NextProtos: []string{"http/1.1"}})
		if err != nil {
			return "", err
		}
		defer conn.Close()
		fmt.Fprintf(conn, "GET /a.txt HTTP/1.1\r\nHost: localhost.example\r\nConnection: close\r\n\r\n")
		text, err := io.ReadAll(conn)
		if err == nil && !strings.HasSuffix(string(text), "\r\n\r\na") {
			err = fmt.Errorf("got %q", text)
		}
		return conn.ConnectionState().PeerCertificates[0].SerialNumber.String(), err
	}
	serial, err := ask()
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		serial, err = ask()
	}
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get("http://" + plain + "/a.txt?b")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got, want := resp.Header.Get("Location"), "https://127.0.0.1/a.txt?b"; resp.StatusCode != 308 || got != want {
		t.Errorf("got %d to %q, want 308 to %q", resp.StatusCode, got, want)
	}
	d.command("stop")
	authority.stop()
	d.command(append([]string{"--daemon", "--pidfile", "twistor.pid"}, options...)...)
	if again, err := ask(); err != nil || again != serial {
		t.Errorf("after a restart: got %s, %v, want the same certificate %s", again, err, serial)
	}
	d.command("stop")
	if text, err := os.ReadFile(filepath.Join(d.dir, "web.log")); err != nil || bytes.Contains(text, []byte("PRIVATE KEY")) {
		t.Errorf("got %v and %q, want a log without keys", err, text)
	}
}

// A pebble is an authority, the one that clients of Let's Encrypt are tested with.
type pebble struct {
	directory string // its URL
	roots     string // the file by which it is trusted itself
	stop      func()
	signs     *x509.CertPool // by which what it signs is trusted
}

// runPebble starts one that looks at two addresses of this machine, whatever the
// name.
func runPebble(t *testing.T, secure, plain string) *pebble {
	t.Helper()
	dir := t.TempDir()
	names, listen, manage := freeAddr(t), freeAddr(t), freeAddr(t)
	signer := certtest.New()
	chain, key := certtest.PEM(signer.Issue(certtest.Leaf{Names: []string{"127.0.0.1"}}))
	write := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	port := func(addr string) (n int) {
		_, text, _ := net.SplitHostPort(addr)
		fmt.Sscan(text, &n)
		return n
	}
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage,
		"certificate": write("cert.pem", chain), "privateKey": write("key.pem", key),
		"tlsPort": port(secure), "httpPort": port(plain),
		"certificateValidityPeriod": 7776000, "retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	var running []*exec.Cmd
	a := &pebble{directory: "https://" + listen + "/dir", roots: write("roots.pem", signer.PEM())}
	a.stop = func() {
		for _, c := range running {
			c.Process.Kill()
			c.Wait()
		}
		running = nil
	}
	t.Cleanup(func() { a.stop() })
	for _, c := range []*exec.Cmd{
		exec.Command(peertest.Program(t, "pebble-challtestsrv"), "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dnsserver", names,
			"-http01", "", "-https01", "", "-tlsalpn01", "", "-doh", "", "-management", freeAddr(t)),
		exec.Command(peertest.Program(t, "pebble"), "-config", write("pebble.json", config), "-dnsserver", names),
	} {
		c.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1")
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		running = append(running, c)
	}
	conn, err := net.Dial("tcp", names)
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		conn, err = net.Dial("tcp", names)
	}
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: signer.Client("127.0.0.1"), DisableKeepAlives: true}}
	resp, err := client.Get("https://" + manage + "/roots/0")
	for end := time.Now().Add(patience); err != nil && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		resp, err = client.Get("https://" + manage + "/roots/0")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if a.signs = x509.NewCertPool(); !a.signs.AppendCertsFromPEM(text) {
		t.Fatal("pebble shows no root")
	}
	return a
}

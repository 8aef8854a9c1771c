//go:build unix

package main

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/internal/peertest"
)

// What drives the browser, and what looks whether all can use a page.
const (
	playwright = "playwright-core@1.65.1"
	axe        = "axe-core@4.14.1"
)

// browserModules is a directory outside of this repository where node finds
// playwright-core and axe-core; npm fetches them once.
func browserModules(t *testing.T) string {
	t.Helper()
	npm := peertest.Program(t, "npm")
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir := filepath.Join(cache, "twistor-test", "browser-"+strings.NewReplacer("@", "-").Replace(playwright+"-"+axe))
	if _, err := os.Stat(filepath.Join(dir, "complete")); err == nil {
		return dir
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--ignore-scripts", playwright, axe).CombinedOutput()
	if err != nil {
		peertest.Missing(t, fmt.Sprintf("npm cannot install %s: %v: %s", playwright, err, out))
	}
	if err := os.WriteFile(filepath.Join(dir, "complete"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestWeblogInChromium has a real browser use the page: one's own hit arrives,
// the filter, pause, hostile lines, a flood, a phone, dark, what axe has to say,
// and an upgrade of the server meanwhile. TWISTOR_PICTURES is a directory for
// screenshots.
func TestWeblogInChromium(t *testing.T) {
	chromium := peertest.Program(t, "chromium")
	modules := browserModules(t)
	own := run(t, 2, "--page", "tcp:127.0.0.1:0", "--listen", "tcp:127.0.0.1:0")

	at := freeAddr(t)
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, "weblog", "--log", log, "--page", "tcp:"+at, "--listen", "tcp:"+freeAddr(t), "--resume", "--keep", "1000", "--every", "50ms")

	node := exec.Command(peertest.Program(t, "node"), "testdata/browser/weblog.mjs", modules, chromium,
		"http://"+own.addrs[0]+"/", "http://"+at+"/", log, os.Getenv("TWISTOR_PICTURES"))
	node.Env = append(os.Environ(), "TZ=UTC")
	var wrong bytes.Buffer
	node.Stderr = &wrong
	in, err := node.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := node.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := node.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(2*patience, func() { node.Process.Kill() })
	defer late.Stop()
	var said []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		said = append(said, lines.Text())
		if lines.Text() == "ready" {
			d.command("upgrade")
			in.Write([]byte("upgraded\n"))
		}
	}
	if err := node.Wait(); err != nil {
		t.Fatalf("%v, after %q:\n%s", err, said, wrong.String())
	}
	if !strings.Contains(strings.Join(said, "\n"), "ok goes on") {
		t.Errorf("got %q, want all of it", said)
	}
	t.Logf("%s", strings.Join(said, "; "))
}

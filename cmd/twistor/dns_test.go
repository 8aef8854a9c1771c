//go:build unix

package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

var lost = regexp.MustCompile(`Queries (sent|completed|lost): +(\d+)`)

// TestG07Upgrade upgrades a name server again and again while dnsperf asks it over
// UDP, 2,000 times a second: no query is lost, none is answered wrongly. Who asks
// over TCP is hung up on, comes again (RFC 7766 section 6.2.4), and is answered.
func TestG07Upgrade(t *testing.T) {
	dnsperf, dig := peertest.Program(t, "dnsperf"), peertest.Program(t, "dig")
	_, port, err := net.SplitHostPort(freeAddr(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	zone, queries := filepath.Join(dir, "example.zone"), filepath.Join(dir, "queries")
	text := "$TTL 60\n@ IN SOA ns hostmaster 1 3600 600 604800 60\n@ IN NS ns\n"
	var names bytes.Buffer
	for i := range 1000 {
		text += fmt.Sprintf("h%d IN A 192.0.2.%d\n", i, i%256)
		fmt.Fprintf(&names, "h%d.example A\n", i)
	}
	for name, text := range map[string]string{zone: text + "ns IN A 192.0.2.53\n", queries: names.String()} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := startDaemon(t, "dns", "--zone", "example="+zone, "--listen", "dns:127.0.0.1:"+port, "--log-level", "warn")

	c := exec.Command(dnsperf, "-s", "127.0.0.1", "-p", port, "-d", queries, "-l", fmt.Sprint(scale(3, 6, 60)), "-Q", "2000", "-t", "20")
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	last := d.pid()
	for i := range scale(1, 3, 20) {
		d.command("upgrade")
		if pid := d.pid(); pid == last {
			t.Fatalf("upgrade %d: process %d runs still", i, pid)
		} else {
			last = pid
		}
		asked, err := exec.Command(dig, "@127.0.0.1", "-p", port, "+tcp", "+short", "h7.example").CombinedOutput()
		if err != nil || string(asked) != "192.0.2.7\n" {
			t.Errorf("upgrade %d, over TCP: got %q, %v, want 192.0.2.7", i, asked, err)
		}
	}
	if err := c.Wait(); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	counts := map[string]string{}
	for _, found := range lost.FindAllStringSubmatch(out.String(), -1) {
		counts[found[1]] = found[2]
	}
	t.Logf("%v", counts)
	if counts["sent"] == "" || counts["sent"] == "0" || counts["completed"] != counts["sent"] || counts["lost"] != "0" ||
		!bytes.Contains(out.Bytes(), []byte("NOERROR "+counts["sent"]+" (100.00%)")) {
		t.Errorf("want every query answered:\n%s", &out)
	}
}

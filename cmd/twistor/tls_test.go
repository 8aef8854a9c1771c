//go:build unix

package main

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
)

// TestF38TLS: TLS lives in one process: in an upgrade such a connection is told
// good-bye, as at a stop, with a TLS one, and the next process serves new ones.
func TestF38TLS(t *testing.T) {
	authority := certtest.New()
	chain, key := certtest.PEM(authority.Issue(certtest.Leaf{Names: []string{"localhost"}}))
	file := filepath.Join(t.TempDir(), "site.pem")
	if err := os.WriteFile(file, append(chain, key...), 0o600); err != nil {
		t.Fatal(err)
	}
	addr := freeAddr(t)
	d := startDaemon(t, "fibonacci", "--listen", "tls:"+addr+":cert="+file)
	ask := func(want string) (*tls.Conn, *bufio.Reader) {
		t.Helper()
		conn, err := tls.Dial("tcp", addr, authority.Client("localhost"))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		conn.SetDeadline(time.Now().Add(patience))
		fmt.Fprintln(conn)
		r := bufio.NewReader(conn)
		if got, err := r.ReadString('\n'); got != want+"\n" {
			t.Fatalf("got %q, %v, want %s", got, err, want)
		}
		return conn, r
	}
	_, r := ask("2")
	d.command("upgrade")
	if rest, err := io.ReadAll(r); err != nil || len(rest) != 0 {
		t.Errorf("got %q, %v, want the end of the TLS connection", rest, err) // a cut one is an error
	}
	ask("3")
	d.command("stop")
}

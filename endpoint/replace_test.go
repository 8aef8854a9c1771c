package endpoint_test

import (
	"context"
	"crypto/tls"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/reactor"
)

// TLS-09: a certificate is replaced again and again, often half, while clients
// shake hands with two loops. Every handshake must succeed, with a certificate
// that verifies; at the end the last one is served.
func TestTLS_09ReplacedWhileServing(t *testing.T) {
	ca := newAuthority(t, "ca")
	dir := t.TempDir()
	name := filepath.Join(dir, "site.pem")
	put := func(p []byte) {
		if err := os.WriteFile(name, p, 0o600); err != nil {
			t.Error(err)
		}
	}
	fresh := func() []byte {
		cert, key := ca.issue("a.example")
		return append(cert, key...)
	}
	put(fresh())

	r := reactor.New(&reactor.Config{Loops: 2, Log: slog.New(slog.DiscardHandler)})
	files := &endpoint.Certificates{Cert: name}
	endpoint.LookAlways(files)
	config, err := files.Load(r.Loop())
	if err != nil {
		t.Fatal(err)
	}
	n := endpoint.Listener{Config: twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", TLS: config}}
	port, err := n.ListenEach(r.Loop(), func(twistor.Loop) twistor.Factory { return &echo{} })
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()

	client := &tls.Config{RootCAs: ca.pool(), ServerName: "a.example"}
	shakeHands := func() string {
		c, err := tls.Dial("tcp", port.Addr().String(), client)
		if err != nil {
			t.Error(err)
			return ""
		}
		defer c.Close()
		return serial(c.ConnectionState())
	}
	rounds := 20
	if testing.Short() {
		rounds = 5
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range rounds {
				shakeHands()
			}
		})
	}
	for range rounds / 2 {
		p := fresh()
		put(p[:len(p)/2])
		shakeHands()
		put(p)
	}
	all.Wait()

	last := fresh()
	put(last)
	pair, err := tls.X509KeyPair(last, last)
	if err != nil {
		t.Fatal(err)
	}
	want := pair.Leaf.SerialNumber.String()
	for n := 0; shakeHands() != want; n++ {
		if n == 1000 {
			t.Fatal("got the old certificate in 1000 handshakes, want the new one")
		}
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

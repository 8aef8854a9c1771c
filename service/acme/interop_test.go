package acme_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/service/acme"
)

// TestPebble has the authority that Let's Encrypt tests clients with look at
// ports of ours, in both ways, reject some nonces, and sign. Pebble is there
// after go install github.com/letsencrypt/pebble/v2/cmd/pebble@v2.10.1.
func TestPebble(t *testing.T) {
	pebble := peertest.Program(t, "pebble")
	for _, way := range []string{acme.HTTP, acme.TLSALPN} {
		t.Run(way, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			r := reactor.New(&reactor.Config{Loops: 1, Log: slog.New(slog.DiscardHandler)})
			home := r.Loop()
			certs := &acme.Certificates{
				Domains:     []string{"example.com", "www.example.com"},
				Contact:     []string{"admin@example.com"},
				TermsAgreed: true,
				Challenges:  []string{way},
				Template:    &tls.Config{NextProtos: []string{"h2", "http/1.1"}},
			}
			hello := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("hello") })
			server := &web.Server{Handler: hello}
			secure, err := twistor.Listen(home, "tcp", "127.0.0.1:0", certs.Factory(server))
			if err != nil {
				t.Fatal(err)
			}
			plain, err := twistor.Listen(home, "tcp", "127.0.0.1:0", &web.Server{Handler: certs.Handler(hello)})
			if err != nil {
				t.Fatal(err)
			}
			directory, client, root := run(t, ctx, pebble, secure.Addr(), plain.Addr())
			certs.Directory, certs.Client = directory, client
			running := make(chan error, 1)
			loop, stop := context.WithCancel(ctx)
			go func() { running <- r.Run(loop) }()
			defer func() {
				stop()
				if err := <-running; err != nil && ctx.Err() != nil {
					t.Error(err)
				}
			}()
			do := func(body func(co *deferred.Co) error) {
				t.Helper()
				_, err := deferred.Call(ctx, deferred.Loop(home), func() *deferred.Signal {
					return deferred.Inline(home, func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) })
				})
				if err != nil {
					t.Fatal(err)
				}
			}
			do(func(co *deferred.Co) error { return certs.Start(co, service.On(home)) })
			do(func(co *deferred.Co) error {
				_, err := certs.Ready().Timeout(30 * time.Second).Await(co)
				if err != nil {
					err = fmt.Errorf("%w: %s", err, certs.State())
				}
				return err
			})
			for _, domain := range certs.Domains {
				conn, err := tls.Dial("tcp", secure.Addr().String(), &tls.Config{ServerName: domain, RootCAs: root(t), NextProtos: []string{"h2"}})
				if err != nil {
					t.Fatalf("%s: %v", domain, err)
				}
				if got := conn.ConnectionState(); got.NegotiatedProtocol != "h2" || len(got.PeerCertificates) < 2 {
					t.Errorf("%s: got %q and %d certificates, want h2 and a chain", domain, got.NegotiatedProtocol, len(got.PeerCertificates))
				}
				conn.Close()
			}
			do(certs.Stop)
		})
	}
}

// run starts pebble, which looks at the ports of two addresses.
func run(t *testing.T, ctx context.Context, pebble string, secure, plain net.Addr) (directory string, client *http.Client, root func(*testing.T) *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	signer := certtest.New()
	chain, key := certtest.PEM(signer.Issue(certtest.Leaf{Names: []string{"127.0.0.1"}}))
	write := func(name string, text []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	listen, manage := freeAddress(t), freeAddress(t)
	config, err := json.Marshal(map[string]any{"pebble": map[string]any{
		"listenAddress": listen, "managementListenAddress": manage,
		"certificate": write("cert.pem", chain),
		"privateKey":  write("key.pem", key),
		"httpPort":    plain.(*net.TCPAddr).Port, "tlsPort": secure.(*net.TCPAddr).Port,
		"certificateValidityPeriod": 7776000, "retryAfter": map[string]int{"authz": 1, "order": 1},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, pebble, "-config", write("pebble.json", config), "-dnsserver", names(t))
	cmd.Env = append(os.Environ(), "PEBBLE_VA_NOSLEEP=1", "PEBBLE_WFE_NONCEREJECT=20")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	go func() {
		var all []byte
		for p := make([]byte, 4096); ; {
			n, err := out.Read(p)
			all = append(all, p[:n]...)
			if err != nil {
				said <- string(all)
				return
			}
		}
	}()
	t.Cleanup(func() {
		cmd.Process.Kill()
		if text := <-said; t.Failed() {
			t.Log(text)
		}
		cmd.Wait()
	})
	client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: signer.Pool()}, DisableKeepAlives: true}}
	directory = "https://" + listen + "/dir"
	await(t, ctx, client, directory)
	root = func(t *testing.T) *x509.CertPool {
		t.Helper()
		resp, err := client.Get("https://" + manage + "/roots/0")
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(text) {
			t.Fatal("pebble shows no root")
		}
		return pool
	}
	return directory, client, root
}

// names is a DNS server for which all names are of this machine; pebble asks by
// TCP.
func names(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go answer(conn)
		}
	}()
	return l.Addr().String()
}

// answer answers one question after another.
func answer(conn net.Conn) {
	defer conn.Close()
	for {
		var length [2]byte
		if _, err := io.ReadFull(conn, length[:]); err != nil {
			return
		}
		p := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(conn, p); err != nil || len(p) < 12 {
			return
		}
		// The question: labels up to the empty one, type and class.
		end := 12
		for end < len(p) && p[end] != 0 {
			end += int(p[end]) + 1
		}
		if end += 5; end > len(p) {
			return
		}
		p = p[:end]
		copy(p[2:12], []byte{0x85, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
		if p[end-3] == 1 { // A; of other types there is none
			p[7] = 1
			p = append(p, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1)
		}
		conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(p))), p...))
	}
}

// await asks until there is an answer: pebble does not say when it listens.
func await(t *testing.T, ctx context.Context, client *http.Client, url string) {
	t.Helper()
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		resp, err := client.Get(url)
		if err == nil {
			resp.Body.Close()
			tick.Stop()
			return
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-tick.C:
		}
	}
}

// freeAddress is a port that nobody has just now.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

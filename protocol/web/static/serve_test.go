package static_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/static"
	"github.com/twistor-go/twistor/reactor"
)

// serve runs a Server of h on a real loop and returns its address.
func serve(t testing.TB, h web.Handler) string {
	t.Helper()
	return serveTLS(t, h, nil)
}

func serveTLS(t testing.TB, h web.Handler, config *tls.Config) string {
	t.Helper()
	r := reactor.New(nil)
	port, err := r.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", TLS: config}, &web.Server{Handler: h})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		r.Close()
	})
	return port.Addr().String()
}

// An answer is what came back, whole.
type answer struct {
	*http.Response
	body string
}

// ask sends a request whose path nobody cleans, with more field lines.
func ask(t testing.TB, addr, method, target string, fields ...string) answer {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: example.com\r\nConnection: close\r\n", method, target)
	for _, f := range fields {
		fmt.Fprintf(c, "%s\r\n", f)
	}
	io.WriteString(c, "\r\n")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatalf("%s %s: body: %v", method, target, err)
	}
	return answer{resp, string(body)}
}

func (a answer) want(t testing.TB, sentence string, status int, body string) {
	t.Helper()
	if a.StatusCode != status || a.body != body {
		t.Errorf("%s: got %d %.80q, want %d %.80q", sentence, a.StatusCode, a.body, status, body)
	}
}

func (a answer) status(t testing.TB, sentence string, status int) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s: got %d %.80q, want %d", sentence, a.StatusCode, a.body, status)
	}
}

func (a answer) field(t testing.TB, name, want string) {
	t.Helper()
	if got := a.Header.Get(name); got != want {
		t.Errorf("%s: got %q, want %q", name, got, want)
	}
}

// tree makes a directory of files; a name that ends in a slash is a directory.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		put(t, filepath.Join(root, name), text)
	}
	return root
}

func put(t testing.TB, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

var _ web.Handler = (*static.Files)(nil)

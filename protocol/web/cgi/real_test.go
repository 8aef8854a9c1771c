//go:build unix

package cgi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/cgi"
	"github.com/twistor-go/twistor/reactor"
)

// listen serves h on a real loop and returns its URL.
func listen(t *testing.T, h web.Handler) string {
	t.Helper()
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: h, Log: slog.New(slog.DiscardHandler)})
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
	return "http://" + port.Addr().String()
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

func write(t *testing.T, name, text string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}

// V30: scripts in shell, Python and Perl, found below a directory; nothing beyond it.
func TestV30Directory(t *testing.T) {
	peertest.Program(t, "python3")
	peertest.Program(t, "perl")
	outside := filepath.Join(t.TempDir(), "secret.sh")
	dir := filepath.Join(t.TempDir(), "cgi")
	sh := "#!/bin/sh\nprintf 'Content-Type: text/plain\\n\\n%s|%s|%s|%s' \"$SCRIPT_NAME\" \"$PATH_INFO\" \"$(basename \"$SCRIPT_FILENAME\")\" \"$(basename \"$PWD\")\"\n"
	write(t, outside, sh, 0o755)
	write(t, dir+"/hello.sh", sh, 0o755)
	write(t, dir+"/sub/deep.sh", sh, 0o755)
	write(t, dir+"/.hidden.sh", sh, 0o755)
	write(t, dir+"/plain.sh", sh, 0o644)
	write(t, dir+"/env.x", "import os,sys\nsys.stdout.write('Content-Type: a/b\\n\\n' + os.environ['REQUEST_METHOD'] + sys.stdin.read())\n", 0o644)
	write(t, dir+"/count.pl", "print \"Content-Type: a/b\\n\\n\", length(join('', <STDIN>));\n", 0o644)
	if err := os.Symlink(outside, dir+"/link.sh"); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("hello.sh", dir+"/inner.sh"); err != nil {
		t.Fatal(err)
	}
	mux := &web.Mux{}
	mux.Mount("/cgi-bin", &cgi.Directory{Dir: dir, Interpreters: map[string][]string{".x": {"python3"}, ".pl": {"perl", "-w"}},
		Rules: cgi.Rules{Env: []string{"PATH=" + os.Getenv("PATH")}}})
	base := listen(t, mux)
	for _, c := range []struct {
		path   string
		status int
		body   string
	}{
		{"/cgi-bin/hello.sh", 200, "/cgi-bin/hello.sh||hello.sh|cgi"},
		{"/cgi-bin/hello.sh/a/b%20c?d", 200, "/cgi-bin/hello.sh|/a/b c|hello.sh|cgi"},
		{"/cgi-bin/hello.sh/", 200, "/cgi-bin/hello.sh|/|hello.sh|cgi"},
		{"/cgi-bin/sub/deep.sh/x", 200, "/cgi-bin/sub/deep.sh|/x|deep.sh|sub"},
		{"/cgi-bin/inner.sh", 200, "/cgi-bin/inner.sh||inner.sh|cgi"},
		{"/cgi-bin/env.x", 200, "GET"},
		{"/cgi-bin/link.sh", 404, ""},
		{"/cgi-bin/.hidden.sh", 404, ""},
		{"/cgi-bin/plain.sh", 403, ""},
		{"/cgi-bin/none.sh", 404, ""},
		{"/cgi-bin/", 404, ""},
		{"/cgi-bin/sub", 404, ""},
		{"/cgi-bin/sub/", 404, ""},
		{"/cgi-bin/..%2fsecret.sh", 404, ""},
		{"/cgi-bin/sub%2f..%2fhello.sh", 404, ""},
		{"/cgi-bin/%5c..%5csecret.sh", 404, ""},
	} {
		status, body := get(t, base+c.path)
		if status != c.status || c.body != "" && body != c.body {
			t.Errorf("%s: got %d %q, want %d %q", c.path, status, body, c.status, c.body)
		}
		if strings.Contains(body, dir) {
			t.Errorf("%s: the answer names the directory: %q", c.path, body)
		}
	}
	big := strings.Repeat("x", 3_000_000)
	resp, err := http.Post(base+"/cgi-bin/count.pl", "text/plain", strings.NewReader(big))
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if string(b) != fmt.Sprint(len(big)) {
		t.Errorf("a body of %d bytes: the program counts %q", len(big), b)
	}
}

// T-18: a real program that asks for HTTP_PROXY finds none, and finds nothing of our
// environment.
func TestT_18Httpoxy(t *testing.T) {
	t.Setenv("TWISTOR_SECRET", "x")
	base := listen(t, &cgi.Script{Path: "/bin/sh", Args: []string{"-c", "printf 'Content-Type: a/b\\n\\n'; env"}})
	req, err := http.NewRequest("GET", base, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Proxy", "http://evil")
	req.Header.Set("X-Control", "here")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	if env := string(b); strings.Contains(env, "evil") || strings.Contains(env, "TWISTOR_SECRET") || !strings.Contains(env, "HTTP_X_CONTROL=here") {
		t.Errorf("got %s", env)
	}
}

// V30: a client that leaves ends the program and what it started: they hold a
// pipe of ours, whose end we see.
func TestV30ClientLeaves(t *testing.T) {
	if _, err := exec.LookPath("mkfifo"); err != nil {
		t.Skip("no mkfifo")
	}
	fifo := filepath.Join(t.TempDir(), "fifo")
	if out, err := exec.Command("mkfifo", fifo).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	held, err := os.OpenFile(fifo, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	base := listen(t, &cgi.Script{Path: "/bin/sh", Args: []string{"-c", "exec 3>" + fifo + "; sleep 600 & printf 'Content-Type: a/b\\n\\nhello'; wait"}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(base, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	for in := bufio.NewReader(conn); ; {
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		if line == "hello\r\n" {
			break
		}
	}
	conn.(*net.TCPConn).SetLinger(0) // a reset: who only ends its direction may still read
	conn.Close()
	if _, err := io.ReadAll(held); err != nil { // returns when nobody holds it open any more
		t.Error(err)
	}
}

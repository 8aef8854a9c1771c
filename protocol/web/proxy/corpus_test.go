package proxy_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/framing/http1/http1test"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/proxy"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

// PX-04: each message of the corpus goes through the proxy to a back end of ours, in one piece and
// byte by byte. What the back end reads is what the proxy forwarded, no more and no less, and it
// finds nothing wrong with it.
func TestPX04CorpusToOurs(t *testing.T) {
	for _, c := range http1test.Corpus() {
		if c.Response {
			continue
		}
		for _, size := range []int{len(c.Bytes), 1} {
			if size == 1 && len(c.Bytes) > 20_000 {
				continue
			}
			w := sim.New(t, 0)
			back := &web.Server{MaxBodyBytes: -1, Heads: http1.Limits{MaxFields: 110, MaxHead: 20 << 10}, Log: slog.New(slog.DiscardHandler), Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
				_, err := r.Body.Bytes(-1).Await(co)
				return err
			})}
			w.Host("back").Listen("tcp", ":8080", back)
			p := &proxy.Reverse{To: []string{"http://back:8080"}}
			s := newSite(w, p)
			peer := w.Host("client").Dial("proxy:80")
			for piece := range slices.Chunk(c.Bytes, max(size, 1)) {
				peer.Send(string(piece))
				if size == 1 && len(c.Bytes) < 400 {
					w.Settle()
				}
			}
			w.Settle()
			peer.CloseWrite()
			w.Advance(3 * time.Minute)
			forwarded := p.Status(w.Now())
			var count uint64
			for _, b := range forwarded {
				count = b.Requests
			}
			// One whose body breaks off may be given up before it is sent.
			begun := strings.Contains(c.Want, "begun")
			if got := back.Stats(); got.Requests > count || !begun && got.Requests < count || got.Refused != 0 {
				t.Errorf("%s (%d at a time): the back end saw %d requests and refused %d; %d were forwarded", c.Name, size, got.Requests, got.Refused, count)
			}
			// TRACE and CONNECT end here, by design.
			ends := strings.Count(string(c.Bytes), "TRACE ") + strings.Count(string(c.Bytes), "CONNECT ")
			if served := uint64(c.Served()); count+uint64(ends) < served || !begun && count > served {
				t.Errorf("%s (%d at a time): %d were forwarded, want %s", c.Name, size, count, c.Want)
			}
			peer.Close()
			_ = s
			w.Errors()
		}
	}
}

// forwarding runs a Reverse before back on a real loop, that numbers what it forwards.
func forwarding(t *testing.T, back string) (addr string, forwarded func() int) {
	t.Helper()
	r := reactor.New(nil)
	count := 0
	p := &proxy.Reverse{To: []string{back}, Request: func(out, _ *web.Request) error {
		count++
		return out.Header.Set("X-Number", strconv.Itoa(count))
	}}
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: p, MaxBodyBytes: -1, DisableHTTP2: true, Log: slog.New(slog.DiscardHandler)})
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
	return port.Addr().String(), func() int {
		n, _ := deferred.Call(context.Background(), r.Loop(), func() *deferred.Deferred[int] { return deferred.Succeeded(count) })
		return n
	}
}

// playCorpus sends the corpus, each case on a connection of its own, and returns how many requests
// are whole by its own account.
func playCorpus(t *testing.T, addr string) (whole int) {
	t.Helper()
	for _, c := range http1test.Corpus() {
		if c.Response || strings.Contains(c.Want, "waits") {
			continue
		}
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		conn.Write(c.Bytes)
		// A half-closed client counts as one that has left, so the answers are awaited first.
		want := c.Served()
		if c.Status() != 0 {
			want++
		}

		var got []byte
		for p := make([]byte, 4096); finals(got) < want; {
			n, err := conn.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				if finals(got) < c.Served() {
					t.Errorf("%s: got %d answers, %v; want %d", c.Name, finals(got), err, want)
				}
				break
			}
		}
		conn.Close()
		whole += c.Served() - strings.Count(string(c.Bytes), "TRACE ") - strings.Count(string(c.Bytes), "CONNECT ")
	}
	return whole
}

// finals counts the answers in p that are not interim ones.
func finals(p []byte) int {
	return strings.Count(string(p), "HTTP/1.1 ") - strings.Count(string(p), "HTTP/1.1 1")
}

// judge compares the numbers of the requests that a back end saw with what was forwarded: each
// once, and none that was not.
func judge(t *testing.T, seen []string, forwarded, whole int) {
	t.Helper()
	slices.Sort(seen)
	for i, n := range seen {
		if number, err := strconv.Atoi(n); err != nil || number < 1 || number > forwarded || i > 0 && seen[i-1] == n {
			t.Errorf("the back end saw request %q, which was not forwarded, or twice", n)
		}
	}
	if len(seen) < whole || whole < 30 {
		t.Errorf("the back end saw %d requests of %d forwarded, want at least %d", len(seen), forwarded, whole)
	}
}

// PX-04: the same before net/http.
func TestPX04CorpusToNetHTTP(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	back := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen = append(seen, r.Header.Get("X-Number"))
		mu.Unlock()
		io.Copy(io.Discard, r.Body)
	}))
	back.Config.ErrorLog = log.New(io.Discard, "", 0)
	back.Start()
	addr, forwarded := forwarding(t, back.URL)
	whole := playCorpus(t, addr)
	n := forwarded()
	back.CloseClientConnections()
	back.Close()
	judge(t, seen, n, whole)
}

// PX-04: the same before nginx.
func TestPX04CorpusToNginx(t *testing.T) {
	program := peertest.Program(t, "nginx")
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	// nginx inherits the socket, as in its own upgrades, so nobody waits until it listens.
	at := l.Addr().String()
	socket, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	defer socket.Close()
	conf := fmt.Sprintf(`daemon off; worker_processes 1; pid %[1]s/pid; error_log /dev/null; events {}
http { log_format n '$http_x_number $request_length'; access_log %[1]s/log n; client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c;
uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e; underscores_in_headers on; large_client_header_buffers 4 32k; client_max_body_size 0;
server { listen %[2]s; location / { return 200 "ok"; } } }`, dir, at)
	if err := os.WriteFile(filepath.Join(dir, "conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program, "-c", filepath.Join(dir, "conf"), "-p", dir)
	cmd.ExtraFiles, cmd.Env = []*os.File{socket}, append(os.Environ(), "NGINX=3;")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(os.Interrupt)
		cmd.Wait()
	}()
	addr, forwarded := forwarding(t, "http://"+at)
	whole := playCorpus(t, addr)
	n := forwarded()
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait()
	text, err := os.ReadFile(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	for line := range strings.Lines(string(text)) {
		// A connection that was opened and ended before a byte of a request is logged too, with a
		// length of 0.
		if number, length, _ := strings.Cut(strings.TrimSpace(line), " "); length != "0" {
			seen = append(seen, number)
		}
	}
	judge(t, seen, n, whole)
}

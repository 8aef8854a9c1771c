package web_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
	"github.com/twistor-go/twistor/sim"
)

// TestT22HostIsNotEchoed: whatever a client calls the host, no page of ours repeats it.
func TestT22HostIsNotEchoed(t *testing.T) {
	for _, host := range []string{"<script>alert(1)</script>", "a\"b", "x.example"} {
		for _, h := range []web.Handler{nil, web.Inline(func(*deferred.Co, *web.ResponseWriter, *web.Request) error { return &web.Error{Status: 404} })} {
			got := asked(t, quiet(h), "GET /", "Host: "+host)
			if strings.Contains(got.Wire, host) {
				t.Errorf("%q: got %q", host, got.Wire)
			}
			if want := 404; host != "x.example" {
				if got.Status != 400 {
					t.Errorf("%q: got %d, want 400", host, got.Status)
				}
			} else if got.Status != want {
				t.Errorf("control: got %d, want %d", got.Status, want)
			}
		}
	}
}

// serveTLSHere runs s under TLS on a real loop, and returns where and whom to trust.
func serveTLSHere(t *testing.T, s *web.Server) (addr string, roots *x509.CertPool) {
	t.Helper()
	ca := certtest.New()
	config := ca.Server("localhost")
	config.NextProtos = s.NextProtos()
	config.Certificates = []tls.Certificate{ca.Issue(certtest.Leaf{Names: []string{"localhost"}, Key: certtest.RSA()})}
	r := reactor.New(&reactor.Config{Log: slog.New(slog.DiscardHandler)})
	port, err := r.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0",
		TLS: config}, s)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; r.Close() })
	return port.Addr().String(), ca.Pool()
}

// TestT27OldTLS: TLS before 1.2 is refused, as are ciphers that nobody should use (TLS-02).
func TestT27OldTLS(t *testing.T) {
	addr, roots := serveTLSHere(t, &web.Server{Handler: says("ok")})
	for name, c := range map[string]struct {
		config *tls.Config
		ok     bool
	}{
		"control: 1.3":      {&tls.Config{}, true},
		"control: 1.2":      {&tls.Config{MaxVersion: tls.VersionTLS12}, true},
		"control: a cipher": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}}, true},
		"1.1":               {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, false},
		"1.0":               {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS10}, false},
		"RSA key exchange":  {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, false},
		"3DES":              {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA}}, false},
		"TLS-05: no common": {&tls.Config{NextProtos: []string{"ftp"}}, false},
	} {
		config := c.config.Clone()
		config.RootCAs, config.ServerName = roots, "localhost"
		conn, err := tls.Dial("tcp", addr, config)
		if (err == nil) != c.ok {
			t.Errorf("%s: got %v", name, err)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// TestTLS05CrossProtocol: HTTP to a port of TLS gets nothing but an end; TLS to a port of HTTP gets one
// refusal in clear and an end.
func TestTLS05CrossProtocol(t *testing.T) {
	secure, _ := serveTLSHere(t, &web.Server{Handler: says("ok")})
	plain := serve(t, &web.Server{Handler: says("ok")})
	ask := func(addr, text string) string {
		conn, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conn.SetDeadline(time.Now().Add(time.Minute))
		io.WriteString(conn, text)
		b, _ := io.ReadAll(conn)
		return string(b)
	}
	if got := ask(secure, getRoot); strings.Contains(got, "200") || strings.Contains(got, "ok") {
		t.Errorf("HTTP to TLS: got %q", got)
	}
	hello := "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + strings.Repeat("\x00", 512)
	if got := ask(plain, hello); !strings.HasPrefix(got, "HTTP/1.1 400 ") || strings.Count(got, "HTTP/1.1") != 1 {
		t.Errorf("TLS to HTTP: got %q, want one 400", got)
	}
	if got := ask(plain, "GET / HTTP/1.0\r\n\r\n"); !strings.HasSuffix(got, "\r\n\r\nok") {
		t.Errorf("control: got %q", got)
	}
}

// TestTLS03Truncated: an answer that ends with its connection ends, under TLS, with
// close_notify: a client can tell it from one that was cut; one that is cut has none.
func TestTLS03TruncatedAnswers(t *testing.T) {
	addr, roots := serveTLSHere(t, quiet(web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.WriteString("half")
		w.Flush()
		if r.Path() == "/cut" {
			w.Abort()
		}
	})))
	for path, whole := range map[string]bool{"/": true, "/cut": false} {
		conn, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: roots, ServerName: "localhost", NextProtos: []string{"http/1.1"}})
		if err != nil {
			t.Fatal(err)
		}
		conn.SetDeadline(time.Now().Add(time.Minute))
		fmt.Fprintf(conn, "GET %s HTTP/1.0\r\n\r\n", path)
		b, err := io.ReadAll(conn)
		if (err == nil) != whole {
			t.Errorf("%s: got %q, %v; an orderly end: want %v", path, b, err, whole)
		}
		conn.Close()
	}
}

// TestV27BothVersions: what is true of answers is so whatever carries them: the same Handler, asked over
// HTTP/1.1 and over HTTP/2 (ALPN), gives the same.
func TestV27BothVersions(t *testing.T) {
	long := bytes.Repeat([]byte("0123456789abcdef"), 20_000)
	mux := new(web.Mux)
	mux.HandleFunc("/short", hello)
	mux.HandleFunc("/long", func(w *web.ResponseWriter, r *web.Request) { w.Write(long) })
	mux.HandleFunc("/shared", func(w *web.ResponseWriter, r *web.Request) { w.WriteShared(long) })
	mux.HandleFunc("/nothing", func(w *web.ResponseWriter, r *web.Request) { w.WriteHeader(204); w.WriteShared(long) })
	mux.HandleFunc("/same", func(w *web.ResponseWriter, r *web.Request) { w.WriteHeader(304); w.WriteString("no") })
	mux.HandleFunc("/trailer", func(w *web.ResponseWriter, r *web.Request) { w.WriteString("x"); w.Trailer().Set("X-Sum", "1") })
	mux.HandleFunc("/panic", func(w *web.ResponseWriter, r *web.Request) { panic("secret") })
	mux.HandleFunc("/filter", func(w *web.ResponseWriter, r *web.Request) { w.Use(around{"[", "]"}); w.WriteString("x") })
	mux.HandleFunc("/less", func(w *web.ResponseWriter, r *web.Request) { w.SetHeader("Content-Length", "9"); w.WriteString("x") })
	mux.HandleFunc("/cut", func(w *web.ResponseWriter, r *web.Request) { w.WriteString("x"); w.Flush(); w.Abort() })
	mux.Handle("/echo", web.Later(echoed))
	mux.Handle("/limited", web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal { r.Body.Limit(10); return echoed(w, r) }))
	addr, roots := serveTLSHere(t, quiet(mux))
	client := func(two bool) *http.Client {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "localhost"}, ForceAttemptHTTP2: two}
		t.Cleanup(tr.CloseIdleConnections)
		return &http.Client{Transport: tr}
	}
	clients := []*http.Client{client(false), client(true)}
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/short", ""}, {"HEAD", "/short", ""}, {"GET", "/long", ""}, {"HEAD", "/long", ""}, {"GET", "/shared", ""}, {"HEAD", "/shared", ""},
		{"GET", "/nothing", ""}, {"GET", "/same", ""}, {"GET", "/trailer", ""}, {"GET", "/panic", ""}, {"GET", "/filter", ""}, {"HEAD", "/filter", ""},
		{"GET", "/less", ""}, {"GET", "/cut", ""}, {"POST", "/echo", string(long)}, {"POST", "/limited", string(long)}, {"POST", "/short", string(long)}, {"GET", "/missing", ""},
	} {
		var got [2]string
		for i, client := range clients {
			req, _ := http.NewRequest(c.method, "https://"+addr+c.path, strings.NewReader(c.body))
			resp, err := client.Do(req)
			if err != nil {
				got[i] = "no answer"
				continue
			}
			if resp.ProtoMajor != i+1 {
				t.Fatalf("HTTP/%d was spoken, want %d", resp.ProtoMajor, i+1)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			page, _, _ := strings.Cut(string(b), "Request <code>")
			for _, name := range []string{"Date", "Connection", "Content-Length", "Trailer"} {
				resp.Header.Del(name)
			}
			got[i] = fmt.Sprintf("%d %v %d %v %v %.300s", resp.StatusCode, resp.Header, len(page), err != nil, resp.Trailer, page)
		}
		if got[0] != got[1] {
			t.Errorf("%s %s: HTTP/1.1 gives\n%s\nHTTP/2\n%s", c.method, c.path, got[0], got[1])
		}
	}
}

// TestF01Cost: what a connection costs that waits within its head: its own few hundred bytes and what
// has come, and no goroutine.
func TestF01Cost(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector allocates")
	}
	const n = 2000
	clock := sim.NewClock(t)
	s := &web.Server{Handler: says("ok")}
	measure := func(wire string) (bytes float64) {
		all := make([]*sink, 0, n)
		goroutines := runtime.NumGoroutine()
		before := inUse()
		for range n {
			tr := &sink{Transport: sim.NewTransport(clock)}
			all = append(all, tr)
		}
		bare := inUse() - before
		for _, tr := range all {
			p := s.Build(tr)
			p.Connected()
			if wire != "" {
				p.Received([]byte(wire))
			}
			tr.wrote = 0
			defer p.Disconnected(io.EOF)
		}
		used := inUse() - before - bare
		if g := runtime.NumGoroutine(); g > goroutines {
			t.Errorf("%d goroutines for %d connections", g-goroutines, n)
		}
		runtime.KeepAlive(all)
		return float64(used) / n
	}
	for wire, most := range map[string]float64{"": 700, getRoot: 700, "GET / HTTP/1.1\r\nHost: a\r\nX: ": 2500} {
		if got := measure(wire); got > most {
			t.Errorf("after %q: %.0f bytes a connection, want at most %.0f", wire, got, most)
		} else {
			t.Logf("after %q: %.0f bytes a connection", wire, got)
		}
	}
}

// inUse is how many bytes of the heap are.
func inUse() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestF20Fair: one client that asks without end, and reads, does not keep others on the same loop from being
// served: they get answers while it goes on.
func TestF20Fair(t *testing.T) {
	addr := serve(t, &web.Server{Handler: says("ok")})
	blaster, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer blaster.Close()
	answered := make(chan int, 1)
	go func() {
		many := []byte(strings.Repeat(getRoot, 1000))
		for {
			if _, err := blaster.Write(many); err != nil {
				return
			}
		}
	}()
	go func() {
		n, _ := io.Copy(io.Discard, bufio.NewReaderSize(blaster, 1<<20))
		answered <- int(n)
	}()
	client := &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i := range 200 {
		resp, err := client.Get("http://" + addr + "/")
		if err != nil {
			t.Fatalf("request %d beside a blaster: %v", i, err)
		}
		io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	blaster.Close()
	if n := <-answered; n < 100_000 {
		t.Errorf("the blaster got %d bytes: it was none", n)
	}
}

// TestV04Order is the article's pipelining: answers in the order of the requests, whichever would be ready first.
func TestV04Order(t *testing.T) {
	clock := sim.NewClock(t)
	var begun []string
	tr := sim.Connect(clock, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		begun = append(begun, r.Path())
		path := r.Path()
		if path == "/slow" {
			co.Sleep(time.Second)
		}
		_, err := w.WriteString("<" + path + ">")
		return err
	})})
	tr.Receive("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /fast HTTP/1.1\r\nHost: a\r\n\r\n")
	if !slices.Equal(begun, []string{"/slow"}) || tr.Written() != "" {
		t.Errorf("at first: %v were begun and %q written", begun, tr.Written())
	}
	clock.Advance(time.Second)
	if got := tr.Written(); strings.Index(got, "</slow>") > strings.Index(got, "</fast>") || !strings.Contains(got, "</fast>") {
		t.Errorf("got %q", got)
	}
}

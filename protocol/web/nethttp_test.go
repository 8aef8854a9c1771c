package web_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
)

// doors are the two ways in for net/http's Handlers.
var doors = []struct {
	name string
	open func(http.Handler) web.Handler
}{{"goroutines", web.HTTP}, {"loop", web.OnLoop}}

// TestV29NetHTTP runs what net/http promises its Handlers through both doors,
// with net/http's own client.
func TestV29NetHTTP(t *testing.T) {
	file := filepath.Join(t.TempDir(), "big.bin")
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<16) // 1 MiB
	if err := os.WriteFile(file, big, 0o600); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 2)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "hello %s %s %v", r.PathValue("name"), r.URL.RawQuery, r.Context().Value(http.LocalAddrContextKey) != nil)
	})
	mux.HandleFunc("POST /echo", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Trailer", "X-Sum")
		n, err := io.Copy(w, r.Body)
		w.Header().Set("X-Sum", fmt.Sprint(n, err, r.Trailer.Get("X-Client")))
	})
	mux.HandleFunc("/file", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) })
	mux.HandleFunc("/flush", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "first\n")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/leave", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(200)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		if co := web.Co(r); co != nil {
			for r.Context().Err() == nil {
				co.Sleep(time.Millisecond)
			}
		}
		<-r.Context().Done()
		gone <- r.Context().Err()
	})
	mux.HandleFunc("/early", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</a.css>")
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("at /etc/secret") })
	mux.HandleFunc("/abort", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "half")
		http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})

	for _, door := range doors {
		t.Run(door.name, func(t *testing.T) {
			addr := serve(t, &web.Server{Handler: door.open(mux)})
			client := &http.Client{Transport: &http.Transport{}}
			defer client.CloseIdleConnections()
			get := func(path string) (*http.Response, string) {
				t.Helper()
				resp, err := client.Get("http://" + addr + path)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil {
					b = append(b, " !"+err.Error()...)
				}
				return resp, string(b)
			}

			resp, body := get("/hello/bob?x=1")
			if want := "hello bob x=1 "; !strings.HasPrefix(body, want) || resp.ContentLength != int64(len(body)) {
				t.Errorf("hello: got %q of length %d, want %q...", body, resp.ContentLength, want)
			}
			if got, want := resp.Header.Get("Content-Type"), "text/plain; charset=utf-8"; got != want {
				t.Errorf("type: got %q, want %q", got, want)
			}
			if resp, _ := get("/nowhere"); resp.StatusCode != 404 {
				t.Errorf("nowhere: got %d, want 404", resp.StatusCode)
			}

			req, _ := http.NewRequest("POST", "http://"+addr+"/echo", struct{ io.Reader }{bytes.NewReader(big)})
			req.Trailer = http.Header{"X-Client": {"me"}}
			resp, err := client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			b, err := io.ReadAll(resp.Body)
			resp.Body.Close()
			if err != nil || !bytes.Equal(b, big) {
				t.Errorf("echo: got %d bytes, %v; want the %d that were sent", len(b), err, len(big))
			}
			if got, want := resp.Trailer.Get("X-Sum"), "1048576 <nil>me"; got != want {
				t.Errorf("trailer: got %q, want %q", got, want)
			}

			resp, body = get("/file")
			if resp.ContentLength != int64(len(big)) || body != string(big) {
				t.Errorf("file: got %d bytes", len(body))
			}
			if resp, body := get("/panic"); resp.StatusCode != 500 || strings.Contains(body, "secret") {
				t.Errorf("panic: got %d %q, want an opaque 500", resp.StatusCode, body)
			}
			if _, body := get("/abort"); !strings.HasPrefix(body, "half !") {
				t.Errorf("abort: got %q, want a cut answer", body)
			}

			var early textproto.MIMEHeader
			ctx := httptrace.WithClientTrace(context.Background(), &httptrace.ClientTrace{
				Got1xxResponse: func(code int, h textproto.MIMEHeader) error { early = h; return nil },
			})
			req, _ = http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/early", nil)
			resp, err = client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 204 || early.Get("Link") != "</a.css>" {
				t.Errorf("early hints: got %d after %v", resp.StatusCode, early)
			}

			ctx, cancel := context.WithCancel(context.Background())
			req, _ = http.NewRequestWithContext(ctx, "GET", "http://"+addr+"/leave", nil)
			if resp, err = client.Do(req); err != nil {
				t.Fatal(err)
			}
			cancel()
			resp.Body.Close()
			if err := <-gone; err == nil {
				t.Error("the handler did not hear that its client left")
			}
		})
	}
}

func TestV29Hijack(t *testing.T) {
	addr := serve(t, &web.Server{Handler: web.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		go func() {
			defer c.Close()
			line, _ := rw.ReadString('\n')
			rw.WriteString("HTTP/1.1 101 Mine\r\n\r\n" + strings.ToUpper(line))
			rw.Flush()
		}()
	}))})
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: mine\r\n\r\nearly bird\n")
	b, err := io.ReadAll(bufio.NewReader(c))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := string(b), "HTTP/1.1 101 Mine\r\n\r\nEARLY BIRD\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

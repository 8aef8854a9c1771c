package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/reactor"
)

// realLoop runs a real reactor, and gives the way to run a coroutine on it.
func realLoop(t testing.TB) (c *web.Client, do func(body func(co *deferred.Co) error)) {
	t.Helper()
	r := reactor.New(nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-done
		r.Close()
	})
	return &web.Client{Loop: r.Loop()}, func(body func(co *deferred.Co) error) {
		t.Helper()
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		_, err := deferred.Call(ctx, r.Loop(), func() *deferred.Signal {
			return deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) { return struct{}{}, body(co) })
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// echo is a server of net/http that says what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	w.Header().Set("Trailer", "X-Sum")
	fmt.Fprintf(w, "%s %s %v %s %d %x", r.Method, r.URL.RequestURI(), r.TransferEncoding, r.Header.Get("Content-Type"), r.ContentLength, sha256.Sum256(body))
	w.Header().Set("X-Sum", r.Trailer.Get("X-Sum"))
}

// V53: contents of all kinds, to net/http.
func TestV53ContentsToNetHTTP(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(echo))
	defer s.Close()
	c, do := realLoop(t)
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<18) // 4 MiB
	name := filepath.Join(t.TempDir(), "big")
	if err := os.WriteFile(name, big, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, k := range []struct {
		name    string
		content web.Content
		want    string
		sum     []byte
	}{
		{"none", nil, "[]  0", nil},
		{"bytes", web.Bytes("a/b", big), "[] a/b 4194304", big},
		{"empty", web.Bytes("a/b", nil), "[] a/b 0", nil},
		{"text", web.Text("hi"), "[] text/plain; charset=utf-8 2", []byte("hi")},
		{"json", web.JSON(map[string]int{"a": 1}), "[] application/json 7", []byte(`{"a":1}`)},
		{"form", web.Form(url.Values{"b": {"1 2"}, "a": {"&"}}), "[] application/x-www-form-urlencoded 11", []byte("a=%26&b=1+2")},
		{"file", web.File("c/d", io.NewSectionReader(file, 0, int64(len(big)))), "[] c/d 4194304", big},
		{"reader", web.Reader("", bytes.NewReader(big)), "[chunked]  -1", big},
		{"stream", web.Stream("", func(co *deferred.Co, w web.BodyWriter) error {
			for i := 0; i < len(big); i += 1 << 16 {
				if _, err := w.Write(big[i : i+1<<16]); err != nil {
					return err
				}
				if _, err := w.Ready().Await(co); err != nil {
					return err
				}
			}
			return nil
		}), "[chunked]  -1", big},
	} {
		do(func(co *deferred.Co) error {
			resp, err := c.Post(s.URL+"/x?y", k.content).Await(co)
			if err != nil {
				return fmt.Errorf("%s: %w", k.name, err)
			}
			got, err := resp.Text(-1).Await(co)
			if want := fmt.Sprintf("POST /x?y %s %x", k.want, sha256.Sum256(k.sum)); got != want || err != nil {
				t.Errorf("%s: got %q, %v; want %q", k.name, got, err, want)
			}
			return nil
		})
	}
	do(func(co *deferred.Co) error {
		_, err := c.Post(s.URL, web.JSON(func() {})).Await(co)
		if e := (*json.UnsupportedTypeError)(nil); !errors.As(err, &e) {
			t.Errorf("what is no JSON: got %v", err)
		}
		return nil
	})
}

// V53: a form with files, as net/http reads it; names cannot leave their quotes.
func TestV53Multipart(t *testing.T) {
	got := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseMultipartForm(1 << 20); err != nil {
			got <- err.Error()
			return
		}
		f, h, err := r.FormFile("file")
		if err != nil {
			got <- err.Error()
			return
		}
		data, _ := io.ReadAll(f)
		got <- fmt.Sprint(r.ContentLength > 0, " ", r.FormValue("a"), " ", h.Filename, " ", h.Header.Get("Content-Type"), " ", string(data), " ", len(r.MultipartForm.Value))
	}))
	defer s.Close()
	c, do := realLoop(t)
	for _, content := range []web.Content{web.Bytes("image/png", []byte("pixels")), web.Reader("image/png", strings.NewReader("pixels"))} {
		do(func(co *deferred.Co) error {
			m := web.Multipart(c.Loop, web.Part{Name: "a", Content: web.Text("x")},
				web.Part{Name: "file", FileName: "a\"\r\nX: y.png", Content: content})
			resp, err := c.Post(s.URL, m).Await(co)
			if err != nil {
				return err
			}
			_, err = resp.Bytes(-1).Await(co)
			return err
		})
		want := fmt.Sprint(content.Length() >= 0, " x a%22%0D%0AX: y.png image/png pixels 1")
		if got := <-got; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// V51: JSON answers, trailers, and early hints of net/http.
func TestV51FromNetHTTP(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Link", "</style.css>")
		w.WriteHeader(103)
		w.Header().Set("Trailer", "X-Sum")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"name":"a"}`)
		w.(http.Flusher).Flush()
		if r.URL.Path == "/more" {
			io.WriteString(w, `{}`)
		}
		w.Header().Set("X-Sum", "12")
	}))
	defer s.Close()
	c, do := realLoop(t)
	do(func(co *deferred.Co) error {
		hints := 0
		c.Informed = func(_ *web.Request, status int, h *web.Header) {
			if status == 103 && h.Get("Link") == "</style.css>" {
				hints++
			}
		}
		resp, err := c.Get(s.URL).Await(co)
		if err != nil {
			return err
		}
		var v struct{ Name string }
		if _, err := resp.JSON(&v, 1<<10).Await(co); err != nil || v.Name != "a" || hints != 1 || resp.Body.Trailer().Get("X-Sum") != "12" {
			t.Errorf("got %+v, %v, %d hints, trailer %v", v, err, hints, resp.Body.Trailer())
		}
		if resp, err = c.Get(s.URL + "/more").Await(co); err != nil {
			return err
		}
		if _, err := resp.JSON(&v, 1<<10).Await(co); err == nil || !strings.Contains(err.Error(), "more follows") {
			t.Errorf("two values: got %v", err)
		}
		return nil
	})
}

// V63, UC11: http.Client works over the loop as it does over its own Transport.
func TestRoundTripper(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.SetCookie(w, &http.Cookie{Name: "k", Value: "v"})
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		case "/slow":
			w.Write([]byte("begun"))
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		default:
			w.Header().Set("X-Cookie", r.Header.Get("Cookie"))
			w.Header().Set("X-Host", r.Host)
			echo(w, r)
		}
	}))
	defer s.Close()
	c, _ := realLoop(t)
	std := &http.Client{Transport: c.RoundTripper(), Jar: web.NewCookies()}
	big := strings.Repeat("x", 1<<20)
	for _, path := range []string{"/redirect", "/"} {
		q, _ := http.NewRequest("PUT", s.URL+path, strings.NewReader(big))
		q.Host = "other.example"
		q.Trailer = http.Header{"X-Sum": {"abc"}} // which http.Client does not take along a redirect
		q.ContentLength = -1
		resp, err := std.Do(q)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		want := fmt.Sprintf("PUT / [chunked]  -1 %x", sha256.Sum256([]byte(big)))
		if string(body) != want || err != nil || resp.Header.Get("X-Cookie") != "k=v" || (path == "/") != (resp.Trailer.Get("X-Sum") == "abc") || path == "/" && resp.Header.Get("X-Host") != "other.example" {
			t.Errorf("got %q, %v, Cookie %q, trailer %v; want %q", body, err, resp.Header.Get("X-Cookie"), resp.Trailer, want)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	q, _ := http.NewRequestWithContext(ctx, "GET", s.URL+"/slow", nil)
	resp, err := std.Do(q)
	if err != nil {
		t.Fatal(err)
	}
	p := make([]byte, 10)
	if n, _ := io.ReadAtLeast(resp.Body, p, 5); string(p[:n]) != "begun" {
		t.Errorf("got %q", p[:n])
	}
	cancel()
	if _, err := resp.Body.Read(p); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: got %v, want context.Canceled", err)
	}
	resp.Body.Close()
	if _, err := std.Get("http://127.0.0.1:1/"); err == nil {
		t.Error("nobody listens: want an error")
	}
	// A body with no content, many at once.
	errs := make(chan error)
	for range 20 {
		go func() {
			resp, err := std.Get(s.URL + "/x")
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			errs <- err
		}()
	}
	for range 20 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	std.CloseIdleConnections()
}

// T-17, TLS-06, V55: whom a client believes.
func TestTLS_06Certificates(t *testing.T) {
	ca, other := certtest.New(), certtest.New()
	for _, k := range []struct {
		name  string
		cert  tls.Certificate
		roots *x509.CertPool
		host  string
		ok    bool
	}{
		{"control", ca.Issue(certtest.Leaf{Names: []string{"localhost"}}), ca.Pool(), "localhost", true},
		{"control: address", ca.Issue(certtest.Leaf{Names: []string{"127.0.0.1"}}), ca.Pool(), "127.0.0.1", true},
		{"wrong name", ca.Issue(certtest.Leaf{Names: []string{"other.example"}}), ca.Pool(), "localhost", false},
		{"wrong address", ca.Issue(certtest.Leaf{Names: []string{"127.0.0.2"}}), ca.Pool(), "127.0.0.1", false},
		{"name for an address", ca.Issue(certtest.Leaf{Names: []string{"localhost"}}), ca.Pool(), "127.0.0.1", false},
		{"another root (T-17)", ca.Issue(certtest.Leaf{Names: []string{"localhost"}}), other.Pool(), "localhost", false},
		{"no root (T-17)", ca.Issue(certtest.Leaf{Names: []string{"localhost"}}), x509.NewCertPool(), "localhost", false},
		{"the system's roots", ca.Issue(certtest.Leaf{Names: []string{"localhost"}}), nil, "localhost", false},
		{"name in the common name only", ca.Issue(certtest.Leaf{CommonName: "localhost"}), ca.Pool(), "localhost", false},
		{"NUL in the name", ca.Issue(certtest.Leaf{Names: []string{"localhost\x00.example"}}), ca.Pool(), "localhost", false},
		{"not yet valid", ca.Issue(certtest.Leaf{Names: []string{"localhost"}, NotBefore: time.Now().Add(time.Hour), NotAfter: time.Now().Add(2 * time.Hour)}), ca.Pool(), "localhost", false},
		{"for clients", ca.Issue(certtest.Leaf{Names: []string{"localhost"}, Client: true}), ca.Pool(), "localhost", false},
		{"wildcard of all", ca.Issue(certtest.Leaf{Names: []string{"*"}}), ca.Pool(), "localhost", false},
		{"expired", ca.Issue(certtest.Leaf{Names: []string{"localhost"}, NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(-time.Hour)}), ca.Pool(), "localhost", false},
	} {
		t.Run(k.name, func(t *testing.T) {
			asked := make(chan string, 1)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked <- r.URL.Path }))
			s.Config.ErrorLog = log.New(io.Discard, "", 0)
			s.TLS = &tls.Config{Certificates: []tls.Certificate{k.cert}}
			s.StartTLS()
			defer s.Close()
			c, do := realLoop(t)
			c.TLS = &tls.Config{RootCAs: k.roots}
			_, port, _ := net.SplitHostPort(s.Listener.Addr().String())
			do(func(co *deferred.Co) error {
				resp, err := c.Get("https://" + net.JoinHostPort(k.host, port) + "/").Await(co)
				if (err == nil) != k.ok {
					t.Errorf("got %v, want success: %v", err, k.ok)
				}
				if err == nil {
					_, err = resp.Bytes(-1).Await(co)
					return err
				}
				return nil
			})
			if (len(asked) == 1) != k.ok {
				t.Errorf("the server was asked: %v, want %v", len(asked) == 1, k.ok)
			}
		})
	}
}

// V51, V53: python's and nginx's servers, with curl to say what is right.
func TestInteropServers(t *testing.T) {
	curl := peertest.Program(t, "curl")
	dir := t.TempDir()
	big := bytes.Repeat([]byte("twistor "), 1<<17)
	if err := os.WriteFile(filepath.Join(dir, "big.txt"), big, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, peer := range []struct {
		name  string
		start func(t *testing.T, port string) *exec.Cmd
	}{
		{"python3", func(t *testing.T, port string) *exec.Cmd {
			return exec.Command(peertest.Program(t, "python3"), "-m", "http.server", port, "--bind", "127.0.0.1", "--directory", dir)
		}},
		{"nginx", func(t *testing.T, port string) *exec.Cmd {
			conf := filepath.Join(dir, "nginx.conf")
			text := fmt.Sprintf("daemon off; worker_processes 1; pid %s/pid; error_log /dev/null; events {} http { access_log off; client_body_temp_path %s; proxy_temp_path %s; fastcgi_temp_path %s; uwsgi_temp_path %s; scgi_temp_path %s; gzip on; gzip_types *; gzip_min_length 1; server { listen 127.0.0.1:%s; root %s; } }",
				dir, dir, dir, dir, dir, dir, port, dir)
			if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
			return exec.Command(peertest.Program(t, "nginx"), "-c", conf, "-p", dir)
		}},
	} {
		t.Run(peer.name, func(t *testing.T) {
			port := freePort(t)
			cmd := peer.start(t, port)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			defer func() {
				cmd.Process.Signal(os.Interrupt)
				cmd.Wait()
			}()
			base := "http://127.0.0.1:" + port
			c, do := realLoop(t)
			do(func(co *deferred.Co) error {
				for range 200 { // until it listens
					if resp, err := c.Head(base + "/big.txt").Await(co); err == nil {
						resp.Close()
						break
					}
					co.Sleep(20 * time.Millisecond)
				}
				for _, path := range []string{"/big.txt", "/none", "/big.txt?x=y"} {
					resp, err := c.Get(base + path).Await(co)
					if err != nil {
						return err
					}
					got, err := resp.Bytes(-1).Await(co)
					if err != nil {
						return err
					}
					want, err := deferred.Go(co.Loop(), func(context.Context) ([]byte, error) {
						return exec.Command(curl, "-s", "-w", "%{http_code}", base+path).Output()
					}).Await(co)
					if err != nil {
						return err
					}
					if got := fmt.Sprintf("%s%d", got, resp.Status); got != string(want) {
						t.Errorf("%s: got %d bytes, %d; curl got %d", path, len(got), resp.Status, len(want))
					}
				}
				return nil
			})
		})
	}
}

// freePort is a port of 127.0.0.1 that nobody uses now.
func freePort(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}

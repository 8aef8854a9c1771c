package web_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
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

// spoken answers what a request was: its version, method, body and trailer.
func spoken(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
	body, err := r.Body.Bytes(-1).Await(co)
	if err != nil {
		return err
	}
	major, _ := r.Proto()
	w.SetHeader("Content-Type", "text/plain")
	if t := r.Body.Trailer(); t != nil {
		w.SetHeader("X-Sum", t.Get("X-Sum"))
	}
	w.Trailer().Set("X-End", "yes")
	fmt.Fprintf(w, "HTTP/%d %s %s %s %d", major, r.Method, r.Host(), r.Target(), len(body))
	return nil
}

// serveTLS runs a Server under TLS on a real loop; the client config trusts it.
func serveTLS(t testing.TB, s *web.Server) (addr string, client *tls.Config) {
	t.Helper()
	ca := certtest.New()
	config := ca.Server("localhost")
	config.NextProtos = s.NextProtos()
	r := reactor.New(nil)
	port, err := r.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0", TLS: config}, s)
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
	return port.Addr().String(), ca.Client("localhost")
}

// V27: net/http's client, which speaks HTTP/2 by ALPN, is served: bodies of any
// size in both directions, trailers, and many requests at a time.
func TestV27NetHTTPClient(t *testing.T) {
	addr, config := serveTLS(t, &web.Server{Handler: web.Inline(spoken)})
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	defer c.CloseIdleConnections()
	results := make(chan error, 50)
	for i := range 50 {
		go func() {
			n := i * 20_000
			q, _ := http.NewRequest("POST", "https://"+addr+"/a?b", io.NopCloser(strings.NewReader(strings.Repeat("x", n))))
			q.Host = "localhost"
			q.Trailer = http.Header{"X-Sum": {"7"}}
			resp, err := c.Do(q)
			if err != nil {
				results <- err
				return
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			want := fmt.Sprintf("HTTP/2 POST localhost /a?b %d", n)
			if err == nil && (string(body) != want || resp.Header.Get("X-Sum") != "7" || resp.Trailer.Get("X-End") != "yes") {
				err = fmt.Errorf("got %q %v %v, want %q", body, resp.Header, resp.Trailer, want)
			}
			results <- err
		}()
	}
	for range 50 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
}

// V27: prior knowledge: the preface on a connection without TLS is HTTP/2's.
func TestV27PriorKnowledge(t *testing.T) {
	addr := serve(t, &web.Server{Handler: web.Inline(spoken)})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	c := &http.Client{Transport: &http.Transport{Protocols: protocols}}
	defer c.CloseIdleConnections()
	resp, err := c.Get("http://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); !strings.HasPrefix(string(body), "HTTP/2 GET") {
		t.Errorf("got %q, want HTTP/2", body)
	}
}

// A file goes into frames as the windows allow, and what is written behind it
// comes behind it.
func TestV27SendsFiles(t *testing.T) {
	content := bytes.Repeat([]byte("0123456789abcdef"), 40_000)
	name := t.TempDir() + "/file"
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	addr, config := serveTLS(t, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		w.WriteString("before")
		sent := w.SendFile(io.NewSectionReader(f, 0, int64(len(content))))
		w.WriteString("behind")
		return deferred.Then(sent, func(n int64) (struct{}, error) {
			if n != int64(len(content)) {
				t.Errorf("the Deferred says %d, want %d", n, len(content))
			}
			return struct{}{}, nil
		})
	})})
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
	defer c.CloseIdleConnections()
	resp, err := c.Get("https://" + addr + "/")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	if want := "before" + string(content) + "behind"; err != nil || string(got) != want {
		t.Errorf("got %d bytes, %v; want %d", len(got), err, len(want))
	}
}

// V65, UC07: our client speaks HTTP/2 with net/http's server where TLS agrees.
func TestV65NetHTTPServer(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "X-End")
		fmt.Fprintf(w, "%s %s %s %d %v", r.Proto, r.Method, r.URL, n, err)
		w.Header().Set("X-End", "yes")
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()
	r := reactor.New(nil)
	defer r.Close()
	c := &web.Client{Loop: r.Loop(), TLS: server.Client().Transport.(*http.Transport).TLSClientConfig}
	done := deferred.Inline(r.Loop(), func(co *deferred.Co) (struct{}, error) {
		var answers []*deferred.Deferred[*web.Response]
		for i := range 150 { // more than one connection allows at a time, and connections
			answers = append(answers, c.Post(fmt.Sprintf("%s/%d", server.URL, i), web.Text(strings.Repeat("x", i*1000))))
		}
		for i, a := range answers {
			resp, err := a.Await(co)
			if err != nil {
				return struct{}{}, err
			}
			text, err := resp.Text(-1).Await(co)
			if err != nil {
				return struct{}{}, err
			}
			if want := fmt.Sprintf("HTTP/2.0 POST /%d %d <nil>", i, i*1000); text != want {
				t.Errorf("got %q, want %q", text, want)
			}
			if tr := resp.Body.Trailer(); tr == nil || tr.Get("X-End") != "yes" {
				t.Errorf("trailer: got %v, want X-End", tr)
			}
		}
		return struct{}{}, nil
	})
	h2Until(t, r, done)
}

// h2Until runs a loop until done fires.
func h2Until(t *testing.T, r *reactor.Reactor, done *deferred.Signal) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	var failure error = context.DeadlineExceeded
	done.Done(func(_ struct{}, err error) {
		failure = err
		cancel()
	})
	r.Run(ctx)
	if failure != nil {
		t.Error(failure)
	}
}

// V27, V65: client and server of ours over many networks, with a body that is
// larger than the windows, and more requests than streams.
func TestV65OverSeeds(t *testing.T) {
	sizes := []int{0, 1, 70_000, 100, 5_000, 0}
	n := 3
	if testing.Short() {
		n = 1
	}
	sim.Seeds(t, n, func(t *testing.T, w *sim.World) {
		server := &web.Server{Handler: web.Inline(spoken), HTTP2: web.HTTP2Limits{MaxStreams: 3, StreamWindowBytes: 1, ConnWindowBytes: 1}}
		c := h2Client(t, w, server)
		w.Host("client").Do(func(co *deferred.Co) error {
			var answers []*deferred.Deferred[*web.Response]
			for _, n := range sizes {
				answers = append(answers, c.Post("https://server/", web.Text(strings.Repeat("x", n))))
			}
			for i, a := range answers {
				resp, err := a.Await(co)
				if err != nil {
					return err
				}
				text, err := resp.Text(-1).Await(co)
				if err != nil {
					return err
				}
				if want := fmt.Sprintf("HTTP/2 POST server / %d", sizes[i]); text != want {
					t.Errorf("got %q, want %q", text, want)
				}
				if tr := resp.Body.Trailer(); tr == nil || tr.Get("X-End") != "yes" {
					t.Errorf("trailer: got %v, want X-End", tr)
				}
			}
			c.Close()
			return nil
		})
		w.Advance(time.Minute) // both sides close
		if n := server.Stats().Requests; n != uint64(len(sizes)) {
			t.Errorf("the Handler saw %d requests, want %d", n, len(sizes))
		}
	})
}

// h2Client has host "server" serve s under TLS, and host "client" trust it.
func h2Client(t *testing.T, w *sim.World, s *web.Server) *web.Client {
	t.Helper()
	cert := sim.Certificate("server")
	config := &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: s.NextProtos()}
	if _, err := w.Host("server").Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":443", TLS: config}, s); err != nil {
		t.Fatal(err)
	}
	return &web.Client{Loop: w.Host("client").Loop(), TLS: &tls.Config{RootCAs: sim.Roots(cert)}}
}

// UC07: a connection that has died without a word is found out when somebody
// gives up on it, and not given to others; one that is alive is kept.
func TestV65DeadConnection(t *testing.T) {
	w := sim.New(t, 1)
	answer := true
	server := &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		if answer {
			return nil
		}
		return deferred.New[struct{}](r.Loop())
	})}
	c := h2Client(t, w, server)
	c.HeadTimeout = 5 * time.Second
	ask := func() (err error) {
		w.Host("client").Do(func(co *deferred.Co) error {
			_, err = c.Get("https://server/").Await(co)
			return nil
		})
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	answer = false
	if err := ask(); err == nil {
		t.Fatal("a server that does not answer: want a failure")
	}
	answer = true
	w.Advance(20 * time.Second)
	if err := ask(); err != nil || server.Stats().Accepted != 1 {
		t.Errorf("control: a slow Handler: %v, %d connections; want the same one", err, server.Stats().Accepted)
	}
	w.Partition(w.Host("client"), w.Host("server"))
	if err := ask(); err == nil {
		t.Fatal("a network that is cut: want a failure")
	}
	w.Advance(20 * time.Second)
	w.Heal(w.Host("client"), w.Host("server"))
	if err := ask(); err != nil || server.Stats().Accepted != 2 {
		t.Errorf("after it was healed: %v, %d connections; want a second one", err, server.Stats().Accepted)
	}
	c.Close()
	w.Advance(time.Minute)
}

// V27: an http.Handler does not see the difference: it streams both ways at
// once, flushes, and hears when its client leaves.
func TestV27NetHTTPHandler(t *testing.T) {
	left := make(chan error, 1)
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			w.WriteHeader(200)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
			left <- r.Context().Err()
			return
		}
		control := http.NewResponseController(w)
		control.EnableFullDuplex()
		buf := make([]byte, 1000)
		for {
			n, err := r.Body.Read(buf)
			w.Write(bytes.ToUpper(buf[:n]))
			control.Flush()
			if err != nil {
				fmt.Fprint(w, r.Proto, err)
				return
			}
		}
	})
	for name, handler := range map[string]web.Handler{"HTTP": web.HTTP(h), "OnLoop": web.OnLoop(h)} {
		addr, config := serveTLS(t, &web.Server{Handler: handler})
		c := &http.Client{Transport: &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}}
		body, feed := io.Pipe()
		q, _ := http.NewRequest("POST", "https://"+addr+"/", body)
		done := make(chan string, 1)
		go func() {
			resp, err := c.Do(q)
			if err != nil {
				done <- err.Error()
				return
			}
			defer resp.Body.Close()
			echo := make([]byte, 5)
			for range 3 { // each word comes back before the next goes out
				fmt.Fprint(feed, "hello")
				if _, err := io.ReadFull(resp.Body, echo); err != nil || string(echo) != "HELLO" {
					done <- fmt.Sprint("echo ", string(echo), err)
					return
				}
			}
			feed.Close()
			rest, _ := io.ReadAll(resp.Body)
			done <- string(rest)
		}()
		fmt.Fprint(feed, "hello")
		if got, want := <-done, "HELLOHTTP/2.0EOF"; got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
		if name == "HTTP" {
			ctx, leave := context.WithCancel(context.Background())
			q, _ = http.NewRequestWithContext(ctx, "GET", "https://"+addr+"/wait", nil)
			resp, err := c.Do(q)
			if err != nil {
				t.Fatal(err)
			}
			leave()
			if err := <-left; err == nil {
				t.Error("the context of a client that left has no error")
			}
			resp.Body.Close()
		}
		c.CloseIdleConnections()
	}
}

package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// TestV29ClientsLeave: clients that leave anywhere, within a body, or within an answer that fills their
// connection, end the Handlers that serve them, through both doors; honest ones are served meanwhile.
func TestV29ClientsLeave(t *testing.T) {
	for _, door := range doors {
		t.Run(door.name, func(t *testing.T) {
			var running atomic.Int64
			ended := make(chan string, 1000)
			mux := http.NewServeMux()
			mux.HandleFunc("/upload", func(w http.ResponseWriter, r *http.Request) {
				n, err := io.Copy(io.Discard, r.Body)
				fmt.Fprint(w, n, err)
			})
			mux.HandleFunc("/download", func(w http.ResponseWriter, r *http.Request) {
				for range 100 {
					if _, err := w.Write(make([]byte, 50_000)); err != nil {
						return
					}
				}
			})
			mux.HandleFunc("/wait", func(w http.ResponseWriter, r *http.Request) {
				if co := web.Co(r); co != nil {
					for r.Context().Err() == nil {
						if co.Sleep(time.Millisecond) != nil {
							return
						}
					}
				}
				<-r.Context().Done()
			})
			s := quiet(door.open(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				running.Add(1)
				defer func() { running.Add(-1); ended <- r.URL.Path }()
				mux.ServeHTTP(w, r)
			})))
			addr := serve(t, s)
			wires := []string{
				"POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n" + strings.Repeat("x", 50_000),
				"GET /download HTTP/1.1\r\nHost: a\r\n\r\n",
				"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n",
			}
			n := 120
			var clients sync.WaitGroup
			for i := range n {
				clients.Go(func() {
					conn, err := net.Dial("tcp", addr)
					if err != nil {
						t.Error(err)
						return
					}
					r := rand.New(rand.NewPCG(1, uint64(i)))
					io.WriteString(conn, wires[i%len(wires)])
					if i%len(wires) == 1 { // it has begun
						io.ReadFull(conn, make([]byte, 1+r.IntN(100_000)))
					}
					if r.IntN(2) == 0 {
						conn.(*net.TCPConn).SetLinger(0)
					}
					conn.Close()
				})
			}
			clients.Wait()
			resp, err := http.Post("http://"+addr+"/upload", "", strings.NewReader(strings.Repeat("x", 200_000)))
			if err != nil {
				t.Fatal(err)
			}
			if b, _ := io.ReadAll(resp.Body); string(b) != "200000 <nil>" {
				t.Errorf("an honest one: got %q", b)
			}
			resp.Body.Close()
			// A client that resets its connection at once may never have been heard.
			limit := time.After(time.Minute)
			for count := 0; running.Load() > 0 || count == 0; count++ {
				select {
				case <-ended:
				case <-limit:
					t.Fatalf("%d Handlers still run", running.Load())
				}
			}
		})
	}
}

// TestV29OnLoopReplays: a tree of net/http's on the loop runs in the simulator, over networks that break, and does
// the same for the same seed.
func TestV29OnLoopReplays(t *testing.T) {
	run := func(seed uint64) string {
		w := sim.New(t, seed)
		w.Net = sim.Havoc(seed)
		ended := 0
		begun := 0
		w.Host("server").Listen("tcp", ":80", &web.Server{Handler: web.OnLoop(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			begun++
			defer func() { ended++ }()
			for _, name := range []string{"C", "A", "B", "D"} {
				rw.Header().Set("X-"+name, name)
			}
			if _, err := io.Copy(rw, r.Body); err != nil {
				return
			}
			co := web.Co(r)
			co.Sleep(time.Second)
			if r.Context().Err() != nil && !errors.Is(r.Context().Err(), context.Canceled) {
				t.Errorf("context: %v", r.Context().Err())
			}
			io.WriteString(rw, "end")
		}))})
		for range 3 {
			p, err := w.Host("client").TryDial("server:80")
			if err != nil {
				continue
			}
			p.Send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3000\r\n\r\n" + strings.Repeat("x", 3000) + getRoot)
			w.Advance(700 * time.Millisecond)
		}
		w.Advance(time.Minute)
		trace := w.Trace()
		w.Advance(2 * time.Minute)
		if begun != ended {
			t.Errorf("seed %d: %d begun, %d ended", seed, begun, ended)
		}
		for _, err := range w.Errors() {
			t.Errorf("seed %d: %v", seed, err)
		}
		w.Close()
		return trace
	}
	seeds := uint64(20)
	if testing.Short() || raceEnabled {
		seeds = 5
	}
	for seed := range seeds {
		if one, two := run(seed), run(seed); one != two {
			t.Errorf("seed %d: two runs differ", seed)
		}
	}
}

// TestV29Deadlines: those of http.ResponseController end a Read and a Write, on goroutines.
func TestV29Deadlines(t *testing.T) {
	got := make(chan error, 1)
	addr := serve(t, quiet(web.HTTP(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := http.NewResponseController(w)
		c.SetReadDeadline(time.Now().Add(10 * time.Millisecond))
		_, err := io.ReadAll(r.Body)
		got <- err
		c.SetWriteDeadline(time.Now().Add(-time.Second))
		_, err = w.Write([]byte("late"))
		got <- err
	}))))
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n123")
	for _, what := range []string{"Read", "Write"} {
		if err := <-got; err == nil || !err.(interface{ Timeout() bool }).Timeout() {
			t.Errorf("%s: got %v, want a timeout", what, err)
		}
	}
	http.ReadResponse(bufio.NewReader(conn), nil)
}

// TestV29CloseNotify: what contexts have replaced still works, since there are frameworks that ask for it.
func TestV29CloseNotify(t *testing.T) {
	for _, door := range doors {
		left := make(chan bool, 1)
		addr := serve(t, &web.Server{Handler: door.open(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			gone := w.(interface{ CloseNotify() <-chan bool }).CloseNotify()
			w.(http.Flusher).Flush()
			if co := web.Co(r); co != nil {
				for r.Context().Err() == nil {
					if co.Sleep(time.Millisecond) != nil {
						break
					}
				}
			}
			left <- <-gone
		}))})
		ctx, cancel := context.WithCancel(context.Background())
		req, _ := http.NewRequestWithContext(ctx, "GET", "http://"+addr, nil)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		resp.Body.Close()
		if !<-left {
			t.Errorf("%s: not told", door.name)
		}
	}
}

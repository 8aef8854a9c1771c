package web_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// PX-06, V54: a request is sent again only on a connection that had served before and ended without
// a word, and only if to do it twice is to do it once.
func TestPX06Retry(t *testing.T) {
	for _, c := range []struct {
		name, method string
		content      web.Content
		first        string // what the second request of the first connection gets
		want         int    // requests that the server sees, the first one included
		fails        bool
	}{
		{"control GET", "GET", nil, "<close>", 3, false},
		{"reset", "GET", nil, "<reset>", 3, false},
		{"PUT", "PUT", web.Text("x"), "<close>", 3, false},
		{"DELETE", "DELETE", nil, "<close>", 3, false},
		{"POST", "POST", web.Text("x"), "<close>", 2, true},
		{"POST without body", "POST", nil, "<reset>", 2, true},
		{"PATCH", "PATCH", web.Text("x"), "<close>", 2, true},
		{"unknown method", "FETCH", nil, "<close>", 2, true},
		{"content of one use", "PUT", web.Reader("", strings.NewReader("x")), "<close>", 2, true},
		{"a byte answered", "GET", nil, "H<close>", 2, true},
		{"an interim answer", "GET", nil, "HTTP/1.1 102 Processing\r\n\r\n<close>", 2, true},
		{"half a body", "GET", nil, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab<close>", 2, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fake{answer: func(conn, n int, _ heard) string {
				if conn == 1 && n == 2 {
					return c.first
				}
				return ok("a")
			}}
			asks(t, f, nil, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
				if _, _, err := get(co, cl, "http://server/"); err != nil {
					return err
				}
				r, err := web.NewRequest(c.method, "http://server/again")
				if err != nil {
					return err
				}
				r.Content = c.content
				var body string
				resp, err := cl.Do(r).Await(co)
				if err == nil {
					body, err = resp.Text(-1).Await(co)
				}
				if (err != nil) != c.fails || !c.fails && body != "a" {
					t.Errorf("got %q, %v; want a failure: %v", body, err, c.fails)
				}
				return nil
			})
			if got := len(f.heard); got != c.want {
				t.Errorf("got %d requests %q, want %d", got, f.lines(), c.want)
			}
		})
	}
	// On a new connection nothing is tried twice, and never more than once again.
	for name, f := range map[string]*fake{
		"new": answering("<close>"),
		"twice": {answer: func(conn, n int, _ heard) string {
			return map[bool]string{true: ok("a"), false: "<close>"}[conn == 1 && n == 1]
		}},
	} {
		asks(t, f, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
			if name == "twice" {
				if _, _, err := get(co, c, "http://server/"); err != nil {
					return err
				}
			}
			if _, _, err := get(co, c, "http://server/"); !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("%s: got %v, want io.ErrUnexpectedEOF", name, err)
			}
			return nil
		})
		if want := map[string]int{"new": 1, "twice": 3}[name]; len(f.heard) != want {
			t.Errorf("%s: got %d requests, want %d", name, len(f.heard), want)
		}
	}
}

// UC11, V61: each stage has its time, and the whole has one.
func TestUC11Timeouts(t *testing.T) {
	silent := &fake{answer: func(int, int, heard) string { return "" }}
	drip := func() *fake { // a byte every 20 seconds
		return &fake{answer: func(int, int, heard) string { return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" }}
	}
	for _, c := range []struct {
		name    string
		f       *fake
		c       *web.Client
		prepare func(w *sim.World)
		content web.Content
		op      string
		want    time.Duration
	}{
		{"connect", silent, &web.Client{}, func(w *sim.World) { w.Partition(w.Host("client"), w.Host("server")) }, nil, "connect", 10 * time.Second},
		{"connect, chosen", silent, &web.Client{ConnectTimeout: time.Second}, func(w *sim.World) { w.Partition(w.Host("client"), w.Host("server")) }, nil, "connect", time.Second},
		{"head", silent, &web.Client{}, nil, nil, "head", 30 * time.Second},
		{"head, chosen", silent, &web.Client{HeadTimeout: time.Second}, nil, nil, "head", time.Second},
		{"body", drip(), &web.Client{}, nil, nil, "body", 30 * time.Second},
		{"body, chosen", drip(), &web.Client{ReadTimeout: time.Second}, nil, nil, "body", time.Second},
		{"all", silent, &web.Client{Timeout: time.Second}, nil, nil, "head", time.Second},
		{"all, of the body", drip(), &web.Client{Timeout: time.Second}, nil, nil, "body", time.Second},
		{"all, by itself", drip(), &web.Client{ReadTimeout: -1}, nil, nil, "body", 2 * time.Minute},
		{"all, of a connection", silent, &web.Client{Timeout: time.Second}, func(w *sim.World) { w.Partition(w.Host("client"), w.Host("server")) }, nil, "connect", time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := sim.New(t, 0)
			w.Host("server").Listen("tcp", ":80", c.f)
			if c.prepare != nil {
				c.prepare(w)
			}
			askIn(t, w, c.c, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
				start := w.Now()
				_, _, err := get(co, cl, "http://server/")
				if e := (*web.RequestError)(nil); !errors.As(err, &e) || e.Op != c.op || !errors.Is(err, deferred.ErrTimeout) {
					t.Errorf("got %v, want %s: ErrTimeout", err, c.op)
				}
				if got := w.Now().Sub(start); got != c.want {
					t.Errorf("got it after %v, want %v", got, c.want)
				}
				return nil
			})
		})
	}
}

// UC11: a server that reads nothing of a large body does not hold it for ever.
func TestUC11ServerReadsNothing(t *testing.T) {
	w := sim.New(t, 0)
	w.Host("server").Listen("tcp", ":80", twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
		t.Pause()
		t.Loop().CallLater(20*time.Second, t.Abort)
		return &fakeConn{Transport: t, f: &fake{}}
	}))
	askIn(t, w, &web.Client{ReadTimeout: 5 * time.Second}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		start := w.Now()
		d := c.Post("http://server/", web.Bytes("", make([]byte, 4<<20)))
		_, err := d.Await(co)
		if e := (*web.RequestError)(nil); !errors.As(err, &e) || e.Op != "send" || !errors.Is(err, deferred.ErrTimeout) {
			t.Errorf("got %v, want send: ErrTimeout", err)
		}
		if got := w.Now().Sub(start); got != 5*time.Second {
			t.Errorf("got it after %v, want 5s", got)
		}
		return nil
	})
}

// V50: whatever a question waits for, to cancel it ends it, and its connection; what stands for
// others stays.
func TestV50CancelAnywhere(t *testing.T) {
	for at := range 40 {
		w := sim.New(t, 0)
		w.Net.Latency = 10 * time.Millisecond
		f := &fake{answer: func(_, _ int, r heard) string {
			if r.line() == "GET /r" {
				return redirectTo(302, "/slow")
			}
			return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + strings.Repeat("x", 50)
		}}
		w.Host("server").Listen("tcp", ":80", f)
		askIn(t, w, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
			d := c.Get("http://server/r")
			text := deferred.Chain(d, func(p *web.Response) *deferred.Deferred[string] { return p.Text(-1) })
			co.Sleep(time.Duration(at) * 5 * time.Millisecond)
			text.Cancel()
			if _, err := text.Await(co); !errors.Is(err, deferred.ErrCanceled) && !errors.Is(err, web.ErrEnded) {
				t.Errorf("after %d ms: got %v, want ErrCanceled", at*5, err)
			}
			return nil
		})
	}
}

// V50: over networks that break, each question has an answer or an error, and nothing is left
// behind.
func TestV50Havoc(t *testing.T) {
	n := 40
	if testing.Short() || raceEnabled {
		n = 15
	}
	for seed := range uint64(n) {
		t.Run(fmt.Sprintf("%#x", seed), func(t *testing.T) {
			w := sim.New(t, seed)
			w.Net = sim.Havoc(seed)
			server := &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
				body, err := r.Body.Bytes(-1).Await(co)
				if err != nil {
					return err
				}
				if r.Path() == "/r" {
					w.SetHeader("Location", "/x")
					w.WriteHeader(307)
				}
				w.Write(body)
				return nil
			})}
			w.Host("server").Listen("tcp", ":80", server)
			askIn(t, w, &web.Client{MaxConnections: 2}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
				var all []*deferred.Deferred[string]
				for i := range 8 {
					path := [...]string{"", "r"}[i%2]
					d := c.Post("http://server/"+path, web.Bytes("", []byte(strings.Repeat("x", i*300))))
					all = append(all, deferred.Chain(d, func(p *web.Response) *deferred.Deferred[string] { return p.Text(-1) }))
				}
				for i, d := range all {
					got, err := d.Await(co)
					if err == nil && got != strings.Repeat("x", i*300) && !strings.Contains(got, "Error") {
						t.Errorf("%d: got %d bytes, want %d", i, len(got), i*300)
					}
				}
				co.Sleep(5 * time.Minute)
				return nil
			})
			w.Errors()
		})
	}
}

// V54: MaxConnections holds; who waits is served in order; beyond MaxWaiting it is ErrBusy; MaxIdle
// and KeepAlive bound what waits.
func TestV54Pool(t *testing.T) {
	f := &fake{answer: func(int, int, heard) string { return ok("a") }}
	asks(t, f, &web.Client{MaxConnections: 2, MaxWaiting: 3, MaxIdle: 1}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		var all []*deferred.Deferred[*web.Response]
		for i := range 6 {
			all = append(all, c.Get(fmt.Sprintf("http://server/%d", i)))
		}
		for i, d := range all {
			resp, err := d.Await(co)
			if i == 5 {
				if !errors.Is(err, web.ErrBusy) {
					t.Errorf("%d: got %v, want ErrBusy", i, err)
				}
				continue
			}
			if err != nil {
				return err
			}
			if _, err := resp.Text(-1).Await(co); err != nil {
				return err
			}
		}
		if f.conns != 2 {
			t.Errorf("got %d connections, want 2", f.conns)
		}
		if got, want := fmt.Sprint(f.lines()), "[GET /0 GET /1 GET /2 GET /3 GET /4]"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		co.Sleep(49 * time.Second)
		if _, _, err := get(co, c, "http://server/"); err != nil || f.conns != 2 {
			t.Errorf("after 49 s: got %v, %d connections; want an old one used", err, f.conns)
		}
		co.Sleep(51 * time.Second)
		if _, _, err := get(co, c, "http://server/"); err != nil || f.conns != 3 {
			t.Errorf("after 51 s more: got %v, %d connections; want a new one", err, f.conns)
		}
		c.Close()
		if _, _, err := get(co, c, "http://server/"); !errors.Is(err, web.ErrClientClosed) {
			t.Errorf("closed: got %v, want ErrClientClosed", err)
		}
		return nil
	})
}

// UC11: bodies beyond the limit are refused, and the connection with them.
func TestUC11BodyLimit(t *testing.T) {
	for name, said := range map[string]string{
		"length":  "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n" + strings.Repeat("x", 1000),
		"chunked": "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e8\r\n" + strings.Repeat("x", 1000) + "\r\n0\r\n\r\n",
	} {
		asks(t, answering(said), &web.Client{MaxBodyBytes: 999}, func(co *deferred.Co, w *sim.World, c *web.Client) error {
			if _, _, err := get(co, c, "http://server/"); !errors.Is(err, web.ErrTooLarge) {
				t.Errorf("%s: got %v, want ErrTooLarge", name, err)
			}
			resp, err := c.Get("http://server/").Await(co)
			if err != nil {
				return err
			}
			resp.Body.Limit(1000)
			if got, err := resp.Text(-1).Await(co); len(got) != 1000 || err != nil {
				t.Errorf("%s: raised: got %d bytes, %v", name, len(got), err)
			}
			return nil
		})
	}
}

// Expect: 100-continue: the body waits for the word, or a second, and is not sent after a refusal;
// interim answers are heard.
func TestV53Continue(t *testing.T) {
	for _, c := range []struct {
		name, early, want string
		after             time.Duration
		sent              bool
	}{
		{"told", "HTTP/1.1 100 Continue\r\n\r\n", "200", 0, true},
		{"not told", "", "200", time.Second, true},
		{"refused", "HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\n\r\n", "413", 0, false},
		{"hints first", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", "200", 0, true},
	} {
		f := &fake{early: func(heard) string { return c.early }, answer: func(int, int, heard) string { return ok("") }}
		var informed []int
		cl := &web.Client{Informed: func(_ *web.Request, status int, _ *web.Header) { informed = append(informed, status) }}
		asks(t, f, cl, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
			r, err := web.NewRequest("POST", "http://server/")
			if err != nil {
				return err
			}
			r.Content = web.Text("body")
			r.Header.Set("Expect", "100-continue")
			start := w.Now()
			resp, err := cl.Do(r).Await(co)
			if err != nil {
				return err
			}
			if got := fmt.Sprint(resp.Status); got != c.want || w.Now().Sub(start) != c.after {
				t.Errorf("%s: got %s after %v, want %s after %v", c.name, got, w.Now().Sub(start), c.want, c.after)
			}
			return nil
		})
		if got := len(f.heard) == 1 && f.heard[0].body == "body"; got != c.sent {
			t.Errorf("%s: got sent %v, want %v", c.name, got, c.sent)
		}
		if want := strings.Count(c.early, "HTTP/1.1 1"); len(informed) != want {
			t.Errorf("%s: heard of %v, want %d interim answers", c.name, informed, want)
		}
	}
}

// V53: a Content that writes more or less than it says fails, and the server never takes it for
// whole.
func TestV53WrongLength(t *testing.T) {
	for n := range 5 {
		f := answering(ok("a"))
		asks(t, f, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
			r, err := web.NewRequest("POST", "http://server/")
			if err != nil {
				return err
			}
			r.Content = lying(n)
			_, err = c.Do(r).Await(co)
			if (err == nil) != (n == 2) || n != 2 && !errors.Is(err, web.ErrLength) {
				t.Errorf("%d bytes of 2: got %v", n, err)
			}
			return nil
		})
		if (len(f.heard) == 1) != (n == 2) {
			t.Errorf("%d bytes of 2: the server saw %d requests", n, len(f.heard))
		}
	}
}

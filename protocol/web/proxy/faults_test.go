package proxy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/proxy"
	"github.com/twistor-go/twistor/sim"
)

// A raw is a back end that says the same to whatever comes, once a connection; what stands before
// "<close>" or "<reset>" is said, and the connection ended.
type raw struct {
	says  string
	heard []string // one for each connection
}

func (b *raw) Build(t twistor.Transport) twistor.Protocol {
	b.heard = append(b.heard, "")
	return &rawConn{Transport: t, b: b, i: len(b.heard) - 1}
}

type rawConn struct {
	twistor.Transport
	b    *raw
	i    int
	said bool
}

func (c *rawConn) Connected()         {}
func (c *rawConn) Disconnected(error) {}
func (c *rawConn) Received(p []byte) {
	c.b.heard[c.i] += string(p)
	if c.said {
		return
	}
	c.said = true
	says, closes := strings.CutSuffix(c.b.says, "<close>")
	says, resets := strings.CutSuffix(says, "<reset>")
	c.Write([]byte(says))
	switch {
	case closes:
		c.Close()
	case resets:
		c.Abort()
	}
}

const fine = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

// V37, PX-05: what a client gets for what a back end does.
func TestV37Failures(t *testing.T) {
	for _, c := range []struct {
		name, says, want string
		prepare          func(w *sim.World)
		after            time.Duration
	}{
		{"control", fine, "200 ok", nil, 0},
		{"closes", "<close>", "502 ", nil, 0},
		{"no HTTP", "hello\r\n\r\n", "502 ", nil, 0},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", "502 ", nil, 0},
		{"101 unasked", "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n", "502 ", nil, 0},
		{"silent", "", "504 ", nil, time.Minute},
		{"cannot be reached", fine, "504 ", func(w *sim.World) { w.Partition(w.Host("proxy"), w.Host("back")) }, 5 * time.Second},
		{"cut body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok<close>", "cut", nil, 0},
		{"cut chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n<close>", "cut", nil, 0},
		{"until close", "HTTP/1.1 200 OK\r\n\r\nok<close>", "200 ok", nil, 0},
		{"stalls", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok", "cut", nil, time.Minute},
		{"304", "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: \"a\"\r\n\r\n", "304 ", nil, 0},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", "204 ", nil, 0},
		{"gzip stays", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nzz", "200 zz", nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := sim.New(t, 0)
			w.Host("back").Listen("tcp", ":8080", &raw{says: c.says})
			s := newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
			if c.prepare != nil {
				c.prepare(w)
			}
			s.ask(t, func(co *deferred.Co, cl *web.Client) error {
				start := w.Now()
				p, body, err := get(co, cl, "http://proxy/")
				got := "cut"
				if err == nil {
					got = fmt.Sprint(p.Status, " ", body)
				}
				if p != nil && p.Status >= 500 {
					got = fmt.Sprint(p.Status, " ")
					if strings.Contains(body, "back") || strings.Contains(body, "8080") || strings.Contains(body, "EOF") {
						t.Errorf("the page tells what is inside: %q", body)
					}
				}
				if got != c.want || w.Now().Sub(start) != c.after {
					t.Errorf("got %q, %v, after %v; want %q after %v", got, err, w.Now().Sub(start), c.want, c.after)
				}
				return nil
			})
		})
	}
}

// PX-06: a request that a back end may have done is not done again by another; one that reached
// none is, also with a body.
func TestPX06NotReplayed(t *testing.T) {
	for _, c := range []struct {
		name, first string // what the first back end says; "": it does not listen
		content     web.Content
		want        string
		heard       int // by the second
	}{
		{"POST, broken", "<reset>", web.Text("x"), "502", 0},
		{"POST, half an answer", "HTTP/1.1 200<close>", web.Text("x"), "502", 0},
		{"GET, broken", "<close>", nil, "502", 0},
		{"POST, refused", "", web.Text("x"), "200", 1},
		{"GET, refused", "", nil, "200", 1},
	} {
		w := sim.New(t, 0)
		if c.first != "" {
			w.Host("one").Listen("tcp", ":8080", &raw{says: c.first})
		} else {
			w.Host("one").Listen("tcp", ":1", &raw{})
		}
		two := &raw{says: fine}
		w.Host("two").Listen("tcp", ":8080", two)
		s := newSite(w, &proxy.Reverse{To: []string{"http://one:8080", "http://two:8080"}})
		s.ask(t, func(co *deferred.Co, cl *web.Client) error {
			d := cl.Get("http://proxy/")
			if c.content != nil {
				d.Cancel()
				d = cl.Post("http://proxy/", c.content)
			}
			p, err := d.Await(co)
			if err != nil {
				return err
			}
			if _, err := p.Text(-1).Await(co); err != nil {
				return err
			}
			if got := fmt.Sprint(p.Status); got != c.want {
				t.Errorf("%s: got %s, want %s", c.name, got, c.want)
			}
			return nil
		})
		if len(two.heard) != c.heard {
			t.Errorf("%s: the second back end heard %q, want %d", c.name, two.heard, c.heard)
		}
	}
}

// V37: a client that leaves ends what is done for it; one that cuts its body, too, and the back end
// sees it cut.
func TestV37ClientLeaves(t *testing.T) {
	for _, head := range []string{"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf"} {
		w := sim.New(t, 0)
		var ended error
		began := false
		w.Host("back").Listen("tcp", ":8080", &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
			began = true
			w.After(func(_ int, _ int64, err error) { ended = err })
			return deferred.New[struct{}](r.Loop())
		})})
		newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
		p := w.Host("client").Dial("proxy:80")
		p.Send(head)
		w.Settle()
		p.Reset()
		w.Advance(time.Second)
		if !began || ended == nil {
			t.Errorf("%.20q: began %v, ended %v; want it ended", head, began, ended)
		}
		w.Advance(2 * time.Minute)
		w.Errors()
	}
}

// V37: requests go round, or to the least busy; a back end that fails three times is passed by for
// a while; with none left it is 503.
func TestV37Balance(t *testing.T) {
	w := sim.New(t, 0)
	counts := map[string]int{}
	var hold *deferred.Signal
	for _, name := range []string{"one", "two", "three"} {
		w.Host(name).Listen("tcp", ":8080", &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			counts[name]++
			if hold != nil && name == "one" {
				co.Sleep(10 * time.Second)
			}
			w.WriteString(name)
			return nil
		})})
	}
	to := []string{"http://one:8080", "http://two:8080", "http://three:8080", "http://nobody:8080"}
	round := &proxy.Reverse{To: to[:3]}
	least := &proxy.Reverse{To: to[:3], Balance: proxy.LeastBusy}
	broken := &proxy.Reverse{To: []string{to[0], to[3]}}
	alone := &proxy.Reverse{To: to[3:]}
	s := newSite(w, web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		return map[string]*proxy.Reverse{"/round": round, "/least": least, "/broken": broken, "/alone": alone}[r.Path()].Serve(w, r)
	}))
	s.ask(t, func(co *deferred.Co, c *web.Client) error {
		var order []string
		for range 6 {
			_, body, err := get(co, c, "http://proxy/round")
			if err != nil {
				return err
			}
			order = append(order, body)
		}
		if got, want := strings.Join(order, " "), "one two three one two three"; got != want {
			t.Errorf("round: got %q, want %q", got, want)
		}
		hold = deferred.New[struct{}](nil)
		clear(counts)
		first := c.Get("http://proxy/least")
		co.Sleep(time.Second)
		for range 6 {
			if _, body, err := get(co, c, "http://proxy/least"); err != nil || body == "one" {
				t.Errorf("least: got %q, %v", body, err)
			}
		}
		if counts["two"] != 3 || counts["three"] != 3 {
			t.Errorf("least: got %v, want three each of two and three", counts)
		}
		hold = nil
		if p, err := first.Await(co); err != nil {
			return err
		} else if _, err := p.Text(-1).Await(co); err != nil {
			return err
		}
		for range 8 { // nobody notices the broken one
			if p, body, err := get(co, c, "http://proxy/broken"); err != nil || p.Status != 200 || body != "one" {
				t.Errorf("broken: got %q, %v", body, err)
			}
		}
		if st := broken.Status(w.Now()); !st[0].Up || st[1].Up || st[1].Failures != 3 || st[0].Requests != 8 {
			t.Errorf("broken: got %+v, want the second passed by after three failures", st)
		}
		co.Sleep(11 * time.Second)
		if st := broken.Status(w.Now()); !st[1].Up {
			t.Error("it is not tried again")
		}
		var statuses []int
		for range 4 {
			p, _, err := get(co, c, "http://proxy/alone")
			if err != nil {
				return err
			}
			statuses = append(statuses, p.Status)
		}
		if got, want := fmt.Sprint(statuses), "[502 502 502 503]"; got != want {
			t.Errorf("alone: got %s, want %s", got, want)
		}
		return nil
	})
}

// V37: Watch finds out that a back end is sick before a request does, and that it is well again.
func TestV37Health(t *testing.T) {
	w := sim.New(t, 0)
	well := true
	asked := 0
	w.Host("back").Listen("tcp", ":8080", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if r.Path() == "/in/healthz" {
			asked++
			if !well {
				w.WriteHeader(500)
			}
		}
	})})
	p := &proxy.Reverse{To: []string{"http://back:8080/in"}, Health: proxy.Health{Path: "/healthz", Every: time.Second}}
	s := newSite(w, p)
	watch := p.Watch(w.Host("proxy").Loop())
	s.ask(t, func(co *deferred.Co, c *web.Client) error {
		for i, want := range []int{200, 503, 200} {
			well = i != 1
			co.Sleep(1500 * time.Millisecond)
			r, _, err := get(co, c, "http://proxy/")
			if err != nil {
				return err
			}
			if r.Status != want {
				t.Errorf("%d: got %d, want %d", i, r.Status, want)
			}
		}
		w.Partition(w.Host("proxy"), w.Host("back"))
		co.Sleep(5 * time.Second)
		if p.Status(w.Now())[0].Up {
			t.Error("a back end that does not answer is up")
		}
		w.Heal(w.Host("proxy"), w.Host("back"))
		co.Sleep(5 * time.Second)
		if !p.Status(w.Now())[0].Up || asked < 5 {
			t.Errorf("it is not up again; asked %d times", asked)
		}
		watch.Cancel()
		return nil
	})
	w.Errors()
}

// V37: the hooks, and a body that is too large.
func TestV37Hooks(t *testing.T) {
	w := sim.New(t, 0)
	back := &told{}
	w.Host("back").Listen("tcp", ":8080", &web.Server{Handler: back})
	s := newSite(w, &proxy.Reverse{To: []string{"http://back:8080"},
		Request: func(out, in *web.Request) error {
			if in.Path() == "/private" {
				return &web.Error{Status: 403}
			}
			return out.Header.Set("X-By", "proxy")
		},
		Response: func(p *web.Response, in *web.Request) error {
			if in.Path() == "/hidden" {
				return &web.Error{Status: 404}
			}
			return p.Header.Set("X-Checked", "yes")
		},
	})
	s.server.MaxBodyBytes = 10
	s.ask(t, func(co *deferred.Co, c *web.Client) error {
		for path, want := range map[string]int{"/": 200, "/private": 403, "/hidden": 404} {
			p, _, err := get(co, c, "http://proxy"+path)
			if err != nil {
				return err
			}
			if p.Status != want || want == 200 && p.Header.Get("X-Checked") != "yes" {
				t.Errorf("%s: got %d %q, want %d", path, p.Status, p.Header.Get("X-Checked"), want)
			}
		}
		for _, content := range []web.Content{web.Text("eleven byte"), web.Stream("", func(co *deferred.Co, w web.BodyWriter) error {
			_, err := w.Write([]byte("eleven byte"))
			return err
		})} {
			p, err := c.Post("http://proxy/", content).Await(co)
			if err != nil {
				return err
			}
			if p.Status != 413 {
				t.Errorf("too large: got %d, want 413", p.Status)
			}
			p.Close()
		}
		return nil
	})
	for _, head := range back.heads {
		if field(head, "X-By") != "proxy" {
			t.Errorf("got %q", head)
		}
	}
	if len(back.heads) < 2 {
		t.Errorf("got %q", back.heads)
	}
}

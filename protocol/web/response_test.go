package web_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// TestV09Framing: how long an answer is, is said by its length where it is known in time, by
// chunks in HTTP/1.1, and by the end of the connection in HTTP/1.0.
func TestV09Framing(t *testing.T) {
	long := strings.Repeat("x", 33<<10)
	answers := map[string]func(w *web.ResponseWriter) string{
		"nothing": func(w *web.ResponseWriter) string { return "" },
		"short":   func(w *web.ResponseWriter) string { w.WriteString("short"); return "short" },
		"in two":  func(w *web.ResponseWriter) string { w.WriteString("in "); w.Write([]byte("two")); return "in two" },
		"long":    func(w *web.ResponseWriter) string { w.WriteString(long); return long },
		"long by pieces": func(w *web.ResponseWriter) string {
			for range 11 {
				w.WriteString(long[:3<<10])
			}
			return long
		},
		"flushed": func(w *web.ResponseWriter) string {
			w.Flush()
			w.WriteString("flu")
			w.WriteString("shed")
			return "flushed"
		},
		"flushed later": func(w *web.ResponseWriter) string {
			w.WriteString("flu")
			w.Flush()
			w.WriteString("shed")
			return "flushed"
		},
		"shared": func(w *web.ResponseWriter) string {
			w.WriteShared([]byte(long))
			w.WriteShared([]byte("!"))
			return long + "!"
		},
		"declared": func(w *web.ResponseWriter) string {
			w.SetHeader("Content-Length", "5")
			w.Flush()
			w.WriteString("short")
			return "short"
		},
	}
	known := []string{"nothing", "short", "in two", "declared"}
	for name, write := range answers {
		for _, method := range []string{"GET", "HEAD"} {
			for minor := range 2 {
				for _, later := range []bool{false, true} {
					var want string
					s := &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
						if !later {
							want = write(w)
							return nil
						}
						return deferred.Then(after(r.Loop(), 0), func(struct{}) (none struct{}, err error) {
							want = write(w)
							return none, nil
						})
					})}
					clock := sim.NewClock(t)
					tr := sim.Connect(clock, s)
					tr.Receive(fmt.Sprintf("%s / HTTP/1.%d\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", method, minor))
					clock.Pump(0, 0)
					what := fmt.Sprintf("%s, %s, HTTP/1.%d, later %v", name, method, minor, later)
					head, _, _ := strings.Cut(tr.Written(), "\r\n\r\n")
					length, chunked := strings.Contains(head, "\r\nContent-Length: "), strings.Contains(head, "\r\nTransfer-Encoding: chunked")
					untilEnd := !length && !chunked
					if length && chunked {
						t.Errorf("%s: two framings: %q", what, head)
					}
					if slices.Contains(known, name) && !length && !(method == "HEAD" && name == "nothing") {
						t.Errorf("%s: no length in %q", what, head)
					}
					if method == "GET" && untilEnd != (minor == 0 && !length) {
						t.Errorf("%s: got %q", what, head)
					}
					if wantOver := untilEnd && method == "GET"; over(tr) != wantOver || strings.Contains(head, "Connection: close") != wantOver {
						t.Errorf("%s: closed %v, want %v", what, over(tr), wantOver)
					}
					if method == "HEAD" {
						want = ""
					}
					if got := readAnswer(t, tr.Written(), method); got.Body != want {
						t.Errorf("%s: got a body of %d bytes, want %d", what, len(got.Body), len(want))
					}
				}
			}
		}
	}
}

// TestV09Trailer: fields after the body go out in chunks, where HTTP has a place for them.
func TestV09Trailer(t *testing.T) {
	h := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.WriteString("body")
		w.Trailer().Set("X-Sum", "42")
		w.Trailer().Set("Content-Length", "9") // may not stand there
	})
	got := asked(t, &web.Server{Handler: h}, "GET /")
	if want := "4\r\nbody\r\n0\r\nX-Sum: 42\r\n\r\n"; !strings.HasSuffix(got.Wire, "\r\n\r\n"+want) {
		t.Errorf("got %q, want it to end with %q", got.Wire, want)
	}
	got = asked(t, &web.Server{Handler: h}, "GET / HTTP/1.0")
	if got.Body != "body" || strings.Contains(got.Wire, "X-Sum") {
		t.Errorf("HTTP/1.0: got %q, want no trailer", got.Wire)
	}
}

// TestV09Inform: interim answers come before the one, to who knows of them.
func TestV09Inform(t *testing.T) {
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		var h web.Header
		h.Add("Link", "</a.css>; rel=preload")
		w.Inform(103, &h)
		w.Inform(101, nil) // no interim answer
		w.Inform(200, nil)
		w.WriteHeader(102) // and no final one
		w.WriteString("ok")
		w.Flush()
		w.Inform(103, &h) // too late
	})}
	got := asked(t, s, "GET /")
	if want := "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\nHTTP/1.1 200 OK\r\n"; !strings.HasPrefix(got.Wire, want) ||
		strings.Count(got.Wire, "HTTP/1.1") != 2 || got.Body != "ok" {
		t.Errorf("got %q, want it to begin with %q", got.Wire, want)
	}
	if got := asked(t, s, "GET / HTTP/1.0"); strings.Count(got.Wire, "HTTP/1.1") != 1 {
		t.Errorf("HTTP/1.0: got %q, want no interim answer", got.Wire)
	}
}

// TestT_15Answer: no value that a Handler sets makes a line of its own; and fields that are the
// server's stay so.
func TestT_15Answer(t *testing.T) {
	for _, bad := range []string{"a\r\nX-Evil: 1", "a\nb", "a\rb", "a\x00b"} {
		s := quiet(web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			w.SetHeader("Location", bad)
			w.WriteHeader(302)
		}))
		if got := asked(t, s, "GET /"); got.Status != 500 || strings.Contains(got.Wire, "Evil") {
			t.Errorf("%q: got %q, want 500", bad, got.Wire)
		}
		s = &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			if err := w.Header().Add("X-A", bad); err == nil {
				t.Errorf("Add of %q: no error", bad)
			}
			w.Trailer().Add("X-A", bad)
			w.WriteString("ok")
		})}
		if got := asked(t, s, "GET /"); got.Status != 200 || strings.Contains(got.Wire, "X-A") {
			t.Errorf("%q: got %q", bad, got.Wire)
		}
	}
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.SetHeader("Location", "/control")
		w.SetHeader("Date", "yesterday")
		w.SetHeader("Keep-Alive", "timeout=9")
		w.SetHeader("Connection", "keep-alive, X")
		w.WriteHeader(302)
	})}
	got := asked(t, s, "GET /")
	if got.Header.Get("Location") != "/control" || got.Header.Get("Date") == "yesterday" || got.Header.Get("Keep-Alive")+got.Header.Get("Connection") != "" {
		t.Errorf("control: got %q", got.Wire)
	}
}

// TestV11Ready: an answer waits for a client that reads slowly, and never has more than the
// limit queued.
func TestV11Ready(t *testing.T) {
	const total = 1 << 20
	most, wrote := 0, 0
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		piece := bytes.Repeat([]byte("x"), 8<<10)
		for wrote < total {
			if _, err := w.Ready().Await(co); err != nil {
				return err
			}
			n, err := w.Write(piece)
			if err != nil {
				return err
			}
			wrote += n
			most = max(most, w.Buffered())
		}
		return nil
	})})
	tr.Hold()
	tr.Receive(getRoot)
	clock.Advance(time.Second)
	if wrote == total || !tr.Full() {
		t.Errorf("a client that reads nothing: %d bytes were written", wrote)
	}
	for i := 0; i < 1000 && wrote < total; i++ {
		tr.Drain(10_000)
		clock.Advance(time.Millisecond)
	}
	tr.Drain(-1)
	clock.Advance(0)
	if got := readAnswer(t, tr.Written(), "GET"); len(got.Body) != total {
		t.Errorf("got %d bytes, want %d", len(got.Body), total)
	}
	if most > 100<<10 {
		t.Errorf("up to %d bytes were queued", most)
	}
}

// TestV11ReadyEnds: who waits for a client hears when it leaves.
func TestV11ReadyEnds(t *testing.T) {
	var waited, wrote error
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		w.Write(make([]byte, 100<<10))
		w.Ready().Done(func(_ struct{}, err error) {
			waited = err
			_, wrote = w.WriteString("more")
			if w.Ready().Done(func(_ struct{}, err error) { waited = errors.Join(waited, err) }); w.Full() {
				t.Error("full for ever")
			}
		})
		return deferred.New[struct{}](r.Loop())
	})})
	tr.Hold()
	tr.Receive(getRoot)
	tr.Reset()
	clock.Advance(0)
	if !errors.Is(waited, web.ErrEnded) || wrote != web.ErrEnded {
		t.Errorf("got %v and %v, want ErrEnded", waited, wrote)
	}
}

// TestF02Overflow: a Handler that writes without a limit to a client that does not read is
// stopped at 1 MiB, and the shedding is told once.
func TestF02Overflow(t *testing.T) {
	var failed error
	n, ended := 0, 0
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		w.After(func(_ int, _ int64, err error) { failed, ended = err, ended+1 })
		for n = 0; n < 4<<20; n += 4096 {
			if _, err := w.Write(make([]byte, 4096)); err != nil {
				return
			}
		}
	})})
	tr.Hold()
	tr.Receive(getRoot)
	clock.Advance(time.Second)
	if n > 1<<20+64<<10 || tr.Err() == nil {
		t.Errorf("%d bytes were taken, connection: %v", n, tr.Err())
	}
	if ended != 1 || failed == nil {
		t.Errorf("After was called %d times, with %v", ended, failed)
	}
	if got := strings.Count(clock.Logged(), "\n"); got != 1 {
		t.Errorf("%d lines were logged, want one:\n%s", got, clock.Logged())
	}
	for _, err := range clock.Errors() {
		t.Errorf("an error of ours? %v", err)
	}
}

// TestV09Order: Before is told before the head, the last one first, After when all is over,
// and the Filter used last sees the body first.
func TestV09Order(t *testing.T) {
	var order []string
	note := func(what string) { order = append(order, what) }
	s := &web.Server{AccessLog: logs(func(_ *web.Request, w *web.ResponseWriter, err error) {
		note(fmt.Sprint("log ", w.Status(), w.Sent(), err))
	}),
		Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			w.Before(func(status int, h *web.Header) { note(fmt.Sprint("before 1 ", status)); h.Set("X-Before", "1") })
			w.Before(func(int, *web.Header) { note("before 2") })
			w.After(func(status int, sent int64, err error) { note(fmt.Sprint("after 1 ", status, sent, err)) })
			w.After(func(int, int64, error) { note("after 2") })
			w.Use(around{"[", "]"})
			w.Use(around{"(", ")"})
			w.WriteHeader(201)
			w.WriteString("body")
			note("written")
			if w.HeadSent() {
				t.Error("the head has left before it must")
			}
		})}
	got := asked(t, s, "GET /")
	if got.Body != "[(body)]" || got.Status != 201 || got.Header.Get("X-Before") != "1" || got.Header.Get("Content-Length") != "8" {
		t.Errorf("got %q", got.Wire)
	}
	want := "written, before 2, before 1 201, after 2, after 1 201 4 <nil>, log 201 4 <nil>"
	if got := strings.Join(order, ", "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

type logs func(r *web.Request, w *web.ResponseWriter, err error)

func (f logs) Ended(r *web.Request, w *web.ResponseWriter, err error) { f(r, w, err) }

// around is a Filter that puts marks around a body.
type around struct{ open, close string }

func (a around) Begin(int, *web.Header, int64) bool { return true }

func (a around) Append(dst, p []byte, flush, last bool) ([]byte, error) {
	if len(p) > 0 {
		dst = append(append(dst, a.open...), p...)
	}
	if last {
		dst = append(dst, a.close...)
	}
	return dst, nil
}

// TestV09FilesAndFilters: a file goes through a Filter as what is written does.
func TestV09FilesAndFilters(t *testing.T) {
	name := filepath.Join(t.TempDir(), "file")
	content := strings.Repeat("file ", 20_000)
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, c := range []struct {
		name   string
		before func(w *web.ResponseWriter)
		want   string
	}{
		{"control", func(w *web.ResponseWriter) {}, content},
		{"with length", func(w *web.ResponseWriter) { w.SetHeader("Content-Length", fmt.Sprint(len(content))) }, content},
		{"after text", func(w *web.ResponseWriter) { w.WriteString("text ") }, "text " + content},
		{"filtered", func(w *web.ResponseWriter) { w.Use(shouting{}) }, strings.ToUpper(content) + "!"},
		{"filtered by Before", func(w *web.ResponseWriter) {
			w.Before(func(int, *web.Header) { w.Use(shouting{}) })
		}, strings.ToUpper(content) + "!"},
	} {
		clock := sim.NewClock(t)
		var sent int64
		tr := sim.Connect(clock, &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) (err error) {
			c.before(w)
			sent, err = w.SendFile(io.NewSectionReader(file, 0, int64(len(content)))).Await(co)
			return err
		})})
		tr.Receive(getRoot)
		clock.Pump(0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
		if got := readAnswer(t, tr.Written(), "GET"); got.Body != c.want {
			t.Errorf("%s: got %d bytes, want %d", c.name, len(got.Body), len(c.want))
		}
		if sent != int64(len(content)) {
			t.Errorf("%s: SendFile says %d", c.name, sent)
		}
	}
}

// TestT_25Opaque: of a failure its client sees a page with an id, under which the log has all
// of it; and nothing of what it was.
func TestT_25Opaque(t *testing.T) {
	secret := errors.New("open /etc/secret: postgres://user:password@host")
	for _, c := range []struct {
		name   string
		h      web.Handler
		status int
		id     bool
	}{
		{"control", says("fine"), 200, false},
		{"panic", web.HandlerFunc(func(*web.ResponseWriter, *web.Request) { panic(secret) }), 500, true},
		{"panic after writing", web.HandlerFunc(func(w *web.ResponseWriter, _ *web.Request) { w.WriteString("password"); panic(secret) }), 500, true},
		{"panic of nil", web.HandlerFunc(func(w *web.ResponseWriter, _ *web.Request) { panic(nil) }), 500, true},
		{"failure", web.Later(func(_ *web.ResponseWriter, r *web.Request) *deferred.Signal {
			return deferred.Failed[struct{}](r.Loop(), secret)
		}), 500, true},
		{"failure later", web.Later(func(_ *web.ResponseWriter, r *web.Request) *deferred.Signal {
			return deferred.Then(after(r.Loop(), 0), func(struct{}) (none struct{}, err error) { return none, secret })
		}), 500, true},
		{"panic of a coroutine", web.Inline(func(co *deferred.Co, _ *web.ResponseWriter, _ *web.Request) error { co.Yield(); panic(secret) }), 500, true},
		{"with a status", web.Inline(func(*deferred.Co, *web.ResponseWriter, *web.Request) error {
			return &web.Error{Status: 404, Public: "no such <thing>", Err: secret}
		}), 404, false},
		{"with a status of ours", web.Inline(func(*deferred.Co, *web.ResponseWriter, *web.Request) error {
			return fmt.Errorf("asking: %w", &web.Error{Status: 503, Err: secret})
		}), 503, true},
		{"no Handler", nil, 404, false},
	} {
		clock := sim.NewClock(t)
		tr := sim.Connect(clock, &web.Server{Handler: c.h})
		tr.Receive(getRoot)
		clock.Pump(0, 0)
		got := readAnswer(t, tr.Written(), "GET")
		if got.Status != c.status {
			t.Errorf("%s: got %d, want %d", c.name, got.Status, c.status)
		}
		for _, word := range []string{"secret", "password", ".go", "goroutine", "web:", "go1.", "wistor", "Server:"} {
			if strings.Contains(got.Wire, word) {
				t.Errorf("%s: the answer says %q: %s", c.name, word, got.Wire)
			}
		}
		_, rest, has := strings.Cut(got.Body, "Request <code>")
		id, _, _ := strings.Cut(rest, "</code>")
		if has != c.id || c.id && (len(id) < 5 || !strings.Contains(clock.Logged(), "id="+id)) {
			t.Errorf("%s: the page says %q; the log: %s", c.name, id, clock.Logged())
		}
		if c.id && strings.Contains(c.name, "panic") && !strings.Contains(clock.Logged(), "response_test.go") {
			t.Errorf("%s: the log has no stack: %s", c.name, clock.Logged())
		}
		if c.status == 404 && c.h != nil && !strings.Contains(got.Body, "no such &lt;thing&gt;") {
			t.Errorf("%s: got %q", c.name, got.Body)
		}
		if errs := clock.Errors(); (len(errs) == 1) != c.id {
			t.Errorf("%s: %d errors were logged", c.name, len(errs))
		}
	}
	debug := quiet(web.Inline(func(*deferred.Co, *web.ResponseWriter, *web.Request) error { return secret }))
	debug.Debug = true
	if got := asked(t, debug, "GET /"); !strings.Contains(got.Body, "/etc/secret") {
		t.Errorf("Debug: got %q", got.Body)
	}
}

// TestV09ErrorPage: an own page, also one that fails.
func TestV09ErrorPage(t *testing.T) {
	s := quiet(web.Inline(func(_ *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
		w.SetHeader("X-Half", "made")
		w.WriteHeader(201)
		return &web.Error{Status: 418, Public: "short and stout"}
	}))
	s.ErrorPage = func(w *web.ResponseWriter, r *web.Request, status int, public, id string) {
		fmt.Fprintf(w, "%d %s %s", status, public, r.Path())
	}
	if got := asked(t, s, "GET /tea"); got.Status != 418 || got.Body != "418 short and stout /tea" || got.Header.Get("X-Half") != "" {
		t.Errorf("got %q", got.Wire)
	}
	s.ErrorPage = func(w *web.ResponseWriter, r *web.Request, status int, public, id string) { panic("again") }
	if got := asked(t, s, "GET /tea"); got.Status != 418 {
		t.Errorf("a page that panics: got %q", got.Wire)
	}
}

// TestV09Ended: writing after the end, and an end that is cut.
func TestV09Ended(t *testing.T) {
	var w *web.ResponseWriter
	clock := sim.NewClock(t)
	tr := sim.Connect(clock, quiet(web.Later(func(rw *web.ResponseWriter, r *web.Request) *deferred.Signal {
		w = rw
		return after(r.Loop(), time.Second)
	})))
	tr.Receive(getRoot)
	clock.Advance(time.Second)
	n := len(tr.Written())
	_, err := w.WriteString("late")
	w.Header().Set("X-Late", "1")
	if file := w.SendFile(io.NewSectionReader(strings.NewReader("file"), 0, 4)); err != web.ErrEnded || w.Flush() != web.ErrEnded ||
		w.Switch(101, nil) != web.ErrEnded || sim.Failure(t, file) != web.ErrEnded || w.WriteShared(make([]byte, 5000)) != web.ErrEnded {
		t.Errorf("after the end: got %v, want ErrEnded everywhere", err)
	}
	w.Inform(103, nil)
	w.Abort()
	if len(tr.Written()) != n || over(tr) {
		t.Errorf("after the end: %q was written", tr.Written()[n:])
	}

	for name, h := range map[string]web.Handler{
		"before the head": web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("half"); w.Abort() }),
		"and a panic":     web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("half"); w.Abort(); panic("after it") }),
		"in chunks":       web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("half"); w.Flush(); w.Abort() }),
		"failure": web.Inline(func(_ *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			w.WriteString("half")
			w.Flush()
			return errors.New("too late to tell")
		}),
	} {
		for minor := range 2 {
			clock := sim.NewClock(t)
			tr := sim.Connect(clock, quiet(h))
			tr.Receive(fmt.Sprintf("GET / HTTP/1.%d\r\nHost: a\r\n\r\n", minor) + getRoot)
			clock.Advance(0)
			got := tr.Written()
			if strings.Contains(got, "\r\n0\r\n\r\n") || strings.Count(got, "HTTP/1.1") > 1 || !over(tr) {
				t.Errorf("%s, HTTP/1.%d: got %q, want what shows that it is cut", name, minor, got)
			}
			if minor == 0 && (name == "in chunks" || name == "failure") && !tr.Aborted() {
				t.Errorf("%s, HTTP/1.0: its end looks like that of the body", name)
			}
		}
	}
}

// TestV19Switch: a connection goes to another protocol, with what came behind the request.
func TestV19Switch(t *testing.T) {
	upper := twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &shouter{t} })
	for _, c := range []struct {
		name  string
		h     func(*deferred.Co, *web.ResponseWriter) error
		wire  string
		want  string
		fails bool
	}{
		{"at once", func(_ *deferred.Co, w *web.ResponseWriter) error { return w.Switch(101, upper) },
			"", "HTTP/1.1 101 Switching Protocols\r\nDate: Tue, 01 Jan 2030 00:00:00 GMT\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nEARLY BIRD", false},
		{"later", func(co *deferred.Co, w *web.ResponseWriter) error {
			co.Sleep(1)
			w.SetHeader("X-A", "b")
			return w.Switch(101, upper)
		}, "", "Upgrade: shout\r\nX-A: b\r\n\r\nEARLY BIRD", false},
		{"after the head", func(_ *deferred.Co, w *web.ResponseWriter) error {
			w.Flush()
			return w.Switch(101, upper)
		}, "", "", true},
		{"with a body", func(_ *deferred.Co, w *web.ResponseWriter) error { return w.Switch(101, upper) },
			"Content-Length: 20\r\n", "", true},
		{"refused", func(_ *deferred.Co, w *web.ResponseWriter) error {
			return w.Switch(101, twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { return nil }))
		}, "", "", true},
		{"panic", func(_ *deferred.Co, w *web.ResponseWriter) error {
			return w.Switch(101, twistor.FactoryFunc(func(twistor.Transport) twistor.Protocol { panic("no") }))
		}, "", "", true},
	} {
		clock := sim.NewClock(t)
		s := quiet(web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			if r.UpgradeTo() != "shout" {
				t.Errorf("%s: upgrade to %q", c.name, r.UpgradeTo())
			}
			return c.h(co, w)
		}))
		tr := sim.Connect(clock, s)
		tr.Receive("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: Shout\r\n" + c.wire + "\r\nearly ")
		tr.Receive("bird")
		clock.Advance(1)
		got := tr.Written()
		if !c.fails && (!strings.HasSuffix(got, c.want) || over(tr)) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
		if c.name == "with a body" {
			c.fails = false // 400, and the body is dropped
			if got := statuses(got); !slices.Equal(got, []string{"400"}) {
				t.Errorf("%s: got %v, want 400", c.name, got)
			}
		}
		if c.fails && (strings.Contains(got, "BIRD") || !over(tr)) {
			t.Errorf("%s: got %q, closed %v; want no switch, and the end", c.name, got, over(tr))
		}
		tr.Reset()
		clock.Advance(time.Minute)
		if n := s.Stats().Connections; n != 0 {
			t.Errorf("%s: %d connections are counted", c.name, n)
		}
	}
	// One that has a body can be answered after the attempt.
	s := &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if w.Switch(101, upper) == nil {
			t.Error("switched with a body to come")
		}
		w.WriteHeader(426)
	})}
	if got := asked(t, s, "GET /", "Connection: Upgrade", "Upgrade: Shout", "Content-Length: 2", "", "hi"); got.Status != 426 {
		t.Errorf("after the attempt: got %q, want 426", got.Wire)
	}
}

// A shouter says in capitals what it hears.
type shouter struct{ twistor.Transport }

func (s *shouter) Connected()         {}
func (s *shouter) Received(p []byte)  { s.Write(bytes.ToUpper(p)) }
func (s *shouter) Disconnected(error) {}

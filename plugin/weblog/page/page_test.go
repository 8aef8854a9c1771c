package page

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/sse"
	"github.com/twistor-go/twistor/protocol/weblog"
	"github.com/twistor-go/twistor/service"
	"github.com/twistor-go/twistor/sim"
)

// A stage is a Page, fed by a weblog.Server and asked through a web.Server.
type stage struct {
	t     *testing.T
	clock *sim.Clock
	page  *Page
	log   weblog.Server
	site  web.Server
	local string // our end of connections
}

func newStage(t *testing.T, p *Page) *stage {
	t.Helper()
	st := &stage{t: t, clock: sim.NewClock(t), page: p, local: "127.0.0.1:8080"}
	st.do(func(co *deferred.Co) error { return p.Start(co, service.On(st.clock)) })
	st.log.Published = p.Published
	st.site.Handler = p
	return st
}

func (st *stage) do(f func(co *deferred.Co) error) {
	st.t.Helper()
	deferred.Inline(st.clock, func(co *deferred.Co) (struct{}, error) { return struct{}{}, f(co) }).Done(
		func(_ struct{}, err error) {
			if err != nil {
				st.t.Error(err)
			}
		})
	st.clock.Advance(0)
}

// again begins another life of the page.
func (st *stage) again() {
	st.t.Helper()
	st.do(st.page.Stop)
	st.do(func(co *deferred.Co) error { return st.page.Start(co, service.On(st.clock)) })
}

// hit publishes a hit of each path at once.
func (st *stage) hit(paths ...string) {
	var lines [][]byte
	for _, p := range paths {
		lines = append(lines, []byte(`192.0.2.7 - - [22/Nov/2026:10:00:00 +0000] "GET `+p+` HTTP/1.1" 200 1 "-" "curl/8"`))
	}
	st.log.Publish(lines)
}

func (st *stage) connect() *sim.Transport {
	conn := sim.NewTransport(st.clock)
	conn.SetAddrs(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(st.local)), conn.RemoteAddr())
	conn.Build(&st.site)
	return conn
}

// ask sends a request, with more fields if there are any, over a connection of
// its own.
func (st *stage) ask(target string, fields ...string) *sim.Transport {
	conn := st.connect()
	host := "Host: localhost\r\n"
	if len(fields) > 0 && strings.HasPrefix(fields[0], "Host:") {
		host = ""
	}
	conn.Receive("GET " + target + " HTTP/1.1\r\n" + host + strings.Join(append(fields, ""), "\r\n") + "\r\n")
	st.clock.Advance(0)
	return conn
}

// answer reads the answer that a connection has got, as far as it has come.
func answer(t *testing.T, conn *sim.Transport) (*http.Response, string) {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(conn.Written())), nil)
	if err != nil {
		t.Fatalf("%q: %v", conn.Written(), err)
	}
	body, _ := io.ReadAll(r.Body) // a stream goes on
	return r, string(body)
}

// A told is an event, as page.js reads it.
type told struct {
	At, First, Next uint64
	More            []int
	Hits            [][]any
}

// A seen is what a browser makes of a stream.
type seen struct {
	id     string // of the last event
	hello  hello
	events []told
}

// paths are those of the listed hits.
func (s seen) paths() string {
	var all []string
	for _, e := range s.events {
		for _, h := range e.Hits {
			all = append(all, h[5].(string))
		}
	}
	return strings.Join(all, " ")
}

// watch reads a stream.
func watch(t *testing.T, conn *sim.Transport) (s seen) {
	t.Helper()
	r, body := answer(t, conn)
	if r.StatusCode != 200 || r.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("got %s, %q, want a stream", r.Status, r.Header)
	}
	var events sse.Parser
	err := events.Parse([]byte(body), func(e sse.Event) {
		var err error
		if e.Type == "hello" {
			err = json.Unmarshal([]byte(e.Data), &s.hello)
		} else {
			s.events = append(s.events, told{})
			err = json.Unmarshal([]byte(e.Data), &s.events[len(s.events)-1])
		}
		if err != nil {
			t.Fatalf("%q: %v", e.Data, err)
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	s.id = events.LastEventID()
	return s
}

func TestStream(t *testing.T) {
	st := newStage(t, &Page{Title: "access.log", Epoch: "e", Next: 7})
	st.hit("/before")
	st.clock.Advance(time.Second)
	conn := st.ask("/hits")
	now := st.clock.Now().UnixMilli()
	st.hit("/now?a=b")
	st.clock.Advance(0)

	got := watch(t, conn)
	second := now/1000 - 1
	want := hello{Now: now, Anew: true, From: 7, Rates: []rate{{second, 0, 0, 1, 0, 0, 0}}, Until: 8, Title: "access.log", You: "10.0.0.2"}
	if !reflect.DeepEqual(got.hello, want) {
		t.Errorf("got %+v, want %+v", got.hello, want)
	}
	if got.paths() != "/before /now?a=b" || got.id != "e-9" {
		t.Errorf("got %q, %q, want what was there, and what came, at once", got.paths(), got.id)
	}
	row := fmt.Sprint(got.events[1].Hits[0])
	if want := fmt.Sprint([]any{8, 1.7953416e+09, "192.0.2.7", "-", "GET", "/now?a=b", 200, 1, "", "curl/8"}); row != want {
		t.Errorf("got row %s, want %s", row, want)
	}
	if at := got.events[1].At; int64(at) != now {
		t.Errorf("it came at %d, want %d", at, now)
	}
}

func TestMaxWatchers(t *testing.T) {
	st := newStage(t, &Page{MaxWatchers: 2})
	first := st.ask("/hits")
	st.ask("/hits")
	r, _ := answer(t, st.ask("/hits"))
	if r.StatusCode != 503 || r.Header.Get("Retry-After") == "" {
		t.Errorf("got %s, %q, want 503", r.Status, r.Header)
	}
	first.Break(io.ErrUnexpectedEOF)
	st.clock.Advance(0)
	if len(st.page.watchers) != 1 {
		t.Fatalf("%d watch, want the one that is left", len(st.page.watchers))
	}
	watch(t, st.ask("/hits"))
}

func TestStop(t *testing.T) {
	st := newStage(t, &Page{})
	conn := st.ask("/hits")
	st.hit("/first")
	st.hit("/last")
	st.do(st.page.Stop)
	if got := watch(t, conn).paths(); got != "/first /last" {
		t.Errorf("got %q, want what had come", got)
	}
	if !strings.HasSuffix(conn.Written(), "\r\n0\r\n\r\n") {
		t.Errorf("the stream is cut: %q", conn.Written())
	}
	if r, _ := answer(t, st.ask("/hits")); r.StatusCode != 503 {
		t.Errorf("after that: got %s, want 503", r.Status)
	}
	st.hit("/after") // is nobody's any more
	if n := st.clock.Pending(); n > 3 {
		t.Errorf("%d timers are left behind", n)
	}
	st.page.Stop(nil)
}

func TestHeartbeat(t *testing.T) {
	st := newStage(t, &Page{})
	conn := st.ask("/hits")
	st.clock.Advance(time.Hour)
	if got := strings.Count(conn.Written(), "\r\n:\n\n\r\n"); got < 230 || got > 241 {
		t.Errorf("got %d signs of life in an hour of silence, want one each 15 s", got)
	}
	if !conn.Closed() {
		watch(t, conn)
	} else {
		t.Error("a silent stream was closed")
	}
}

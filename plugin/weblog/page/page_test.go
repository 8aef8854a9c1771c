package page

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"reflect"
	"regexp"
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

func TestFiles(t *testing.T) {
	st := newStage(t, &Page{})
	total := 0
	for path, want := range map[string]string{
		"/": "text/html", "/page.css": "text/css", "/page.js": "text/javascript", "/icon.svg": "image/svg+xml",
	} {
		r, body := answer(t, st.ask(path))
		if r.StatusCode != 200 || !strings.HasPrefix(r.Header.Get("Content-Type"), want) {
			t.Errorf("%s: got %s, %s", path, r.Status, r.Header.Get("Content-Type"))
		}
		for name, want := range map[string]string{
			"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; ",
			"X-Content-Type-Options":  "nosniff",
			"X-Frame-Options":         "DENY",
			"Referrer-Policy":         "no-referrer",
		} {
			if got := r.Header.Get(name); !strings.HasPrefix(got, want) {
				t.Errorf("%s: %s: got %q, want %q", path, name, got, want)
			}
		}
		if tag := r.Header.Get("ETag"); tag == "" {
			t.Errorf("%s has no ETag", path)
		} else if r, _ := answer(t, st.ask(path, "If-None-Match: "+tag)); r.StatusCode != 304 {
			t.Errorf("%s: got %s for what the browser has, want 304", path, r.Status)
		}
		// The namespace of SVG is a name, which nobody asks for.
		if at := regexp.MustCompile(`(https?:)?//[\w.]+\.\w+`).FindString(strings.ReplaceAll(body, "http://www.w3.org/2000/svg", "")); at != "" {
			t.Errorf("%s leads to %s: the page asks nobody else", path, at)
		}
		if regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|<[^>]+ (on\w+|style)=`).MatchString(body) {
			t.Errorf("%s makes HTML or code of strings", path)
		}
		total += len(body)
	}
	if total > 30<<10 {
		t.Errorf("the page has %d bytes, want at most 30 KiB", total)
	}
	if r, _ := answer(t, st.ask("/no/such/page")); r.StatusCode != 404 || r.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("got %s, %q for what is not there", r.Status, r.Header)
	}
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

// A browser that comes back gets what it has missed, and nothing twice.
func TestGoesOn(t *testing.T) {
	st := newStage(t, &Page{Epoch: "e"})
	for i := range 5 {
		st.hit(fmt.Sprint("/", i))
		st.clock.Advance(time.Second)
	}
	for _, tc := range []struct {
		name, target, field string
		anew                bool
		want                string
	}{
		{"a browser's own way", "/hits", "Last-Event-ID: e-3", false, "/3 /4"},
		{"that of a script that tries anew", "/hits?after=e-4", "X: y", false, "/4"},
		{"nothing was missed", "/hits", "Last-Event-ID: e-5", false, ""},
		{"another life", "/hits", "Last-Event-ID: f-3", true, "/0 /1 /2 /3 /4"},
		{"a place that is still to come", "/hits", "Last-Event-ID: e-6", true, "/0 /1 /2 /3 /4"},
		{"no place at all", "/hits", "Last-Event-ID: e-x", true, "/0 /1 /2 /3 /4"},
		{"a number too large", "/hits", "Last-Event-ID: e-99999999999999999999", true, "/0 /1 /2 /3 /4"},
	} {
		got := watch(t, st.ask(tc.target, tc.field))
		if got.hello.Anew != tc.anew || got.paths() != tc.want {
			t.Errorf("%s: got anew %v, %q, want %v, %q", tc.name, got.hello.Anew, got.paths(), tc.anew, tc.want)
		}
	}

	st = newStage(t, &Page{})
	first := watch(t, st.ask("/hits")).id
	st.again()
	if got := watch(t, st.ask("/hits", "Last-Event-ID: "+first)); !got.hello.Anew {
		t.Errorf("%s and %s are lives that remember nothing, and share their numbers", first, got.id)
	}
}

// A former life's hits are there at once, with their numbers, and the new ones
// follow.
func TestPast(t *testing.T) {
	var past []weblog.Hit
	for i := range 250 {
		past = append(past, weblog.Hit{Path: fmt.Sprint("/", i), Time: sim.Epoch.Add(time.Duration(i/200) * time.Second), Status: 200})
	}
	st := newStage(t, &Page{Epoch: "e", Next: 1000, Past: past})
	st.hit("/new")
	st.clock.Advance(time.Second)
	got := watch(t, st.ask("/hits", "Last-Event-ID: e-900"))
	if got.hello.Anew {
		t.Error("a place of the former life is not known")
	}
	var numbers []string
	for _, e := range got.events {
		numbers = append(numbers, fmt.Sprint(e.First, "-", e.Next, ":", len(e.Hits)))
	}
	if got, want := strings.Join(numbers, " "), "850-950:100 950-1000:50 1000-1001:1"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !strings.HasPrefix(got.paths(), "/100 ") || !strings.HasSuffix(got.paths(), "/249 /new") {
		t.Errorf("got %s", got.paths())
	}
	if more := newStage(t, &Page{Next: 3, Past: past}); watch(t, more.ask("/hits")).paths() != "/247 /248 /249" {
		t.Error("there are more hits than numbers")
	}
}

// Whatever a line has, it is text on the stream: no markup, no line ends, no
// marks that are not seen. The control is that all of it is there, readable.
func TestHostileLines(t *testing.T) {
	st := newStage(t, &Page{})
	for path, want := range map[string]string{
		`/</script><img src=x onerror=alert(1)>`: `/</script><img src=x onerror=alert(1)>`,
		`/\x0Adata: {}\x0A\x0Aevent: hello`:      `/\x0Adata: {}\x0A\x0Aevent: hello`,
		"/\\r\\n\\r\\nid: 7":                     `/\x0D\x0A\x0D\x0Aid: 7`,
		"/\xff\x00\x1b[2J":                       `/\xFF\x00\x1B[2J`,
		"/\u202egnp.exe\u2066\u200b":             `/\xE2\x80\xAEgnp.exe\xE2\x81\xA6\xE2\x80\x8B`,
		"/\u2028\u2029":                          `/\xE2\x80\xA8\xE2\x80\xA9`,
		"/é日本\U0001f600":                         "/é日本\U0001f600",
		"/" + strings.Repeat("x", 60_000):        "/" + strings.Repeat("x", maxPathBytes-1) + "…",
		"/" + strings.Repeat(`\x00`, 10_000):     "/" + strings.Repeat(`\x00`, maxPathBytes/4) + "…",
	} {
		st.hit(path)
		st.clock.Advance(time.Second)
		conn := st.ask("/hits")
		if _, body := answer(t, conn); strings.ContainsAny(body, "<>\r\x00\x1b") || strings.Contains(body, "\u2028") {
			t.Errorf("%.100q came as it was: %.200q", path, body)
		}
		got := watch(t, conn)
		last := got.events[len(got.events)-1].Hits
		if got := last[len(last)-1][5]; got != want {
			t.Errorf("%.100q: got %.600q, want %.600q", path, got, want)
		}
	}
}

// However many come, ten events a second tell of them, and what is not listed is
// counted by its status.
func TestBusy(t *testing.T) {
	st := newStage(t, &Page{})
	conn := st.ask("/hits")
	for i := range 1000 {
		var lines [][]byte
		for k := range 50 {
			lines = append(lines, fmt.Appendf(nil, `::1 - - [22/Nov/2026:10:00:00 +0000] "GET /%d HTTP/1.1" %d04 1`, i, k%6))
		}
		st.log.Publish(lines)
		st.clock.Advance(time.Millisecond)
	}
	st.clock.Advance(perEvent)
	got := watch(t, conn)
	if n := len(got.events); n < 10 || n > 12 {
		t.Errorf("got %d events in a second, want 10", n)
	}
	hits, kinds := 0, [6]int{}
	for _, e := range got.events {
		if len(e.Hits) > maxListed {
			t.Errorf("an event lists %d hits", len(e.Hits))
		}
		sum := len(e.Hits)
		for k, n := range e.More {
			sum += n
			kinds[k] += n
		}
		if uint64(sum) != e.Next-e.First {
			t.Errorf("an event of %d to %d has %d hits", e.First, e.Next, sum)
		}
		for _, h := range e.Hits {
			kinds[int(h[6].(float64))/100]++
		}
		hits += sum
	}
	if hits != 50_000 || kinds != [6]int{9000, 9000, 8000, 8000, 8000, 8000} {
		t.Errorf("got %d hits, %v", hits, kinds)
	}
}

// A browser that takes nothing costs what is remembered and no more, delays
// nobody, and hears later how many it has missed.
func TestSlow(t *testing.T) {
	st := newStage(t, &Page{})
	slow, quick := st.ask("/hits"), st.ask("/hits")
	slow.Hold()
	long := "/" + strings.Repeat("x", 500)
	for range 200 {
		var paths []string
		for range maxListed {
			paths = append(paths, long)
		}
		st.hit(paths...)
		st.clock.Advance(perEvent)
	}
	if got := slow.Buffered(); got > 256<<10 {
		t.Errorf("%d bytes wait for a browser that takes nothing", got)
	}
	if got := st.page.past; got.listed > maxKept || got.bytes > maxKeptBytes+maxListed<<10 {
		t.Errorf("%d hits, %d bytes are remembered", got.listed, got.bytes)
	}
	if got := watch(t, quick); got.events[len(got.events)-1].Next != 200*maxListed || len(got.events) != 200 {
		t.Errorf("the other has %d events", len(got.events))
	}
	slow.Drain(-1)
	st.clock.Advance(0)
	got := watch(t, slow)
	missed, next := uint64(0), got.hello.From
	for _, e := range got.events {
		missed += e.First - next
		next = e.Next
	}
	if next != 200*maxListed || missed == 0 || missed%maxListed != 0 {
		t.Errorf("it is at %d, and was told that it missed %d", next, missed)
	}
}

func TestNewBrowserGetsTheLast(t *testing.T) {
	st := newStage(t, &Page{})
	for i := range 900 {
		st.hit(fmt.Sprint("/", i))
		st.clock.Advance(perEvent)
	}
	got := watch(t, st.ask("/hits"))
	if n := len(got.events); n != MaxPast || !strings.HasSuffix(got.paths(), " /899") || got.hello.From != 400 {
		t.Errorf("got %d events from %d, want the last %d", n, got.hello.From, MaxPast)
	}
}

// A browser that comes late has the chart of one that was there all the time:
// the hello's rates, and what comes after Until, are all hits of two minutes.
func TestRates(t *testing.T) {
	st := newStage(t, &Page{})
	for i := range 600 {
		for range i % 7 {
			st.hit("/")
		}
		st.clock.Advance(time.Second)
	}
	st.hit("/not", "/yet", "/sent")
	conn := st.ask("/hits")
	st.clock.Advance(time.Second)
	got := watch(t, conn)
	inRates, after := int64(0), uint64(0)
	for i, r := range got.hello.Rates {
		if i > 0 && r[0] <= got.hello.Rates[i-1][0] || r[0] <= st.clock.Now().Unix()-rateSeconds-2 {
			t.Errorf("second %d is not in order, or too old", r[0])
		}
		if want := (r[0] - sim.Epoch.Unix()) % 7; r[3] != want {
			t.Errorf("second %d has %d hits, want %d", r[0], r[3], want)
		}
		inRates += r[3]
	}
	for _, e := range got.events {
		if e.First >= got.hello.Until {
			after += e.Next - e.First
		}
	}
	if inRates < 340 || inRates > 370 || after != 3 {
		t.Errorf("got %d hits in the rates and %d after them, want about 360 and 3", inRates, after)
	}
	var r rates
	r.add(time.Unix(1000, 0), &[6]int{0, 0, 1})
	r.add(time.Unix(1000-rateSeconds, 0), &[6]int{0, 0, 1})
	if all := r.until(time.Unix(1001, 0)); len(all) != 1 || all[0] != (rate{1000, 0, 0, 1}) {
		t.Errorf("got %v, want the second 1000 and not one that was long ago", all)
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

// Another site's page cannot have a name of its own lead here, nor hold streams.
func TestOtherSites(t *testing.T) {
	st := newStage(t, &Page{})
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "[::1]:8080": 200, "weblog.localhost": 200, "LOCALHOST.": 200,
		"evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "notlocalhost": 421,
	} {
		for _, path := range []string{"/", "/hits", "/hello"} {
			if r, _ := answer(t, st.ask(path, "Host: "+host)); r.StatusCode != want {
				t.Errorf("%s at %s: got %d, want %d", path, host, r.StatusCode, want)
			}
		}
	}
	if r, _ := answer(t, st.ask("/hits", "Sec-Fetch-Site: cross-site")); r.StatusCode != 403 {
		t.Errorf("another site's stream: got %s, want 403", r.Status)
	}
	st.local = "192.0.2.1:80"
	if r, _ := answer(t, st.ask("/", "Host: weblog.example")); r.StatusCode != 200 {
		t.Errorf("where all are listened to: got %s, want 200: the names are the owner's", r.Status)
	}
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

func FuzzRow(f *testing.F) {
	for _, s := range []string{"/", "</script>", "\xff\xfe", "\u202e", "\x00\r\n", strings.Repeat("é", 300)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, path, agent string) {
		row := appendRow(nil, 1, weblog.Hit{Path: path, Agent: agent})
		var got []any
		if err := json.Unmarshal(row, &got); err != nil || len(got) != 10 {
			t.Fatalf("%q: %v", row, err)
		}
		if bytes.ContainsAny(row, "<>&\r\n") {
			t.Errorf("%q has markup or line ends", row)
		}
		if len(row) > 6*(maxPathBytes+maxFieldBytes)+200 {
			t.Errorf("%d bytes", len(row))
		}
		if text := got[5].(string); len(path) <= maxPathBytes && !strings.ContainsFunc(path, hidden) && text != path {
			t.Errorf("got %q, want %q", text, path)
		}
	})
}

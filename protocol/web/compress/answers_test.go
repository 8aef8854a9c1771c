package compress_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/compress"
	"github.com/twistor-go/twistor/reactor"
)

// serve runs a Server of h on a real loop and returns its URL, and a way onto the loop.
func serve(t testing.TB, h web.Handler) (url string, on func(func())) {
	t.Helper()
	r := reactor.New(nil)
	port, err := twistor.Listen(r.Loop(), "tcp", "127.0.0.1:0", &web.Server{Handler: h, MaxBodyBytes: 100 << 20})
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
	return "http://" + port.Addr().String(), func(f func()) {
		ran := make(chan struct{})
		r.Loop().Post(func() { f(); close(ran) })
		<-ran
	}
}

type answer struct {
	*http.Response
	body, raw string
}

// ask does not decompress by itself.
func ask(t testing.TB, method, url string, fields ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range fields {
		name, value, _ := strings.Cut(f, ": ")
		req.Header.Set(name, value)
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		t.Fatalf("%s: %v", url, err)
	}
	a := answer{resp, string(raw), string(raw)}
	if method != "HEAD" {
		a.body = undo(t, resp.Header.Get("Content-Encoding"), a.raw)
	}
	return a
}

func undo(t testing.TB, coding, raw string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(raw)
	var err error
	switch coding {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "zstd":
		r, err = zstd.NewReader(r)
	}
	if err == nil {
		var b []byte
		if b, err = io.ReadAll(r); err == nil {
			return string(b)
		}
	}
	t.Fatalf("%q of %d bytes: %v", coding, len(raw), err)
	return ""
}

var text = strings.Repeat("All happy families are alike. ", 1000)

// answers is a Handler of a text with fields.
func answers(body string, fields ...string) web.Handler {
	return web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		for _, f := range fields {
			name, value, _ := strings.Cut(f, ": ")
			w.SetHeader(name, value)
		}
		w.WriteString(body)
	})
}

// V21.
func TestV21Negotiation(t *testing.T) {
	url, _ := serve(t, (&compress.Answers{}).Wrap(answers(text)))
	for accept, want := range map[string]string{
		"gzip": "gzip", "zstd": "zstd", "gzip, deflate, br, zstd": "zstd", "gzip;q=1.0, zstd;q=0.5": "gzip", "gzip;q=0.5": "gzip", "gzip;q=0": "", "br": "", "*": "zstd",
		"identity": "", "identity, gzip;q=0.9": "", "identity;q=0.1, gzip;q=0.9": "gzip", "GZIP": "gzip",
	} {
		a := ask(t, "GET", url, "Accept-Encoding: "+accept)
		if got := a.Header.Get("Content-Encoding"); got != want || a.body != text || a.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%s: got %q, %d bytes, Vary %q; want %q", accept, got, len(a.body), a.Header.Get("Vary"), want)
		}
		if want != "" && (len(a.raw) > len(text)/10 || int(a.ContentLength) != len(a.raw)) {
			t.Errorf("%s: %d bytes, Content-Length %d", accept, len(a.raw), a.ContentLength)
		}
	}
	if a := ask(t, "GET", url); a.Header.Get("Content-Encoding") != "" || a.body != text {
		t.Error("without the field: want it as it is")
	}
}

// V21: what is left as it is, each beside a control that is not.
func TestV21StepsAside(t *testing.T) {
	for _, c := range []struct {
		name   string
		body   string
		fields []string
		want   string
		vary   string
	}{
		{"control", text, []string{"Content-Type: text/html"}, "gzip", "Accept-Encoding"},
		{"control: at the limit", text[:1024], nil, "gzip", "Accept-Encoding"},
		{"too short", text[:1023], nil, "", ""},
		{"an image", text, []string{"Content-Type: image/png"}, "", ""},
		{"control: JSON of a kind", text, []string{"Content-Type: Application/LD+JSON; charset=x"}, "gzip", "Accept-Encoding"},
		{"no-transform", text, []string{"Cache-Control: max-age=5, no-transform"}, "", ""},
		{"compressed already", text, []string{"Content-Encoding: br"}, "br", ""},
		{"a part", text, []string{"Content-Range: bytes 0-1/2"}, "", ""},
		{"events", text, []string{"Content-Type: text/event-stream"}, "", ""},
		{"varies already", text, []string{"Vary: Origin, accept-encoding"}, "gzip", "Origin, accept-encoding"},
		{"varies with all", text, []string{"Vary: *"}, "gzip", "*"},
		{"with a wrong length of ours", text, []string{fmt.Sprint("Content-Length: ", len(text))}, "gzip", "Accept-Encoding"},
	} {
		url, _ := serve(t, (&compress.Answers{}).Wrap(answers(c.body, c.fields...)))
		a := ask(t, "HEAD", url, "Accept-Encoding: gzip")
		if got := a.Header.Get("Content-Encoding"); got != c.want {
			t.Errorf("%s: HEAD: got %q, want %q", c.name, got, c.want)
		}
		if c.want == "br" {
			continue
		}
		a = ask(t, "GET", url, "Accept-Encoding: gzip")
		if got := a.Header.Get("Content-Encoding"); got != c.want || a.Header.Get("Vary") != c.vary || a.body != c.body {
			t.Errorf("%s: got %q, Vary %q, %d bytes; want %q, Vary %q", c.name, got, a.Header.Get("Vary"), len(a.body), c.want, c.vary)
		}
	}
}

func TestV21ETagIsWeakened(t *testing.T) {
	url, _ := serve(t, (&compress.Answers{}).Wrap(answers(text, `ETag: "abc"`, "Accept-Ranges: bytes")))
	a := ask(t, "GET", url, "Accept-Encoding: gzip")
	if got := a.Header.Get("ETag"); got != `W/"abc"` || a.Header.Get("Accept-Ranges") != "" {
		t.Errorf("got ETag %s, Accept-Ranges %q", got, a.Header.Get("Accept-Ranges"))
	}
	if a := ask(t, "GET", url); a.Header.Get("ETag") != `"abc"` {
		t.Errorf("control: got ETag %s", a.Header.Get("ETag"))
	}
}

// An answer that goes on: what was flushed can be read before the rest is written.
func TestV21Streams(t *testing.T) {
	for _, coding := range []string{"gzip", "zstd"} {
		next := deferred.New[struct{}](nil)
		url, on := serve(t, (&compress.Answers{}).Wrap(web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			w.WriteString("first\n")
			w.Flush()
			w.WriteString("second\n")
			w.Flush()
			if _, err := next.Await(co); err != nil {
				return err
			}
			w.WriteString(text)
			return nil
		})))
		req, _ := http.NewRequest("GET", url, nil)
		req.Header.Set("Accept-Encoding", coding)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		var r io.Reader
		if coding == "gzip" {
			r, err = gzip.NewReader(resp.Body)
		} else {
			r, err = zstd.NewReader(resp.Body)
		}
		if err != nil {
			t.Fatal(err)
		}
		begin := make([]byte, len("first\nsecond\n"))
		if _, err := io.ReadFull(r, begin); err != nil || string(begin) != "first\nsecond\n" {
			t.Fatalf("%s: %q, %v", coding, begin, err)
		}
		on(func() { next.Succeed(struct{}{}) })
		rest, err := io.ReadAll(r)
		if err != nil || string(rest) != text {
			t.Errorf("%s: %d bytes, %v", coding, len(rest), err)
		}
		resp.Body.Close()
	}
}

// beyond MaxActive answers go as they are, and those that end, however they do,
// make room again.
func TestX01MaxActive(t *testing.T) {
	a := &compress.Answers{MaxActive: 2}
	type stream struct {
		w    *web.ResponseWriter
		done *deferred.Signal
	}
	streams := make(chan stream, 8)
	url, on := serve(t, a.Wrap(web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		done := deferred.New[struct{}](r.Loop())
		w.WriteString("x")
		w.Flush()
		streams <- stream{w, done}
		return done
	})))
	open := func() (*http.Response, stream) {
		req, _ := http.NewRequest("GET", url, nil)
		req.Header.Set("Accept-Encoding", "gzip")
		resp, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return resp, <-streams
	}
	for round := range 3 {
		var all []stream
		for i, want := range []string{"gzip", "gzip", ""} {
			resp, s := open()
			if got := resp.Header.Get("Content-Encoding"); got != want {
				t.Errorf("round %d, stream %d: got %q, want %q", round, i, got, want)
			}
			defer resp.Body.Close()
			all = append(all, s)
		}
		on(func() {
			all[0].done.Succeed(struct{}{})
			all[1].w.Abort()
			all[2].done.Succeed(struct{}{})
		})
	}
}

func TestInteropCurl(t *testing.T) {
	curl := peertest.Program(t, "curl")
	url, _ := serve(t, (&compress.Answers{}).Wrap(answers(text)))
	out, err := exec.Command(curl, "-s", "--noproxy", "*", "--compressed", url).Output()
	if err != nil || string(out) != text {
		t.Errorf("curl --compressed: %d bytes, %v", len(out), err)
	}
}

// Whatever is written, and wherever it is flushed, comes back.
func FuzzFilter(f *testing.F) {
	f.Add([]byte("hello, hello, hello"), uint8(3), true)
	f.Add(bytes.Repeat([]byte{0}, 5000), uint8(200), false)
	f.Fuzz(func(t *testing.T, p []byte, cut uint8, gz bool) {
		coding := "zstd"
		if gz {
			coding = "gzip"
		}
		var h web.Header
		h.Set("Accept-Encoding", coding)
		filter := (&compress.Answers{}).Filter(nil, &web.Request{Header: h})
		var out []byte
		var err error
		for rest := p; len(rest) > 0; {
			n := min(len(rest), int(cut)+1)
			if out, err = filter.Append(out, rest[:n], n%3 == 0, false); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if out, err = filter.Append(out, nil, true, true); err != nil {
			t.Fatal(err)
		}
		if got := undo(t, coding, string(out)); got != string(p) {
			t.Errorf("%s: %d bytes became %d", coding, len(p), len(got))
		}
	})
}

func BenchmarkAnswers(b *testing.B) {
	page := bytes.Repeat([]byte("<li><a href=\"/item/12345\">Item</a> costs 17.50 and is <b>new</b>.</li>\n"), 500)
	for i := range page {
		if page[i] == '5' {
			page[i] = byte('0' + i%10)
		}
	}
	for _, coding := range []string{"gzip", "zstd"} {
		b.Run(coding, func(b *testing.B) {
			a := &compress.Answers{}
			var h web.Header
			h.Set("Accept-Encoding", coding)
			var out []byte
			b.SetBytes(int64(len(page)))
			b.ReportAllocs()
			for b.Loop() {
				out, _ = a.Filter(nil, &web.Request{Header: h}).Append(out[:0], page, true, true)
			}
			b.ReportMetric(float64(len(page))/float64(len(out)), "x")
		})
	}
}

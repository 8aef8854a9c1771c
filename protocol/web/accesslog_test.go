package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// V15: the combined format; nothing that a client sends ends a line or a value.
func TestV15CombinedLog(t *testing.T) {
	var out strings.Builder
	h := web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if r.Path() == "/in" {
			r.SetUser("ann \"\n")
		}
		w.WriteString("hello")
	})
	s := &web.Server{AccessLog: &web.LineLog{To: &out}, Handler: (&web.Proxies{Trusted: trustAll}).Wrap(h)}
	for _, c := range []struct {
		lines []string
		want  string
	}{
		{[]string{"GET /a?b=c", "Referer: http://example.org/", "User-Agent: agent/1.0"},
			`10.0.0.2 - - [01/Jan/2030:00:00:00 +0000] "GET /a?b=c HTTP/1.1" 200 5 "http://example.org/" "agent/1.0"`},
		{[]string{"HEAD / HTTP/1.0", "X-Forwarded-For: 192.0.2.9"},
			`192.0.2.9 - - [01/Jan/2030:00:00:00 +0000] "HEAD / HTTP/1.0" 200 - "-" "-"`},
		{[]string{"GET /in", "User-Agent: \" \\ \xff \t x", "Referer: \x1b"}, // ESC: refused before
			`10.0.0.2 - - [01/Jan/2030:00:00:00 +0000] "-" 400 - "-" "-"`},
		{[]string{"GET /in", "User-Agent: \" \\ \xff \t x"},
			`10.0.0.2 - ann \x22\x0a [01/Jan/2030:00:00:00 +0000] "GET /in HTTP/1.1" 200 5 "-" "\x22 \x5c \xff \x09 x"`},
	} {
		out.Reset()
		asked(t, s, c.lines...)
		want := c.want
		if want != "" {
			want += "\n"
		}
		if got := out.String(); got != want {
			t.Errorf("%q: got %q, want %q", c.lines, got, want)
		}
	}
}

// V15: one's own format; an answer that its client did not wait for is logged too.
func TestV15OwnFormat(t *testing.T) {
	var out strings.Builder
	c := sim.NewClock(t)
	s := &web.Server{
		AccessLog: &web.LineLog{To: &out, Format: func(dst []byte, e *web.Entry) []byte {
			return fmt.Appendf(dst, "%s %d %v", e.Request.Path(), e.Status, e.Err != nil)
		}},
		Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal { return deferred.New[struct{}](c) }),
	}
	tr := sim.Connect(c, s)
	tr.Receive("GET /x HTTP/1.1\r\nHost: a\r\n\r\n")
	tr.Reset()
	c.Pump(0)
	if got, want := out.String(), "/x 0 true\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A line costs no memory.
func TestV15LogAllocates(t *testing.T) {
	var out discard
	c := sim.NewClock(t)
	tr := sim.Connect(c, &web.Server{Handler: says("ok"), AccessLog: &web.LineLog{To: &out}})
	plain := sim.Connect(c, &web.Server{Handler: says("ok")})
	allocs := func(tr *sim.Transport) float64 {
		return testing.AllocsPerRun(100, func() {
			tr.Receive("GET /a HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\n\r\n")
			tr.Clear()
		})
	}
	if with, without := allocs(tr), allocs(plain); with > without {
		t.Errorf("got %v allocations with a log, want the %v without", with, without)
	}
}

type discard int

func (d *discard) Write(p []byte) (int, error) { *d += discard(len(p)); return len(p), nil }

package cgi_test

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/cgi"
	"github.com/twistor-go/twistor/sim"
)

// A site is a simulated host that serves h, and one that asks.
type site struct {
	w      *sim.World
	server *sim.Host
	client *sim.Host
}

func serve(w *sim.World, h web.Handler) site {
	s := site{w, w.Host("server"), w.Host("client")}
	s.server.Listen("tcp", ":80", &web.Server{Handler: h, Log: slog.New(slog.DiscardHandler)})
	return s
}

// ask sends a request and returns the whole answer; the connection is closed behind it.
func (s site) ask(head, body string) string {
	p := s.client.Dial("server:80")
	p.Send(head + "\r\nHost: example.com:80\r\nConnection: close\r\n\r\n" + body)
	p.WaitGone()
	return p.Take()
}

func script(path string) *cgi.Script {
	return &cgi.Script{Path: path, Rules: cgi.Rules{Log: slog.New(slog.DiscardHandler)}}
}

// says is a program that writes text and ends.
func says(text string) sim.Program {
	return func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, text)
		return 0
	}
}

// V30: each kind of head becomes the answer that RFC 3875, section 6 says.
func TestV30Answers(t *testing.T) {
	w := sim.New(t, 1)
	s := serve(w, script("prog"))
	for _, c := range []struct{ name, output, want string }{
		{"document", "Content-Type: text/x\nX-A: 1\n\nhello", "200|X-A: 1|hello"},
		{"CRLF", "Content-Type: text/x\r\n\r\nhello", "200|Content-Type: text/x|hello"},
		{"Status", "Status: 404 Nothing Here\nContent-Type: text/x\n\nnone", "404||none"},
		{"Status alone", "Status: 204\n\n", "204||"},
		{"Location", "Location: https://example.org/\n\n", "302|Location: https://example.org/|"},
		{"Location with Status", "Status: 301\nLocation: /x\n\n", "301|Location: /x|"},
		{"length", "Content-Type: a/b\nContent-Length: 2\n\nok", "200|Content-Length: 2|ok"},
		{"empty", "", "502||"},
		{"no empty line", "Content-Type: a/b\n", "502||"},
		{"no colon", "hello\n\n", "502||"},
		{"no field that counts", "X-A: 1\n\n", "502||"},
		{"bad Status", "Status: 99\n\n", "502||"},
		{"Status of a switch", "Status: 101\n\n", "502||"},
		{"bad field", "Content-Type: a/b\nX A: 1\n\n", "502||"},
		{"NPH", "HTTP/1.1 200 OK\nContent-Type: a/b\n\n", "502||"},
		{"a long head", "X: " + strings.Repeat("x", 16<<10) + "\n\n", "502||"},
		{"hop-by-hop", "Content-Type: a/b\nTransfer-Encoding: gzip\nConnection: upgrade\nX-A: 1\n\nok", "200|X-A: 1|ok"},
	} {
		s.server.Program("prog", says(c.output))
		got := s.ask("GET / HTTP/1.0", "")
		want := strings.SplitN(c.want, "|", 3)
		head, body, _ := strings.Cut(got, "\r\n\r\n")
		if !strings.HasPrefix(got, "HTTP/1.1 "+want[0]) || !strings.Contains(head, want[1]) || want[0] != "502" && body != want[2] ||
			strings.Contains(head, "gzip") || strings.Contains(got, "cgi:") {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
	s = serve(sim.New(t, 2), script("none"))
	if got := s.ask("GET / HTTP/1.0", ""); !strings.HasPrefix(got, "HTTP/1.1 404 ") {
		t.Errorf("no such program: got %q, want 404", got)
	}
}

// V30, T-18: the request as variables, and nothing else of ours or of the client's making.
func TestV30Environment(t *testing.T) {
	w := sim.New(t, 1)
	var env []string
	mux := &web.Mux{}
	k := script("prog")
	k.Env = []string{"EXTRA=1", "PATH=/opt"}
	mux.Mount("/cgi%20bin/{x}", k)
	named := script("prog")
	named.Name = "/run"
	mux.Handle("/run/", named)
	s := serve(w, mux)
	s.server.Program("prog", func(co *deferred.Co, c *sim.Child) int {
		env = c.Command.Env
		c.Write(co, 1, "Content-Type: a/b\n\n")
		return 0
	})
	s.ask("POST /cgi%20bin/y/a%20b/c?d=%20e HTTP/1.1\r\nProxy: http://evil\r\nproxy: x\r\nX_Under: 1\r\nX-Ok: 1\r\nx-ok: 2\r\nCookie: a=1\r\nCookie: b=2\r\n"+
		"Authorization: Basic eDp5\r\nContent-Type: text/x\r\nContent-Length: 2\r\nTE: trailers", "ab")
	for _, want := range []string{
		"GATEWAY_INTERFACE=CGI/1.1", "SERVER_PROTOCOL=HTTP/1.1", "SERVER_NAME=example.com", "SERVER_PORT=80", "REQUEST_METHOD=POST",
		"SCRIPT_NAME=/cgi bin/y", "PATH_INFO=/a b/c", "QUERY_STRING=d=%20e", "REQUEST_URI=/cgi%20bin/y/a%20b/c?d=%20e", "CONTENT_TYPE=text/x", "CONTENT_LENGTH=2",
		"HTTP_X_OK=1, 2", "HTTP_COOKIE=a=1; b=2", "HTTP_HOST=example.com:80", "REMOTE_ADDR=" + s.client.Addr().String(), "EXTRA=1", "PATH=/opt",
	} {
		if !slices.Contains(env, want) {
			t.Errorf("want %q in %q", want, env)
		}
	}
	for _, v := range env {
		name, _, _ := strings.Cut(v, "=")
		switch name {
		case "HTTP_PROXY", "HTTP_X_UNDER", "HTTP_AUTHORIZATION", "HTTP_CONTENT_TYPE", "HTTP_CONTENT_LENGTH", "HTTP_TE", "HTTP_CONNECTION", "HOME", "HTTPS", "REMOTE_USER":
			t.Errorf("got %q: it is not for programs", v)
		}
	}
	s.ask("GET /run/more HTTP/1.1", "")
	if !slices.Contains(env, "SCRIPT_NAME=/run") || !slices.Contains(env, "PATH_INFO=/more") || slices.ContainsFunc(env, func(v string) bool { return strings.HasPrefix(v, "CONTENT_") }) {
		t.Errorf("with a Name: got %q", env)
	}
}

// shout is a program that answers its input in capitals, as it comes.
func shout(co *deferred.Co, c *sim.Child) int {
	c.Write(co, 1, "Content-Type: a/b\n\n")
	for {
		p, err := c.Read(co, 0)
		if err == io.EOF {
			return 0
		}
		if err == nil {
			err = c.Write(co, 1, strings.ToUpper(string(p)))
		}
		if err != nil {
			return 1
		}
	}
}

// bodyOf is the body of an answer, which must be whole.
func bodyOf(t *testing.T, answer string) string {
	t.Helper()
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(answer)), nil)
	if err != nil {
		t.Fatalf("no answer in %.200q: %v", answer, err)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Errorf("body: %v", err)
	}
	return string(body)
}

// V30: the body goes to the program as it comes, whatever its framing and however
// it is cut.
func TestV30Body(t *testing.T) {
	text := strings.Repeat("0123456789abcdef", 60)
	sim.Seeds(t, 20, func(t *testing.T, w *sim.World) {
		s := serve(w, script("prog"))
		s.server.Program("prog", shout)
		got := bodyOf(t, s.ask(fmt.Sprintf("POST / HTTP/1.0\r\nContent-Length: %d", len(text)), text))
		if got != strings.ToUpper(text) {
			t.Errorf("got %d bytes, want all %d in capitals", len(got), len(text))
		}
		if got := bodyOf(t, s.ask("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")); got != "ABCDE" {
			t.Errorf("chunked: got %q", got)
		}
	})
	w := sim.New(t, 1)
	s := serve(w, script("prog"))
	s.server.Program("prog", shout)
	text = strings.Repeat(text, 1000)
	if got := bodyOf(t, s.ask(fmt.Sprintf("POST / HTTP/1.1\r\nContent-Length: %d", len(text)), text)); got != strings.ToUpper(text) {
		t.Errorf("got %d bytes, want all %d in capitals", len(got), len(text))
	}
}

// A body of unknown length must be gathered; beyond 1 MiB the client must say it.
func TestLengthRequired(t *testing.T) {
	w := sim.New(t, 1)
	s := serve(w, script("prog"))
	s.server.Program("prog", says("Content-Type: a/b\n\n"))
	p := s.client.Dial("server:80")
	p.Send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
	for range 70 {
		p.Send("4000\r\n" + strings.Repeat("x", 0x4000) + "\r\n")
	}
	if got := p.Line(); got != "HTTP/1.1 411 Length Required" {
		t.Errorf("got %q, want 411", got)
	}
	p.Reset()
}

// V30: a program whose client leaves is told to end, and then killed; so is one that
// stays silent.
func TestV30Killed(t *testing.T) {
	w := sim.New(t, 1)
	k := script("prog")
	k.Timeout = 20 * time.Second
	s := serve(w, k)
	var told []os.Signal
	deaf := func(head string) sim.Program {
		return func(co *deferred.Co, c *sim.Child) int {
			c.Trap(syscall.SIGTERM, func() { told = append(told, syscall.SIGTERM) })
			c.Write(co, 1, head)
			co.Sleep(time.Hour)
			return 0
		}
	}
	s.server.Program("prog", deaf("Content-Type: a/b\n\nhello"))
	p := s.client.Dial("server:80")
	p.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	p.Line()
	p.Reset()
	w.Advance(time.Second)
	if len(told) != 1 || s.server.Children() != 1 {
		t.Fatalf("a second after its client: got %v, %d children, want SIGTERM and one", told, s.server.Children())
	}
	w.Advance(10 * time.Second)
	if s.server.Children() != 0 {
		t.Errorf("got %d children, want none", s.server.Children())
	}
	begun := w.Now()
	s.server.Program("prog", deaf("Content-Type"))
	got := s.ask("GET / HTTP/1.1", "")
	if !strings.HasPrefix(got, "HTTP/1.1 504 ") || w.Now().Sub(begun) > 25*time.Second {
		t.Errorf("silent within its head: got %q after %v, want 504 after 20 s", got, w.Now().Sub(begun))
	}
	s.server.Program("prog", deaf("Content-Type: a/b\n\nhello"))
	p = s.client.Dial("server:80")
	p.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	p.WaitGone()
	w.Advance(10 * time.Second)
	if s.server.Children() != 0 {
		t.Errorf("silent in its body: got %d children, want none", s.server.Children())
	}
}

// A program that a signal ends within its body did not say all: the client sees
// that. One that ends with a status did.
func TestCrash(t *testing.T) {
	w := sim.New(t, 1)
	s := serve(w, script("prog"))
	s.server.Program("prog", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, "Content-Type: a/b\n\nhel")
		c.Kill(syscall.SIGSEGV)
		return 0
	})
	p := s.client.Dial("server:80")
	p.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	p.WaitGone()
	if strings.Contains(p.Take(), "\r\n0\r\n") {
		t.Errorf("after a crash the body looks whole")
	}
	s.server.Program("prog", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, "Content-Type: a/b\n\nhello")
		return 3
	})
	if got := s.ask("GET / HTTP/1.0", ""); !strings.HasSuffix(got, "hello") {
		t.Errorf("status 3: got %q", got)
	}
}

// Neither side runs ahead of the other: a client that does not read holds the
// program, a program that does not read holds the client.
func TestBackPressure(t *testing.T) {
	w := sim.New(t, 1)
	wrote := 0
	k := script("prog")
	s := serve(w, k)
	piece := strings.Repeat("x", 10_000)
	s.server.Program("prog", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 1, "Content-Type: a/b\n\n")
		for range 500 {
			if c.Write(co, 1, piece) != nil {
				return 1
			}
			wrote += len(piece)
		}
		return 0
	})
	p := s.client.Dial("server:80")
	p.Stall()
	p.Send("GET / HTTP/1.0\r\n\r\n")
	w.Advance(10 * time.Second)
	if wrote > 2<<20 {
		t.Errorf("nobody reads: the program wrote %d bytes", wrote)
	}
	p.Resume()
	p.WaitGone()
	if wrote != 500*len(piece) {
		t.Errorf("then: the program wrote %d bytes, want %d", wrote, 500*len(piece))
	}
	s.server.Program("prog", func(co *deferred.Co, c *sim.Child) int {
		co.Sleep(30 * time.Second)
		c.Write(co, 1, "Content-Type: a/b\n\nlate")
		return 0
	})
	p = s.client.Dial("server:80")
	p.Send(fmt.Sprintf("POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n", 5<<20) + strings.Repeat("x", 5<<20))
	w.Advance(10 * time.Second)
	if p.Unacked() < 3<<20 {
		t.Errorf("the program does not read: %d bytes wait with the client, want most of 5 MiB", p.Unacked())
	}
	p.WaitGone()
	if got := p.Take(); !strings.HasSuffix(got, "late") {
		t.Errorf("then: got %q", got)
	}
	p.Reset()
}

// Beyond MaxChildren the answer is 503; what programs write to standard error
// is logged, up to its limit.
func TestLimits(t *testing.T) {
	w := sim.New(t, 1)
	var log strings.Builder
	k := &cgi.Script{Path: "prog", Rules: cgi.Rules{MaxChildren: 1, Log: slog.New(slog.NewTextHandler(&log, nil))}}
	s := serve(w, k)
	s.server.Program("prog", func(co *deferred.Co, c *sim.Child) int {
		c.Write(co, 2, "one line\nanother "+strings.Repeat("y", 20<<10))
		co.Sleep(10 * time.Second)
		c.Write(co, 1, "Content-Type: a/b\n\nok")
		return 0
	})
	first := s.client.Dial("server:80")
	first.Send("GET / HTTP/1.0\r\n\r\n")
	w.Advance(time.Second)
	if got := s.ask("GET / HTTP/1.0", ""); !strings.HasPrefix(got, "HTTP/1.1 503 ") || !strings.Contains(got, "Retry-After: 1") {
		t.Errorf("a second child: got %q, want 503", got)
	}
	first.WaitGone()
	if got := first.Take(); !strings.HasSuffix(got, "ok") {
		t.Errorf("the first: got %q", got)
	}
	if got := log.String(); !strings.Contains(got, "one line") || !strings.Contains(got, "program=prog") || strings.Count(got, "y") > 16<<10 || strings.Count(got, "y") < 10<<10 {
		t.Errorf("log: got %d bytes %.200q", len(got), got)
	}
	if got := s.ask("GET / HTTP/1.0", ""); !strings.HasSuffix(got, "ok") {
		t.Errorf("afterwards: got %q, want a place again", got)
	}
}

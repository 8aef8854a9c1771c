package web_test

import (
	"bufio"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// An answered is what a Server said, read by net/http.
type answered struct {
	Status int
	Header http.Header
	Body   string
	Wire   string
}

// asked sends one request, given as its lines, to s on a connection of its own
// in memory. A line "" ends the head; what follows it is the body. Host is added if no line has it.
func asked(t testing.TB, s *web.Server, lines ...string) answered {
	t.Helper()
	c := sim.NewClock(t)
	return askedOn(t, c, sim.Connect(c, s), lines...)
}

// askedQuietly is asked where the Server logs an error, as it should.
func askedQuietly(t testing.TB, s *web.Server, lines ...string) answered {
	t.Helper()
	quiet := &web.Server{Handler: s.Handler, ErrorPage: s.ErrorPage, AccessLog: s.AccessLog, Log: slog.New(slog.DiscardHandler)}
	return asked(t, quiet, lines...)
}

func askedOn(t testing.TB, c *sim.Clock, tr *sim.Transport, lines ...string) answered {
	t.Helper()
	head, body := lines, ""
	for i, l := range lines {
		if l == "" {
			head, body = lines[:i], strings.Join(lines[i+1:], "\r\n")
			break
		}
	}
	text := strings.Join(head, "\r\n") + "\r\n"
	if !strings.Contains(text, " HTTP/") {
		text = strings.Replace(text, "\r\n", " HTTP/1.1\r\n", 1)
	}
	if !strings.Contains(text, "\r\nHost:") {
		text += "Host: example.com\r\n"
	}
	tr.Clear()
	tr.Receive(text + "\r\n" + body)
	c.Pump(0, 0, 0, 0)
	return readAnswer(t, tr.Written(), strings.Fields(head[0])[0])
}

// readAnswer reads the first final answer of wire.
func readAnswer(t testing.TB, wire, method string) answered {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(wire))
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			t.Fatalf("no answer in %q: %v", wire, err)
		}
		body, err := io.ReadAll(resp.Body)
		if resp.StatusCode >= 200 {
			a := answered{resp.StatusCode, resp.Header, string(body), wire}
			if err != nil {
				a.Body += "(" + err.Error() + ")"
			}
			return a
		}
	}
}

// says is a Handler that answers text.
func says(text string) web.Handler {
	return web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString(text) })
}

package web_test

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/framing/http1"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// A fake is a server that says what a test wants, and notes what it was asked.
type fake struct {
	// answer is what to say to a whole request, the n-th of its connection; what stands before
	// "<close>" or "<reset>" is said, and the connection ended.
	answer func(conn, n int, r heard) string
	// early answers a head, before its body has come; nil: none is.
	early func(r heard) string

	conns int
	heard []heard
}

// heard is a request as it came.
type heard struct {
	head string // its lines, "\n" between them
	body string
}

// line is the request line.
func (r heard) line() string {
	line, _, _ := strings.Cut(r.head, "\n")
	return strings.TrimSuffix(line, " HTTP/1.1")
}

// field is the value of a field.
func (r heard) field(name string) string {
	for line := range strings.SplitSeq(r.head, "\n") {
		if n, v, ok := strings.Cut(line, ": "); ok && strings.EqualFold(n, name) {
			return v
		}
	}
	return ""
}

func (f *fake) lines() (lines []string) {
	for _, r := range f.heard {
		lines = append(lines, r.line())
	}
	return lines
}

func (f *fake) Build(t twistor.Transport) twistor.Protocol {
	f.conns++
	return &fakeConn{Transport: t, f: f, conn: f.conns}
}

type fakeConn struct {
	twistor.Transport
	f       *fake
	conn, n int
	parser  http1.Parser
	head    http1.Request
	reading bool
	body    http1.BodyReader
	now     heard
	over    bool
}

func (c *fakeConn) Connected()         {}
func (c *fakeConn) Disconnected(error) {}
func (c *fakeConn) ReadClosed()        { c.Close() }

func (c *fakeConn) Received(p []byte) {
	for len(p) > 0 && !c.over {
		if !c.reading {
			n, done, err := c.parser.Request(p, &c.head)
			if err != nil {
				panic(err)
			}
			p = p[n:]
			if !done {
				return
			}
			head := c.head.Method + " " + string(c.head.Target) + " HTTP/1.1"
			for name, value := range c.head.Header.All() {
				head += "\n" + name + ": " + value
			}
			c.now = heard{head: head}
			c.reading = true
			c.body.Start(c.head.Framing, c.head.Length, nil)
			if c.f.early != nil {
				c.say(c.f.early(c.now))
			}
		}
		data, n, done, err := c.body.Next(p)
		if err != nil {
			panic(err)
		}
		p = p[n:]
		c.now.body += string(data)
		if done {
			c.reading = false
			c.n++
			c.f.heard = append(c.f.heard, c.now)
			c.say(c.f.answer(c.conn, c.n, c.now))
		}
	}
}

func (c *fakeConn) say(s string) {
	said, closes := strings.CutSuffix(s, "<close>")
	said, resets := strings.CutSuffix(said, "<reset>")
	c.Write([]byte(said))
	switch {
	case closes:
		c.over = true
		c.Close()
	case resets:
		c.over = true
		c.Abort()
	}
}

// answering is a fake that always says the same.
func answering(s string) *fake { return &fake{answer: func(int, int, heard) string { return s }} }

// ok is an answer of a text.
func ok(body string) string {
	return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// asks runs body as a coroutine of a host with a Client in a perfect network, where "server" is f.
// c may be nil.
func asks(t *testing.T, f twistor.Factory, c *web.Client, body func(co *deferred.Co, w *sim.World, c *web.Client) error) *sim.World {
	t.Helper()
	w := sim.New(t, 0)
	w.Host("server").Listen("tcp", ":80", f)
	askIn(t, w, c, body)
	return w
}

func askIn(t *testing.T, w *sim.World, c *web.Client, body func(co *deferred.Co, w *sim.World, c *web.Client) error) {
	t.Helper()
	h := w.Host("client")
	if c == nil {
		c = &web.Client{}
	}
	c.Loop = h.Loop()
	h.Do(func(co *deferred.Co) error {
		err := body(co, w, c)
		c.Close()
		co.Sleep(time.Minute) // what ends, ends in its own turns
		return err
	})
}

// get asks for a URL and takes the whole answer.
func get(co *deferred.Co, c *web.Client, url string) (status int, body string, err error) {
	resp, err := c.Get(url).Await(co)
	if err != nil {
		return 0, "", err
	}
	body, err = resp.Text(-1).Await(co)
	return resp.Status, body, err
}

// A cutter says what it has to say in two segments, to the first bytes that come.
type cutter struct {
	said string
	cut  int
}

func (f *cutter) Build(t twistor.Transport) twistor.Protocol {
	return &cutConn{fakeConn{Transport: t}, f}
}

type cutConn struct {
	fakeConn
	f *cutter
}

func (c *cutConn) Received([]byte) {
	if c.over {
		return
	}
	c.over = true
	cut := min(c.f.cut, len(c.f.said))
	c.Write([]byte(c.f.said[:cut]))
	c.Loop().CallLater(1e6, func() { c.say(c.f.said[cut:]) })
}

// limits64K are limits of heads that take what some tests send.
var limits64K = http1.Limits{MaxField: 64 << 10, MaxHead: 64 << 10}

// tlsOn is where a simulated server of that name listens by TLS.
func tlsOn(address, name string) twistor.ListenConfig {
	return twistor.ListenConfig{Network: "tcp", Address: address, TLS: &tls.Config{
		Certificates: []tls.Certificate{certificateOf(name)}, NextProtos: []string{"http/1.1"},
	}}
}

// certificates are those of simulated servers, made once.
var certificates = map[string]tls.Certificate{}

func certificateOf(name string) tls.Certificate {
	if _, ok := certificates[name]; !ok {
		certificates[name] = sim.Certificate(name)
	}
	return certificates[name]
}

// trusting is a configuration that trusts the simulated server of that name.
func trusting(name string) *tls.Config { return &tls.Config{RootCAs: sim.Roots(certificateOf(name))} }

// sortedPairs is a Cookie field with its pairs in order.
func sortedPairs(field string) string {
	pairs := strings.Split(field, "; ")
	slices.Sort(pairs)
	return strings.Join(pairs, "; ")
}

// lying is a Content that says two bytes and writes n.
type lying int

func (n lying) Length() int64 { return 2 }
func (n lying) Send(l twistor.Loop, w web.BodyWriter) *deferred.Signal {
	if _, err := w.Write(make([]byte, n)); err != nil {
		return deferred.Failed[struct{}](l, err)
	}
	return nil
}

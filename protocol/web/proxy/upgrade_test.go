package proxy_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/web/proxy"
	"github.com/twistor-go/twistor/sim"
)

// V37: an Upgrade passes through, with what either side said early, over a hundred networks; and
// its end passes too.
func TestV37Upgrade(t *testing.T) {
	n := 100
	if testing.Short() || raceEnabled {
		n = 25
	}
	sim.Seeds(t, n, func(t *testing.T, w *sim.World) {
		var atBack strings.Builder
		w.Host("back").Listen("tcp", ":8080", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
			if r.UpgradeTo() != "shout" || r.Header.Get("Sec-Word") != "x" {
				w.WriteHeader(426)
				return
			}
			w.SetHeader("Sec-Word", "y")
			w.Switch(101, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &shout{t, &atBack, "welcome\n"} }))
		})})
		newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
		p := w.Host("client").Dial("proxy:80")
		p.Send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: Shout\r\nSec-Word: x\r\n\r\nearly ")
		if got, want := p.Line(), "HTTP/1.1 101 Switching Protocols"; got != want {
			t.Fatalf("got %q, want %q", got, want)
		}
		head := ""
		for line := p.Line(); line != ""; line = p.Line() {
			head += strings.ToLower(line) + "\n"
		}
		for _, want := range []string{"connection: upgrade\n", "upgrade: shout\n", "sec-word: y\n"} {
			if strings.Count(head, want) != 1 {
				t.Errorf("got head %q, want %q once", head, want)
			}
		}
		p.Expect("welcome\n")
		p.Send("and late\n")
		p.Expect("EARLY AND LATE\n")
		p.CloseWrite()
		p.ExpectEnd()
		p.Close()
		if got, want := atBack.String(), "early and late\n"; got != want {
			t.Errorf("the back end heard %q, want %q", got, want)
		}
		w.Advance(2 * time.Minute)
	})
}

// A shout answers each line in capitals.
type shout struct {
	twistor.Transport
	heard *strings.Builder
	first string
}

func (s *shout) Connected()         { s.Write([]byte(s.first)) }
func (s *shout) Disconnected(error) {}
func (s *shout) Received(p []byte) {
	s.heard.Write(p)
	if strings.HasSuffix(s.heard.String(), "\n") {
		s.Write([]byte(strings.ToUpper(s.heard.String())))
	}
}

// V37: a back end that refuses to upgrade answers as it likes; one that fails is 502; a client that
// has left leaves no tunnel behind.
func TestV37UpgradeRefused(t *testing.T) {
	for says, want := range map[string]string{
		"HTTP/1.1 426 Upgrade Required\r\nContent-Length: 2\r\n\r\nno": "426 no",
		"HTTP/1.1 101 X\r\nUpgrade: shout\r\n\r\n":                     "502",
		"<close>": "502",
		"HTTP/1.1 200 OK\r\nConnection: Upgrade\r\nUpgrade: x\r\nContent-Length: 2\r\n\r\nok": "200 ok",
	} {
		w := sim.New(t, 0)
		w.Host("back").Listen("tcp", ":8080", &raw{says: says})
		s := newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
		s.ask(t, func(co *deferred.Co, c *web.Client) error {
			r, err := web.NewRequest("GET", "http://proxy/")
			if err != nil {
				return err
			}
			r.Header.Set("Upgrade", "shout")
			p, err := c.Upgrade(r, func(*web.Response) twistor.Factory { t.Error("upgraded"); return nil }).Await(co)
			if err != nil {
				return err
			}
			body, err := p.Text(-1).Await(co)
			if got := fmt.Sprint(p.Status, " ", body); !strings.HasPrefix(got, want) || err != nil {
				t.Errorf("%q: got %q, %v; want %q", says, got, err, want)
			}
			return nil
		})
	}
	for _, leaves := range []time.Duration{0, 15 * time.Millisecond, 25 * time.Millisecond, 35 * time.Millisecond, 45 * time.Millisecond, 60 * time.Millisecond} {
		w := sim.New(t, 0)
		w.Net.Latency = 10 * time.Millisecond
		w.Host("back").Listen("tcp", ":8080", &raw{says: "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nhello"})
		newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
		p := w.Host("client").Dial("proxy:80")
		p.Send("GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\n")
		w.Advance(leaves)
		p.Reset()
		w.Advance(2 * time.Minute) // nothing is left: the World sees to it
		w.Errors()
	}
}

// V37: nobody gets to speak another version of HTTP with a back end, past the proxy: such a request is one
// without an Upgrade.
func TestV37NoHTTP2Past(t *testing.T) {
	for upgrade, passes := range map[string]bool{"shout": true, "websocket": true, "h2c": false, "H2C": false, "HTTP/2.0": false, "TLS/1.0": false, "websocket, h2c": false, "h2c/1": false} {
		w := sim.New(t, 0)
		back := &raw{says: fine}
		w.Host("back").Listen("tcp", ":8080", back)
		newSite(w, &proxy.Reverse{To: []string{"http://back:8080"}})
		p := w.Host("client").Dial("proxy:80")
		p.Send("GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: " + upgrade + "\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n")
		w.Settle()
		if got := strings.Contains(strings.ToLower(back.heard[0]), "\r\nupgrade: "); got != passes {
			t.Errorf("%s: the back end heard %q", upgrade, back.heard[0])
		}
		if strings.Contains(back.heard[0], "HTTP2-Settings") || !strings.HasPrefix(p.Received(), "HTTP/1.1 200 ") {
			t.Errorf("%s: the back end heard %q, and the client %q", upgrade, back.heard[0], p.Received())
		}
		p.Close()
		w.Advance(2 * time.Minute)
	}
}

// P13, V36: a Forward without Allow does nothing for anybody; with it, what it names.
func TestP13NothingAllowed(t *testing.T) {
	for _, c := range []struct {
		allow []string
		asked string // method and target
		want  string
	}{
		{nil, "GET http://web/", "403"},
		{nil, "CONNECT web:80", "403"},
		{nil, "GET /", "403"},
		{[]string{"web:80"}, "GET http://web/", "200"},
		{[]string{"web:80"}, "GET http://WEB./", "200"},
		{[]string{"web:80"}, "CONNECT web:80", "200"},
		{[]string{"web:*"}, "CONNECT web:80", "200"},
		{[]string{"*:80"}, "CONNECT web:80", "200"},
		{[]string{"web:80"}, "CONNECT web:81", "403"},
		{[]string{"web:80"}, "CONNECT web", "400"},
		{[]string{"web:80"}, "GET http://web:81/", "403"},
		{[]string{"web:80"}, "GET http://other/", "403"},
		{[]string{"web:80"}, "GET http://xweb/", "403"},
		{[]string{"web:443"}, "GET http://web/", "403"},
		{[]string{"*.web:80"}, "GET http://web/", "403"},
		{[]string{"*.web:80"}, "GET http://xweb/", "403"},
		{[]string{"*.web:80"}, "GET http://a.web/", "200"},
	} {
		w := sim.New(t, 0)
		for _, name := range []string{"web", "a.web"} {
			w.Host(name).Listen("tcp", ":80", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) { w.WriteString("web") })})
		}
		w.Host("web.")
		newSite(w, &proxy.Forward{Allow: c.allow, Private: true})
		p := w.Host("client").Dial("proxy:80")
		p.Send(c.asked + " HTTP/1.1\r\nHost: web\r\n\r\n")
		w.Settle()
		got, _, _ := strings.Cut(strings.TrimPrefix(p.Received(), "HTTP/1.1 "), " ")
		if strings.Contains(c.asked, "WEB.") {
			got = map[bool]string{true: "200", false: got}[got == "502" || got == "200"] // allowed; whether the name is known is the resolver's
		}
		if got != c.want {
			t.Errorf("%q, %s: got %s, want %s", c.allow, c.asked, got, c.want)
		}
		p.Close()
		w.Advance(2 * time.Minute)
		w.Errors()
	}
}

// V36, PX-01: a Forward asks by whole URLs, adds Via, and keeps the client's password for it to
// itself; 407 without one; a loop is found.
func TestV36Forward(t *testing.T) {
	w := sim.New(t, 0)
	back := &told{}
	w.Host("web").Listen("tcp", ":8080", &web.Server{Handler: back})
	s := newSite(w, &proxy.Forward{Allow: []string{"web:8080", "proxy:80"}, Private: true, Authorize: func(_ *deferred.Co, r *web.Request) error {
		if r.Header.Get("Proxy-Authorization") != "Basic bWU6c2VjcmV0" {
			return errors.New("who?")
		}
		return nil
	}})
	s.ask(t, func(co *deferred.Co, c *web.Client) error {
		var err error
		if c.Proxy, err = web.ProxyURL("http://me:secret@proxy:80"); err != nil {
			return err
		}
		if _, body, err := get(co, c, "http://web:8080/x?y=%zz"); err != nil || !strings.HasPrefix(body, "GET /x?y=%zz\nHost: web:8080") {
			t.Errorf("got %q, %v", body, err)
		}
		if got := field(back.heads[0], "Proxy-Authorization") + field(back.heads[0], "X-Forwarded-For"); got != "" || field(back.heads[0], "Via") != "1.1 twistor" {
			t.Errorf("the server saw %q", back.heads[0])
		}
		p, _, err := get(co, c, "http://proxy/loop")
		if err != nil || p.Status != 407 && p.Status != 508 {
			t.Errorf("loop: got %v, %v; want 407 or 508", p, err)
		}
		r, err := web.NewRequest("GET", "http://web:8080/")
		if err != nil {
			return err
		}
		r.Header.Set("Via", "1.0 other, 1.1 twistor")
		if p, err = c.Do(r).Await(co); err != nil || p.Status != 508 {
			t.Errorf("Via: got %v, %v; want 508", p, err)
		} else {
			p.Close()
		}
		c.Proxy = nil
		c2 := &web.Client{Loop: c.Loop}
		if c2.Proxy, err = web.ProxyURL("http://proxy:80"); err != nil {
			return err
		}
		if p, _, err = get(co, c2, "http://web:8080/"); err != nil || p.Status != 407 || p.Header.Get("Proxy-Authenticate") == "" {
			t.Errorf("without a password: got %v, %v; want 407", p, err)
		}
		c2.Close()
		return nil
	})
	w.Errors()
}

// PX-08: through CONNECT each side may end its direction first, and 10 MiB arrive whole.
func TestPX08HalfClose(t *testing.T) {
	size := 10 << 20
	if testing.Short() || raceEnabled {
		size = 2 << 20
	}
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i * 31 >> 3)
	}
	w := sim.New(t, 0)
	sum := sha256.New()
	n, ended := 0, false
	w.Host("far").Listen("tcp", ":7", twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol {
		return &halves{Transport: tr, got: func(p []byte) { sum.Write(p); n += len(p) }, end: func(c *halves) {
			ended = true
			c.send(data)
		}}
	}))
	newSite(w, &proxy.Forward{Allow: []string{"far:7"}, Private: true})
	p := w.Host("client").Dial("proxy:80")
	p.Send("CONNECT far:7 HTTP/1.1\r\nHost: far:7\r\n\r\n")
	for line := p.Line(); line != ""; line = p.Line() {
		if strings.HasPrefix(strings.ToLower(line), "content-length") || strings.HasPrefix(strings.ToLower(line), "transfer-encoding") {
			t.Errorf("a tunnel has no %q", line)
		}
	}
	p.Send("half")
	p.CloseWrite()
	w.Advance(time.Minute)
	if !ended || n != 4 {
		t.Errorf("got %d bytes, ended %v; want the end of one direction to arrive", n, ended)
	}
	got := p.Take()
	p.ExpectEnd()
	if sha256.Sum256([]byte(got)) != sha256.Sum256(data) {
		t.Errorf("got %d bytes back, want %d, the same", len(got), len(data))
	}
	p.Close()
	w.Advance(2 * time.Minute)
}

// halves is a server that hears until the end, and speaks then.
type halves struct {
	twistor.Transport
	got  func(p []byte)
	end  func(c *halves)
	left []byte
}

func (c *halves) Connected()         {}
func (c *halves) Received(p []byte)  { c.got(p) }
func (c *halves) ReadClosed()        { c.end(c) }
func (c *halves) Disconnected(error) {}
func (c *halves) Drained()           { c.send(c.left) }
func (c *halves) send(p []byte) {
	for len(p) > 0 && !c.Full() {
		k := min(len(p), 32<<10)
		c.Write(p[:k])
		p = p[k:]
	}
	if c.left = p; len(p) == 0 {
		c.CloseWrite()
	}
}

// PX-09: names that lead to inner addresses are refused when they are connected to, by either way,
// and so are the addresses themselves.
func TestPX09Inner(t *testing.T) {
	for _, asked := range []string{"CONNECT web:80", "GET http://web/", "CONNECT 10.0.0.1:80", "CONNECT 127.0.0.1:80", "CONNECT [::1]:80", "CONNECT [::ffff:127.0.0.1]:80", "GET http://127.0.0.1/", "CONNECT [fd00::1]:80"} {
		w := sim.New(t, 0)
		back := &raw{says: fine}
		w.Host("web").Listen("tcp", ":80", back)
		newSite(w, &proxy.Forward{Allow: []string{"*:80"}})
		p := w.Host("client").Dial("proxy:80")
		p.Send(asked + " HTTP/1.1\r\nHost: web\r\n\r\n")
		w.Settle()
		if got := p.Received(); !strings.HasPrefix(got, "HTTP/1.1 403 ") || strings.Contains(got, "10.0.0") {
			t.Errorf("%s: got %q, want 403", asked, got)
		}
		if len(back.heard) != 0 {
			t.Errorf("%s: it was connected to", asked)
		}
		p.Close()
		w.Advance(2 * time.Minute)
		w.Errors()
	}
	for text, want := range map[string]bool{
		"8.8.8.8": true, "2606:4700::1": true, "1.1.1.1": true, "::ffff:8.8.8.8": true, "172.15.0.1": true, "100.63.0.1": true,
		"127.0.0.1": false, "127.255.0.1": false, "10.1.2.3": false, "172.16.0.1": false, "172.31.255.255": false, "192.168.0.1": false, "169.254.169.254": false,
		"100.64.0.1": false, "0.0.0.0": false, "0.1.2.3": false, "224.0.0.1": false, "255.255.255.255": false, "240.0.0.1": false, "192.0.2.1": false, "198.18.0.1": false,
		"::": false, "::1": false, "fe80::1": false, "fe80::1%eth0": false, "fc00::1": false, "fd12::1": false, "ff02::1": false, "::ffff:127.0.0.1": false, "::ffff:10.0.0.1": false,
		"64:ff9b::7f00:1": false, "2002:7f00:1::": false, "::7f00:1": false, "2001:db8::1": false, "2001::1": false, "fec0::1": false,
	} {
		if got := proxy.Public(netip.MustParseAddr(text)); got != want {
			t.Errorf("Public(%s): got %v, want %v", text, got, want)
		}
	}
}

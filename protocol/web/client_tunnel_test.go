package web_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// A told is one end of an upgraded connection: it notes what it is told.
type told struct {
	twistor.Transport
	log []string
	got int
	err error
	on  func(p []byte) // also; nil: nothing
}

func (p *told) Connected() { p.log = append(p.log, "connected") }
func (p *told) Received(b []byte) {
	p.got += len(b)
	if p.got < 100 {
		p.log = append(p.log, string(b))
	}
	if p.on != nil {
		p.on(b)
	}
}
func (p *told) ReadClosed() {
	p.log = append(p.log, "read closed")
	p.Close()
}
func (p *told) Disconnected(err error) {
	p.log = append(p.log, "disconnected")
	p.err = err
}

func (p *told) wants(t *testing.T, want string) {
	t.Helper()
	if got := strings.Join(p.log, "|"); got != want {
		t.Errorf("it was told %q, want %q", got, want)
	}
}

// A site is a server of https that upgrades to "shout", and who came.
type site struct {
	*web.Server
	port  twistor.Port
	near  []*told
	asked []string // "HTTP/2 CONNECT /path"
}

// siteOn makes a world with a site on the host "server"; protos are of its TLS, nil: what it speaks.
func siteOn(t *testing.T, w *sim.World, protos []string, set func(s *web.Server)) *site {
	t.Helper()
	s := &site{Server: new(web.Server)}
	s.Handler = web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
		major, _ := r.Proto()
		s.asked = append(s.asked, fmt.Sprintf("HTTP/%d %s %s", major, r.Method, r.Path()))
		switch {
		case r.Path() == "/never":
			return deferred.New[struct{}](r.Loop())
		case r.UpgradeTo() != "shout" || r.Path() == "/no":
			w.WriteHeader(426)
			w.WriteString("no")
			return nil
		}
		w.SetHeader("X-Key", r.Header.Get("Sec-WebSocket-Key"))
		w.Switch(101, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			p := &told{Transport: t}
			p.on = func(b []byte) { p.Write([]byte(strings.ToUpper(string(b)))) }
			s.near = append(s.near, p)
			return p
		}))
		return nil
	})
	if set != nil {
		set(s.Server)
	}
	if protos == nil {
		protos = s.NextProtos()
	}
	c := tlsOn(":443", "server")
	c.TLS.NextProtos = protos
	port, err := w.Host("server").Loop().Listen(c, s.Server)
	if err != nil {
		t.Fatal(err)
	}
	s.port = port
	return s
}

// upgrading asks for a shout.
func upgrading(co *deferred.Co, c *web.Client, url string) (*told, *web.Response, error) {
	r, err := web.NewRequest("GET", url)
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Upgrade", "shout")
	r.Header.Set("Sec-WebSocket-Key", "key")
	p := new(told)
	resp, err := c.Upgrade(r, func(*web.Response) twistor.Factory {
		return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			p.Transport = t
			return p
		})
	}).Await(co)
	return p, resp, err
}

// RFC 8441: an Upgrade over https goes by HTTP/2 where the server offers extended CONNECT, by
// HTTP/1.1 where it does not, and the second one does not ask again.
func TestRFC8441_ClientChooses(t *testing.T) {
	plain := func(s *web.Server) { s.HTTP2.WithoutConnect = true }
	for name, c := range map[string]struct {
		protos []string
		set    func(*web.Server)
		client web.Client
		url    string
		major  int
		conns  uint64 // that the server has accepted for two Upgrades
	}{
		"offered":       {major: 2, conns: 1},
		"not offered":   {set: plain, major: 1, conns: 3},
		"only HTTP/1.1": {protos: []string{"http/1.1"}, major: 1, conns: 2},
		"not wanted":    {client: web.Client{DisableHTTP2: true}, major: 1, conns: 2},
		"raw":           {client: web.Client{Raw: true}, major: 1, conns: 2},
	} {
		w := sim.New(t, 0)
		s := siteOn(t, w, c.protos, c.set)
		c.client.TLS = trusting("server")
		askIn(t, w, &c.client, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
			var ends []*told
			for range 2 {
				p, resp, err := upgrading(co, cl, "https://server/x")
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
				key := "key"
				if c.major == 2 {
					key = ""
				}
				if major, _ := resp.Proto(); major != c.major || resp.Header.Get("X-Key") != key {
					t.Errorf("%s: HTTP/%d, key %q, want HTTP/%d, %q", name, major, resp.Header.Get("X-Key"), c.major, key)
				}
				p.Write([]byte("hello"))
				ends = append(ends, p)
				co.Sleep(time.Minute) // what waits for a question has gone
			}
			for _, p := range ends {
				p.wants(t, "connected|HELLO")
				p.Close()
			}
			return nil
		})
		if got := s.Stats().Accepted; got != c.conns {
			t.Errorf("%s: %d connections, want %d", name, got, c.conns)
		}
		want := []string{"HTTP/1 GET /x", "HTTP/2 CONNECT /x"}[c.major-1]
		if got := strings.Join(s.asked, "|"); got != want+"|"+want {
			t.Errorf("%s: the server was asked %q", name, got)
		}
	}
}

// RFC 8441: how a stream ends, on both sides, and that its connection goes on.
func TestRFC8441_ClientEnds(t *testing.T) {
	orderly, cut := net.ErrClosed, io.ErrUnexpectedEOF
	for name, c := range map[string]struct {
		end        func(near, far *told)
		near, far  string // what each was told after "connected|...HELLO"
		nErr, fErr error
		dies       bool // the connection
	}{
		"we close":    {func(_, far *told) { far.Write([]byte("bye")); far.Close() }, "|bye|read closed|disconnected", "|disconnected", orderly, orderly, false},
		"it closes":   {func(near, _ *told) { near.Write([]byte("bye")); near.Close() }, "|disconnected", "|bye|read closed|disconnected", orderly, orderly, false},
		"half":        {func(_, far *told) { far.Write([]byte("bye")); far.CloseWrite() }, "|bye|read closed|disconnected", "|BYE|read closed|disconnected", orderly, orderly, false},
		"we abort":    {func(_, far *told) { far.Abort() }, "|disconnected", "|disconnected", cut, twistor.ErrAborted, false},
		"it aborts":   {func(near, _ *told) { near.Abort() }, "|disconnected", "|disconnected", twistor.ErrAborted, cut, false},
		"all is lost": {nil, "|disconnected", "|disconnected", nil, nil, true},
	} {
		w := sim.New(t, 0)
		s := siteOn(t, w, nil, nil)
		askIn(t, w, &web.Client{TLS: trusting("server")}, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
			far, _, err := upgrading(co, cl, "https://server/x")
			if err != nil {
				return err
			}
			other, _, err := upgrading(co, cl, "https://server/other")
			if err != nil {
				return err
			}
			far.Write([]byte("hello"))
			co.Sleep(time.Second)
			near := s.near[0]
			if c.end != nil {
				c.end(near, far)
			} else {
				w.Host("server").Crash()
				w.Host("server").Restart()
				far.Write([]byte("who is there"))
			}
			co.Sleep(time.Second)
			if c.dies {
				far.wants(t, "connected|HELLO"+c.far)
				return nil
			}
			near.wants(t, "connected|hello"+c.near)
			far.wants(t, "connected|HELLO"+c.far)
			if !errors.Is(near.err, c.nErr) || !errors.Is(far.err, c.fErr) {
				t.Errorf("%s: Disconnected said %v at the server, %v here; want %v, %v", name, near.err, far.err, c.nErr, c.fErr)
			}
			if _, err := far.Write([]byte("more")); !errors.Is(err, net.ErrClosed) {
				t.Errorf("%s: a write afterwards said %v", name, err)
			}
			other.Write([]byte("alive"))
			co.Sleep(time.Second)
			other.wants(t, "connected|ALIVE")
			other.Close()
			return nil
		})
		if got := s.Stats().Accepted; got != 1 {
			t.Errorf("%s: %d connections, want 1", name, got)
		}
	}
}

// RFC 8441: streams are as many as the server allows; those beyond go by another connection, and a
// connection that carries none is kept like others.
func TestRFC8441_ClientShares(t *testing.T) {
	w := sim.New(t, 0)
	s := siteOn(t, w, nil, func(s *web.Server) { s.HTTP2.MaxStreams = 2 })
	askIn(t, w, &web.Client{TLS: trusting("server")}, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
		var ends []*told
		for range 5 {
			p, _, err := upgrading(co, cl, "https://server/x")
			if err != nil {
				return err
			}
			p.Write([]byte("hello"))
			ends = append(ends, p)
		}
		co.Sleep(time.Second)
		for _, p := range ends {
			p.wants(t, "connected|HELLO")
		}
		if got := s.Stats().Accepted; got != 3 {
			t.Errorf("5 of 2 a connection: %d connections, want 3", got)
		}
		for _, p := range ends {
			p.Close()
		}
		co.Sleep(time.Second)
		if status, _, err := get(co, cl, "https://server/no"); status != 426 || err != nil {
			t.Errorf("afterwards: got %d, %v", status, err)
		}
		if got := s.Stats().Accepted; got != 3 {
			t.Errorf("a question afterwards: %d connections, want 3", got)
		}
		return nil
	})
}

// RFC 6455, section 4.1: "If the client is configured to use a proxy, the client SHOULD connect to
// that proxy and ask it to open a TCP connection to the host", of http too.
func TestUC12UpgradeByProxy(t *testing.T) {
	w := sim.New(t, 0)
	s := siteOn(t, w, nil, nil)
	w.Host("server").Listen("tcp", ":80", s.Server)
	p := &tunnel{w: w, said: "HTTP/1.1 200 OK\r\n\r\n"}
	w.Host("proxy").Listen("tcp", ":3128", p)
	askIn(t, w, &web.Client{Proxy: proxyAt(t, "http://proxy:3128"), TLS: trusting("server")}, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
		for _, c := range []struct {
			url, seen string
			major     int
		}{
			{"http://server/x", "CONNECT server:80 HTTP/1.1\r\n", 1},
			{"https://server/x", "CONNECT server:443 HTTP/1.1\r\n", 2},
		} {
			end, resp, err := upgrading(co, cl, c.url)
			if err != nil {
				return fmt.Errorf("%s: %w", c.url, err)
			}
			end.Write([]byte("hello"))
			co.Sleep(time.Second)
			end.wants(t, "connected|HELLO")
			if major, _ := resp.Proto(); major != c.major || !strings.Contains(fmt.Sprint(p.seen), c.seen) {
				t.Errorf("%s: HTTP/%d, the proxy saw %q; want HTTP/%d, %q", c.url, major, p.seen, c.major, c.seen)
			}
			end.Close()
		}
		return nil
	})
}

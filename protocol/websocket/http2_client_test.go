package websocket

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// overTLS has h serve f on :443 with ALPN, and gives what a client's Web wants.
func overTLS(t *testing.T, h *sim.Host, f *web.Server) *tls.Config {
	t.Helper()
	cert := sim.Certificate(h.Name())
	_, err := h.Loop().Listen(twistor.ListenConfig{Network: "tcp", Address: ":443",
		TLS: &tls.Config{Certificates: []tls.Certificate{cert}, NextProtos: f.NextProtos()}}, f)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Config{RootCAs: sim.Roots(cert)}
}

// TestRFC8441Seeds: however the network cuts and delays, a Client's WebSockets on one connection of
// HTTP/2 are echoed whole and in order, compressed, and close in order.
func TestRFC8441Seeds(t *testing.T) {
	seeds := 40
	if testing.Short() {
		seeds = 10
	}
	sim.Seeds(t, seeds, func(t *testing.T, w *sim.World) { echoed(t, w, 3000) })
}

// TestRFC8441Windows: messages longer than all windows of HTTP/2.
func TestRFC8441Windows(t *testing.T) { echoed(t, sim.New(t, 0), 700_000) }

// echoed has three WebSockets over HTTP/2 at a time, whose longest message has size bytes.
func echoed(t *testing.T, w *sim.World, size int) {
	var ends []*heard
	versions := map[int]int{}
	served := &web.Server{Handler: &Server{Deflate: &Deflate{}, Protocols: []string{"echo"}, Build: func(c *Conn, r *web.Request) Protocol {
		major, _ := r.Proto()
		versions[major]++
		h := &heard{Conn: c}
		h.hear = func(kind Kind, p []byte) { c.WriteMessage(kind, p) }
		ends = append(ends, h)
		return h
	}}}
	config := overTLS(t, w.Host("server"), served)
	h := w.Host("client")
	h.Do(func(co *deferred.Co) error {
		cl := &Client{Web: &web.Client{Loop: h.Loop(), TLS: config}, Protocols: []string{"echo"}, Deflate: &Deflate{}}
		noise := make([]byte, size)
		io.ReadFull(h.Loop().Rand(), noise)
		var all []*deferred.Deferred[struct{}]
		for i := range 3 {
			said := []string{"", fmt.Sprint("hello ", i), strings.Repeat("so long ", i*1000), string(noise[:size*i/2]), "bye"}
			all = append(all, deferred.Inline(h.Loop(), func(co *deferred.Co) (struct{}, error) {
				return struct{}{}, shouts(co, h.Loop(), cl, fmt.Sprintf("wss://server/%d", i), said)
			}))
		}
		for _, d := range all {
			if _, err := d.Await(co); err != nil {
				return err
			}
		}
		cl.Web.Close()
		co.Sleep(time.Minute)
		return nil
	})
	if versions[2] != 3 || served.Stats().Accepted != 1 {
		t.Errorf("got %v WebSockets by version on %d connections, want 3 of HTTP/2 on one", versions, served.Stats().Accepted)
	}
	for _, h := range ends {
		var e *Error
		if !errors.As(h.err, &e) || e.Code != 4000 {
			t.Errorf("the server heard %v, want 4000", h.err)
		}
	}
}

// shouts says all of said at once, and hears it.
func shouts(co *deferred.Co, l twistor.Loop, cl *Client, url string, said []string) error {
	c, err := cl.Dial(l, url, nil).Await(co)
	if err != nil {
		return err
	}
	for _, s := range said {
		if err := c.WriteBinary([]byte(s)); err != nil {
			return err
		}
	}
	for _, want := range said {
		if m, err := c.Read(co); err != nil || string(m.Bytes) != want {
			return fmt.Errorf("%s: got %d bytes, %w; want %d", url, len(m.Bytes), err, len(want))
		}
	}
	if c.Subprotocol() != "echo" {
		return fmt.Errorf("subprotocol %q, want echo", c.Subprotocol())
	}
	c.CloseWith(4000, "done")
	return nil
}

// TestRFC8441Dial: what a server says to a Client over HTTP/2 besides yes.
func TestRFC8441Dial(t *testing.T) {
	for name, tc := range map[string]struct {
		handler web.HandlerFunc
		want    string
	}{
		"refused":     {func(w *web.ResponseWriter, r *web.Request) { w.WriteHeader(403) }, "want a WebSocket, got 403 Forbidden"},
		"subprotocol": {switching("Sec-WebSocket-Protocol", "other"), "want a subprotocol that was offered"},
		"extension":   {switching("Sec-WebSocket-Extensions", "permessage-deflate"), "want extensions as they were offered"},
		"ends":        {switching("X", "y"), ""},
	} {
		w := sim.New(t, 0)
		s := &web.Server{Handler: tc.handler}
		config := overTLS(t, w.Host("server"), s)
		h := w.Host("client")
		h.Do(func(co *deferred.Co) error {
			cl := &Client{Web: &web.Client{Loop: h.Loop(), TLS: config}, Protocols: []string{"echo"}}
			c, err := cl.Dial(h.Loop(), "wss://server/", nil).Await(co)
			if tc.want == "" {
				if err != nil {
					return err
				}
				if _, err = c.Read(co); !errors.Is(err, io.ErrUnexpectedEOF) {
					t.Errorf("%s: got %v, want io.ErrUnexpectedEOF", name, err)
				}
			} else if !is[*HandshakeError](err) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %q", name, err, tc.want)
			}
			if _, err := cl.Dial(h.Loop(), "wss://server/", func(*Conn) Protocol { return nil }).Await(co); tc.want == "" && !errors.Is(err, twistor.ErrRefused) {
				t.Errorf("a nil Protocol: got %v, want ErrRefused", err)
			}
			cl.Web.Close()
			co.Sleep(time.Minute)
			return nil
		})
	}
}

// switching is a server that agrees, says a field of its own, and ends.
func switching(name, value string) web.HandlerFunc {
	return func(w *web.ResponseWriter, r *web.Request) {
		w.SetHeader(name, value)
		w.Switch(101, twistor.FactoryFunc(func(tr twistor.Transport) twistor.Protocol { return &leaving{tr} }))
	}
}

type leaving struct{ twistor.Transport }

func (l *leaving) Connected()         { l.Close() }
func (l *leaving) Received([]byte)    {}
func (l *leaving) Disconnected(error) {}

// TestRFC8441Longest: a message as long as MaxMessageBytes may be is sent over HTTP/2 as over
// HTTP/1.1, though it is more than a connection keeps for all streams.
func TestRFC8441Longest(t *testing.T) {
	const longest = 5 << 20
	w := sim.New(t, 0)
	s := &web.Server{Handler: &Server{MaxMessageBytes: longest, Build: func(c *Conn, r *web.Request) Protocol {
		h := &heard{Conn: c}
		h.hear = func(kind Kind, p []byte) { c.WriteMessage(kind, slices.Clone(p)) }
		return h
	}}}
	config := overTLS(t, w.Host("server"), s)
	h := w.Host("client")
	h.Do(func(co *deferred.Co) error {
		cl := &Client{Web: &web.Client{Loop: h.Loop(), TLS: config}, MaxMessageBytes: longest}
		c, err := cl.Dial(h.Loop(), "wss://server/", nil).Await(co)
		if err != nil {
			return err
		}
		if err := c.WriteBinary(make([]byte, longest)); err != nil {
			return err
		}
		if m, err := c.Read(co); err != nil || len(m.Bytes) != longest {
			t.Errorf("got %d bytes, %v; want %d", len(m.Bytes), err, longest)
		}
		c.Close()
		cl.Web.Close()
		co.Sleep(time.Minute)
		return nil
	})
}

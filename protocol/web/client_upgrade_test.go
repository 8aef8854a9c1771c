package web_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// A shout is a protocol of upper case, on both sides: what is heard is noted.
type shout struct {
	twistor.Transport
	heard *strings.Builder
	first string
}

func (s *shout) Connected()         { s.Write([]byte(s.first)) }
func (s *shout) Received(p []byte)  { s.heard.Write(p) }
func (s *shout) Disconnected(error) {}

// V50: an Upgrade gives the connection to another Protocol, with what came behind the head in the
// same bytes; a refusal is an answer like others.
func TestV50Upgrade(t *testing.T) {
	var server, client strings.Builder
	w := sim.New(t, 0)
	w.Host("server").Listen("tcp", ":80", &web.Server{Handler: web.HandlerFunc(func(w *web.ResponseWriter, r *web.Request) {
		if r.UpgradeTo() != "shout" || r.Path() == "/no" {
			w.WriteHeader(426)
			w.WriteString("no")
			return
		}
		w.SetHeader("X-Kind", "loud")
		w.Switch(101, twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
			return &shout{t, &server, "from the server"}
		}))
	})})
	askIn(t, w, nil, func(co *deferred.Co, w *sim.World, c *web.Client) error {
		ask := func(path, upgrade string, f func(*web.Response) twistor.Factory) (*web.Response, error) {
			r, err := web.NewRequest("GET", "http://server"+path)
			if err != nil {
				return nil, err
			}
			r.Header.Set("Upgrade", upgrade)
			return c.Upgrade(r, f).Await(co)
		}
		var conn *shout
		resp, err := ask("/", "shout", func(p *web.Response) twistor.Factory {
			return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
				conn = &shout{t, &client, "from the client"}
				return conn
			})
		})
		if err != nil {
			return err
		}
		if resp.Status != 101 || resp.Header.Get("X-Kind") != "loud" {
			t.Errorf("got %d %q", resp.Status, resp.Header.Get("X-Kind"))
		}
		co.Sleep(1e9)
		if server.String() != "from the client" || client.String() != "from the server" {
			t.Errorf("got %q at the server, %q at the client", server.String(), client.String())
		}
		conn.Close()

		for _, no := range []struct{ path, upgrade string }{{"/no", "shout"}, {"/", "whisper"}} {
			resp, err = ask(no.path, no.upgrade, func(*web.Response) twistor.Factory { t.Error("the factory was asked"); return nil })
			if err != nil {
				return err
			}
			if got, err := resp.Text(-1).Await(co); got != "no" || resp.Status != 426 || err != nil {
				t.Errorf("refused: got %d %q, %v", resp.Status, got, err)
			}
		}
		if _, err = ask("/", "shout", func(*web.Response) twistor.Factory { return nil }); !errors.Is(err, twistor.ErrRefused) {
			t.Errorf("nil factory: got %v, want ErrRefused", err)
		}
		return nil
	})
}

// PX-05: what a server may say to an Upgrade is a table, and a 101 without its fields is none.
func TestPX05Upgrade(t *testing.T) {
	for _, c := range []struct{ said, want string }{
		{"HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nearly", "101 early"},
		{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 X\r\nConnection: keep-alive, upgrade\r\nUpgrade: shout\r\n\r\nearly", "101 early"},
		{"HTTP/1.1 101 X\r\nUpgrade: shout\r\n\r\nearly", "broke"},
		{"HTTP/1.1 101 X\r\nConnection: Upgrade\r\n\r\nearly", "broke"},
		{"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "200 "},
		{"<close>", "EOF"},
	} {
		for cut := range len(strings.TrimSuffix(c.said, "<close>")) + 1 {
			var heard strings.Builder
			var got string
			asks(t, &cutter{said: c.said, cut: cut}, nil, func(co *deferred.Co, w *sim.World, cl *web.Client) error {
				r, err := web.NewRequest("GET", "http://server/")
				if err != nil {
					return err
				}
				r.Header.Set("Upgrade", "shout")
				var conn *shout
				resp, err := cl.Upgrade(r, func(*web.Response) twistor.Factory {
					return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol {
						conn = &shout{t, &heard, ""}
						return conn
					})
				}).Await(co)
				co.Sleep(1e9)
				if err != nil {
					got = err.Error()
					return nil
				}
				got = fmt.Sprint(resp.Status, " ", heard.String())
				resp.Close()
				if conn != nil {
					conn.Close()
				}
				return nil
			})
			if got != c.want && (c.want[0] < '9' || !strings.Contains(got, c.want)) {
				t.Fatalf("%q cut at %d: got %q, want %q", c.said, cut, got, c.want)
			}
		}
	}
}

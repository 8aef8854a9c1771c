package web_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/sim"
)

// V50, V51, V52, V53, V54: a client and a server of ours over a hundred networks; the second
// question uses the connection of the first.
func TestV50GetOverSeeds(t *testing.T) {
	n := 100
	if testing.Short() || raceEnabled {
		n = 25
	}
	sim.Seeds(t, n, func(t *testing.T, w *sim.World) {
		server := &web.Server{Handler: web.Inline(func(co *deferred.Co, w *web.ResponseWriter, r *web.Request) error {
			body, err := r.Body.Bytes(-1).Await(co)
			if err != nil {
				return err
			}
			w.SetHeader("Content-Type", "text/plain")
			fmt.Fprintf(w, "%s %s %s %d %s", r.Method, r.Host(), r.Target(), len(body), r.Header.Get("Content-Type"))
			return nil
		})}
		w.Host("server").Listen("tcp", ":80", server)
		client := w.Host("client")
		c := &web.Client{Loop: client.Loop()}
		client.Do(func(co *deferred.Co) error {
			for _, ask := range []struct {
				begin func() *deferred.Deferred[*web.Response]
				want  string
			}{
				{func() *deferred.Deferred[*web.Response] { return c.Get("http://server/a%20b?c=d#e") }, "GET server /a%20b?c=d 0 "},
				{func() *deferred.Deferred[*web.Response] { return c.Post("http://server/", web.Text("hello")) }, "POST server / 5 text/plain; charset=utf-8"},
				{func() *deferred.Deferred[*web.Response] {
					return c.Post("http://server/s", web.Stream("a/b", func(co *deferred.Co, w web.BodyWriter) error {
						for range 3 {
							if _, err := w.Write([]byte("piece")); err != nil {
								return err
							}
							if err := co.Yield(); err != nil {
								return err
							}
						}
						return nil
					}))
				}, "POST server /s 15 a/b"},
				{func() *deferred.Deferred[*web.Response] {
					return c.Post("http://server/r", web.Reader("", strings.NewReader(strings.Repeat("x", 6_000))))
				}, "POST server /r 6000 "},
			} {
				resp, err := ask.begin().Await(co)
				if err != nil {
					return err
				}
				got, err := resp.Text(-1).Await(co)
				if err != nil {
					return err
				}
				if got != ask.want {
					t.Errorf("got %q, want %q", got, ask.want)
				}
			}
			c.Close()
			return nil
		})
		// Two where the names' addresses raced: https://www.rfc-editor.org/rfc/rfc8305.
		if got := server.Stats().Accepted; got > 2 || got > 1 && w.Net.Latency < 50*time.Millisecond {
			t.Errorf("got %d connections, want 1 for all questions", got)
		}
	})
}

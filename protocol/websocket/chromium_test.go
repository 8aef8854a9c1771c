package websocket_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/websocket"
	"github.com/twistor-go/twistor/reactor"
)

// TestInteropChromium: a page of a browser, over HTTP/1.1, and over HTTP/2 as
// RFC 8441 has it. That it connects at all shows that the page's own host is
// allowed without Origins.
func TestInteropChromium(t *testing.T) {
	chromium := peertest.Program(t, "chromium")
	page, err := os.ReadFile("testdata/interop/page.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, major := range []int{1, 2} {
		var overHTTP int
		echoes := &websocket.Server{Protocols: []string{"echo"}, Deflate: &websocket.Deflate{}, Build: func(c *websocket.Conn, r *web.Request) websocket.Protocol {
			overHTTP, _ = r.Proto()
			return &echo{c}
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := reactor.Do(ctx, &reactor.Config{Loops: 1}, func(co *deferred.Co, l twistor.Loop) error {
			result := deferred.New[string](l)
			server := &web.Server{Handler: web.Later(func(w *web.ResponseWriter, r *web.Request) *deferred.Signal {
				switch {
				case strings.HasSuffix(r.Path(), "/echo"):
					return echoes.Serve(w, r)
				case r.Path() == "/result":
					words, _ := url.QueryUnescape(r.RawQuery())
					result.Succeed(words)
				default:
					w.SetHeader("Content-Type", "text/html; charset=utf-8")
					w.Write(page)
				}
				return nil
			})}
			config, scheme := twistor.ListenConfig{Network: "tcp", Address: "127.0.0.1:0"}, "http"
			if major == 2 {
				config.TLS, scheme = certtest.New().Server("127.0.0.1"), "https"
				config.TLS.NextProtos = server.NextProtos()
			}
			port, err := l.Listen(config, server)
			if err != nil {
				return err
			}
			profile, err := os.MkdirTemp("", "chromium")
			if err != nil {
				return err
			}
			defer os.RemoveAll(profile) // its last processes may still write there
			browser := exec.CommandContext(ctx, chromium, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
				"--ignore-certificate-errors", "--no-first-run", "--user-data-dir="+profile, fmt.Sprintf("%s://%v/", scheme, port.Addr()))
			if err := browser.Start(); err != nil {
				return err
			}
			words, err := result.Timeout(50 * time.Second).Await(co)
			browser.Process.Kill()
			browser.Wait()
			if want := "closed 4321 true echo permessage-deflate; client_max_window_bits=12 106"; err != nil || words != want || overHTTP != major {
				t.Errorf("HTTP/%d: got %q over HTTP/%d, %v; want %q", major, words, overHTTP, err, want)
			}
			port.Close().Done(nil)
			return nil
		})
		cancel()
		if err != nil {
			t.Error(err)
		}
	}
}

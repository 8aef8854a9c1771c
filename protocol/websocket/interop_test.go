package websocket_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	coder "github.com/coder/websocket"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/internal/tlslayer/certtest"
	"github.com/twistor-go/twistor/protocol/web"
	"github.com/twistor-go/twistor/protocol/websocket"
	"github.com/twistor-go/twistor/reactor"
)

// A peer is a program that speaks WebSocket.
type peer struct {
	name string
	args []string // before the role
	env  []string
}

func python(t *testing.T) peer {
	program := peertest.Program(t, "/usr/bin/python3")
	if err := exec.Command(program, "-c", "import websockets").Run(); err != nil {
		peertest.Missing(t, "python3-websockets is not installed")
	}
	return peer{name: program, args: []string{"testdata/interop/peer.py"}}
}

// node is npm's ws, installed for this test.
func node(t *testing.T) peer {
	program, npm := peertest.Program(t, "node"), peertest.Program(t, "npm")
	dir := t.TempDir()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if out, err := exec.CommandContext(ctx, npm, "install", "--prefix", dir, "--no-audit", "--no-fund", "--prefer-offline", "--fetch-retries=0", "ws@8").CombinedOutput(); err != nil {
		peertest.Missing(t, fmt.Sprintf("npm cannot install ws: %v: %.200s", err, out))
	}
	return peer{name: program, args: []string{"testdata/interop/peer.js"}, env: []string{"NODE_PATH=" + filepath.Join(dir, "node_modules")}}
}

func (p peer) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, p.name, append(p.args, args...)...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// serving runs body beside an echo server of ours on a real port, over each
// way to write one.
func serving(t *testing.T, d *websocket.Deflate, body func(ctx context.Context, url string)) {
	t.Helper()
	builds := map[string]func(*websocket.Conn, *web.Request) websocket.Protocol{
		"events": func(c *websocket.Conn, _ *web.Request) websocket.Protocol { return &echo{c} },
		"straight": websocket.Conversation(func(co *deferred.Co, c *websocket.Conn) error {
			for m := range c.Messages(co) {
				c.WriteMessage(m.Kind, m.Bytes)
			}
			return c.Err()
		}),
	}
	for _, form := range []string{"events", "straight"} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		err := reactor.Do(ctx, &reactor.Config{Loops: 1}, func(co *deferred.Co, l twistor.Loop) error {
			s := &websocket.Server{Build: builds[form], Deflate: d, Origins: []string{"*"}}
			port, err := twistor.Listen(l, "tcp", "127.0.0.1:0", &web.Server{Handler: s})
			if err != nil {
				return err
			}
			url := fmt.Sprintf("ws://%v/", port.Addr())
			_, err = deferred.Go(l, func(ctx context.Context) (struct{}, error) { body(ctx, url); return struct{}{}, nil }).Await(co)
			port.Close().Done(nil)
			return err
		})
		cancel()
		if err != nil {
			t.Errorf("%s: %v", form, err)
		}
	}
}

// dialing talks with an echo server that a peer runs.
func dialing(t *testing.T, d *websocket.Deflate, url string) { dialingTLS(t, d, url, nil) }

func dialingTLS(t *testing.T, d *websocket.Deflate, url string, config *tls.Config) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := reactor.Do(ctx, &reactor.Config{Loops: 1}, func(co *deferred.Co, l twistor.Loop) error {
		client := &websocket.Client{Deflate: d, Web: &web.Client{Loop: l, MaxIdle: -1, TLS: config}}
		c, err := client.Dial(l, url, nil).Await(co)
		if err != nil {
			return err
		}
		messages := []string{"", "hello", strings.Repeat("text ", 30_000), strings.Repeat("\u00e9", 500)}
		for i := range 100 {
			messages = append(messages, fmt.Sprintf(`{"id":%d,"text":"%s"}`, i, strings.Repeat("again and ", i%40)))
		}
		for i, want := range messages {
			kind := websocket.Kind(1 + i%2)
			if err := c.WriteMessage(kind, []byte(want)); err != nil {
				return err
			}
			m, err := c.Read(co)
			if err != nil || m.Kind != kind || m.Text() != want {
				return fmt.Errorf("message %d: got %v of %d bytes, %v; want %v of %d", i, m.Kind, len(m.Bytes), err, kind, len(want))
			}
		}
		c.Close()
		_, err = c.Read(co)
		if err == nil {
			return fmt.Errorf("a message after Close")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// serverOf runs the peer's own server while body does.
func serverOf(t *testing.T, p peer, body func(url string), args ...string) {
	t.Helper()
	command := func(ctx context.Context, _ ...string) *exec.Cmd {
		return p.command(ctx, append([]string{"server"}, args...)...)
	}
	runs(t, command, func(port string) { body("ws://127.0.0.1:" + port + "/") })
}

// runs runs a server that prints its port, and body with that.
func runs(t *testing.T, command func(ctx context.Context, args ...string) *exec.Cmd, body func(port string)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := command(ctx)
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		t.Errorf("the peer's server did not start: %v: %s", err, stderr.String())
	} else {
		body(strings.TrimSpace(line))
	}
	stdin.Close()
	cmd.Wait()
}

// TestInteropNodeHTTP2: a stream of node's HTTP/2, with npm's ws on it.
func TestInteropNodeHTTP2(t *testing.T) {
	p := node(t)
	ca, dir := certtest.New(), t.TempDir()
	chain, key := certtest.PEM(ca.Server("localhost").Certificates[0])
	cert, private := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(os.WriteFile(cert, chain, 0o600), os.WriteFile(private, key, 0o600)); err != nil {
		t.Fatal(err)
	}
	for options, d := range map[string]*websocket.Deflate{"false": nil, "{}": {}} {
		p.args = []string{"testdata/interop/peer_http2.js", cert, private, options}
		runs(t, p.command, func(port string) {
			dialingTLS(t, d, "wss://localhost:"+port+"/", ca.Client("localhost"))
		})
	}
}

// TestInteropPython: python3-websockets as client and as server.
func TestInteropPython(t *testing.T) {
	p := python(t)
	serving(t, &websocket.Deflate{}, func(ctx context.Context, url string) {
		out, err := p.command(ctx, "client", url).CombinedOutput()
		if got := string(out); err != nil || !strings.Contains(got, "extensions ['PerMessageDeflate']") || !strings.Contains(got, "closed 4321") {
			t.Errorf("its client: %v: %s", err, got)
		}
	})
	serverOf(t, p, func(url string) { dialing(t, &websocket.Deflate{}, url) })
}

// TestInteropNode: npm's ws as client and as server, with each parameter of
// compression.
func TestInteropNode(t *testing.T) {
	p := node(t)
	for options, want := range map[string]string{
		`false`:                      `extensions null`,
		`true`:                       `extensions {"client_max_window_bits":12}`,
		`{"serverMaxWindowBits":10}`: `extensions {"server_max_window_bits":10,"client_max_window_bits":12}`,
		`{"clientMaxWindowBits":9,"serverNoContextTakeover":true,"clientNoContextTakeover":true}`: `extensions {"server_no_context_takeover":true,"client_no_context_takeover":true,"client_max_window_bits":9}`,
	} {
		serving(t, &websocket.Deflate{}, func(ctx context.Context, url string) {
			out, err := p.command(ctx, "client", url, options).CombinedOutput()
			if got := string(out); err != nil || !strings.Contains(got, want) || !strings.Contains(got, "pong ping\n") || !strings.Contains(got, "closed 4321") {
				t.Errorf("its client with %s: %v: %s, want %s", options, err, got, want)
			}
		})
	}
	for options, d := range map[string]*websocket.Deflate{
		"false": {},
		"true":  {WindowBits: 10, PeerWindowBits: 11},
		`{"serverNoContextTakeover":true,"clientNoContextTakeover":true,"threshold":0}`: {},
	} {
		serverOf(t, p, func(url string) { dialing(t, d, url) }, options)
	}
}

// TestInteropCoder: github.com/coder/websocket as client and as server.
func TestInteropCoder(t *testing.T) {
	for _, mode := range []coder.CompressionMode{coder.CompressionDisabled, coder.CompressionContextTakeover, coder.CompressionNoContextTakeover} {
		serving(t, &websocket.Deflate{}, func(ctx context.Context, url string) {
			c, _, err := coder.Dial(ctx, url, &coder.DialOptions{CompressionMode: mode, CompressionThreshold: 1})
			if err != nil {
				t.Error(err)
				return
			}
			c.SetReadLimit(2 << 20)
			for i, n := range []int{0, 1, 100, 5000, 70_000, 1 << 20, 300, 300, 300} {
				want := strings.Repeat(fmt.Sprint("message ", i, " "), n/10+1)[:n]
				if err := c.Write(ctx, coder.MessageText, []byte(want)); err != nil {
					t.Error(mode, err)
					return
				}
				kind, r, err := c.Reader(ctx)
				if err != nil {
					t.Error(mode, err)
					return
				}
				if got, err := io.ReadAll(r); err != nil || kind != coder.MessageText || string(got) != want {
					t.Errorf("mode %v: message of %d bytes: got %d, %v", mode, n, len(got), err)
				}
			}
			c.Close(coder.StatusNormalClosure, "")
		})
	}
	for _, mode := range []coder.CompressionMode{coder.CompressionDisabled, coder.CompressionContextTakeover, coder.CompressionNoContextTakeover} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := coder.Accept(w, r, &coder.AcceptOptions{CompressionMode: mode, CompressionThreshold: 1})
			if err != nil {
				t.Error(err)
				return
			}
			c.SetReadLimit(2 << 20)
			for {
				kind, p, err := c.Read(r.Context())
				if err != nil {
					return
				}
				c.Write(r.Context(), kind, p)
			}
		}))
		dialing(t, &websocket.Deflate{}, strings.Replace(server.URL, "http:", "ws:", 1))
		server.Close()
	}
}

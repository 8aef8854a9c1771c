//go:build linux

package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Ours behind the other doors than the native one.
const (
	usHTTP = us + " http.Handler"
	usLoop = us + " OnLoop"
)

// The web suites' cells, by which the marks find them.
const (
	helloMany      = "hello, 100 connections"
	helloBrowser   = "hello, 100 connections, asked as a browser does"
	helloPipelined = "hello, 100 connections, pipelined by 16"
	helloOne       = "hello, 1 connection"
)

// headTime is how long a request's head may take in the suite slow.
const headTime = 10 * time.Second

// A web makes the servers of the web suites.
type web struct {
	built          map[string]binary
	dir, cert, key string
}

// server is a Go program of this folder, built on internal/site.
func (w web) server(name, program string, args ...string) peer {
	b := w.built[program]
	words := append([]string{b.path}, args...)
	return peer{name: name, words: append(words, "ADDR"), absent: b.absent}
}

// ours is one server behind each of its doors.
func (w web) ours(args ...string) []peer {
	at := func(name, door string) peer {
		return w.server(name, "http-twistor", append([]string{"-way", door}, args...)...)
	}
	return []peer{at(us, "native"), at(usHTTP, "http"), at(usLoop, "loop")}
}

func (w web) tls() []string { return []string{"-cert", w.cert, "-key", w.key} }

func webs(p plan, built map[string]binary, dir string) []suite {
	w := web{built: built, dir: dir, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	floor := built["epoll"]
	perRequest := []column{{"cpu", "CPU µs", "%.2f"}, {"rate", "requests/s", "%.0f"}, {"busy", "server busy", "%.2f"}, {"load", "load busy", "%.2f"}, {"rss", "peak KiB", "%.0f"}}
	perGiB := []column{{"cpu", "CPU s a GiB", "%.3f"}, {"rate", "MiB/s", "%.0f"}, {"busy", "server busy", "%.2f"}, {"load", "load busy", "%.2f"}, {"rss", "peak KiB", "%.0f"}}
	get := func(title, mode string, conns int, more ...string) cell {
		return cell{name: title, args: append(append([]string{"-mode", mode, "-c", strconv.Itoa(conns)}, more...), p.window()...)}
	}
	files := filepath.Join(dir, "files")
	nbioTLS := w.server("nbio", "http-nbio", w.tls()...)
	nbioTLS.absent = "its fork of crypto/tls prefers ChaCha20 to AES-GCM, which the others speak"
	return []suite{
		{name: "http", figure: "cpu", limit: "C epoll", columns: perRequest,
			peers: append(w.ours(),
				w.server("net/http", "http-net"),
				w.server("fasthttp", "http-fasthttp"),
				w.server("nbio", "http-nbio"),
				w.nginx("http", "listen ADDR backlog=4096;"),
				w.server("gnet minimal", "http-gnet"),
				w.server("bare Go loop", "http-rawgo"),
				peer{name: "C epoll", words: []string{floor.path, "ADDR", "http"}, absent: floor.absent},
			),
			cells: []cell{
				get(helloMany, "http", 100),
				get(helloBrowser, "http", 100, "-browser"),
				get(helloPipelined, "http", 100, "-depth", "16"),
				get(helloOne, "http", 1),
			}},
		{name: "files", figure: "cpu", columns: perGiB,
			peers: []peer{
				w.server(us, "http-twistor", "-files", files),
				w.server("net/http", "http-net", "-files", files),
				w.server("fasthttp", "http-fasthttp", "-files", files),
				w.nginx("files", "listen ADDR backlog=4096; root "+files+";"),
			},
			prepare: func() error { return fillFiles(files) },
			cells: []cell{
				get("1 MiB, 8 connections", "files", 8, "-path", "/1m.bin"),
				get("100 MiB, 4 connections", "files", 4, "-path", "/100m.bin"),
			}},
		{name: "https", figure: "cpu", columns: perRequest,
			peers: append(w.ours(w.tls()...),
				w.server("net/http", "http-net", w.tls()...),
				w.server("fasthttp", "http-fasthttp", w.tls()...),
				nbioTLS,
				w.nginx("https", "listen ADDR ssl backlog=4096;"+w.nginxTLS()),
			),
			cells: []cell{
				get(helloMany, "http", 100, "-tls"),
				get("connection, full handshake, hello", "handshakes", 16),
				get("connection, resumed, hello", "handshakes", 16, "-resume"),
			}},
		w.h2(p, perRequest),
		w.websockets(p),
		w.slow(p),
	}
}

// window is how long a server is under load.
func (p plan) window() []string {
	if p.short {
		return []string{"-warm", "50ms", "-dur", "250ms"}
	}
	return []string{"-warm", "150ms", "-dur", "800ms"}
}

// fillFiles writes what the suite files downloads.
func fillFiles(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	block := bytes.Repeat([]byte("0123456789abcdef"), 1<<16)
	for _, mib := range []int{1, 100} {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%dm.bin", mib)), bytes.Repeat(block, mib), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// websockets is echo, and one who speaks to all.
func (w web) websockets(p plan) suite {
	peers := func(way string) []peer {
		return []peer{
			w.server(us, "ws-twistor", "-way", way),
			w.server("gobwas/ws", "ws-gobwas", "-way", way),
			w.server("coder/websocket", "ws-coder", "-way", way),
			w.server("nbio", "ws-nbio", "-way", way),
		}
	}
	clients := 10_000
	if p.short {
		clients = 1_000
	}
	talk := func(title, mode, way string, conns int, more ...string) cell {
		args := append([]string{"-mode", mode, "-size", "64", "-c", strconv.Itoa(conns)}, more...)
		return cell{name: title, args: append(args, p.window()...), peers: peers(way)}
	}
	return suite{name: "websocket", figure: "cpu", peers: peers("echo"),
		columns: []column{{"cpu", "CPU µs", "%.2f"}, {"rate", "messages/s", "%.0f"}, {"busy", "server busy", "%.2f"}, {"load", "load busy", "%.2f"}, {"rss", "peak KiB", "%.0f"}},
		cells: []cell{
			talk("echo, 64 B, 100 connections", "websocket", "echo", 100),
			talk("echo, 64 B, 100 connections, 16 in flight", "websocket", "echo", 100, "-depth", "16"),
			talk(fmt.Sprintf("broadcast, 64 B, to %d clients", clients), "broadcast", "broadcast", clients),
		}}
}

// slow is 10,000 attackers who send heads that never end, and 200 honest
// requests a second.
func (w web) slow(p plan) suite {
	attackers, head := 10_000, headTime
	window := head + 10*time.Second // attackers come for 5 s, requests have 5 s to fail
	if p.short {
		attackers, head, window = 1_000, 2*time.Second, 8*time.Second
	}
	limit := []string{"-header", head.String()}
	return suite{name: "slow", figure: "p99", rounds: 2,
		columns: []column{{"failed", "honest failed %", "%.2f"}, {"p50", "p50 ms", "%.2f"}, {"p99", "p99 ms", "%.1f"}, {"rss", "peak KiB", "%.0f"},
			{"left", "attackers left %", "%.1f"}, {"suffered", "last one after s", "%.1f"}, {"busy", "server busy", "%.2f"}},
		peers: append(w.ours(limit...)[:2],
			w.server("net/http", "http-net", limit...),
			w.server("fasthttp", "http-fasthttp", limit...),
			w.server("nbio", "http-nbio", limit...),
			w.nginx("slow", fmt.Sprintf("listen ADDR backlog=4096; client_header_timeout %.0fs;", head.Seconds())),
		),
		cells: []cell{{
			name: fmt.Sprintf("%d attackers, 200 honest requests/s", attackers),
			args: []string{"-mode", "slow", "-attackers", strconv.Itoa(attackers), "-dur", window.String()},
		}}}
}

//go:build linux

package main

import (
	"fmt"
	"path/filepath"
	"strconv"
)

// A peer is what is measured: a server, or a program that times itself.
type peer struct {
	name   string
	words  []string // of its command; "ADDR" is replaced, and "PORT" by its end
	env    []string
	config config
	absent string // why it cannot be run here; "": it can
}

// A config is a file that a server reads, written anew before each start. The
// zero value is none.
type config struct{ path, text string } // the same is replaced in its text

// A cell is one job that every peer of a suite does: the arguments of load.
type cell struct {
	name  string
	args  []string
	limit string // "": the suite's
	peers []peer // of the same names as the suite's; nil: those
}

// A suite is a table: peers against cells.
type suite struct {
	name    string
	figure  string // the column that is compared and judged
	limit   string // a peer that is no peer: the least that does the job
	columns []column
	peers   []peer
	cells   []cell // none: the peers time themselves
	rounds  int    // at most this many; 0: as many as asked

	// prepare makes what is needed before the first round. nil: nothing is.
	prepare func() error

	// sample measures one cell of one peer. nil: it is a server under load.
	sample func(p plan, x peer, c cell) (map[string]float64, error)
}

// A column is one figure of the samples.
type column struct{ key, title, format string }

const (
	us     = "twistor"
	cLarge = "C epoll 256K"
)

func suites(p plan, built map[string]binary, dir string) ([]suite, error) {
	server := func(name, program string, args ...string) peer {
		b := built[program]
		return peer{name: name, words: append([]string{b.path, "ADDR"}, args...), absent: b.absent}
	}
	script := func(name, module, file string, args ...string) peer {
		words := append([]string{"/usr/bin/python3", filepath.Join(p.root, "py", file)}, args...)
		return peer{name: name, words: words, absent: python(module)}
	}
	echo := func(env ...string) []peer {
		peers := []peer{
			server(us, "echo-twistor"),
			server("Go net", "echo-net"),
			server("gnet", "echo-gnet"),
			server("netpoll", "echo-netpoll"),
			server("nbio", "echo-nbio"),
			server("evio", "echo-evio"),
			script("Twisted", "twisted", "echo_twisted.py", "ADDR"),
			script("uvloop", "uvloop", "echo_uvloop.py", "ADDR"),
			server("libuv C", "uv"),
			server("bare Go loop", "echo-rawgo"),
			server("C epoll", "epoll"),
		}
		for i := range peers {
			peers[i].env = env
		}
		// Bulk is a matter of the read's size: 64 KiB is no limit there.
		large := server(cLarge, "epoll")
		large.env = []string{"BUF=262144"}
		return append(peers, large)
	}
	cert, key, err := certificate(dir)
	if err != nil {
		return nil, err
	}
	// A goroutine's connection usually reads into 4 KiB where many are idle.
	small := []string{"BUF=4096"}
	secure := []peer{
		server(us, "echo-twistor", cert, key),
		server("Go net", "echo-net", cert, key),
		server("nbio", "echo-nbio", cert, key),
		script("Twisted", "twisted", "echo_twisted.py", "ADDR", cert, key),
	}
	for i := range secure {
		secure[i].env = small
	}

	window := p.window()
	idle, idleTLS, n := 19_000, 5_000, 1_000_000
	if p.short {
		idle, idleTLS, n = 2_000, 500, 100_000
	}
	message := func(title string, size, conns, depth int) cell {
		c := cell{name: title, args: append([]string{"-size", strconv.Itoa(size), "-c", strconv.Itoa(conns), "-depth", strconv.Itoa(depth)}, window...)}
		if title == bulk {
			c.limit = cLarge
		}
		return c
	}
	waiting := func(conns int, more ...string) []cell {
		return []cell{{name: fmt.Sprintf("%d connections", conns), args: append([]string{"-mode", "idle", "-c", strconv.Itoa(conns)}, more...)}}
	}
	perMessage := []column{{"cpu", "CPU µs", "%.2f"}, {"rate", "messages/s", "%.0f"}, {"busy", "server busy", "%.2f"}, {"load", "load busy", "%.2f"}, {"rss", "peak KiB", "%.0f"}}
	perConn := []column{{"used", "bytes after a message", "%.0f"}, {"idle", "bytes connected", "%.0f"}, {"slab", "kernel bytes a pair", "%.0f"}, {"setup", "connects/s", "%.0f"}}

	self := func(suite string) []peer {
		twistor, golang := built["micro-twistor"], built["micro-go"]
		count := strconv.Itoa(n)
		tenth := strconv.Itoa(n / 10) // Python needs seconds for a tenth
		return []peer{
			{name: us, words: []string{twistor.path, suite, count}, absent: twistor.absent},
			{name: "Go", words: []string{golang.path, suite, count}, absent: golang.absent},
			script("Twisted", "twisted", "micro.py", "twisted", suite, tenth),
			script("asyncio", "asyncio", "micro.py", "asyncio", suite, tenth),
			script("uvloop", "uvloop", "micro.py", "uvloop", suite, tenth),
		}
	}
	perOperation := []column{{"cpu", "CPU µs", "%.3f"}}
	return append([]suite{
		{name: "echo", figure: "cpu", limit: "C epoll", columns: perMessage, peers: echo(), cells: []cell{
			message(pingPong, 64, 100, 1),
			message(pipelined, 64, 100, 16),
			message(thousand, 1024, 1000, 16),
			message(bulk, 64<<10, 100, 16),
		}},
		// Memory hardly differs between rounds, and these take long.
		{name: "idle", figure: "used", limit: "bare Go loop", columns: perConn, peers: echo(small...), cells: waiting(idle), rounds: 2},
		{name: "tls", figure: "used", columns: perConn, peers: secure, cells: waiting(idleTLS, "-tls"), rounds: 2},
		{name: "timers", figure: "cpu", columns: perOperation, peers: self("timers")},
		{name: "deferreds", figure: "cpu", limit: "slice of callbacks", columns: perOperation, peers: self("deferreds")},
		{name: "coroutines", figure: "cpu", limit: "iter.Pull", columns: perOperation, peers: self("coroutines")},
		durables(p, built),
		dnsSuite(p, built, dir),
	}, webs(p, built, dir)...), nil
}

// The echo suite's cells, by which the marks find them.
const (
	pingPong  = "64 B, 100 connections, 1 in flight"
	pipelined = "64 B, 100 connections, 16 in flight"
	thousand  = "1 KiB, 1,000 connections, 16 in flight"
	bulk      = "64 KiB, 100 connections, 16 in flight"
)

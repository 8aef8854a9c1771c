//go:build unix

package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// scale is how much the tests under load do.
func scale(short, normal, soak int) int {
	switch {
	case os.Getenv("TWISTOR_SOAK") != "":
		return soak
	case testing.Short():
		return short
	}
	return normal
}

// A daemon is a program that runs in the background, in a directory of its own.
type daemon struct {
	t   *testing.T
	dir string
}

// startDaemon starts `twistor --daemon`, whose pid file is there when it
// returns.
func startDaemon(t *testing.T, args ...string) *daemon {
	t.Helper()
	d := &daemon{t, t.TempDir()}
	t.Cleanup(func() {
		killAll(d.dir)
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(d.dir, "*.log"))
			for _, name := range logs {
				text, _ := os.ReadFile(name)
				t.Logf("%s:\n%s", name, text[max(0, len(text)-4000):])
			}
		}
	})
	d.command(append([]string{"--daemon", "--pidfile", "twistor.pid"}, args...)...)
	return d
}

// command runs the program in d's directory, and returns what it printed.
func (d *daemon) command(args ...string) string {
	d.t.Helper()
	c := exec.Command(program, args...)
	c.Dir = d.dir
	out, err := c.CombinedOutput()
	if err != nil {
		d.t.Fatalf("twistor %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

func (d *daemon) pid() int {
	pid, err := readPID(filepath.Join(d.dir, "twistor.pid"))
	if err != nil {
		d.t.Fatal(err)
	}
	return pid
}

// numbers notes who got which number, and finds one that was given twice.
type numbers struct {
	mu   sync.Mutex
	seen map[string]string
	err  error
}

func (n *numbers) note(number, who string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	number = strings.TrimSpace(number)
	if strings.HasPrefix(number, "ERROR") {
		n.err = fmt.Errorf("%s was answered %q", who, number)
	} else if before, twice := n.seen[number]; twice {
		n.err = fmt.Errorf("%s and %s were both given %.40s...", before, who, number)
	}
	n.seen[number] = who
}

// askOnce asks one number over a connection of its own.
func askOnce(addr string, n *numbers, who string) error {
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	conn.(*net.TCPConn).SetLinger(0) // no TIME_WAIT: there are more of them than ports
	conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintln(conn, "next"); err != nil {
		return err
	}
	answer, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil {
		n.note(answer, who)
	}
	return err
}

// TestF38Upgrade upgrades a Fibonacci server again and again, while clients come
// and go as fast as they are let, and others stay: none is refused, none is
// reset, no number is given twice, and those who stayed are there at the end.
// P16 is this promise.
func TestF38Upgrade(t *testing.T) {
	upgrades, standing, rate := scale(2, 5, 20), scale(50, 200, 1000), scale(100, 300, 2000)
	addr := freeAddr(t)
	d := startDaemon(t, "fibonacci", "--listen", "tcp:"+addr, "--log-level", "warn", "--max-clients", "5000")
	given := &numbers{seen: map[string]string{}}

	type stayer struct {
		net.Conn
		r *bufio.Reader
	}
	var stayers []stayer
	for range standing {
		conn := dial(t, "tcp", addr)
		stayers = append(stayers, stayer{conn, bufio.NewReader(conn)})
	}
	ask := func(i int) error {
		s := stayers[i]
		s.SetDeadline(time.Now().Add(patience))
		if _, err := fmt.Fprintln(s, "next"); err != nil {
			return err
		}
		answer, err := s.r.ReadString('\n')
		given.note(answer, fmt.Sprint("stayer ", i))
		return err
	}

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var failed atomic.Pointer[error]
	fail := func(err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	var come, asked atomic.Int64
	var all sync.WaitGroup
	tick := time.NewTicker(time.Second / time.Duration(rate))
	defer tick.Stop()
	for i := range 64 {
		all.Go(func() { // those who come and go
			for ctx.Err() == nil {
				select {
				case <-tick.C:
					fail(askOnce(addr, given, fmt.Sprintf("client %d", i)))
					come.Add(1)
				case <-ctx.Done():
				}
			}
		})
	}
	for i := range 8 {
		all.Go(func() { // those who stay, one after another
			for k := i; ctx.Err() == nil; k += 8 {
				fail(ask(k % (standing / 8 * 8)))
				asked.Add(1)
				time.Sleep(time.Millisecond)
			}
		})
	}
	last := d.pid()
	for i := range upgrades {
		said := d.command("upgrade")
		if pid := d.pid(); pid == last || !strings.Contains(said, fmt.Sprint(pid)) {
			t.Fatalf("upgrade %d: process %d runs after %q, want another than %d", i, pid, said, last)
		} else {
			last = pid
		}
		before := come.Load()
		for come.Load() < before+int64(rate)/4 && failed.Load() == nil {
			time.Sleep(time.Millisecond)
		}
	}
	cancel()
	all.Wait()
	if err := failed.Load(); err != nil {
		t.Fatalf("after %d connections: %v", come.Load(), *err)
	}
	for i := range stayers {
		if err := ask(i); err != nil {
			t.Fatalf("stayer %d, after %d upgrades: %v", i, upgrades, err)
		}
	}
	if given.err != nil {
		t.Error(given.err)
	}
	t.Logf("%d upgrades, %d connections came, %d stayed and asked %d times: %d numbers, each once",
		upgrades, come.Load(), standing, asked.Load(), len(given.seen))
	d.command("stop")
}

func freeAddr(t *testing.T) string {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer free.Close()
	return free.Addr().String()
}

// TestF38WeblogStays: the clients of a weblog stay connected through upgrades,
// and each gets every hit once, in order, though the log is written all the
// time.
func TestF38WeblogStays(t *testing.T) {
	addr := freeAddr(t)
	log := filepath.Join(t.TempDir(), "access.log")
	if err := os.WriteFile(log, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	d := startDaemon(t, "weblog", "--log", log, "--listen", "tcp:"+addr, "--page", "none", "--resume", "--every", "50ms")
	var clients []*client
	for range scale(3, 10, 100) {
		clients = append(clients, hits(dial(t, "tcp", addr)))
	}
	for !strings.Contains(d.command("status"), fmt.Sprintf("connections  %d\n", len(clients)+1)) {
		time.Sleep(time.Millisecond)
	}
	file, err := os.OpenFile(log, os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	want, upgrades := 0, scale(2, 5, 20)
	stop := make(chan bool)
	var writer sync.WaitGroup
	writer.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				io.WriteString(file, line(fmt.Sprintf("/%d", want)))
				want++
			}
		}
	})
	for range upgrades {
		d.command("upgrade")
	}
	close(stop)
	writer.Wait()
	for i, c := range clients {
		if err := c.await(want); err != nil {
			t.Fatalf("client %d: %v", i, err)
		}
	}
	d.command("stop")
	for i, c := range clients {
		if err := c.await(-1); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
		for k, path := range c.paths {
			if path != fmt.Sprintf("/%d", k) {
				t.Fatalf("client %d: hit %d is %s, want each once, in order", i, k, path)
			}
		}
	}
	t.Logf("%d clients stayed through %d upgrades and got %d hits each", len(clients), upgrades, want)
}

// TestF38FailedUpgrade: when the new version of the program cannot go on, the
// old one does, with the connections and the memory that it had left already.
func TestF38FailedUpgrade(t *testing.T) {
	addr := freeAddr(t)
	d := &daemon{t, t.TempDir()}
	t.Cleanup(func() { killAll(d.dir) })
	file := filepath.Join(filepath.Dir(program), "next")
	install := func(content []byte) { // as a package manager does: under another name first
		if err := os.WriteFile(file+".new", content, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(file+".new", file); err != nil {
			t.Fatal(err)
		}
	}
	works, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	install(works)
	t.Cleanup(func() { os.Remove(file) })
	start := exec.Command(file, "--daemon", "--pidfile", "twistor.pid", "fibonacci", "--listen", "tcp:"+addr)
	start.Dir = d.dir
	if out, err := start.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	conn := dial(t, "tcp", addr)
	r := bufio.NewReader(conn)
	ask := func(want string) {
		t.Helper()
		fmt.Fprintln(conn)
		conn.SetDeadline(time.Now().Add(patience))
		if got, err := r.ReadString('\n'); got != want+"\n" {
			t.Fatalf("got %q, %v, want %s over the same connection", got, err, want)
		}
	}
	ask("2")
	pid := d.pid()
	// It finds a directory where its memory's lock should be a file, and that only
	// after the old process has let go of everything.
	os.MkdirAll(filepath.Join(d.dir, "other", "fibonacci.lock"), 0o700)
	install([]byte("#!/bin/sh\nexec " + program + " \"$@\" --state other --control none\n"))
	c := exec.Command(program, "upgrade")
	c.Dir = d.dir
	out, err := c.CombinedOutput()
	if err == nil || !strings.Contains(string(out), "fibonacci.lock: is a directory") {
		t.Fatalf("got %v, %q, want it to fail and say why", err, out)
	}
	if d.pid() != pid || syscall.Kill(pid, 0) != nil {
		t.Fatal("the old process is gone, want it to go on")
	}
	ask("3")
	ask("5")
	install(works)
	d.command("upgrade")
	if d.pid() == pid {
		t.Error("the old process runs after an upgrade that went well")
	}
	ask("8")
	d.command("stop")
}

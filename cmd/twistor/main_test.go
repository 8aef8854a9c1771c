package main

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor/protocol/weblog"
)

// program is the command, built once.
var program string

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "twistor-test-")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		os.Chmod(dir, 0o755) // a program that has dropped its privileges starts it, too
		program = filepath.Join(dir, "twistor")
		build := exec.Command("go", "build", "-o", program, ".")
		build.Env = append(os.Environ(), "CGO_ENABLED=0") // as it is released: one file that needs no other
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
			return 1
		}
		return m.Run()
	}())
}

// patience is how long these tests wait for anything: for ever, on any machine.
const patience = time.Minute

// A server is `twistor weblog` as a process.
type server struct {
	*exec.Cmd
	t     *testing.T
	addrs []string // where it listens
	rest  chan string
}

var listening = regexp.MustCompile(`listening .*addr=(\S+)`)

// run starts the command, without a page unless the args say where, and waits until it listens at as many places.
func run(t *testing.T, places int, args ...string) *server {
	t.Helper()
	if !slices.Contains(args, "--page") {
		args = append([]string{"--page", "none"}, args...)
	}
	s := &server{Cmd: exec.Command(program, append([]string{"weblog"}, args...)...), t: t, rest: make(chan string, 1)}
	s.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	pipe, err := s.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.Process.Kill() // if it still runs
		s.Wait()
	})
	said := bufio.NewReader(pipe)
	var all strings.Builder
	for len(s.addrs) < places {
		line, err := said.ReadString('\n')
		all.WriteString(line)
		if err != nil {
			t.Fatalf("it does not listen:\n%s", all.String())
		}
		if found := listening.FindStringSubmatch(line); found != nil {
			s.addrs = append(s.addrs, found[1])
		}
	}
	go func() {
		rest, _ := io.ReadAll(said)
		s.rest <- all.String() + string(rest)
	}()
	return s
}

// stop ends the process as a person would, and returns what it said.
func (s *server) stop(sig os.Signal) string {
	s.t.Helper()
	s.Process.Signal(sig)
	said := <-s.rest
	if err := s.Wait(); err != nil {
		s.t.Errorf("got %v, want status 0:\n%s", err, said)
	}
	return said
}

// A client collects the paths of hits.
type client struct {
	mu    sync.Mutex
	news  *sync.Cond
	paths []string
	err   error // how it ended; nil: it goes on, or the server said good-bye
	over  bool
}

// collect makes a client of a sequence of paths.
func collect(read func(add func(path string)) error) *client {
	c := &client{}
	c.news = sync.NewCond(&c.mu)
	go func() {
		err := read(func(path string) {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.paths = append(c.paths, path)
			c.news.Broadcast()
		})
		c.mu.Lock()
		defer c.mu.Unlock()
		c.over, c.err = true, err
		c.news.Broadcast()
	}()
	return c
}

// hits makes a client of a stream.
func hits(r io.Reader) *client {
	return collect(func(add func(string)) error {
		for hit, err := range weblog.Hits(r) {
			if err != nil {
				return err
			}
			add(hit.Path)
		}
		return nil
	})
}

// await waits until c has n hits; if n is negative, until it is over, which is
// an error unless the server said good-bye.
func (c *client) await(n int) error {
	return c.wait(func() bool { return n < 0 && c.over || n >= 0 && len(c.paths) >= n })
}

// until waits until c has the hit of a path.
func (c *client) until(path string) error {
	seen := 0
	return c.wait(func() bool {
		for ; seen < len(c.paths); seen++ {
			if c.paths[seen] == path {
				return true
			}
		}
		return false
	})
}

// wait waits until done, or c is over.
func (c *client) wait(done func() bool) error {
	late := time.AfterFunc(patience, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.over, c.err = true, fmt.Errorf("waited too long; there are %d hits", len(c.paths))
		c.news.Broadcast()
	})
	defer late.Stop()
	c.mu.Lock()
	defer c.mu.Unlock()
	for !done() {
		if c.over {
			return fmt.Errorf("it is over after %d hits: %v", len(c.paths), c.err)
		}
		c.news.Wait()
	}
	return c.err
}

// begun tells whether c has a hit, or never will.
func (c *client) begun() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.paths) > 0 || c.over
}

func dial(t *testing.T, network, addr string) net.Conn {
	t.Helper()
	conn, err := net.Dial(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

// R09, R10: out of the box it says where it listens, shows hits, and leaves nothing.
func TestWithoutLog(t *testing.T) {
	for _, sig := range []os.Signal{syscall.SIGINT, syscall.SIGTERM} {
		s := run(t, 1, "--listen", "tcp:127.0.0.1:0")
		c := hits(dial(t, "tcp", s.addrs[0]))
		if err := c.await(3); err != nil {
			t.Fatal(err)
		}
		said := s.stop(sig)
		if err := c.await(-1); err != nil {
			t.Errorf("%v: got %v, want the server's good-bye", sig, err)
		}
		if !strings.Contains(said, "made up") {
			t.Errorf("it does not say that the log is made up:\n%s", said)
		}
		for _, env := range s.Env {
			if dir, ok := strings.CutPrefix(env, "TMPDIR="); ok && strings.HasPrefix(dir, os.TempDir()) {
				if left, _ := os.ReadDir(dir); len(left) != 0 {
					t.Errorf("%v: %v is left in %s", sig, left, dir)
				}
			}
		}
	}
}

func line(path string) string {
	return fmt.Sprintf("127.0.0.1 - - [22/Nov/2026:10:00:00 +0000] \"GET %s HTTP/1.1\" 200 612 \"-\" \"-\"\n", path)
}

// Several writers append at once; the log is rotated by renaming and by
// truncation; clients at two kinds of places get every hit once.
func TestEveryHitOnce(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	socket := filepath.Join(t.TempDir(), "s")
	s := run(t, 2, "--log", log, "--listen", "tcp:127.0.0.1:0", "--listen", "unix:"+socket)
	clients := []*client{hits(dial(t, "tcp", s.addrs[0])), hits(dial(t, "tcp", s.addrs[0])), hits(dial(t, "unix", socket))}

	const writers, each = 4, 500
	want := map[string]int{}
	write := func(name string, round int) {
		var all sync.WaitGroup
		for w := range writers {
			all.Go(func() {
				file, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
				if err != nil {
					t.Error(err)
					return
				}
				defer file.Close()
				for i := range each {
					io.WriteString(file, line(fmt.Sprintf("/%d/%d/%d", round, w, i)))
				}
			})
			for i := range each {
				want[fmt.Sprintf("/%d/%d/%d", round, w, i)]++
			}
		}
		all.Wait()
	}
	await := func() {
		t.Helper()
		for i, c := range clients {
			if err := c.await(len(want)); err != nil {
				t.Fatalf("client %d: %v", i, err)
			}
		}
	}
	write(log, 1)
	await()
	if err := os.Rename(log, log+".1"); err != nil {
		t.Fatal(err)
	}
	write(log+".1", 2) // who has it open goes on
	write(log, 3)
	await()
	if err := os.Truncate(log, 0); err != nil {
		t.Fatal(err)
	}
	write(log, 4)
	write(log, 5) // longer than it was
	await()

	said := s.stop(syscall.SIGTERM)
	for i, c := range clients {
		if err := c.await(-1); err != nil {
			t.Errorf("client %d: %v", i, err)
		}
		got := map[string]int{}
		for _, path := range c.paths {
			got[path]++
		}
		for path, n := range got {
			if n != want[path] {
				t.Fatalf("client %d: %s came %d times, want %d:\n%s", i, path, n, want[path], said)
			}
		}
		if len(got) != len(want) {
			t.Errorf("client %d: got %d different hits, want %d", i, len(got), len(want))
		}
	}
}

// Other bytes than text, and lines that are none, harm nobody.
func TestHostileLog(t *testing.T) {
	log := filepath.Join(t.TempDir(), "access.log")
	s := run(t, 1, "--log", log, "--listen", "tcp:127.0.0.1:0", "--replay", "--keep", "1000")
	var hostile bytes.Buffer
	for c := range 256 {
		if c != '\n' {
			hostile.WriteString(line("/" + string([]byte{byte(c)}) + "</weblog>]]>&amp;"))
			hostile.WriteString(string([]byte{byte(c), '\n'}))
		}
	}
	hostile.WriteString(strings.Repeat("x", 1<<20) + "\n" + line("/last"))
	if err := os.WriteFile(log, hostile.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	c := collect(func(add func(string)) error {
		conn := dial(t, "tcp", s.addrs[0])
		for d := xml.NewDecoder(conn); ; {
			token, err := d.Token()
			if err == io.EOF {
				return nil
			} else if err != nil {
				return err
			}
			if start, ok := token.(xml.StartElement); ok && start.Name.Local == "hit" {
				for _, a := range start.Attr {
					if a.Name.Local == "path" {
						add(a.Value)
					}
				}
			}
		}
	})
	if err := c.await(256); err != nil {
		t.Fatal(err)
	}
	said := s.stop(syscall.SIGTERM)
	if err := c.await(-1); err != nil {
		t.Errorf("got %v, want a document that encoding/xml takes to its end", err)
	}
	if got := c.paths[len(c.paths)-1]; got != "/last" || len(c.paths) != 256 {
		t.Errorf("got %d hits, the last %q, want 256 and /last", len(c.paths), got)
	}
	for _, want := range []string{"line is no hit", "too long"} {
		if !strings.Contains(said, want) {
			t.Errorf("it does not say %q:\n%s", want, said)
		}
	}
}

func TestExitStatus(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for _, tc := range []struct {
		want int
		said string
		args []string
	}{
		{0, "Usage:", []string{"--help"}},
		{0, "twistor ", []string{"--version"}},
		{64, "did you mean weblog?", []string{"weblgo"}},
		{64, "did you mean --log?", []string{"weblog", "--lob=x"}},
		{64, "want a number from 0 to 65535", []string{"weblog", "--listen", "tcp:70000"}},
		{66, "want a regular file", []string{"weblog", "--log", "/", "--listen", "tcp:127.0.0.1:0", "--page", "none"}},
		{69, "in use", []string{"weblog", "--log", "x", "--listen", "tcp:" + taken.Addr().String(), "--page", "none"}},
		{69, "in use: want another place by --page, or --page none", []string{"weblog", "--listen", "tcp:127.0.0.1:0", "--page", "tcp:" + taken.Addr().String()}},
	} {
		out, err := exec.Command(program, tc.args...).CombinedOutput()
		got := 0
		if exit, ok := errors.AsType[*exec.ExitError](err); ok {
			got = exit.ExitCode()
		}
		if got != tc.want || !strings.Contains(string(out), tc.said) {
			t.Errorf("%v: got status %d, want %d, and %q in\n%s", tc.args, got, tc.want, tc.said, out)
		}
	}
}

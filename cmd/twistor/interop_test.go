//go:build unix

package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
	"github.com/twistor-go/twistor/protocol/weblog"
)

// An nginx is a real web server that logs to access.log in its directory.
type nginx struct {
	*exec.Cmd
	t    *testing.T
	dir  string
	addr string
	wrk  string // what loads it
}

const nginxConf = `
daemon off;
%s
worker_processes 2;
pid nginx.pid;
error_log error.log;
events { worker_connections 256; }
http {
	access_log access.log combined;
	client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
	server {
		listen %s;
		location / { return 200 "ok\n"; }
	}
}
`

func startNginx(t *testing.T) *nginx {
	t.Helper()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	n := &nginx{t: t, dir: t.TempDir(), addr: free.Addr().String(), wrk: peertest.Program(t, "wrk")}
	free.Close()
	user := ""
	if os.Getuid() == 0 {
		user = "user root;" // its workers open the log in a directory of ours
	}
	conf := fmt.Sprintf(nginxConf, user, n.addr)
	if err := os.WriteFile(filepath.Join(n.dir, "nginx.conf"), []byte(conf), 0o644); err != nil {
		t.Fatal(err)
	}
	n.Cmd = exec.Command(peertest.Program(t, "nginx"), "-p", n.dir, "-c", "nginx.conf", "-e", "error.log")
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		n.Process.Signal(syscall.SIGTERM)
		n.Wait()
	})
	return n
}

// log is the log's name, with a suffix.
func (n *nginx) log(suffix string) string { return filepath.Join(n.dir, "access.log"+suffix) }

// get asks for a path as soon as the server answers.
func (n *nginx) get(path string) {
	n.t.Helper()
	for {
		answer, err := http.Get("http://" + n.addr + path)
		if err == nil {
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
			return
		}
		if n.ProcessState != nil || n.t.Context().Err() != nil {
			n.t.Fatal(err)
		}
	}
}

// load asks for many different paths.
func (n *nginx) load(round string) {
	n.t.Helper()
	script, err := filepath.Abs("testdata/paths.lua")
	if err != nil {
		n.t.Fatal(err)
	}
	out, err := exec.Command(n.wrk, "-t1", "-c4", "-d1s", "-s", script, "http://"+n.addr+"/", "--", round).CombinedOutput()
	if err != nil {
		n.t.Fatalf("wrk: %v\n%s", err, out)
	}
}

// reopen has nginx open a log of the name anew, and waits until all have.
func (n *nginx) reopen() {
	n.t.Helper()
	n.Process.Signal(syscall.SIGUSR1)
	for i := 0; ; i++ { // until the new file has a line of each worker's making
		n.get(fmt.Sprintf("/reopen/%d", i))
		if text, _ := os.ReadFile(n.log("")); strings.Count(string(text), "\n") >= 20 {
			return
		}
	}
}

// logged are the paths in a file of the log, in order.
func logged(t *testing.T, name string) (paths []string) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var r weblog.Record
	for s := bufio.NewScanner(file); s.Scan(); {
		if err := r.Parse(s.Bytes()); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, r.Hit().Path)
	}
	return paths
}

// settle waits until nothing but its own requests is logged any more: those of
// a load that has ended may come late.
func (n *nginx) settle() {
	n.t.Helper()
	size := func() int64 {
		info, err := os.Stat(n.log(""))
		if err != nil {
			n.t.Fatal(err)
		}
		return info.Size()
	}
	for before, quiet := int64(0), 0; quiet < 10; {
		from := size()
		for i := 0; size() == from; i++ {
			n.get("/settle")
		}
		if after := size(); after-from == before {
			quiet++
		} else {
			before, quiet = after-from, 0
		}
	}
}

// unique leaves out the paths that were asked for more than once.
func unique(paths []string) []string {
	return slices.DeleteFunc(slices.Clone(paths), func(path string) bool {
		return path == "/hello" || path == "/begin" || path == "/settle"
	})
}

// start runs a client, and returns what it prints.
func start(t *testing.T, name string, args ...string) (out io.Reader, c *exec.Cmd) {
	t.Helper()
	c = exec.Command(name, args...)
	pipe, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	return pipe, c
}

// TestInteropNginx: a real web server under load, whose log is rotated by
// renaming and by truncation, and three sorts of clients: nc, Python's SAX
// parser, and our own. Each has every hit once, in the order of the log.
func TestInteropNginx(t *testing.T) {
	nc, python3 := peertest.Program(t, "nc"), peertest.Program(t, "python3")
	n := startNginx(t)
	n.get("/hello")
	s := run(t, 1, "--log", n.log(""), "--listen", "tcp:127.0.0.1:0", "--max-behind", strconv.Itoa(1<<30))
	host, port, err := net.SplitHostPort(s.addrs[0])
	if err != nil {
		t.Fatal(err)
	}

	ours := filepath.Join(t.TempDir(), "weblogclient")
	if out, err := exec.Command("go", "build", "-o", ours, "../../examples/weblogclient").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	netcat, _ := start(t, nc, host, port)
	python, _ := start(t, python3, "testdata/sax.py", host, port)
	printed, own := start(t, ours, "-connect", "tcp:"+s.addrs[0])
	clients := map[string]*client{
		"nc": hits(netcat),
		"python": collect(func(add func(string)) error {
			s := bufio.NewScanner(python)
			for s.Scan() {
				add(s.Text())
			}
			return s.Err()
		}),
		"weblogclient": collect(func(add func(string)) error {
			s := bufio.NewScanner(printed)
			for s.Scan() {
				words := strings.Fields(s.Text())
				path, err := strconv.Unquote(words[len(words)-1])
				if err != nil {
					return err
				}
				add(path)
			}
			return s.Err()
		}),
	}
	for name, c := range clients { // all are connected when a hit has reached them
		for !c.begun() {
			n.get("/begin")
		}
		if err := c.await(1); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}

	n.load("a")
	if err := os.Rename(n.log(""), n.log(".1")); err != nil {
		t.Fatal(err)
	}
	n.load("b") // nginx goes on with the renamed file
	n.reopen()
	n.load("c")
	await := func(mark string) {
		t.Helper()
		n.settle()
		n.get(mark)
		for name, c := range clients {
			if err := c.until(mark); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
	}
	await("/mark/1")
	want := append(logged(t, n.log(".1")), logged(t, n.log(""))...)
	if err := os.Truncate(n.log(""), 0); err != nil { // as logrotate's copytruncate does
		t.Fatal(err)
	}
	n.load("d")
	await("/mark/2")
	want = unique(append(want, logged(t, n.log(""))...))

	said := s.stop(syscall.SIGTERM)
	own.Process.Kill() // it would connect again
	for name, c := range clients {
		if err := c.await(-1); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		got := unique(c.paths)
		if !slices.Equal(got, want) {
			i := 0
			for i < min(len(got), len(want)) && got[i] == want[i] {
				i++
			}
			t.Errorf("%s: got %d hits, want %d; they differ from hit %d on: got %q, want %q\n%s", name, len(got), len(want), i,
				got[i:min(i+3, len(got))], want[i:min(i+3, len(want))], said)
		}
	}
	t.Logf("%d hits each", len(want))
}

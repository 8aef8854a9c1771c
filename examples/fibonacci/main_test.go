package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// child says in the environment that the test's own binary is to be the program.
const child = "FIBONACCI_CHILD"

func TestMain(m *testing.M) {
	if os.Getenv(child) != "" {
		program("tcp:127.0.0.1:0").Main()
	}
	os.Exit(m.Run())
}

var listening = regexp.MustCompile(`listening .*addr=(\S+)`)

// run starts the program, asks it n times, stops it, and returns the answers.
func run(t *testing.T, n int, args ...string) (answers string) {
	t.Helper()
	c := exec.Command(os.Args[0], args...)
	c.Env = append(os.Environ(), child+"=1")
	says, err := c.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Process.Kill() // if it still runs

	said := bufio.NewReader(says)
	var addr string
	for addr == "" {
		line, err := said.ReadString('\n')
		if err != nil {
			t.Fatalf("it does not listen: %v\n%s", err, line)
		}
		if found := listening.FindStringSubmatch(line); found != nil {
			addr = found[1]
		}
	}
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	conn.SetDeadline(time.Now().Add(time.Minute))
	in := bufio.NewReader(conn)
	for range n {
		fmt.Fprintln(conn, "next")
		line, err := in.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		answers += " " + strings.TrimSpace(line)
	}
	conn.Close()
	c.Process.Signal(syscall.SIGTERM)
	rest, _ := io.ReadAll(said)
	if err := c.Wait(); err != nil {
		t.Fatalf("got %v, want status 0:\n%s", err, rest)
	}
	return strings.TrimSpace(answers)
}

// S03, XC7: the article's session. It answers, is stopped, and goes on.
func TestGoesOn(t *testing.T) {
	state := t.TempDir()
	tap := filepath.Join(state, "fibonacci-shutdown.tap")
	for _, tc := range []struct {
		why, want string
		n         int
		args      []string
	}{
		{"it begins", "2 3 5", 3, nil},
		{"it goes on from the file that the stop wrote", "8 13", 2, []string{"-f", tap}},
		{"or from what its directory has", "21", 1, nil},
	} {
		if got := run(t, tc.n, append(tc.args, "--state", state)...); got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.why, got, tc.want)
		}
	}
}

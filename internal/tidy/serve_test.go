//go:build unix

package tidy

import (
	"bufio"
	"context"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var listens = regexp.MustCompile(`127\.0\.0\.1:[1-9][0-9]*`)

// serve runs a command that serves until it is interrupted: on a free port, so
// that the paper's own is left alone. It must say where it listens, send
// something to whoever connects, and stop cleanly.
func serve(t *testing.T, root, command string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	words := append(strings.Fields(command), "--listen", "tcp:127.0.0.1:0")
	if words[len(words)-3] == "weblog" {
		words = append(words, "--page", "tcp:127.0.0.1:0")
	}
	if words[0] == "go" && words[1] == "run" {
		// go run ends with status 1 when it is interrupted, whatever its child does.
		program := filepath.Join(t.TempDir(), "program")
		build := exec.CommandContext(ctx, "go", "build", "-o", program, words[2])
		build.Dir = root
		if out, err := build.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		words = append([]string{program}, words[3:]...)
	}
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.Dir = root
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	addr := ""
	in := bufio.NewReader(out)
	for addr == "" {
		line, err := in.ReadString('\n')
		said.WriteString(line)
		addr = listens.FindString(line)
		if err != nil {
			break
		}
	}
	if addr == "" {
		cmd.Wait()
		t.Fatalf("%s does not say where it listens:\n%s", command, said.String())
	}
	conn, err := net.Dial("tcp", addr)
	if err == nil {
		conn.SetDeadline(time.Now().Add(30 * time.Second))
		io.WriteString(conn, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n") // who serves pages waits for that
		_, err = io.ReadFull(conn, make([]byte, 16))
		conn.Close()
	}
	if err != nil {
		t.Errorf("%s sends nothing at %s: %v", command, addr, err)
	}
	cmd.Process.Signal(os.Interrupt)
	rest, _ := io.ReadAll(in)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%s does not stop cleanly: %v\n%s%s", command, err, said.String(), rest)
	}
}

// TestServe runs the blocks that are marked "sh serve".
func TestServe(t *testing.T) {
	tree, err := repository()
	if err != nil {
		t.Fatal(err)
	}
	all, err := papers(tree.root)
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for _, p := range all {
		for _, s := range snippets(p) {
			if s.info == "sh serve" {
				serve(t, tree.root, strings.TrimSpace(s.text))
				ran++
			}
		}
	}
	if ran == 0 {
		t.Error("no paper has a block to serve: README.md should")
	}
}

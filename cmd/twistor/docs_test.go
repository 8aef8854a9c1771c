//go:build unix

package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

var (
	session = regexp.MustCompile("(?s)```sh session\n(.*?)```")
	port    = regexp.MustCompile(`127\.0\.0\.1[: ](8\d{3})`)
)

// TestDocs runs the sessions of the guide, each in a directory of its own, on
// other ports. Each of their commands must succeed.
func TestDocs(t *testing.T) {
	for _, name := range []string{"nc", "dig", "delv", "nsupdate"} {
		peertest.Program(t, name)
	}
	papers, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	papers = append(papers, "../../README.md")
	ran := 0
	for _, paper := range papers {
		text, err := os.ReadFile(paper)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range session.FindAllStringSubmatch(string(text), -1) {
			ran++
			script := found[1]
			for _, m := range port.FindAllStringSubmatch(script, -1) {
				_, free, _ := net.SplitHostPort(freeAddr(t))
				script = strings.ReplaceAll(script, m[1], free)
			}
			d := t.TempDir()
			t.Cleanup(func() { killAll(d) })
			c := exec.Command("bash", "-euo", "pipefail", "-c", script)
			c.Dir = d
			c.Env = append(os.Environ(), "PATH="+filepath.Dir(program)+":"+os.Getenv("PATH"))
			out, err := c.CombinedOutput()
			if err != nil {
				t.Errorf("%s: %v\n%s\n%s", paper, err, script, out)
			}
			t.Logf("%s", out)
		}
	}
	if ran == 0 {
		t.Error("the guide has no session: docs/running.md should")
	}
}

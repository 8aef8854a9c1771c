package protocoltest_test

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
	"github.com/twistor-go/twistor/sim/protocoltest"
)

// A good server answers lines, of 1 KiB at most, for 30 s at most.
type good struct {
	twistor.Transport
	line     []byte
	deadline twistor.Timer
	flaw     string // what is wrong with it; "": nothing
}

func build(flaw string) func(twistor.Loop) twistor.Factory {
	return func(twistor.Loop) twistor.Factory {
		return twistor.FactoryFunc(func(t twistor.Transport) twistor.Protocol { return &good{Transport: t, flaw: flaw} })
	}
}

func (g *good) Connected()         { g.deadline = g.Loop().CallLater(30*time.Second, g.Abort) }
func (g *good) Disconnected(error) { g.deadline.Stop() }
func (g *good) Received(p []byte) {
	switch g.flaw {
	case "resets its deadline":
		g.deadline.Reset(30 * time.Second)
	case "answers segments":
		fmt.Fprintf(g, "%d bytes\r\n", len(p))
	case "says too much":
		for range p {
			g.Write(bytes.Repeat([]byte("!"), 1000))
		}
	case "copies what it has":
		g.line = bytes.Join([][]byte{g.line, p}, nil)
		p = nil
	}
	g.line = append(g.line, p...)
	for {
		i := bytes.IndexByte(g.line, '\n')
		if i < 0 {
			break
		}
		if g.flaw != "copies what it has" {
			fmt.Fprintf(g, "%d\r\n", i)
		}
		g.line = g.line[i+1:]
		if g.flaw == "" {
			g.line = append(g.line[:0:0], g.line...)
		}
	}
	if len(g.line) > 1<<10 && g.flaw != "keeps everything" && g.flaw != "copies what it has" {
		g.Close()
	}
}

func TestGoodServer(t *testing.T) {
	protocoltest.Run(t, protocoltest.Entry{Name: "good", Build: build(""), Talks: []string{"one\r\ntwo\r\n", "\r\n"}})
}

// A spy is a sim.T that keeps failures.
type spy struct {
	sim.T
	failures []string
	cleanups []func()
}

func (s *spy) Errorf(format string, args ...any) {
	s.failures = append(s.failures, fmt.Sprintf(format, args...))
}
func (s *spy) Cleanup(f func()) { s.cleanups = append(s.cleanups, f) }
func (s *spy) Failed() bool     { return len(s.failures) > 0 }

// TestX01X02X03X08FindFlaws is the positive control: each flaw is found, by the
// test that is for it.
func TestX01X02X03X08FindFlaws(t *testing.T) {
	for _, tc := range []struct {
		flaw string
		want []string
		test func(t sim.T, e protocoltest.Entry)
	}{
		{"keeps everything", []string{"KiB kept", "still open after 8 MiB"}, protocoltest.Unbounded},
		{"resets its deadline", []string{"still open 31s"}, protocoltest.Deadline},
		{"copies what it has", []string{"times as much"}, protocoltest.Linear},
		{"says too much", []string{"bytes were said to"}, protocoltest.Never},
		{"answers segments", []string{"in two: got", "byte by byte: got"}, protocoltest.Cuts},
	} {
		s := &spy{T: t}
		tc.test(s, protocoltest.Entry{Name: "bad", Build: build(tc.flaw), Talks: []string{"one\r\ntwo\r\n"}})
		for _, f := range s.cleanups {
			f()
		}
		for _, want := range tc.want {
			if !strings.Contains(strings.Join(s.failures, "\n"), want) {
				t.Errorf("a server that %s: got %q, want ... %s", tc.flaw, s.failures, want)
			}
		}
	}
}

// without are the directories of protocol/ that do not call Run, but its parts
// that hold for them, and why.
var without = map[string]string{
	"fibonacci": "a client may be silent between two lines; its TestLineTimeout stands for X-02",
	"weblog":    "a client listens and need not speak, so there is no X-02",
}

// TestEveryProtocolRuns sees that no protocol goes without these tests.
func TestEveryProtocolRuns(t *testing.T) {
	dirs, err := os.ReadDir("../../protocol")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !d.IsDir() {
			continue
		}
		runs := calls(t, filepath.Join("../../protocol", d.Name()))
		why := without[d.Name()]
		switch {
		case !runs && why == "":
			t.Errorf("protocol/%s: no test calls protocoltest.Run", d.Name())
		case runs && why != "":
			t.Errorf("protocol/%s calls protocoltest.Run: take it out of without (%s)", d.Name(), why)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(without)) {
		if _, err := os.Stat("../../protocol/" + name); err != nil {
			t.Errorf("without has %s, which is not there", name)
		}
	}
}

// calls reports whether a test below dir calls Run.
func calls(t *testing.T, dir string) (found bool) {
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte("protocoltest.Run("))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

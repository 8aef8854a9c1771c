package peertest_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/twistor-go/twistor/internal/peertest"
)

// A spy is a test that is asked to end.
type spy struct {
	testing.TB
	said string
}

func (s *spy) Helper()           {}
func (s *spy) Skip(args ...any)  { s.said = "skip: " + fmt.Sprint(args...); runtime.Goexit() }
func (s *spy) Fatal(args ...any) { s.said = "fatal: " + fmt.Sprint(args...); runtime.Goexit() }

// ask is what Program finds, or what it says when it ends the test.
func ask(t *testing.T, name string) (path, said string) {
	s := &spy{TB: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		path = peertest.Program(s, name)
	}()
	<-done
	return path, s.said
}

func TestProgram(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("PATH", dir)
	t.Setenv("TWISTOR_PEERS", "")
	program := filepath.Join(dir, "a-peer")
	if _, said := ask(t, "a-peer"); said != "skip: a-peer is not installed" {
		t.Errorf("missing: got %q, want a skip that names it", said)
	}
	t.Setenv("TWISTOR_PEERS", "required")
	if _, said := ask(t, "a-peer"); !strings.HasPrefix(said, "fatal: a-peer is not installed") {
		t.Errorf("missing and required: got %q, want a failure that names it", said)
	}
	if err := os.WriteFile(program, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if path, said := ask(t, "a-peer"); path != program || said != "" {
		t.Errorf("there: got %q and %q, want %q", path, said, program)
	}
}

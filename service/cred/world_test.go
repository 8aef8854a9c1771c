package cred_test

import (
	"context"
	"io/fs"
	"os"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// A heldPool is a loop whose jobs run when they are let go.
type heldPool struct {
	*sim.Clock
	held []func()
}

func (p *heldPool) Work(job func(context.Context) func()) (cancel func(), err error) {
	p.held = append(p.held, func() {
		if deliver := job(context.Background()); deliver != nil {
			p.Post(deliver)
		}
	})
	return func() {}, nil
}

// release runs the job that waits longest.
func (p *heldPool) release() {
	f := p.held[0]
	p.held = p.held[1:]
	f()
	p.Advance(0)
}

// write makes a file, and the directories above it, of a mode.
func write(t *testing.T, fsys twistor.FS, name, text string, mode fs.FileMode) {
	t.Helper()
	for i := 1; i < len(name); i++ {
		if name[i] == '/' {
			fsys.Mkdir(name[:i], 0o755)
		}
	}
	f, err := fsys.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
}

// A countingLoop counts the files that are opened.
type countingLoop struct {
	*sim.Clock
	opened *int
}

func (l *countingLoop) FS() twistor.FS { return countingFS{l.Clock.FS(), l.opened} }

type countingFS struct {
	twistor.FS
	opened *int
}

func (f countingFS) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	*f.opened++
	return f.FS.OpenFile(name, flag, perm)
}

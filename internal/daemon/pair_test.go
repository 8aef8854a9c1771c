//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"io"
	"testing"

	"golang.org/x/sys/unix"
)

// The two ends are one conversation, and no child's unless it is given one.
func TestPair(t *testing.T) {
	ours, theirs, err := Pair()
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	for _, f := range []interface{ Fd() uintptr }{ours, theirs} {
		if flags, err := unix.FcntlInt(f.Fd(), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("got flags %#x, %v, want close-on-exec", flags, err)
		}
	}
	io.WriteString(theirs, "hello")
	theirs.Close()
	if said, err := io.ReadAll(ours); string(said) != "hello" || err != nil {
		t.Errorf("got %q, %v, want hello", said, err)
	}
}

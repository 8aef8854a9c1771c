package reactor

import (
	"errors"
	"testing"

	"github.com/twistor-go/twistor"
)

// TestJ04Lock locks a file twice, also as two openings of one process, and again
// when it is free.
func TestJ04Lock(t *testing.T) {
	name := t.TempDir() + "/lock"
	first, err := disk{}.Lock(name, 0o600)
	if errors.Is(err, errors.ErrUnsupported) {
		t.Skip("this system has no flock")
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (disk{}).Lock(name, 0o600); !errors.Is(err, twistor.ErrLocked) {
		t.Errorf("a second lock: got %v, want ErrLocked", err)
	}
	first.Close()
	second, err := disk{}.Lock(name, 0o600)
	if err != nil {
		t.Fatalf("after Close: got %v, want the lock", err)
	}
	second.Close()
	if _, err := (disk{}).Lock(t.TempDir()+"/no/lock", 0o600); err == nil {
		t.Error("in a directory that is not there: want an error")
	}
}

package logsink

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// F-34: a real disk of 1 MiB, which the log fills, and which is emptied again.
// The simulated one of TestF_28LogDiskFull is there where this may not mount.
func TestF_34RealDiskFull(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		t.Skipf("a tmpfs cannot be mounted: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 512<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	f := &File{Name: filepath.Join(dir, "log"), MaxBytes: -1}
	defer f.Close()
	q := &Queue{To: f, MaxLines: -1, MaxBytes: -1}
	load(q, 4, 2500, 60, nil) // about 700 KiB into 512
	flush(t, q)
	full := q.Stats()
	if full.Failed == 0 || full.Written == 0 {
		t.Fatalf("%+v, want the disk to be full in the middle", full)
	}
	if err := os.Remove(ballast); err != nil {
		t.Fatal(err)
	}
	flush(t, q)
	if _, err := q.Write([]byte("w9 0 .\n")); err != nil {
		t.Errorf("got %v, want none: there is room again", err)
	}
	flush(t, q)
	checkTally(t, f, q, 10001, true)
}

//go:build linux

package proc

import (
	"os"
	"path/filepath"
	"testing"
)

func TestFlushesAreCounted(t *testing.T) {
	dir, err := os.MkdirTemp(".", "disk")
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	d, err := DiskOf(dir)
	if err != nil {
		t.Skip(err) // memory, or a layer above
	}
	if d.WriteCache() != "write back" {
		t.Skipf("%s: %s: there is nothing to flush", d.Name, d.WriteCache())
	}
	before, err := Flushes(dir)
	if err != nil {
		t.Skip(err)
	}
	f, err := os.Create(filepath.Join(dir, "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const syncs = 5
	for range syncs {
		f.WriteString("a change")
		if err := f.Sync(); err != nil {
			t.Fatal(err)
		}
	}
	after, err := Flushes(dir)
	if err != nil {
		t.Fatal(err)
	}
	if after < before+1 { // syncs of others may share ours
		t.Errorf("%d flushes before %d syncs, %d after", before, syncs, after)
	}
}

func TestNoDisk(t *testing.T) {
	if d, err := DiskOf("/proc"); err == nil {
		t.Errorf("got disk %q for /proc, want an error", d.Name)
	}
	if _, err := DiskOf("not-there"); err == nil {
		t.Error("got no error for a folder that is not there")
	}
}

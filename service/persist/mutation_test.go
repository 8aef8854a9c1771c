package persist

import (
	"bytes"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/sim"
)

// syncs are all kinds of sync that this package makes, and what each protects.
var syncs = []struct{ kind, protects string }{
	{"above", "the directory's own name, in the one above it"},
	{"older", "what the generation before holds, should the newer one rot"},
	{"snapshot", "what a snapshot holds"},
	{"snapshot's name", "that its name is of the new file"},
	{"names at the start", "what was renamed by a program that was killed then"},
	{"base", "what a new segment of a journal begins with"},
	{"base's name", "that the new segment is there at all"},
	{"batch", "changes of a journal"},
}

// A forgetful FS leaves one kind of sync out, and says that all is well.
type forgetful struct {
	twistor.FS
	disk    *sim.Disk
	without string
	renamed string         // to what the last rename was
	left    map[string]int // syncs of each kind
}

func newForgetful(disk *sim.Disk, without string) *forgetful {
	return &forgetful{FS: disk.Mount(), disk: disk, without: without, left: map[string]int{}}
}

func (f *forgetful) Lock(name string, perm fs.FileMode) (io.Closer, error) {
	return f.FS.(twistor.Locker).Lock(name, perm)
}

func (f *forgetful) sync(kind string, do func() error) error {
	f.left[kind]++
	if kind == f.without {
		return nil
	}
	return do()
}

func (f *forgetful) Rename(from, to string) error {
	f.renamed = to
	return f.FS.Rename(from, to)
}

func (f *forgetful) SyncDir(name string) error {
	kind := "above"
	switch {
	case name != defaultDir:
	case f.renamed == "":
		kind = "names at the start"
	case strings.HasSuffix(f.renamed, segmentSuffix):
		kind = "base's name"
	default:
		kind = "snapshot's name"
	}
	return f.sync(kind, func() error { return f.FS.SyncDir(name) })
}

func (f *forgetful) OpenFile(name string, flag int, perm fs.FileMode) (twistor.File, error) {
	file, err := f.FS.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return &forgetfulFile{File: file, fsys: f, name: name}, nil
}

type forgetfulFile struct {
	twistor.File
	fsys *forgetful
	name string
	text []byte // of the first write
}

func (f *forgetfulFile) Write(p []byte) (int, error) {
	if f.text == nil {
		f.text = bytes.Clone(p)
	}
	return f.File.Write(p)
}

func (f *forgetfulFile) Sync() error {
	kind := "snapshot"
	switch {
	case strings.HasSuffix(f.name, segmentSuffix):
		kind = "batch"
	case bytes.HasPrefix(f.text, []byte(kindJournal)):
		kind = "base"
	case f.isCopy():
		kind = "older"
	}
	return f.fsys.sync(kind, f.File.Sync)
}

// isCopy reports whether the file has what a snapshot has already.
func (f *forgetfulFile) isCopy() bool {
	for _, name := range []string{"fib.tap", "fib-shutdown.tap"} {
		if b, err := load(f.fsys.disk, defaultDir+"/"+name); err == nil && bytes.Equal(b, f.text) {
			return true
		}
	}
	return false
}

// losses runs the scenario without one kind of sync, or with all at "", loses
// power before each call, also while the newest snapshot rots, and returns what
// was lost. One loss is enough where there should be one.
func losses(t *testing.T, without string) (lost []string, seen map[string]int) {
	n := calls()
	seen = map[string]int{}
	for at := 0; at <= n && (without == "" || len(lost) == 0); at++ {
		for seed := range scale(8, 2) {
			disk, x := newDisk(), &scenario{}
			left := at
			disk.Before = func(sim.DiskCall) error {
				if left--; left == -1 {
					disk.Seed(uint64(seed))
					if seed == 0 {
						disk.CrashKeeping(0)
					} else {
						disk.Crash()
					}
				}
				return nil
			}
			fsys := newForgetful(disk, without)
			x.run(disk, fsys)
			for kind, n := range fsys.left {
				seen[kind] += n
			}
			if disk.Before = nil; left >= 0 {
				disk.CrashKeeping(0)
			}
			rotten := disk.Clone()
			if err := x.judge(disk, false); err != nil {
				lost = append(lost, fmt.Sprintf("power fails before call %d, seed %d: %v", at, seed, err))
			}
			if x.before == 0 || rotten.Rot(defaultDir+"/fib.tap", 3000) != nil {
				continue // there is no older one yet
			}
			if err := x.judge(rotten, true); err != nil {
				lost = append(lost, fmt.Sprintf("power fails before call %d, seed %d, and fib.tap rots: %v", at, seed, err))
			}
		}
		for _, snapshotsOnly := range []bool{false, true} {
			if err := killedThenPowerFails(at, without, snapshotsOnly); err != nil {
				lost = append(lost, err.Error())
			}
		}
	}
	return lost, seen
}

// TestF31EachSyncIsNeeded leaves out each kind of sync in turn. Each time some
// loss of power must lose something that was acknowledged, or this suite would
// not notice if the sync were gone. With all of them nothing is lost.
func TestF31EachSyncIsNeeded(t *testing.T) {
	lost, seen := losses(t, "")
	for _, l := range lost {
		t.Errorf("with all syncs: %s", l)
	}
	for _, s := range syncs {
		if seen[s.kind] == 0 {
			t.Errorf("no sync of %s was made", s.kind)
			continue
		}
		delete(seen, s.kind)
		lost, _ := losses(t, s.kind)
		if len(lost) == 0 {
			t.Errorf("without the sync of %s nothing is lost: want it needed, or gone", s.kind)
			continue
		}
		t.Logf("the sync of %s protects %s; without it: %s", s.kind, s.protects, lost[0])
	}
	for kind := range seen {
		t.Errorf("a sync of %s, which the table does not know", kind)
	}
}

package persist

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/sim"
)

// TestS01Save writes NAME.tap and NAME-TAG.tap, for the owner's eyes, and keeps
// the generation before of each.
func TestS01Save(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	p := &plain{}
	if err := s.Persist("plain", p); err != nil {
		t.Fatal(err)
	}
	for p.N = 1; p.N <= 3; p.N++ {
		l.save(t, s, "")
	}
	l.save(t, s, "backup")
	var got []string
	for _, name := range files(t, l.disk, "/var") {
		info, _ := l.disk.Stat("/var/" + name)
		n := ""
		if s, err := Read(l.disk, "/var/"+name); err == nil {
			n = strings.Fields(string(s.States[0].Data))[2]
		}
		got = append(got, fmt.Sprint(name, " ", info.Mode(), " ", n))
	}
	want := "fib-backup.tap -rw------- 4,|fib.lock -rw------- |fib.tap -rw------- 3,|fib.tap.old -rw------- 2,"
	if strings.Join(got, "|") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
	}
	if info, _ := l.disk.Stat("/var"); info.Mode().Perm() != 0o700 {
		t.Errorf("the directory is %v, want it private", info.Mode())
	}
	if text := string(content(t, l.disk, "/var/fib.tap")); !strings.Contains(text, "\n        \"N\": 3,\n") {
		t.Errorf("a person cannot read it:\n%s", text)
	}
}

// TestSavesCoalesce saves while a save is under way: those of one tag in a row are
// one, the last; others keep their order; and each Signal fires when what it saw
// is durable.
func TestSavesCoalesce(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	p := &plain{}
	if err := s.Persist("plain", p); err != nil {
		t.Fatal(err)
	}
	var renamed, fired []string
	l.disk.Before = func(c sim.DiskCall) error {
		if c.Op == sim.DiskRename && !strings.HasSuffix(c.To, olderSuffix) {
			renamed = append(renamed, c.To[len("/var/"):])
		}
		return nil
	}
	l.WorkTime = time.Second
	for i, tag := range []string{"", "", "", "x", "x", ""} {
		p.N = i
		s.Save(tag).Done(func(_ struct{}, err error) { fired = append(fired, fmt.Sprintf("%d:%v", i, err)) })
	}
	l.Advance(time.Second)
	if got := strings.Join(fired, " "); got != "0:<nil>" {
		t.Errorf("after one write: fired %s, want the first only", got)
	}
	l.Advance(time.Minute)
	if got, want := strings.Join(renamed, " "), "fib.tap fib.tap fib-x.tap fib.tap"; got != want {
		t.Errorf("got writes of %s, want %s", got, want)
	}
	if got, want := strings.Join(fired, " "), "0:<nil> 1:<nil> 2:<nil> 3:<nil> 4:<nil> 5:<nil>"; got != want {
		t.Errorf("fired %s, want %s", got, want)
	}
	for file, want := range map[string]string{"fib.tap": `"N": 5`, "fib.tap.old": `"N": 2`, "fib-x.tap": `"N": 4`} {
		if text := string(content(t, l.disk, "/var/"+file)); !strings.Contains(text, want) {
			t.Errorf("%s: want %s", file, want)
		}
	}
}

func TestSaveLimit(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	var full []int
	for i := range maxSaves + 3 {
		s.Save(fmt.Sprint("t", i)).Done(func(_ struct{}, err error) {
			if errors.Is(err, ErrFull) {
				full = append(full, i)
			}
		})
	}
	l.Advance(time.Second)
	if fmt.Sprint(full) != fmt.Sprint([]int{maxSaves + 1, maxSaves + 2}) {
		t.Errorf("got %v refused, want all after one under way and %d that wait", full, maxSaves)
	}
	l.close(t, s)
}

// TestP6ReaderSeesOldOrNew reads the snapshot before each call of a save: there is
// always a whole one, the old or the new, also between two renames.
func TestP6ReaderSeesOldOrNew(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	p := &plain{}
	if err := s.Persist("plain", p); err != nil {
		t.Fatal(err)
	}
	l.save(t, s, "")
	looks := 0
	l.disk.Before = func(c sim.DiskCall) error {
		tap, err := Read(l.disk, "/var/fib.tap")
		if err != nil || int(tap.Number) != p.N && int(tap.Number) != p.N+1 {
			t.Errorf("before %v %s: got %+v, %v", c.Op, c.Name, tap, err)
		}
		looks++
		return nil
	}
	for p.N = 1; p.N <= 3; p.N++ {
		l.save(t, s, "")
	}
	if looks < 20 {
		t.Errorf("%d looks, want some", looks)
	}
}

// TestF28SaveOnFullDisk fails until there is room, keeps what is there, and goes on.
func TestF28SaveOnFullDisk(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	p := &plain{N: 1, Pad: pad}
	if err := s.Persist("plain", p); err != nil {
		t.Fatal(err)
	}
	l.save(t, s, "")
	before := strings.Join(files(t, l.disk, "/var"), " ")
	l.disk.Faults.MaxBytes = int64(2*len(content(t, l.disk, "/var/fib.tap")) + 100)
	p.N = 2
	for range 3 {
		if err := l.do(func(co *deferred.Co) error { _, err := s.Save("").Await(co); return err }); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("got %v, want ENOSPC", err)
		}
		if tap, err := Read(l.disk, "/var/fib.tap"); err != nil || tap.Number != 1 {
			t.Errorf("got %+v, %v; want the old one", tap, err)
		}
		if err := s.Err(); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("its health: got %v, want ENOSPC", err)
		}
	}
	if got := strings.Join(files(t, l.disk, "/var"), " "); got != before+" fib.tap.old" {
		t.Errorf("got files %s, want %s and fib.tap.old", got, before)
	}
	l.disk.Faults.MaxBytes = 0
	l.save(t, s, "")
	if err := s.Err(); err != nil {
		t.Errorf("its health: got %v", err)
	}
	if tap, err := Read(l.disk, "/var/fib.tap"); err != nil || tap.Number != 5 {
		t.Errorf("got %+v, %v; want the new one", tap, err)
	}
	l.close(t, s)
}

// TestF32SnapshotRotsWhileRunning damages the snapshot of a running program: the
// next save puts it aside, says so, and leaves the older generation as it is.
func TestF32SnapshotRotsWhileRunning(t *testing.T) {
	l := newLoop(t)
	s := l.open(t, Config{})
	l.save(t, s, "")
	l.save(t, s, "")
	old := content(t, l.disk, "/var/fib.tap.old")
	if err := l.disk.Rot("/var/fib.tap", 900); err != nil {
		t.Fatal(err)
	}
	l.save(t, s, "")
	if errs := l.Errors(); len(errs) != 1 || !strings.Contains(errs[0].Error(), "put aside") {
		t.Errorf("got %v, want it logged as an error", errs)
	}
	only(t, l.disk, "/var", "fib.tap.corrupt-")
	if !bytes.Equal(content(t, l.disk, "/var/fib.tap.old"), old) {
		t.Error("the older generation was replaced by a damaged one")
	}
	if tap, err := Read(l.disk, "/var/fib.tap"); err != nil || tap.Number != 3 {
		t.Errorf("got %+v, %v; want the third", tap, err)
	}
	// What a newer program has put there stays.
	body := "from the future"
	line := fmt.Sprintf("%s 2 %d", kindTap, len(body))
	overwrite(t, l.disk, "/var/fib.tap", []byte(line+" "+checksum(line, []byte(body))+"\n"+body))
	if err := l.do(func(co *deferred.Co) error { return second(s.Save("").Await(co)) }); !errors.Is(err, ErrNewer) {
		t.Errorf("over a newer file: got %v, want ErrNewer", err)
	}
	l.close(t, s)
}

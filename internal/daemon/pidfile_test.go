//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pidFile makes a file with that content and returns its name.
func pidFile(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "t.pid")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func create(t *testing.T, name string) *PIDFile {
	t.Helper()
	p, err := CreatePIDFile(name, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	return p
}

// W04, A14, J04: the life of a pid file.
func TestW04PIDFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.pid")
	if _, _, err := ReadPIDFile(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: got %v, want fs.ErrNotExist", err)
	}
	p := create(t, name)
	if pid, running, err := ReadPIDFile(name); pid != 0 || !running || err != nil {
		t.Errorf("not written: got %d, %v, %v, want 0, true", pid, running, err)
	}
	for _, pid := range []int{1234567, 42} { // the shorter one overwrites the longer
		if err := p.Write(pid); err != nil {
			t.Fatal(err)
		}
		if got, running, err := ReadPIDFile(name); got != pid || !running || err != nil {
			t.Errorf("written: got %d, %v, %v, want %d, true", got, running, err, pid)
		}
	}
	if content, _ := os.ReadFile(name); string(content) != "42\n" {
		t.Errorf("got %q, want one line", content)
	}
	info, err := os.Stat(name)
	if err != nil || info.Mode() != 0o600 {
		t.Errorf("got mode %v, %v, want 0600", info.Mode(), err)
	}
	_, err = CreatePIDFile(name, 0)
	if running, ok := errors.AsType[*RunningError](err); !ok || running.PID != 42 || !strings.Contains(err.Error(), "42") {
		t.Errorf("a second start: got %v, want a RunningError of 42", err)
	}
	if err := p.Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after Remove: got %v, want no file", err)
	}
}

// F-27: a number left behind is in nobody's way, whoever has it now.
func TestF27StaleAndRecycled(t *testing.T) {
	for _, stale := range []int{1, os.Getpid(), 1 << 30} {
		name := pidFile(t, fmt.Sprintln(stale))
		if pid, running, err := ReadPIDFile(name); pid != stale || running || err != nil {
			t.Errorf("%d: got %d, %v, %v, want it not running", stale, pid, running, err)
		}
		p := create(t, name)
		if p.Stale != stale {
			t.Errorf("got stale %d, want %d", p.Stale, stale)
		}
		if pid, running, err := ReadPIDFile(name); pid != 0 || !running || err != nil {
			t.Errorf("before Write: got %d, %v, %v: the stale number passes for ours", pid, running, err)
		}
	}
}

// W04, F-27: what is no pid file is refused, and left as it is.
func TestF27Refuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	precious := at("precious")
	os.WriteFile(precious, []byte("all my money\n"), 0o600)
	os.Symlink(precious, at("link"))
	os.Symlink(at("nowhere"), at("dangling"))
	os.WriteFile(at("two"), nil, 0o600)
	os.Link(at("two"), at("hard"))
	os.Mkdir(at("dir"), 0o700)
	syscall.Mkfifo(at("fifo"), 0o600)
	for _, tc := range []struct{ name, want string }{
		{"precious", "is no pid file: want one process number in it"},
		{"link", "is a symbolic link: want a regular file"},
		{"dangling", "is a symbolic link: want a regular file"},
		{"hard", "has 2 links"},
		{"dir", "is a directory: want a regular file"},
		{"fifo", "is no regular file: want a regular file"},
		{"missing/t.pid", "no such file or directory"},
	} {
		p, err := CreatePIDFile(at(tc.name), 0)
		if err == nil {
			p.Close()
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), at(tc.name)) || strings.Contains(err.Error(), "money") {
			t.Errorf("%s: got %v, want %q, the name and no secret", tc.name, err, tc.want)
		}
		if _, _, err := ReadPIDFile(at(tc.name)); err == nil && tc.name != "hard" {
			t.Errorf("%s: read without an error", tc.name)
		}
	}
	if content, _ := os.ReadFile(precious); string(content) != "all my money\n" {
		t.Errorf("the file behind the link has %q", content)
	}
	if _, err := os.Lstat(at("nowhere")); err == nil {
		t.Error("the file behind the dangling link was made")
	}
}

// F-27: a directory that may not be written, as a user who is not root.
func TestF27UnwritableDirectory(t *testing.T) {
	if os.Getuid() != 0 {
		dir := t.TempDir()
		os.Chmod(dir, 0o500)
		if _, err := CreatePIDFile(filepath.Join(dir, "t.pid"), 0); !errors.Is(err, fs.ErrPermission) {
			t.Errorf("got %v, want fs.ErrPermission", err)
		}
		return
	}
	// Root may write everywhere but to a file system that nobody may.
	_, err := CreatePIDFile("/proc/self/t.pid", 0)
	if err == nil || !strings.Contains(err.Error(), "/proc/self/t.pid") {
		t.Errorf("got %v, want an error with the name", err)
	}
}

// A file that another could write a number to is made anew, but not if it is
// no pid file.
func TestPIDFileOfAnother(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("want to be root to give a file away")
	}
	owner := func(name string) uint32 {
		info, err := os.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		return info.Sys().(*syscall.Stat_t).Uid
	}
	name := pidFile(t, "1\n")
	os.Chown(name, 12345, -1)
	theirs, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer theirs.Close()
	create(t, name).Write(7)
	theirs.WriteString("1\n")
	if pid, running, err := ReadPIDFile(name); owner(name) != 0 || pid != 7 || !running || err != nil {
		t.Errorf("got owner %d, %d, %v, %v, want a new file of ours", owner(name), pid, running, err)
	}

	precious := pidFile(t, "all my money\n")
	os.Chown(precious, 12345, -1)
	if _, err := CreatePIDFile(precious, 0); err == nil || owner(precious) != 12345 {
		t.Errorf("got %v, owner %d, want it refused and left", err, owner(precious))
	}
}

// Who asks has a shared lock, and is not taken for one who runs.
func TestAskingIsNotRunning(t *testing.T) {
	name := pidFile(t, "1\n")
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := lock(f, unix.LOCK_SH); err != nil {
		t.Fatal(err)
	}
	_, err = CreatePIDFile(name, 0)
	if _, running := errors.AsType[*RunningError](err); running || err == nil {
		t.Errorf("got %v, want an error about the lock", err)
	}
}

// Whoever asks in the moment of a start does not make it fail.
func TestAskingDoesNotStopAStart(t *testing.T) {
	name := pidFile(t, "1\n")
	asked, done := make(chan bool), make(chan bool)
	go func() {
		defer close(done)
		for {
			select {
			case <-asked:
				return
			default:
				ReadPIDFile(name)
			}
		}
	}()
	for range 200 {
		p, err := CreatePIDFile(name, 0)
		if err != nil {
			t.Error(err)
			break
		}
		p.Close()
	}
	close(asked)
	<-done
}

// The owner removes the file while a start has it open: the start must not hold
// a file that has no name, for a second start would hold one that has.
func TestF27RemovalRace(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.pid")
	for range 300 {
		former := create(t, name)
		type result struct {
			p   *PIDFile
			err error
		}
		begun := make(chan result)
		go func() {
			for {
				p, err := CreatePIDFile(name, 0)
				if _, running := errors.AsType[*RunningError](err); !running {
					begun <- result{p, err}
					return
				}
			}
		}()
		if err := former.Remove(); err != nil {
			t.Fatal(err)
		}
		next := <-begun
		if next.err != nil {
			t.Fatal(next.err)
		}
		if _, err := CreatePIDFile(name, 0); err == nil {
			t.Fatal("two starts succeeded")
		}
		next.p.Close()
	}
}

func init() {
	// Each loses, or holds the file until it is told to end.
	roles["pid file"] = func() {
		p, err := CreatePIDFile(os.Getenv("NAME"), 0)
		said := ""
		if err != nil {
			said = err.Error()
		} else if err := p.Write(os.Getpid()); err != nil {
			said = err.Error()
		}
		tell(said)
	}
}

// F-27: of 50 simultaneous starts one wins, each time: on a new file, on a stale
// one, and on one that names process 1.
func TestF27SimultaneousStarts(t *testing.T) {
	starts, rounds := 50, 20
	if testing.Short() || raceEnabled {
		starts, rounds = 20, 3
	}
	name := filepath.Join(t.TempDir(), "t.pid")
	for round := range rounds {
		switch round % 3 {
		case 0:
			os.Remove(name)
		case 1: // the winner of the former round is dead, its number there
		case 2:
			os.WriteFile(name, []byte("1\n"), 0o600)
		}
		if winners := startAtOnce(t, starts, name); winners != 1 {
			t.Fatalf("round %d: %d winners, want 1", round, winners)
		}
	}
}

// startAtOnce counts who got the file; all have ended when it returns.
func startAtOnce(t *testing.T, starts int, name string) (winners int) {
	l := newLine(t)
	defer l.Close()
	for range starts {
		cmd := process(t, "pid file", l.env, "NAME="+name)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		defer cmd.Wait()
	}
	for range starts {
		var said string
		c := l.hear(t, &said)
		defer c.Close() // not before all have tried
		if said == "" {
			winners++
		} else if !strings.Contains(said, "another process is running") {
			t.Errorf("a loser says %q", said)
		}
	}
	return winners
}

// The lock goes with the file to a successor, and stays when we close ours.
func TestInheritPIDFile(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.pid")
	p := create(t, name)
	l := newLine(t)
	cmd := process(t, "successor", l.env, "NAME="+name)
	cmd.ExtraFiles = append(cmd.ExtraFiles, p.File())
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	var said string
	c := l.hear(t, &said)
	if said != "" {
		t.Fatal(said)
	}
	p.Close()
	if pid, running, err := ReadPIDFile(name); pid != cmd.Process.Pid || !running || err != nil {
		t.Errorf("got %d, %v, %v, want the successor %d, running", pid, running, err, cmd.Process.Pid)
	}
	cmd.Process.Kill() // its lock ends with it, even so
	c.Read(make([]byte, 1))
	cmd.Wait()
	if pid, running, err := ReadPIDFile(name); pid != cmd.Process.Pid || running || err != nil {
		t.Errorf("after kill -9: got %d, %v, %v, want it not running", pid, running, err)
	}
}

// A file that another process holds is not ours by inheritance.
func TestInheritPIDFileOfAnother(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.pid")
	create(t, name)
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := InheritPIDFile(name, f); err == nil {
		t.Error("it was taken over without its lock")
	}
}

func init() {
	roles["successor"] = func() {
		p, err := InheritPIDFile(os.Getenv("NAME"), os.NewFile(3, "pid file"))
		said := ""
		if err != nil {
			said = err.Error()
		} else if err := p.Write(os.Getpid()); err != nil {
			said = err.Error()
		}
		tell(said)
	}
}

// F-27: removed only by the owner.
func TestF27RemoveSparesAnothers(t *testing.T) {
	name := filepath.Join(t.TempDir(), "t.pid")
	p := create(t, name)
	p.Write(1)
	os.Rename(name, name+".old")
	os.WriteFile(name, []byte("77\n"), 0o600)
	if err := p.Remove(); err != nil {
		t.Fatal(err)
	}
	if content, _ := os.ReadFile(name); string(content) != "77\n" {
		t.Errorf("the other's file has %q", content)
	}
	if content, _ := os.ReadFile(name + ".old"); len(content) != 0 {
		t.Errorf("ours, elsewhere, still has %q", content)
	}
}

func FuzzPIDFile(f *testing.F) {
	for _, s := range []string{"", "1\n", "123", "-1\n", "+5\n", "12\n345\n", "\x00\x00\x00", "99999999999\n", "1 2\n", " 7 \n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		pid, err := parsePID("t.pid", content)
		if err != nil {
			if _, ok := errors.AsType[*ContentError](err); !ok || len(err.Error()) > 300 {
				t.Errorf("got %v of length %d", err, len(err.Error()))
			}
			return
		}
		if pid < 0 || pid > 1<<31-1 {
			t.Errorf("got %d", pid)
		}
		if pid == 0 {
			return
		}
		if again, err := parsePID("t.pid", fmt.Appendln(nil, pid)); again != pid || err != nil {
			t.Errorf("%d written and read again: got %d, %v", pid, again, err)
		}
	})
}

package poll

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// R22: of many that open one dead path at once, one gets it, and keeps it.
func TestUnixRaceForADeadPath(t *testing.T) {
	leaks(t)
	rounds := 100
	if testing.Short() {
		rounds = 20
	}
	for range rounds {
		path := filepath.Join(t.TempDir(), "s")
		leaveDead(t, "unix", path)
		const many = 4
		var won, refused int
		var mu sync.Mutex
		var all sync.WaitGroup
		var open [many]Poller
		for i := range many {
			open[i] = newRig(t, Open).Poller
			all.Go(func() {
				_, err := open[i].Listen(Spec{Network: "unix", Addr: Addr{Path: path}})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					won++
				case errors.Is(err, syscall.EADDRINUSE):
					refused++
				default:
					t.Errorf("Listen: %v, want it open or EADDRINUSE", err)
				}
			})
		}
		all.Wait()
		if won != 1 || won+refused != many {
			t.Fatalf("%d won and %d were refused, want 1 and %d", won, refused, many-1)
		}
		probe := newRig(t, Open)
		if _, err := probe.dial(Spec{Network: "unix", Addr: Addr{Path: path}}); err != nil {
			t.Fatalf("dial of the winner: %v: its file was taken away", err)
		}
		for _, p := range open {
			p.Shut()
		}
		probe.Shut()
		if all, _ := os.ReadDir(filepath.Dir(path)); len(all) != 0 {
			t.Fatalf("%v left behind", all)
		}
	}
}

// Who holds the lock is opening the path: nobody waits for it. A lock file that
// a dead process left is nobody's.
func TestUnixLock(t *testing.T) {
	r, _ := epoll(t)
	path := filepath.Join(t.TempDir(), "s")
	s := Spec{Network: "unix", Addr: Addr{Path: path}}
	fd, err := unix.Open(path+".lock", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	r.must(err)
	r.must(unix.Flock(fd, unix.LOCK_EX))
	if _, err := r.Listen(s); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen while the lock is held: %v, want EADDRINUSE", err)
	}
	unix.Close(fd) // as dying does; the file stays
	port, err := r.Listen(s)
	if err != nil {
		t.Fatalf("Listen beside a dead one's lock file: %v", err)
	}
	if _, err := os.Lstat(path + ".lock"); err == nil {
		t.Error("the lock file is still there")
	}
	r.must(r.Close(port, false))
}

// A link in the lock's place is not followed: it could make us create or lock
// any file.
func TestUnixLockIsNoLink(t *testing.T) {
	r, _ := epoll(t)
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	r.must(os.Symlink(filepath.Join(dir, "victim"), path+".lock"))
	if _, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: path}}); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("Listen: %v, want ELOOP", err)
	}
	if _, err := os.Lstat(filepath.Join(dir, "victim")); err == nil {
		t.Error("the link's target was made")
	}
}

// A socket's file is never open to more than its Mode says, not even for the
// moment between bind and chmod, and whatever the umask.
func TestUnixModeFromTheFirstMoment(t *testing.T) {
	old := unix.Umask(0)
	defer unix.Umask(old)
	path := filepath.Join(t.TempDir(), "s")
	fd, err := newSocket(unix.AF_UNIX, unix.SOCK_STREAM)
	if err != nil {
		t.Fatal(err)
	}
	defer closeFD(fd)
	if err := bindMode(fd, &unix.SockaddrUnix{Name: path}, 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := os.Lstat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := made.Mode().Perm(); got != 0o600 {
		t.Errorf("just bound, the file has mode %o, want 600", got)
	}
}

// widen refuses a file that has taken the socket's place.
func TestUnixWidenOnlyItsOwn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := widen(path, &boundPath{path: path, ino: 1}, 0o666); !errors.Is(err, syscall.ESTALE) {
		t.Errorf("widen: %v, want ESTALE", err)
	}
	if made, _ := os.Lstat(path); made.Mode().Perm() != 0o600 {
		t.Errorf("the other file has mode %o now", made.Mode().Perm())
	}
}

// A full backlog is an error at once: nothing would tell when it has room.
func TestUnixFullBacklog(t *testing.T) {
	r, _ := epoll(t)
	path := filepath.Join(t.TempDir(), "s")
	_, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: path}, Backlog: 1})
	r.must(err)
	for range 10 {
		if _, err = r.Dial(Spec{Network: "unix", Addr: Addr{Path: path}}); err != nil {
			break
		}
	}
	var call *os.SyscallError
	if !errors.As(err, &call) || call.Err != syscall.EAGAIN || err == ErrAgain {
		t.Errorf("dial of a full port: %v, want an *os.SyscallError of EAGAIN", err)
	}
	// It lives, so that its path is not taken from it.
	if _, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: path}}); !errors.Is(err, syscall.EADDRINUSE) {
		t.Errorf("Listen: %v, want EADDRINUSE", err)
	}
}

//go:build linux

package systemd

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestMain lets the test binary be a service, or a child of one.
func TestMain(m *testing.M) {
	switch os.Getenv("SYSTEMD_TEST_ROLE") {
	case "":
		os.Exit(m.Run())
	case "service":
		os.Setenv("LISTEN_PID", strconv.Itoa(os.Getpid())) // as the manager does, between fork and exec
		s, err := Take()
		if err != nil {
			fmt.Println(err)
		}
		if err := syscall.Chroot(os.Getenv("NEW_ROOT")); err != nil {
			fmt.Println(err)
		}
		if err := s.Ready(); err != nil {
			fmt.Println(err)
		}
		child := exec.Command("/program")
		child.Env = append(os.Environ(), "SYSTEMD_TEST_ROLE=child")
		child.Stdout = os.Stdout
		if err := child.Run(); err != nil {
			fmt.Println(err)
		}
		fmt.Print(s.Getenv("LISTEN_FDS"), s.Getenv("LISTEN_FDNAMES"), s.Getenv("NEW_ROOT") != "")
	case "child":
		for _, name := range variables {
			if v, ok := os.LookupEnv(name); ok {
				fmt.Printf("%s=%s\n", name, v)
			}
		}
		for fd := 3; fd < 5; fd++ {
			var st syscall.Stat_t
			if syscall.Fstat(fd, &st) == nil && st.Mode&syscall.S_IFMT == syscall.S_IFREG {
				fmt.Printf("descriptor %d is open\n", fd)
			}
		}
	}
}

// A manager is systemd's end of the socket.
type manager struct {
	*net.UnixConn
	name string
}

func listen(t *testing.T, name string) *manager {
	t.Helper()
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &manager{conn, name}
}

func newManager(t *testing.T) *manager {
	t.Helper()
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return listen(t, filepath.Join(dir, "notify"))
}

// heard is the next message, and how many descriptors came with it.
func (m *manager) heard(t *testing.T) (string, []int) {
	t.Helper()
	message, rights := make([]byte, 5000), make([]byte, 100)
	n, r, _, _, err := m.ReadMsgUnix(message, rights)
	if err != nil {
		t.Fatal(err)
	}
	var fds []int
	if control, err := syscall.ParseSocketControlMessage(rights[:r]); err == nil && len(control) == 1 {
		fds, _ = syscall.ParseUnixRights(&control[0])
	}
	return string(message[:n]), fds
}

// take is Take in this environment.
func take(t *testing.T, env ...string) (*Supervisor, error) {
	t.Helper()
	for _, name := range variables {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	for _, v := range env {
		name, value, _ := strings.Cut(v, "=")
		os.Setenv(name, value)
	}
	s, err := Take()
	t.Cleanup(func() { s.Close() })
	return s, err
}

// Each message is as sd_notify(3) says.
func TestNotify(t *testing.T) {
	for _, socket := range []string{"file", "abstract"} {
		t.Run(socket, func(t *testing.T) {
			m := newManager(t)
			if socket == "abstract" {
				m = listen(t, "@twistor-test-"+strconv.Itoa(os.Getpid()))
			}
			s, err := take(t, "NOTIFY_SOCKET="+m.name)
			if err != nil || !s.Listens() {
				t.Fatal(err)
			}
			for _, tc := range []struct {
				send func() error
				want string
			}{
				{s.Ready, "READY=1"},
				{s.Stopping, "STOPPING=1"},
				{s.Alive, "WATCHDOG=1"},
				{func() error { return s.MainPID(42) }, "MAINPID=42"},
				{func() error { return s.ExtendTimeout(3 * time.Second) }, "EXTEND_TIMEOUT_USEC=3000000"},
				{func() error { return s.Status("3 guests\nMAINPID=1") }, "STATUS=3 guests MAINPID=1"},
				{func() error { return s.Status(strings.Repeat("é", 2000)) }, "STATUS=" + strings.Repeat("é", 1024)},
				{func() error { return s.Notify("A=1\nB=2") }, "A=1\nB=2"},
			} {
				if err := tc.send(); err != nil {
					t.Errorf("%.40q: %v", tc.want, err)
					continue
				}
				if got, _ := m.heard(t); got != tc.want {
					t.Errorf("got %.100q, want %.100q", got, tc.want)
				}
			}
			for _, bad := range []string{"", strings.Repeat("x", 4097)} {
				if err := s.Notify(bad); err == nil || !strings.Contains(err.Error(), "want 1 to 4096") {
					t.Errorf("%d bytes: got %v, want them refused", len(bad), err)
				}
			}
		})
	}
}

func TestReloading(t *testing.T) {
	m := newManager(t)
	s, err := take(t, "NOTIFY_SOCKET="+m.name)
	if err != nil {
		t.Fatal(err)
	}
	before, _ := monotonic()
	if err := s.Reloading(); err != nil {
		t.Fatal(err)
	}
	got, _ := m.heard(t)
	var usec int64
	if _, err := fmt.Sscanf(got, "RELOADING=1\nMONOTONIC_USEC=%d", &usec); err != nil || usec < before.Microseconds() {
		t.Errorf("got %q, %v, want the time on or after %d", got, err, before.Microseconds())
	}
}

// Barrier waits for the manager to close what it was sent.
func TestBarrier(t *testing.T) {
	m := newManager(t)
	s, err := take(t, "NOTIFY_SOCKET="+m.name)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Barrier(time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("a manager that does not read: got %v, want os.ErrDeadlineExceeded", err)
	}
	_, fds := m.heard(t)
	for _, fd := range fds {
		syscall.Close(fd)
	}
	done := make(chan error)
	go func() { done <- s.Barrier(time.Minute) }()
	got, fds := m.heard(t)
	if got != "BARRIER=1" || len(fds) != 1 {
		t.Fatalf("got %q with %d descriptors, want one", got, len(fds))
	}
	select {
	case err := <-done:
		t.Errorf("it did not wait: %v", err)
	default:
	}
	syscall.Close(fds[0])
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestWatchdog(t *testing.T) {
	for _, tc := range []struct {
		usec, pid string
		want      time.Duration
		wrong     bool
	}{
		{"30000000", "", 30 * time.Second, false},
		{"30000000", "7", 30 * time.Second, false},
		{"30000000", "8", 0, false}, // another's
		{"", "", 0, false},
		{"0", "", 0, true},
		{"-1", "", 0, true},
		{"soon", "7", 0, true},
		{"99999999999999999", "", 0, true},
	} {
		got, err := watchdog(tc.usec, tc.pid, 7)
		if got != tc.want || (err != nil) != tc.wrong {
			t.Errorf("%q of %q: got %v, %v, want %v", tc.usec, tc.pid, got, err, tc.want)
		}
	}
}

// Without a manager nothing happens; with a wrong one it is said, and nothing breaks.
func TestNobodyListens(t *testing.T) {
	for _, tc := range []struct{ socket, want string }{
		{"", ""},
		{"relative", `NOTIFY_SOCKET is "relative": want a path or @NAME`},
		{"vsock:2:1234", "want a path or @NAME"},
		{"@", "want a path or @NAME"},
		{"/no/such/socket", "no such file"},
	} {
		s, err := take(t, "NOTIFY_SOCKET="+tc.socket, "WATCHDOG_USEC=1000")
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%q: got %v, want %q", tc.socket, err, tc.want)
		}
		for _, err := range []error{s.Ready(), s.Status("x"), s.Barrier(0), s.Close()} {
			if err != nil {
				t.Errorf("%q: %v", tc.socket, err)
			}
		}
		if s.Listens() || s.Watchdog() != 0 {
			t.Errorf("%q: it believes that somebody listens", tc.socket)
		}
	}
}

// A manager that makes its socket anew is found again.
func TestManagerRestarts(t *testing.T) {
	m := newManager(t)
	s, err := take(t, "NOTIFY_SOCKET="+m.name)
	if err != nil {
		t.Fatal(err)
	}
	m.Close()
	if err := s.Ready(); err == nil {
		t.Error("nobody listens, and nothing is said")
	}
	os.Remove(m.name)
	m = listen(t, m.name)
	if err := s.Ready(); err != nil {
		t.Fatal(err)
	}
	if got, _ := m.heard(t); got != "READY=1" {
		t.Errorf("got %q", got)
	}
}

// J05: a child of the service sees neither the variables nor the sockets, and
// the service is heard from a new root, where the manager's socket is not.
func TestJ05Consumed(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("want to be root to change the root")
	}
	m := newManager(t)
	root := t.TempDir()
	image, err := os.ReadFile(os.Args[0])
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(root, "program"), image, 0o755)
	os.Mkdir(filepath.Join(root, "dev"), 0o755)
	os.WriteFile(filepath.Join(root, "dev", "null"), nil, 0o600)
	if ldd, _ := exec.Command("ldd", os.Args[0]).Output(); strings.Contains(string(ldd), "=>") {
		for _, word := range strings.Fields(string(ldd)) { // linked with cgo: its libraries too
			if library, err := os.ReadFile(word); err == nil && word[0] == '/' {
				os.MkdirAll(filepath.Join(root, filepath.Dir(word)), 0o755)
				os.WriteFile(filepath.Join(root, word), library, 0o755)
			}
		}
	}
	socket, err := os.Open(filepath.Join(root, "dev", "null"))
	if err != nil {
		t.Fatal(err)
	}
	defer socket.Close()
	service := exec.CommandContext(t.Context(), os.Args[0])
	service.ExtraFiles = []*os.File{socket, socket}
	service.Env = append(os.Environ(), "SYSTEMD_TEST_ROLE=service", "NEW_ROOT="+root,
		"NOTIFY_SOCKET="+m.name, "WATCHDOG_USEC=1000000", "LISTEN_FDS=2", "LISTEN_FDNAMES=a:b")
	out, err := service.Output()
	if string(out) != "2a:btrue" || err != nil {
		t.Errorf("got %q, %v, want no word of the child, and what the service still knows", out, err)
	}
	if got, _ := m.heard(t); got != "READY=1" {
		t.Errorf("got %q, want READY=1", got)
	}
}

// What takes our place speaks with the same manager, and watches for itself.
func TestEnviron(t *testing.T) {
	m := newManager(t)
	s, err := take(t, "NOTIFY_SOCKET="+m.name, "WATCHDOG_USEC=2000000", "WATCHDOG_PID="+strconv.Itoa(os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Watchdog(); got != 2*time.Second {
		t.Errorf("got %v", got)
	}
	successor, err := take(t, s.Environ()...)
	if err != nil || successor.Watchdog() != 2*time.Second {
		t.Errorf("the successor: got %v, %v", successor.Watchdog(), err)
	}
	if err := successor.Ready(); err != nil {
		t.Error(err)
	}
}

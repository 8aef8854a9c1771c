//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package daemon

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"
)

// roleVariable makes the test binary another program: one of roles.
const roleVariable = "DAEMON_TEST_ROLE"

// roles are what the tests start as processes of their own.
var roles = map[string]func(){}

func TestMain(m *testing.M) {
	child, _ := Child()
	if role := os.Getenv(roleVariable); role != "" {
		run := roles[role]
		if run == nil {
			fmt.Fprintf(os.Stderr, "no role %q\n", role)
			os.Exit(2)
		}
		status = child
		run()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// status is of a role that Daemonize started, else nil.
var status *Status

// as is the environment of a role. The race detector would have each wait for a
// second before it ends.
func as(role string, more ...string) []string {
	return append(append(os.Environ(), "GORACE=atexit_sleep_ms=0", roleVariable+"="+role), more...)
}

// process is a role as a child, not yet started.
func process(t *testing.T, role string, more ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = as(role, more...)
	cmd.Stderr = os.Stderr
	return cmd
}

// A line connects a test with the processes it started: they dial it, say one
// thing in JSON, and end when it is closed.
type line struct {
	*net.UnixListener
	env string
}

const lineVariable = "DAEMON_TEST_LINE"

func newLine(t *testing.T) *line {
	t.Helper()
	dir, err := os.MkdirTemp("", "d") // t.TempDir may be too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/line", Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	os.Chmod(dir, 0o711)
	os.Chmod(dir+"/line", 0o777)
	l.SetDeadline(time.Now().Add(time.Minute))
	return &line{l, lineVariable + "=" + dir + "/line"}
}

// hear waits for the next process and what it says.
func (l *line) hear(t *testing.T, said any) net.Conn {
	t.Helper()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(time.Minute))
	more(t, c, said)
	return c
}

// more hears what else a process says: a line each time, and no byte of the next.
func more(t *testing.T, c net.Conn, said any) {
	t.Helper()
	var line []byte
	for b := make([]byte, 1); b[0] != '\n'; line = append(line, b[0]) {
		if _, err := c.Read(b); err != nil {
			t.Fatal(err)
		}
	}
	if err := json.Unmarshal(line, said); err != nil {
		t.Fatal(err)
	}
}

// ended waits until the process at the other end is gone.
func ended(t *testing.T, c net.Conn) {
	t.Helper()
	c.(*net.UnixConn).CloseWrite()
	dead(t, c)
}

// dead waits for the same of a process that nobody tells to end.
func dead(t *testing.T, c net.Conn) {
	t.Helper()
	if _, err := c.Read(make([]byte, 1)); err == nil || os.IsTimeout(err) {
		t.Errorf("the process lives: %v", err)
	}
}

// tell is the process's side: it says something, and returns when the test closes.
func tell(said any) {
	c := call(said)
	c.Read(make([]byte, 1))
}

func call(said any) net.Conn {
	c, err := net.Dial("unix", os.Getenv(lineVariable))
	if err == nil {
		err = json.NewEncoder(c).Encode(said)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "role:", err)
		os.Exit(3)
	}
	return c
}

// forever waits for a signal to end the process. (The runtime takes an empty
// select for a deadlock.)
func forever() {
	in, out, err := os.Pipe()
	if err == nil {
		in.Read(make([]byte, 1))
	}
	runtime.KeepAlive(out)
}

//go:build unix

package endpoint_test

import (
	"io"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/twistor-go/twistor"
	"github.com/twistor-go/twistor/deferred"
	"github.com/twistor-go/twistor/endpoint"
	"github.com/twistor-go/twistor/sim"
)

// inherit makes a descriptor, as a parent process would have left it, and
// forgets it when the test ends.
func inherit(t *testing.T, f interface{ File() (*os.File, error) }) int {
	t.Helper()
	file, err := f.File()
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	fd, err := syscall.Dup(int(file.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	endpoint.Forget(fd)
	t.Cleanup(func() { endpoint.Forget(fd) })
	return fd
}

func listening(t *testing.T) (fd int, address string) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return inherit(t, ln.(*net.TCPListener)), ln.Addr().String()
}

// open reports whether fd is.
func open(fd int) bool {
	var stat syscall.Stat_t
	return syscall.Fstat(fd, &stat) == nil
}

// environ is an environment.
type environ map[string]string

func (e environ) get(name string) string { return e[name] }

// E14: an inherited listening socket serves, the original is closed, and it
// cannot be used again.
func TestE14InheritedListener(t *testing.T) {
	fd, address := listening(t)
	s := "fd:" + strconv.Itoa(fd)
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		port, err := endpoint.Listen(l, s, &echo{})
		if err != nil {
			return err
		}
		if got := port.Addr().String(); got != address {
			t.Errorf("got address %s, want %s", got, address)
		}
		if open(fd) {
			t.Error("got the original descriptor open, want it closed")
		}
		if err := call(co, l, "tcp:"+address); err != nil {
			t.Error(err)
		}
		if _, err := endpoint.Listen(l, s, &echo{}); err == nil || !strings.Contains(err.Error(), "already used") {
			t.Errorf("got error %v the second time, want that it is already used", err)
		}
		return nil
	})
}

// R35: an inherited connection is dialed by its descriptor.
func TestE14InheritedConnection(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	c, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	peer, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer peer.Close()
	fd := inherit(t, c.(*net.TCPConn))
	c.Close()
	peer.Write([]byte("hello"))
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		return call(co, l, "fd:"+strconv.Itoa(fd))
	})
}

// A descriptor that is not open, or is no socket, is an error.
func TestE14NotASocket(t *testing.T) {
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		const none = 1000000
		if _, err := endpoint.Listen(l, "fd:"+strconv.Itoa(none), &echo{}); err == nil || !strings.Contains(err.Error(), "is not open") {
			t.Errorf("got error %v, want that it is not open", err)
		}
		f, err := os.Open(os.DevNull)
		if err != nil {
			return err
		}
		defer f.Close()
		fd, err := syscall.Dup(int(f.Fd()))
		if err != nil {
			return err
		}
		endpoint.Forget(fd)
		defer endpoint.Forget(fd)
		if _, err := endpoint.Listen(l, "fd:"+strconv.Itoa(fd), &echo{}); err == nil {
			t.Error("got no error of a file that is no socket, want one")
		}
		return nil
	})
}

// E11: sockets of systemd, by index and by name, each once.
func TestE11Systemd(t *testing.T) {
	fd, address := listening(t)
	index := fd - 3
	names := make([]string, index+1)
	for i := range names {
		names[i] = "other"
	}
	names[index] = "web"
	env := environ{
		"LISTEN_PID": strconv.Itoa(os.Getpid()), "LISTEN_FDS": strconv.Itoa(index + 1),
		"LISTEN_FDNAMES": strings.Join(names, ":"),
	}
	r := endpoint.Registry{Environ: env.get}
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		port, err := r.Listen(l, "systemd:name=web", &echo{})
		if err != nil {
			return err
		}
		if got := port.Addr().String(); got != address {
			t.Errorf("got address %s, want %s", got, address)
		}
		if err := call(co, l, "tcp:"+address); err != nil {
			t.Error(err)
		}
		for _, s := range []string{"systemd:name=web", "systemd:index=" + strconv.Itoa(index)} {
			if _, err := r.Listen(l, s, &echo{}); err == nil || !strings.Contains(err.Error(), "already used") {
				t.Errorf("%s: got error %v the second time, want that it is already used", s, err)
			}
		}
		return nil
	})
}

// E11: an environment that is not for us, or is wrong, opens nothing.
func TestE11SystemdErrors(t *testing.T) {
	pid := strconv.Itoa(os.Getpid())
	for _, tt := range []struct {
		name     string
		env      environ
		endpoint string
		want     string
	}{
		{"no environment", environ{}, "systemd:index=0", "are not set"},
		{"another process's", environ{"LISTEN_PID": "1", "LISTEN_FDS": "1"}, "systemd:index=0", `LISTEN_PID is "1"`},
		{"no number", environ{"LISTEN_PID": pid, "LISTEN_FDS": "x"}, "systemd:index=0", `LISTEN_FDS is "x"`},
		{"none", environ{"LISTEN_PID": pid, "LISTEN_FDS": "0"}, "systemd:index=0", "from 1 to 1024"},
		{"too many", environ{"LISTEN_PID": pid, "LISTEN_FDS": "1025"}, "systemd:index=0", "from 1 to 1024"},
		{"beyond", environ{"LISTEN_PID": pid, "LISTEN_FDS": "2"}, "systemd:index=2", "want index from 0 to 1"},
		{"no names", environ{"LISTEN_PID": pid, "LISTEN_FDS": "2"}, "systemd:name=web", `no socket named "web"`},
		{"other names", environ{"LISTEN_PID": pid, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "a:b"}, "systemd:name=web", `want one of ["a" "b"]`},
		{"twice", environ{"LISTEN_PID": pid, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web:web"}, "systemd:name=web", "several sockets"},
		{"too few names", environ{"LISTEN_PID": pid, "LISTEN_FDS": "2", "LISTEN_FDNAMES": "web"}, "systemd:name=web", "has 1 names"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := endpoint.Registry{Environ: tt.env.get}
			_, err := r.Listen(sim.NewClock(t), tt.endpoint, &echo{})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}

// E12: one conversation over two files; what stands for its port ends it.
func TestE12Stdio(t *testing.T) {
	l := &terminal{Clock: sim.NewClock(t)}
	f := &opening{}
	talk := &echo{}
	port, err := endpoint.OpenStdio(l, struct {
		twistor.Factory
		twistor.Opener
	}{talk, f}, os.Stdin, os.Stdout)
	if err != nil {
		t.Fatal(err)
	}
	l.transport.Receive("hello")
	if got := l.transport.Written(); got != "hello" || f.opened != 1 {
		t.Errorf("got %q, Opened %d times, want hello, once", got, f.opened)
	}
	port.Close()
	port.Close()
	l.Advance(0)
	if !l.transport.Closed() || f.closed != 1 {
		t.Errorf("got closed %v, Closed %d times, want the end, once", l.transport.Closed(), f.closed)
	}
	if _, err := endpoint.Listen(l.Clock, "stdio:", talk); err == nil {
		t.Error("got no error of a loop without standard input, want one")
	}
}

// E12: the same over real files on a real loop: what is read is answered, and
// the end of the input is the end of the conversation.
func TestE12StdioOfAReactor(t *testing.T) {
	in, typed, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	read, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range []*os.File{in, typed, read, out} {
		defer f.Close()
	}
	typed.WriteString("hello")
	run(t, func(co *deferred.Co, l twistor.Loop) error {
		c := newCaller(l)
		if _, err := endpoint.OpenStdio(l, c, in, out); err != nil {
			return err
		}
		got, err := c.answered.Await(co)
		if got != "hello" {
			t.Errorf("read %q, want hello", got)
		}
		return err
	})
	out.Close()
	if got, err := io.ReadAll(read); string(got) != "hello" || err != nil {
		t.Errorf("wrote %q, %v, want hello", got, err)
	}
}

// A terminal is a Clock with standard input and output.
type terminal struct {
	*sim.Clock
	transport *sim.Transport
}

func (l *terminal) Stdio(_, _ *os.File, f twistor.Factory) error {
	l.transport = sim.Connect(l.Clock, f)
	return nil
}

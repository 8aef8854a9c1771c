package reactor_test

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"golang.org/x/sys/unix"
)

// TestMain makes this program its own child: with TWISTOR_CHILD it runs one of
// programs in place of the tests.
func TestMain(m *testing.M) {
	if name := os.Getenv("TWISTOR_CHILD"); name != "" {
		programs[name](os.Args[1:])
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// programs are what children run.
var programs = map[string]func(args []string){
	"echo": func([]string) { io.Copy(os.Stdout, os.Stdin) },
	"say": func(args []string) {
		fmt.Print(args[0])
		fmt.Fprint(os.Stderr, args[1])
	},
	"descriptors": func([]string) {
		var open []string
		for fd := range 256 {
			if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
				to, _ := os.Readlink(fmt.Sprint("/proc/self/fd/", fd))
				if strings.HasPrefix(to, "anon_inode:[event") || strings.HasPrefix(to, "/sys/fs/cgroup") { // Go's own
					continue
				}
				open = append(open, fmt.Sprint(fd))
			}
		}
		fmt.Print(strings.Join(open, " "))
	},
	"more": func([]string) { // answers on 4 what is asked on 3
		p, _ := io.ReadAll(os.NewFile(3, "question"))
		fmt.Fprintf(os.NewFile(4, "answer"), "%s?", p)
	},
	"flood": func([]string) {
		p := bytes.Repeat([]byte{'x'}, 1<<16)
		for range floodBytes / len(p) {
			os.Stdout.Write(p)
		}
	},
	"sleep": func([]string) { fmt.Print("here"); time.Sleep(time.Hour) },
	"terminal": func([]string) {
		tty, err := os.OpenFile("/dev/tty", os.O_RDWR, 0)
		var isTerminal []bool
		for fd := range 3 {
			_, err := unix.IoctlGetTermios(fd, unix.TCGETS)
			isTerminal = append(isTerminal, err == nil)
		}
		leader, _ := unix.Getsid(0)
		fmt.Fprintf(tty, "%v %v %v;", err == nil, isTerminal, leader == os.Getpid())
		resized := make(chan os.Signal, 1)
		signal.Notify(resized, syscall.SIGWINCH)
		fmt.Print("ready;")
		<-resized
		size, _ := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		fmt.Printf("%dx%d;", size.Row, size.Col)
		line := make([]byte, 100)
		n, _ := os.Stdin.Read(line)
		fmt.Printf("got %q", line[:n])
	},
	"place": func([]string) {
		dir, _ := os.Getwd()
		env := os.Environ()
		slices.Sort(env)
		fmt.Print(dir, " ", strings.Join(env, ","), " ", strings.Join(os.Args[1:], ","))
	},
	"signals": func([]string) {
		got := make(chan os.Signal, 1)
		signal.Notify(got, syscall.SIGHUP, syscall.SIGINT, syscall.SIGUSR1)
		fmt.Print("ready ")
		for range 3 {
			fmt.Print(<-got, " ")
		}
	},
	"fail": func(args []string) {
		var code int
		fmt.Sscan(args[0], &code)
		os.Exit(code)
	},
}

const floodBytes = 8 << 20

// program is the Command that runs one of programs.
func program(name string, args ...string) twistor.Command {
	return twistor.Command{Path: os.Args[0], Args: args, Env: append(os.Environ(), "TWISTOR_CHILD="+name, "GORACE=atexit_sleep_ms=0")}
}

// A kid is a ProcessProtocol that notes what it hears.
type kid struct {
	b        *bed
	process  twistor.Process
	events   []string
	bytes    map[int]*bytes.Buffer
	inputs   map[int]error
	err      error
	over     bool
	received func(fd int, p []byte)
	drained  func()
	closed   func(fd int)
}

func (k *kid) note(format string, args ...any) {
	k.b.Helper()
	if k.over {
		k.b.Errorf("R30: after Ended: "+format, args...)
	}
	k.events = append(k.events, fmt.Sprintf(format, args...))
}

func (k *kid) Spawned(p twistor.Process) {
	k.process = p
	k.note("spawned")
}

func (k *kid) OutputReceived(fd int, p []byte) {
	if last := fmt.Sprint("output ", fd); k.events[len(k.events)-1] != last {
		k.note("%s", last)
	}
	if k.bytes[fd] == nil {
		k.bytes[fd] = new(bytes.Buffer)
	}
	k.bytes[fd].Write(p)
	if k.received != nil {
		k.received(fd, p)
	}
}

func (k *kid) OutputClosed(fd int) {
	k.note("closed %d", fd)
	if k.closed != nil {
		k.closed(fd)
	}
}

func (k *kid) InputClosed(fd int, err error) {
	k.note("input closed %d", fd)
	k.inputs[fd] = err
}

func (k *kid) Drained() {
	k.note("drained")
	if k.drained != nil {
		k.drained()
	}
}

func (k *kid) Exited(err error) {
	k.note("exited")
	k.err = err
}

func (k *kid) Ended(err error) {
	k.note("ended")
	if k.over = true; k.err != err && k.err != nil {
		k.b.Errorf("R30: Ended(%v), want what Exited said: %v", err, k.err)
	}
	k.err = err
}

func (k *kid) text(fd int) string {
	if k.bytes[fd] == nil {
		return ""
	}
	return k.bytes[fd].String()
}

// spawn starts a child.
func (b *bed) spawn(c twistor.Command) *kid {
	b.Helper()
	k := b.kid()
	if _, err := b.l.(twistor.Spawner).Spawn(c, k); err != nil {
		b.Fatal(err)
	}
	return k
}

func (b *bed) kid() *kid { return &kid{b: b, bytes: map[int]*bytes.Buffer{}, inputs: map[int]error{}} }

// end waits for the child's end.
func (k *kid) end() *kid {
	k.b.Helper()
	k.b.until("the child has ended", func() bool { return k.over })
	return k
}

// says waits for what the child is to write.
func (k *kid) says(fd int, want string) {
	k.b.Helper()
	k.b.until(fmt.Sprintf("the child says %q", want), func() bool { return strings.Contains(k.text(fd), want) })
}

// children runs f on the backends whose children are real.
func children(t *testing.T, f func(b *bed)) {
	each(t, func(b *bed) {
		if b.kind == "fake" {
			b.Skip("the simulator's children are in its own tests")
		}
		f(b)
	})
}

package reactor_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twistor-go/twistor"
	"golang.org/x/sys/unix"
)

// TestR27Spawn: a child gets its arguments, environment and directory, bytes
// flow both ways, and the events come in order.
func TestR27Spawn(t *testing.T) {
	children(t, func(b *bed) {
		dir, err := os.MkdirTemp("", "tw")
		if err != nil {
			b.Fatal(err)
		}
		defer os.RemoveAll(dir)
		c := program("place", "a b", "c")
		c.Dir, c.Env = dir, []string{"TWISTOR_CHILD=place", "GORACE=atexit_sleep_ms=0", "B=2"}
		if got, want := b.spawn(c).end().text(1), dir+" B=2,GORACE=atexit_sleep_ms=0,TWISTOR_CHILD=place a b,c"; got != want {
			b.Errorf("directory, environment and arguments: got %q, want %q", got, want)
		}
		b.Setenv("TWISTOR_OURS", "1")
		c = program("place")
		c = twistor.Command{Path: "sh", Args: []string{"-c", "echo $TWISTOR_OURS"}}
		if got := b.spawn(c).end().text(1); got != "1\n" {
			b.Errorf("nil Env: got %q, want ours", got)
		}
		c.Env = []string{"TWISTOR_OURS=2", "TWISTOR_OURS=3"}
		if got := b.spawn(c).end().text(1); got != "3\n" {
			b.Errorf("the same name twice: got %q, want the later one", got)
		}

		k := b.spawn(program("echo"))
		if k.events[0] != "spawned" || k.process.PID() <= 0 {
			b.Errorf("after Spawn: %v, PID %d", k.events, k.process.PID())
		}
		in := k.process.Input(0)
		io.WriteString(in, "hello ")
		k.says(1, "hello")
		io.WriteString(in, "again")
		in.Close()
		k.end()
		if k.text(1) != "hello again" || k.err != nil || k.inputs[0] != net.ErrClosed {
			b.Errorf("got %q, %v, input %v; want all that was written, nil, %v", k.text(1), k.err, k.inputs[0], net.ErrClosed)
		}
		if last := k.events[len(k.events)-1]; last != "ended" {
			b.Errorf("last event %q of %v", last, k.events)
		}
		for _, once := range []string{"spawned", "closed 1", "closed 2", "input closed 0", "exited", "ended"} {
			if n := strings.Count(strings.Join(k.events, "|")+"|", once+"|"); n != 1 {
				b.Errorf("R30, P07: %q came %d times: %v", once, n, k.events)
			}
		}
	})
}

// TestR27Refused: what cannot be started is an error, and nobody hears of it.
func TestR27Refused(t *testing.T) {
	systemOnly(t, func(b *bed) {
		file, err := os.CreateTemp(b.dir(), "not-executable")
		if err != nil {
			b.Fatal(err)
		}
		file.Close()
		for _, c := range []struct {
			name, want string
			is         error
			command    twistor.Command
		}{
			{"no path", "want a program", nil, twistor.Command{}},
			{"no such program", "no-such-program", exec.ErrNotFound, twistor.Command{Path: "no-such-program"}},
			{"no such file", "/no/such/file", os.ErrNotExist, twistor.Command{Path: "/no/such/file"}},
			{"not executable", "permission", os.ErrPermission, twistor.Command{Path: file.Name()}},
			{"no such directory", "no such file", os.ErrNotExist, twistor.Command{Path: os.Args[0], Dir: "/no/such/dir"}},
			{"NUL", "NUL", nil, twistor.Command{Path: "sh", Args: []string{"a\x00b"}}},
			{"NUL in the environment", "NUL", nil, twistor.Command{Path: "sh", Env: []string{"A=\x00"}}},
			{"terminal and more", "want one or the other", nil, twistor.Command{Path: "sh", PTY: true, Reads: []int{3}}},
			{"twice", "given twice", nil, twistor.Command{Path: "sh", Reads: []int{3}, Writes: []int{3}}},
			{"too high", "0 to 255", nil, twistor.Command{Path: "sh", Reads: []int{256}}},
			{"negative", "0 to 255", nil, twistor.Command{Path: "sh", Writes: []int{-1}}},
			{"nobody's", "want a user of the system", nil, twistor.Command{Path: "sh", UID: 4_000_000}},
		} {
			k := b.kid()
			p, err := b.l.(twistor.Spawner).Spawn(c.command, k)
			if p != nil || err == nil || !strings.Contains(err.Error(), c.want) || c.is != nil && !errors.Is(err, c.is) {
				b.Errorf("%s: got %v, %v; want an error with %q", c.name, p, err, c.want)
			}
			if len(k.events) > 0 {
				b.Errorf("%s: its protocol heard %v", c.name, k.events)
			}
		}
	})
}

// TestR28Descriptors: the child has what it was given and nothing else, also
// where this process has descriptors that it never marked close-on-exec.
func TestR28Descriptors(t *testing.T) {
	children(t, func(b *bed) {
		unmarked, err := unix.Dup(0)
		if err != nil {
			b.Fatal(err)
		}
		defer unix.Close(unmarked)
		if flags, _ := unix.FcntlInt(uintptr(unmarked), unix.F_GETFD, 0); flags&unix.FD_CLOEXEC != 0 {
			b.Fatal("want a descriptor without the mark to begin with")
		}
		if got, want := b.spawn(program("descriptors")).end().text(1), "0 1 2"; got != want {
			b.Errorf("descriptors of a child: got %q, want %q", got, want)
		}
		c := program("descriptors")
		c.Reads, c.Writes, c.Files = []int{9}, []int{5}, map[int]*os.File{0: nil, 7: os.Stdout}
		k := b.spawn(c)
		if k.process.Input(0) != nil || k.process.Input(5) == nil || k.process.Input(9) != nil {
			b.Error("Input: want one for the pipes that we write, nil for others")
		}
		if got, want := k.end().text(1), "0 1 2 5 7 9"; got != want {
			b.Errorf("descriptors of a child with more: got %q, want %q", got, want)
		}
		c = program("more")
		c.Writes, c.Reads = []int{3}, []int{4}
		k = b.spawn(c)
		io.WriteString(k.process.Input(3), "who")
		k.process.Input(3).CloseWrite()
		if got := k.end().text(4); got != "who?" {
			b.Errorf("more pipes: got %q, want %q", got, "who?")
		}
		file, err := os.CreateTemp(b.dir(), "out")
		if err != nil {
			b.Fatal(err)
		}
		c = program("say", "into a file", "")
		c.Files = map[int]*os.File{1: file}
		k = b.spawn(c)
		file.Close() // Spawn has returned: it is the child's
		k.end()
		if got, _ := os.ReadFile(file.Name()); string(got) != "into a file" {
			b.Errorf("a file as output: got %q", got)
		}
	})
}

// TestR29Terminal: a PTY is the child's controlling terminal, in a session of
// its own, has a size, and is a line editor.
func TestR29Terminal(t *testing.T) {
	systemOnly(t, func(b *bed) {
		c := program("terminal")
		c.PTY = true
		k := b.spawn(c)
		k.says(1, "ready;")
		if want := "true [true true true] true;"; !strings.HasPrefix(k.text(1), want) {
			b.Errorf("got %q, want %q: /dev/tty, terminals at 0 to 2, a session of its own", k.text(1), want)
		}
		if err := k.process.(twistor.Resizer).Resize(40, 100); err != nil {
			b.Fatal(err)
		}
		k.says(1, "40x100;")
		io.WriteString(k.process.Input(0), "slip\x15a line\r")
		k.end()
		if !strings.HasSuffix(k.text(1), `got "a line\n"`) {
			b.Errorf("got %q, want the line as edited", k.text(1))
		}
		if k.err != nil || k.inputs[0] == nil {
			b.Errorf("ended with %v, input %v", k.err, k.inputs[0])
		}
		k = b.spawn(program("sleep"))
		if err := k.process.(twistor.Resizer).Resize(1, 1); err == nil {
			b.Error("Resize without a terminal: want an error")
		}
		k.process.Signal(os.Kill)
		k.end()
	})
}

// TestR30Status: every end has its status, and a signal its name.
func TestR30Status(t *testing.T) {
	children(t, func(b *bed) {
		for _, code := range []int{1, 2, 255} {
			k := b.spawn(program("fail", strconv.Itoa(code))).end()
			e, ok := errors.AsType[*twistor.ExitError](k.err)
			x, real := errors.AsType[*exec.ExitError](k.err)
			if !ok || !real || e.Code != code || e.Signal != nil || x.ExitCode() != code || k.err.Error() != fmt.Sprint("exit status ", code) {
				b.Errorf("exit %d: got %#v", code, k.err)
			}
		}
		for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
			k := b.spawn(program("sleep"))
			k.says(1, "here")
			if err := k.process.Signal(s); err != nil {
				b.Fatal(err)
			}
			k.end()
			if e, ok := errors.AsType[*twistor.ExitError](k.err); !ok || e.Code != -1 || e.Signal != s {
				b.Errorf("%v: got %#v", s, k.err)
			}
		}
		if k := b.spawn(program("fail", "0")).end(); k.err != nil {
			b.Errorf("exit 0: got %v", k.err)
		}
	})
}

// TestR31Signals: signals reach the child while it lives, and no stranger
// afterwards; a child that ends at once is reaped too.
func TestR31Signals(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(program("signals"))
		k.says(1, "ready")
		for _, s := range []syscall.Signal{syscall.SIGHUP, syscall.SIGINT, syscall.SIGUSR1} {
			if err := k.process.Signal(s); err != nil {
				b.Fatal(err)
			}
			k.says(1, s.String())
		}
		k.end()
		if err := k.process.Signal(syscall.SIGTERM); err != os.ErrProcessDone {
			b.Errorf("Signal after the end: got %v, want %v", err, os.ErrProcessDone)
		}
		k = b.spawn(program("fail", "3"))
		pid := k.process.PID()
		k.end()
		if _, err := os.Stat(fmt.Sprint("/proc/", pid)); err == nil {
			b.Errorf("child %d is still there after Ended: a zombie", pid)
		}
	})
}

// TestF25OnlyOwnChildren: children that others of this process started are
// theirs to wait for.
func TestF25OnlyOwnChildren(t *testing.T) {
	children(t, func(b *bed) {
		foreign := exec.Command(os.Args[0], "7")
		foreign.Env = program("fail").Env
		if err := foreign.Start(); err != nil {
			b.Fatal(err)
		}
		for range 3 {
			b.spawn(program("fail", "1")).end()
		}
		err := foreign.Wait()
		if x, ok := errors.AsType[*exec.ExitError](err); !ok || x.ExitCode() != 7 {
			b.Errorf("a child of os/exec: got %v, want its own status 7", err)
		}
	})
}

// TestF41BackPressure: a child that writes without end waits while it is
// paused, and all of it comes in the end (T27).
func TestF41BackPressure(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(program("flood"))
		k.process.Pause(1)
		b.pass(200 * time.Millisecond)
		if n := len(k.text(1)); n > 0 {
			b.Errorf("%d bytes while paused, want none", n)
		}
		if slices.Contains(k.events, "exited") {
			b.Error("the child has ended, though nobody read what it wrote")
		}
		k.process.Resume(1)
		if got := len(k.end().text(1)); got != floodBytes {
			b.Errorf("got %d bytes, want %d", got, floodBytes)
		}
	})
}

// TestF41NeverReads: what a child does not read is kept up to the limits, and
// then the pipe is broken, not the loop (T27).
func TestF41NeverReads(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(program("sleep"))
		k.says(1, "here")
		in := k.process.Input(0)
		in.SetLimits(twistor.Limits{High: 1 << 10, Max: 200 << 10})
		var err error
		for range 100 {
			if _, err = in.Write(make([]byte, 10<<10)); err != nil {
				break
			}
			b.turn()
		}
		if !errors.Is(err, twistor.ErrOverflow) || !in.Full() && in.Buffered() > 0 {
			b.Errorf("writing without end: got %v, full %v; want %v", err, in.Full(), twistor.ErrOverflow)
		}
		b.until("the input is closed", func() bool { return k.inputs[0] != nil })
		if !errors.Is(k.inputs[0], twistor.ErrOverflow) {
			b.Errorf("the input was closed with %v, want %v", k.inputs[0], twistor.ErrOverflow)
		}
		k.process.Signal(os.Kill)
		k.end()
	})
}

// TestT27Drained: a producer is told when its child has read on.
func TestT27Drained(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(program("echo"))
		in := k.process.Input(0)
		sent := 0
		produce := func() {
			for !in.Full() && sent < floodBytes {
				n, err := in.Write(make([]byte, 32<<10))
				if err != nil {
					b.Fatal(err)
				}
				sent += n
			}
			if sent == floodBytes {
				in.Close()
			}
		}
		k.drained = produce
		produce()
		if got := len(k.end().text(1)); got != floodBytes || !slices.Contains(k.events, "drained") {
			b.Errorf("got %d bytes of %d back, events %v", got, floodBytes, k.events)
		}
	})
}

// TestT27SendFile: a file can be sent to a child, among what is written.
func TestT27SendFile(t *testing.T) {
	children(t, func(b *bed) {
		text := strings.Repeat("a line of a file\n", 20_000)
		file, err := os.CreateTemp(b.dir(), "in")
		if err != nil {
			b.Fatal(err)
		}
		defer file.Close()
		io.WriteString(file, text)
		k := b.spawn(program("echo"))
		in := k.process.Input(0)
		io.WriteString(in, "before ")
		sent := in.SendFile(io.NewSectionReader(file, 0, int64(len(text))))
		io.WriteString(in, "after")
		in.Close()
		if n, err := result(b, sent); n != int64(len(text)) || err != nil {
			b.Errorf("sent %d, %v; want %d", n, err, len(text))
		}
		if got := k.end().text(1); got != "before "+text+"after" {
			b.Errorf("got %d bytes back, want %d", len(got), len(text)+12)
		}
	})
}

// TestF41ClosesInput: the child's closing of its input is told, and writing to
// it afterwards kills nobody.
func TestF41ClosesInput(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(twistor.Command{Path: "sh", Args: []string{"-c", "exec 0</dev/null; echo closed; exec sleep 100"}})
		k.says(1, "closed")
		for range 1000 {
			if _, err := io.WriteString(k.process.Input(0), "x"); err != nil {
				break
			}
			b.turn()
		}
		b.until("the input is closed", func() bool { return k.inputs[0] != nil })
		if k.inputs[0] != io.EOF || slices.Contains(k.events, "exited") {
			b.Errorf("got %v, events %v; want %v while the child lives", k.inputs[0], k.events, io.EOF)
		}
		k.process.Signal(os.Kill)
		k.end()
	})
}

// TestT27CloseOutput: a child whose output is closed hears of it when it writes,
// and not before; nothing more is received.
func TestT27CloseOutput(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(twistor.Command{Path: "sh", Args: []string{"-c", "while echo x; do :; done"}})
		k.says(1, "x")
		k.process.CloseOutput(2)
		b.until("OutputClosed", func() bool { return slices.Contains(k.events, "closed 2") })
		if slices.Contains(k.events, "exited") {
			b.Error("the child ended, though it writes nothing to 2")
		}
		k.process.CloseOutput(1)
		n := len(k.text(1))
		k.end()
		if e, ok := errors.AsType[*twistor.ExitError](k.err); !ok || e.Signal != syscall.SIGPIPE || len(k.text(1)) != n {
			b.Errorf("got %v and %d more bytes, want it killed by SIGPIPE and none", k.err, len(k.text(1))-n)
		}
	})
}

// TestR27NoDescriptors: without descriptors there is no child, and nothing is
// left of it (every bed checks that).
func TestR27NoDescriptors(t *testing.T) {
	systemOnly(t, func(b *bed) {
		b.spawn(program("fail", "0")).end() // what is opened once is open
		var was unix.Rlimit
		if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
			b.Fatal(err)
		}
		defer unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
		spare, err := unix.Dup(0)
		if err != nil {
			b.Fatal(err)
		}
		unix.Close(spare)
		for more := range 12 { // one child needs no more
			before, limit := len(openFDs(b.T)), was
			limit.Cur = uint64(spare + more)
			if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
				b.Fatal(err)
			}
			k := b.kid()
			_, err := b.l.(twistor.Spawner).Spawn(program("fail", "0"), k)
			unix.Setrlimit(unix.RLIMIT_NOFILE, &was)
			if err == nil {
				k.end()
				return
			}
			if !errors.Is(err, syscall.EMFILE) || len(k.events) > 0 {
				b.Errorf("%d descriptors: got %v, its protocol heard %v; want %v and nothing", more, err, k.events, syscall.EMFILE)
			}
			if after := len(openFDs(b.T)); after != before {
				b.Errorf("%d descriptors: %d are open afterwards, want %d", more, after, before)
			}
		}
		b.Error("a child needs more than 12 descriptors of ours")
	})
}

// TestF41Grandchild: a child of the child that holds its pipes does not hold
// Ended back for ever; one of the Group is killed, one with a session of its
// own lives on.
func TestF41Grandchild(t *testing.T) {
	children(t, func(b *bed) {
		for _, session := range []string{"", "setsid "} {
			k := b.spawn(twistor.Command{
				Path: "sh", Args: []string{"-c", session + `sh -c 'trap "" TERM; echo $$ here; sleep 100; sleep 100' & read x`},
				Group: true, Linger: 50 * time.Millisecond,
			})
			k.says(1, "here")
			k.process.Input(0).Close() // sh ends
			k.end()
			if i, j := slices.Index(k.events, "exited"), slices.Index(k.events, "closed 1"); i < 0 || j < i {
				b.Errorf("%q: got %v, want exited before the pipes are closed", session, k.events)
			}
			var pid int
			fmt.Sscan(k.text(1), &pid)
			if session == "" {
				b.until("the grandchild is killed", func() bool { return !lives(pid) })
			} else if !lives(pid) {
				b.Error("a grandchild with a session of its own was killed")
			}
			syscall.Kill(-pid, syscall.SIGKILL)
		}
	})
}

// lives reports whether a process runs: a zombie, which nobody here may reap,
// does not.
func lives(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z") && !strings.HasPrefix(rest, "X")
}

// TestF41Group: Signal reaches a Group as a whole; without one, the child alone.
func TestF41Group(t *testing.T) {
	children(t, func(b *bed) {
		for _, group := range []bool{true, false} {
			k := b.spawn(twistor.Command{Path: "sh", Args: []string{"-c", "sleep 100 & echo $!; wait"}, Group: group, Linger: 50 * time.Millisecond})
			k.says(1, "\n")
			var pid int
			fmt.Sscan(k.text(1), &pid)
			k.process.Signal(syscall.SIGTERM)
			k.end()
			if group {
				b.until("the group is gone", func() bool { return !lives(pid) })
			} else if !lives(pid) {
				b.Error("without Group: the grandchild is gone, want only the child")
			}
			syscall.Kill(pid, syscall.SIGKILL)
		}
	})
}

// TestF41Thousand: 1,000 children come and go, and leave neither zombies nor
// descriptors, which every bed checks.
func TestF41Thousand(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	systemOnly(t, func(b *bed) {
		kids := make([]*kid, 0, n)
		for i := range n {
			k := b.kid()
			if _, err := b.l.(twistor.Spawner).Spawn(twistor.Command{Path: "sh", Args: []string{"-c", fmt.Sprintf("read x; echo $x; exit %d", i%7)}}, k); err != nil {
				b.Fatalf("child %d: %v", i, err)
			}
			fmt.Fprintln(k.process.Input(0), i)
			kids = append(kids, k)
		}
		for i, k := range kids {
			k.end()
			want := error(nil)
			if i%7 != 0 {
				want = fmt.Errorf("exit status %d", i%7)
			}
			if k.text(1) != fmt.Sprintln(i) || fmt.Sprint(k.err) != fmt.Sprint(want) {
				b.Errorf("child %d: %q, %v; want its number and %v", i, k.text(1), k.err, want)
			}
		}
		if z := zombies(t); len(z) > 0 {
			b.Errorf("zombies: %v, want none", z)
		}
	})
}

// zombies are the ended children of this process that nobody waited for.
func zombies(t *testing.T) (pids []string) {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue
		}
		_, rest, _ := strings.Cut(string(stat), ") ")
		if strings.HasPrefix(rest, fmt.Sprintf("Z %d ", os.Getpid())) {
			pids = append(pids, e.Name())
		}
	}
	return pids
}

// TestR30Stop: when the loop stops, the pipes of a child are closed and Ended
// says so; the child was not killed, and is reaped when it ends.
func TestR30Stop(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(program("sleep"))
		k.says(1, "here")
		pid := k.process.PID()
		if err := b.r.Close(); err != nil {
			b.Fatal(err)
		}
		if !k.over || k.err != twistor.ErrStopped || slices.Contains(k.events, "exited") {
			b.Errorf("got %v, %v; want Ended(%v) without Exited", k.events, k.err, twistor.ErrStopped)
		}
		if !lives(pid) {
			b.Error("the child is gone, though nobody told it to")
		}
		if err := k.process.Signal(os.Kill); err != os.ErrProcessDone {
			b.Errorf("Signal after the loop's end: got %v, want %v", err, os.ErrProcessDone)
		}
		syscall.Kill(pid, syscall.SIGKILL)
		b.until("the child is reaped", func() bool { _, err := os.Stat(fmt.Sprint("/proc/", pid)); return err != nil })
	})
}

// TestP07Panic: a panic in OutputReceived closes that pipe only.
func TestP07Panic(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(program("say", "out", "err"))
		k.received = func(fd int, p []byte) {
			if fd == 2 {
				panic("of a test")
			}
		}
		k.end()
		if k.text(1) != "out" || b.r.Panics() != 1 || !slices.Contains(k.events, "closed 2") {
			b.Errorf("got %q, %d panics, %v", k.text(1), b.r.Panics(), k.events)
		}
	})
}

// TestT27Switch: a Protocol of one's own can feed a child.
func TestT27Switch(t *testing.T) {
	children(t, func(b *bed) {
		k := b.spawn(program("echo"))
		p := &rec{Transport: k.process.Input(0), b: b}
		p.connected = func(p *rec) { io.WriteString(p, "from a protocol"); p.CloseWrite() }
		p.Switch(p, nil)
		k.end()
		if k.text(1) != "from a protocol" || p.ended != 1 {
			b.Errorf("got %q, protocol %v", k.text(1), p.events)
		}
		if a := p.RemoteAddr(); a.Network() != "pipe" || !strings.HasSuffix(a.String(), fmt.Sprintf("[%d]:0", k.process.PID())) {
			b.Errorf("RemoteAddr: got %v %v", a.Network(), a)
		}
	})
}

// TestR27Rights: a child has the rights of its UID and GID and no others, the
// supplementary groups too.
func TestR27Rights(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("only root can give rights away")
	}
	systemOnly(t, func(b *bed) {
		for _, c := range []struct {
			uid, gid int
			want     string
		}{
			{1, 0, "1 1 1 [1]"},                    // daemon's own group
			{1, 7, "1 1 7 [1]"},                    // and another one
			{54321, 54322, "54321 54321 54322 []"}, // unknown to the system
			{0, 7, "0 0 7 []"},
		} {
			k := b.spawn(twistor.Command{Path: "sh", Args: []string{"-c", `echo "$(id -ru) $(id -u) $(id -g) $(awk '/^Groups:/{$1="";print}' /proc/self/status)"`}, UID: c.uid, GID: c.gid}).end()
			got := strings.Fields(k.text(1))
			groups := strings.Join(got[min(3, len(got)):], " ")
			if text := strings.Join(got[:min(3, len(got))], " ") + " [" + groups + "]"; text != c.want {
				b.Errorf("UID %d, GID %d: got %q (%s), want %q", c.uid, c.gid, text, k.text(2), c.want)
			}
		}
	})
}

package poll

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// epoll is the Linux Poller under test, with its inside.
func epoll(t *testing.T) (*rig, *descriptors) {
	t.Helper()
	leaks(t)
	r := newRig(t, Open)
	return r, r.Poller.(*descriptors)
}

// F-11: one batch of events in which A's callback closes B, an accept reuses B's
// slot and descriptor, and a hang-up of B follows: it must reach nobody.
func TestF11CraftedBatch(t *testing.T) {
	r, d := epoll(t)
	port, at := r.port("tcp")
	_, err := r.dial(Spec{Network: "tcp", Addr: at})
	r.must(err)
	b := r.accept(port)
	fd := d.table.get(b).fd
	r.must(r.Close(b, false))
	client, err := r.dial(Spec{Network: "tcp", Addr: at})
	r.must(err)
	r.until(port, In)
	if got := d.table.get(client).fd; client.Slot() != b.Slot() || got != fd {
		t.Fatalf("the new owner has slot %d, descriptor %d, want those of B: %d, %d", client.Slot(), got, b.Slot(), fd)
	}

	event := func(h Handle) unix.EpollEvent {
		return unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLHUP, Fd: int32(h.Slot()), Pad: int32(h.Generation())}
	}
	for _, c := range []struct {
		name string
		raw  []unix.EpollEvent
		want []Handle
	}{
		{"stale alone", []unix.EpollEvent{event(b)}, nil},
		{"stale first", []unix.EpollEvent{event(b), event(client)}, []Handle{client}},
		{"stale last", []unix.EpollEvent{event(port), event(client), event(b)}, []Handle{port, client}},
		{"a slot that never was", []unix.EpollEvent{event(MakeHandle(1<<20, 1))}, nil},
	} {
		d.queue.raw = c.raw
		ev := make([]Event, len(c.raw))
		n := d.queue.translate(d, ev, len(c.raw))
		if n != len(c.want) {
			t.Errorf("%s: told of %d sockets, want %d", c.name, n, len(c.want))
			continue
		}
		for i, h := range c.want {
			if ev[i].Handle != h {
				t.Errorf("%s: event %d is of %#x, want %#x", c.name, i, ev[i].Handle, h)
			}
		}
	}
}

// A Want that changes nothing makes no system call: here it does not notice
// that the descriptor is gone.
func TestWantUnchangedMakesNoCall(t *testing.T) {
	r, d := epoll(t)
	_, h := r.pair()
	fd := int(d.table.get(h).fd)
	spare, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	r.must(err)
	r.must(unix.Close(fd))
	r.must(r.Want(h, In))
	if err := r.Want(h, In|Out); !errors.Is(err, syscall.EBADF) {
		t.Errorf("a changed Want: %v, want EBADF, the system's answer", err)
	}
	r.must(unix.Dup3(spare, fd, unix.O_CLOEXEC)) // for Close
	r.must(unix.Close(spare))
}

// F-12: all descriptors are close-on-exec, of whatever kind and origin.
func TestF12CloseOnExec(t *testing.T) {
	r, d := epoll(t)
	before := inherited(t)
	r.pair()
	for _, network := range []string{"tcp", "tcp6", "udp", "udp4"} {
		h, err := r.Listen(Spec{Network: network})
		r.must(err)
		_ = h
	}
	_, err := r.Listen(Spec{Network: "unix", Addr: Addr{Path: t.TempDir() + "/s"}})
	r.must(err)
	_, err = r.Listen(Spec{Network: "unixgram", Addr: Addr{Path: "@twistor-f12"}})
	r.must(err)
	a, b := socketpair(t, r, unix.SOCK_STREAM)
	_, err = d.WriteRights(a, []byte("x"), []int{0})
	r.must(err)
	r.until(b, In)
	_, fds, err := d.ReadRights(b, make([]byte, 1))
	r.must(err)
	n, err := OpenInotify()
	r.must(err)

	if got := inherited(t); len(got) != len(before) {
		t.Errorf("a child would inherit descriptors %v, want %v only", got, before)
	}
	// The control: one that is not close-on-exec is found.
	leaky, err := unix.Dup(0)
	r.must(err)
	if got := inherited(t); len(got) != len(before)+1 {
		t.Errorf("a leaky descriptor was not found: %v", got)
	}
	unix.Close(leaky)
	unix.Close(fds[0])
	n.Close()
}

// inherited lists the descriptors that a child would get.
func inherited(t *testing.T) (fds []int) {
	t.Helper()
	for fd := range 4096 {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
		if err == nil && flags&unix.FD_CLOEXEC == 0 {
			fds = append(fds, fd)
		}
	}
	return fds
}

// socketpair is two connected UNIX sockets, adopted.
func socketpair(t *testing.T, r *rig, kind int) (a, b Handle) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	r.must(err)
	a, err = r.Adopt(FD(fds[0]), Spec{})
	r.must(err)
	b, err = r.Adopt(FD(fds[1]), Spec{})
	r.must(err)
	return a, b
}

// F-06: without descriptors Accept says EMFILE, the caller is turned away by the
// spare one, open connections go on, and all is well once there are some again.
func TestF06OutOfDescriptors(t *testing.T) {
	r, d := epoll(t)
	port, at := r.port("tcp")
	a, b := r.pair()
	caller, err := r.dial(Spec{Network: "tcp", Addr: at})
	r.must(err)
	r.until(port, In)
	release := exhaust(t)
	if _, _, err := r.Accept(port); !errors.Is(err, syscall.EMFILE) {
		t.Errorf("Accept: %v, want EMFILE", err)
	}
	if err := d.TurnAway(port); err != nil {
		t.Errorf("TurnAway: %v", err)
	}
	if err := r.end(caller); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("the caller's end is %v, want ECONNRESET", err)
	}
	if got := r.now(port); got != 0 {
		t.Errorf("the port is ready for %b, want nothing: it would spin", got)
	}
	if err := d.TurnAway(port); err != ErrAgain {
		t.Errorf("TurnAway of nobody: %v, want ErrAgain", err)
	}
	if d.reserve < 0 {
		t.Error("the spare descriptor is gone")
	}
	r.write(a, []byte("still here"))
	if got, want := r.read(b, 10), "still here"; got != want {
		t.Errorf("read %q, want %q", got, want)
	}
	release()
	again, err := r.dial(Spec{Network: "tcp", Addr: at})
	r.must(err)
	served := r.accept(port)
	r.write(again, []byte("x"))
	r.read(served, 1)
}

// exhaust takes all descriptors that the process may have.
func exhaust(t *testing.T) (release func()) {
	t.Helper()
	var old unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &old); err != nil {
		t.Fatal(err)
	}
	highest := 0
	for fd := range 4096 {
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil {
			highest = fd
		}
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: uint64(highest) + 2, Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	var taken []int
	for {
		fd, err := unix.FcntlInt(0, unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			break
		}
		taken = append(taken, fd)
	}
	var once sync.Once
	release = func() {
		once.Do(func() {
			for _, fd := range taken {
				unix.Close(fd)
			}
			unix.Setrlimit(unix.RLIMIT_NOFILE, &old)
		})
	}
	t.Cleanup(release)
	return release
}

// F-08: signals that come all the time interrupt nothing for good.
func TestF08SignalStorm(t *testing.T) {
	r, _ := epoll(t)
	length := time.Second
	if testing.Short() {
		length = 200 * time.Millisecond
	}
	stop := make(chan struct{})
	var storm sync.WaitGroup
	storm.Go(func() {
		tick := time.NewTicker(time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				// Go's runtime sends it itself, to stop goroutines.
				unix.Kill(os.Getpid(), unix.SIGURG)
			}
		}
	})
	defer storm.Wait()
	defer close(stop)
	client, server := r.pair()
	big := make([]byte, 200<<10)
	for i := range big {
		big[i] = byte(i)
	}
	for end := time.Now().Add(length); time.Now().Before(end); {
		r.write(client, big[:1])
		r.until(server, In)
		r.read(server, 1)
		sent := 0
		for got := 0; got < len(big); {
			n, err := r.Write(client, big[sent:])
			if err != nil && err != ErrAgain {
				t.Fatal(err)
			}
			sent += n
			chunk := r.read(server, min(len(big)-got, max(1, sent-got)))
			for i := range len(chunk) {
				if chunk[i] != byte(got+i) {
					t.Fatalf("F-08: byte %d is %d", got+i, chunk[i])
				}
			}
			got += len(chunk)
		}
	}
}

// An accepted connection has all options from its port, without a system call.
func TestAcceptedInheritsOptions(t *testing.T) {
	r, d := epoll(t)
	for _, network := range []string{"tcp4", "tcp6"} {
		port, at := r.port(network)
		dialed, err := r.dial(Spec{Network: network, Addr: at})
		r.must(err)
		for name, h := range map[string]Handle{"accepted": r.accept(port), "dialed": dialed} {
			for _, o := range []struct {
				name          string
				level, option int
				want          int
			}{
				{"TCP_NODELAY", unix.IPPROTO_TCP, unix.TCP_NODELAY, 1},
				{"SO_KEEPALIVE", unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
				{"TCP_KEEPIDLE", unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, 60},
				{"TCP_KEEPINTVL", unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, 10},
				{"TCP_KEEPCNT", unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
				{"TCP_USER_TIMEOUT", unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, 30000},
			} {
				got, err := unix.GetsockoptInt(int(d.table.get(h).fd), o.level, o.option)
				if err != nil || got != o.want {
					t.Errorf("%s of %s: %s is %d, %v, want %d", network, name, o.name, got, err, o.want)
				}
			}
		}
		info, err := unix.GetsockoptTCPInfo(int(d.table.get(port).fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		r.must(err)
		if got, want := int(info.Sacked), maxBacklog(); got != want { // a listening socket's backlog is told there
			t.Errorf("backlog is %d, want the system's maximum, %d", got, want)
		}
	}
}

// R32: foreign descriptors are watched, and stay their owner's.
func TestWatch(t *testing.T) {
	r, d := epoll(t)
	var p [2]int
	r.must(unix.Pipe2(p[:], unix.O_CLOEXEC|unix.O_NONBLOCK))
	h, err := d.Watch(p[0])
	r.must(err)
	if _, err := d.Watch(p[0]); !errors.Is(err, syscall.EEXIST) {
		t.Errorf("watched twice: %v, want EEXIST", err)
	}
	r.must(r.Want(h, In))
	if got := r.now(h); got != 0 {
		t.Errorf("an empty pipe is ready for %b", got)
	}
	unix.Write(p[1], []byte("x"))
	if got := r.until(h, In); got != In {
		t.Errorf("a pipe with a byte is ready for %b, want In", got)
	}
	r.must(r.Close(h, false))
	if _, err := unix.Read(p[0], make([]byte, 1)); err != nil {
		t.Errorf("after Close the owner reads: %v, want it still open", err)
	}

	// F-11 of watched descriptors: their owner closes one, and its number comes
	// back as a connection's. Closing the Handle must not touch that.
	h, err = d.Watch(p[0])
	r.must(err)
	r.must(unix.Close(p[0]))
	r.must(unix.Close(p[1]))
	port, at := r.port("tcp")
	if fd := d.table.get(port).fd; int(fd) != p[0] {
		t.Fatalf("the lowest number is %d, want %d again", fd, p[0])
	}
	r.must(r.Close(h, false))
	_, err = r.dial(Spec{Network: "tcp", Addr: at})
	r.must(err)
	r.until(port, In)

	file, err := os.Open("/proc/self/exe")
	r.must(err)
	defer file.Close()
	if _, err := d.Watch(int(file.Fd())); !errors.Is(err, syscall.EPERM) {
		t.Errorf("Watch of a regular file: %v, want EPERM", err)
	}
}

// R49: changes in a directory are told, with their names.
func TestInotify(t *testing.T) {
	r, d := epoll(t)
	n, err := OpenInotify()
	r.must(err)
	defer n.Close()
	h, err := d.Watch(n.FD())
	r.must(err)
	r.must(r.Want(h, In))
	dir := t.TempDir() + "/d"
	r.must(os.Mkdir(dir, 0o700))
	watch, err := n.Add(dir)
	r.must(err)
	if err := n.Read(func(Change) {}); err != ErrAgain {
		t.Errorf("Read of nothing: %v, want ErrAgain", err)
	}
	if _, err := n.Add(dir + "/none"); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("Add of nothing: %v, want ENOENT", err)
	}
	r.must(os.WriteFile(dir+"/a", []byte("text"), 0o600))
	r.must(os.Rename(dir+"/a", dir+"/b"))
	r.must(os.Remove(dir + "/b"))
	r.must(os.Remove(dir))
	r.until(h, In)
	got := map[string]ChangeOp{}
	for err = nil; err == nil; {
		err = n.Read(func(c Change) {
			if c.Watch != watch {
				t.Errorf("change %+v, want watch %d", c, watch)
			}
			got[c.Name] |= c.Op
		})
	}
	for name, want := range map[string]ChangeOp{"a": Created | Written | Removed, "b": Created | Removed, "": Removed} {
		if got[name] != want {
			t.Errorf("%q: told %b, want %b", name, got[name], want)
		}
	}
}

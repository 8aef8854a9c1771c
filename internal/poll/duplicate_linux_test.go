package poll

import (
	"errors"
	"io"
	"os"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A duplicate is another descriptor of the same thing, and lives on its own.
func TestDuplicate(t *testing.T) {
	r, _ := epoll(t)
	reading, writing, err := os.Pipe()
	r.must(err)
	defer writing.Close()
	fd, err := Duplicate(reading)
	r.must(err)
	if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("F-12: the duplicate has flags %#x, %v, want close-on-exec", flags, err)
	}
	r.must(reading.Close())
	_, err = writing.WriteString("still")
	r.must(err)
	p := make([]byte, 9)
	if n, err := unix.Read(int(fd), p); string(p[:max(n, 0)]) != "still" {
		t.Errorf("read %q, %v, want still", p[:max(n, 0)], err)
	}
	r.must(CloseFD(fd))
	if err := CloseFD(fd); !errors.Is(err, syscall.EBADF) {
		t.Errorf("CloseFD twice: %v, want EBADF", err)
	}
	if _, err := Duplicate(reading); err == nil {
		t.Error("Duplicate of a closed file: want an error")
	}
}

// A Pair connects a Poller and a goroutine, and each side can end its own.
func TestPair(t *testing.T) {
	r, _ := epoll(t)
	before := len(inherited(t))
	fd, file, err := Pair()
	r.must(err)
	defer file.Close()
	if got := len(inherited(t)); got != before {
		t.Errorf("F-12: a child would inherit %d descriptors, want %d", got, before)
	}
	h, err := r.Adopt(fd, Spec{Network: "unix"})
	r.must(err)
	_, err = file.WriteString("in")
	r.must(err)
	if got := r.read(h, 2); got != "in" {
		t.Errorf("read %q, want in", got)
	}
	r.must(EndWrite(file))
	if err := r.end(h); err != io.EOF {
		t.Errorf("end is %v, want io.EOF", err)
	}
	r.write(h, []byte("out"))
	r.must(r.Close(h, false))
	if got, err := io.ReadAll(file); string(got) != "out" || err != nil {
		t.Errorf("the file reads %q, %v, want out", got, err)
	}
}

// Drop closes what came from outside as well.
func TestDropOfDescriptor(t *testing.T) {
	each(t, func(r *rig) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		r.must(err)
		r.Drop(FD(fd), false)
		if err := unix.Close(fd); err != unix.EBADF {
			r.Errorf("the descriptor after Drop: %v, want EBADF, closed", err)
		}
	})
}

// No change is told of a directory that was removed from the watch.
func TestInotifyRemove(t *testing.T) {
	n, err := OpenInotify()
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	dir := t.TempDir()
	watch, err := n.Add(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Remove(watch); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/a", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		err = n.Read(func(c Change) { t.Errorf("told of %+v", c) })
	}
	if err := n.Remove(watch); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("Remove twice: %v, want EINVAL", err)
	}
}

// A system without IPv6, or without sockets for both IPs, serves IPv4.
func TestNoIPv6(t *testing.T) {
	for _, c := range []struct {
		call string
		err  syscall.Errno
		want bool
	}{
		{"socket", unix.EAFNOSUPPORT, true},
		{"bind", unix.EADDRNOTAVAIL, true},
		{"setsockopt", unix.EINVAL, true},
		{"bind", unix.EADDRINUSE, false},
		{"bind", unix.EACCES, false},
		{"socket", unix.EMFILE, false},
	} {
		if got := noIPv6(&os.SyscallError{Syscall: c.call, Err: c.err}); got != c.want {
			t.Errorf("%s failed with %v: no IPv6 is %v, want %v", c.call, c.err, got, c.want)
		}
	}
}
